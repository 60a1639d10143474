import matplotlib as mpl
import pytest

from crmml.amounts import Uncertain
from crmml.roi import CashFlowDisplay, ROIWaterfallDisplay, TornadoDisplay, roi

from .test_return_on_investment import YEAR, benefits, costs, plan

mpl.use("agg")


@pytest.fixture(scope="module")
def found():
    return roi(*plan(), ("2024-01-01", "3Y"), 0.05, random_state=0)


def test_waterfall(found):
    display = ROIWaterfallDisplay.from_result(found).plot()
    bars = display.ax_.patches
    assert len(bars) == len(display.table) + 1
    assert bars[-1].get_height() * 1000 == pytest.approx(found.gain - found.cost)
    names = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert names == ["implementation", "maintenance", "staff time", "retention", "net gain"]
    assert display.ax_.get_ylabel() == "USD thousand"
    assert "interval" in display.ax_.get_title()
    assert display.ax_.get_ylim()[0] < -155


def test_a_kind_that_is_direct_and_indirect():
    both = benefits(200).add("2024-08-01", "margin", "more", 100, direct=False)
    display = ROIWaterfallDisplay.from_result(roi(costs(100), both, YEAR, observed_until="2024-12-31")).plot()
    names = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert names == ["implementation", "margin, direct", "margin, indirect", "net gain"]
    assert display.ax_.get_ylabel() == "USD"


def test_tornado(found):
    display = TornadoDisplay.from_result(found).plot()
    assert [tick.get_text() for tick in display.ax_.get_yticklabels()] == found.tornado().table["input"].tolist()[::-1]
    assert display.ax_.get_xlabel() == "Return on investment, %"
    assert (
        TornadoDisplay.from_result(found.tornado("npv")).plot(most=1).ax_.get_xlabel()
        == "Net present value, USD thousand"
    )


def test_cash_flow(found):
    display = CashFlowDisplay.from_result(found).plot()
    assert display.payback == found.payback.date
    assert display.table["date"].iloc[[0, -1]].tolist() == [found.start, found.end]
    assert len(display.ax_.lines) == 5
    assert display.ax_.get_ylabel() == "Cumulative, USD thousand"
    assert [text.get_text() for text in display.ax_.texts] == [f"payback {found.payback.date:%Y-%m-%d}"]
    never = roi(costs(), benefits(5), YEAR, observed_until="2024-12-31")
    assert (
        CashFlowDisplay.from_result(never, discounted=True).plot().ax_.get_ylabel()
        == "Cumulative, discounted, USD thousand"
    )


def test_numbers_stay_readable():
    spent = costs(5_000).add("2024-01-02", "servers", "x" * 30 + " " + "y" * 30, Uncertain.triangular(1e6, 2e6, 6e6))
    found = roi(spent, benefits(6_200), YEAR, observed_until="2024-12-31", random_state=0)
    display = TornadoDisplay.from_result(found).plot()
    assert sorted(text.get_text() for text in display.ax_.texts) == ["1.5 million", "5 million"]
    assert display.ax_.get_yticklabels()[0].get_text() == "servers: " + "x" * 30 + "\n" + "y" * 30
    small = roi(costs(5_000), benefits(6_200), YEAR, observed_until="2024-12-31")
    assert [text.get_text() for text in ROIWaterfallDisplay.from_result(small).plot().ax_.texts] == [
        "-5,000",
        "+6,200",
        "+1,200",
    ]


def test_the_legend_of_a_tornado_hides_nothing():
    unknown = Uncertain.uniform(500, 1_500)
    won = benefits(unknown).add("2024-07-01", "margin", "as wide", unknown, direct=True)
    display = TornadoDisplay.from_result(
        roi(costs(1_000), won, YEAR, observed_until="2024-12-31", random_state=0)
    ).plot()
    display.figure_.draw_without_rendering()
    legend = display.ax_.get_legend().get_window_extent()
    drawn = [artist.get_window_extent() for artist in [*display.ax_.patches, *display.ax_.texts, display.ax_.title]]
    assert not any(legend.overlaps(box) for box in drawn)
