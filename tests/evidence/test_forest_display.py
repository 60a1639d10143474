import matplotlib.pyplot as plt
import numpy as np
import pytest

from crmml import DataError
from crmml.amounts import Percent
from crmml.evidence import Average, BeforeAfterForestDisplay, Share, indicators


@pytest.fixture
def found():
    return indicators(
        {"retention": Share(140, 200), "satisfaction": 0.75, "staff_minutes": Average(30.0, 8.0, 25)},
        {"retention": Share(160, 200), "satisfaction": 0.88, "staff_minutes": Average(15.0, 6.0, 25)},
        changes={"bed_turnover": Percent(15)},
    )


def test_points_and_percent_have_panels_of_their_own(found):
    display = BeforeAfterForestDisplay.from_result(found).plot()
    points = display.table[display.table["panel"] == "points"]
    assert points["title"].tolist() == ["Retention", "Satisfaction"]
    assert points["change"].tolist() == pytest.approx([10, 13])
    assert (display.table["panel"] == "percent").sum() == 4
    assert [ax.get_xlabel() for ax in display.axes_] == [
        "Change in percentage points",
        "Change in % of the former level",
    ]
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == [
        "Retention", "Satisfaction", "Staff time", "Bed turnover",
    ]  # fmt: skip
    plt.close("all")


def test_unknown_intervals_are_hollow_points_without_a_line(found):
    display = BeforeAfterForestDisplay.from_result(found).plot()
    markers = [line for line in display.axes_[0].lines if line.get_marker() == "o"]
    bars = [line for line in display.axes_[0].lines if line.get_marker() == "None" and line.get_linestyle() == "-"]
    assert [line.get_markerfacecolor() == "white" for line in markers] == [False, True]
    (bar,) = bars
    row = found.table.iloc[0]
    np.testing.assert_allclose(bar.get_xdata(), [row["change_lower"], row["change_upper"]])
    assert "interval unknown" in [text.get_text() for text in display.axes_[-1].get_legend().get_texts()]
    plt.close("all")


def test_one_panel_on_given_axes(found):
    display = BeforeAfterForestDisplay.from_result(found)
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="no common axis"):
        display.plot(ax)
    one = BeforeAfterForestDisplay(display.table[display.table["panel"] == "percent"], display.coverage).plot(ax)
    assert one.ax_ is ax
    with pytest.raises(DataError, match="no indicator has a change"):
        BeforeAfterForestDisplay(display.table.head(0), 0.9).plot()
    plt.close("all")
