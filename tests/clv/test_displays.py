import matplotlib as mpl
import numpy as np
import pytest

from crmml import DataError
from crmml.clv import BetaGeoNBD, GammaGamma
from crmml.clv.displays import (
    AliveHistoryDisplay,
    CalibrationDisplay,
    FrequencyRecencyDisplay,
    PosteriorDisplay,
    SpendDisplay,
    TrackingDisplay,
)
from crmml.datasets import load_cdnow_sample

from .cdnow import cdnow_split


@pytest.fixture(scope="module", autouse=True)
def no_windows():
    mpl.use("agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def model():
    return BetaGeoNBD(horizon=39).fit(cdnow_split())


def labelled(display):
    ax = display.plot().ax_
    assert ax.get_title()
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    return ax


def test_frequency_and_recency(model):
    display = FrequencyRecencyDisplay.from_estimator(model, T=39.0, max_frequency=5, steps=10)
    assert display.value.shape == (6, 11)
    assert display.value[3, 5] == pytest.approx(
        model.predict(cdnow_split().head(1).assign(frequency=3, recency=19.5, T=39.0))[0]
    )
    assert np.isnan(display.value[0, 1:]).all()
    assert "weeks" in labelled(display).get_xlabel()
    alive = FrequencyRecencyDisplay.from_estimator(model, T=39.0, of="probability_alive", max_frequency=5, steps=10)
    assert np.nanmax(alive.value) <= 1
    with pytest.raises(ValueError, match="choose one of 'predict'"):
        FrequencyRecencyDisplay.from_estimator(model, T=39.0, of="fit")


def test_alive_history_falls_in_silence_and_rises_at_purchases(model):
    display = AliveHistoryDisplay.from_estimator(model, [5.0, 6.0, 20.0], T=60.0)
    at = dict(zip(display.time.round(6), display.probability, strict=True))
    just_before = display.probability[np.searchsorted(display.time, 20.0) - 1]
    assert at[20.0] > just_before
    assert display.probability[-1] < at[20.0]
    labelled(display)
    with pytest.raises(DataError, match="above 0 and at most T"):
        AliveHistoryDisplay.from_estimator(model, [70.0], T=60.0)


def test_calibration_adds_up_to_the_holdout(model):
    display = CalibrationDisplay.from_estimator(model, cdnow_split())
    assert display.n_customers.sum() == 2357
    assert (display.actual * display.n_customers).sum() == pytest.approx(1882)
    assert (display.expected * display.n_customers).sum() == pytest.approx(1653.41, abs=0.01)
    labelled(display)


def test_tracking(model):
    log = load_cdnow_sample().drop_duplicates(["customer_id", "timestamp"])
    week = (log["timestamp"] - log["timestamp"].min()).dt.days / 7
    first = week.groupby(log["customer_id"]).transform("min")
    start = week.groupby(log["customer_id"]).min()
    display = TrackingDisplay.from_estimator(model, start, week[week > first], until=78.0, split_at=39.0)
    assert display.actual[-1] == (week[week > first] <= 78.0).sum()
    assert display.expected[-1] == pytest.approx(
        float(sum(model.expected_purchases(78.0 - start.to_numpy()))), rel=1e-9
    )
    labelled(display)
    line = display.plot(incremental=True).ax_.lines[0].get_ydata()
    assert line.sum() == pytest.approx(display.actual[-1])


def test_spend_and_posterior(model):
    spend = GammaGamma().fit(cdnow_split())
    display = SpendDisplay.from_estimator(spend, cdnow_split())
    for density in (display.observed, display.modelled):
        assert np.trapezoid(density, display.amount) == pytest.approx(1, abs=0.03)
    labelled(display)
    posterior = PosteriorDisplay.from_estimator(model).plot()
    assert [ax.get_title() for ax in posterior.axes_] == ["r", "alpha", "a", "b"]
