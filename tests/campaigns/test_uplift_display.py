import numpy as np
import pytest

from crmml import DataError
from crmml.campaigns import TLearner, UpliftCalibrationDisplay, UpliftDisplay
from crmml.datasets import make_campaign
from crmml.metrics import against_control, bootstrap_interval, qini_curve, qini_score, uplift_calibration_table

FEATURES = ["recency", "orders", "newsletter"]


@pytest.fixture(scope="module")
def campaign():
    kinds = {"arms": ("call", "letter"), "effect": 0.1, "baseline": 0.3}
    data, new = make_campaign(4000, random_state=0, **kinds), make_campaign(3000, random_state=1, **kinds)
    return TLearner(random_state=0).fit(data[FEATURES], data["outcome"], treatment=data["treatment"]), new


def test_curve_and_band(campaign):
    model, new = campaign
    given = {"n_resamples": 40, "random_state": 0}
    display = UpliftDisplay.from_estimator(
        model, new, new["outcome"], treatment=new["treatment"], arm="letter", **given
    )
    y, uplift, treated = against_control(
        "letter", "control", new["treatment"], new["outcome"], model.predict(new)[:, 1]
    )
    curve = qini_curve(y, uplift, treated)
    table = display.table
    np.testing.assert_allclose(table["gain"], np.interp(table["share"], curve["share"], curve["gain"]))
    effect = y[treated == 1].mean() - y[treated == 0].mean()
    assert table["gain"].iloc[-1] == pytest.approx(effect)
    np.testing.assert_allclose(table["random"], table["share"] * effect)
    assert (table["gain_lower"] <= table["gain_upper"]).all()
    assert display.qini.estimate == pytest.approx(qini_score(y, uplift, treated, ties="line"))
    np.random.seed(1)  # noqa: NPY002 (the seed given is the only one that counts)
    again = bootstrap_interval(qini_score, y, uplift, treated, ties="line", n_resamples=40, random_state=0)
    assert display.qini == again
    ax = display.plot().ax_
    assert "TLearner, arm letter" in ax.get_title()
    assert "percentage points" in ax.get_ylabel()


def test_calibration(campaign):
    model, new = campaign
    display = UpliftCalibrationDisplay.from_estimator(
        model, new, new["outcome"], treatment=new["treatment"], arm="call", n_bins=5
    )
    y, uplift, treated = against_control("call", "control", new["treatment"], new["outcome"], model.predict(new)[:, 0])
    wanted = uplift_calibration_table(y, uplift, treated, n_bins=5)
    np.testing.assert_allclose(display.table, wanted)
    ax = display.plot().ax_
    assert ax.get_xlabel() == "Predicted uplift, percentage points"


def test_amounts_keep_their_unit():
    rng = np.random.default_rng(0)
    y, uplift, treated = rng.normal(size=400), rng.normal(size=400), rng.integers(0, 2, 400)
    display = UpliftDisplay.from_predictions(y, uplift, treated, n_resamples=10, random_state=0)
    assert "units of y" in display.plot().ax_.get_ylabel()


def test_which_arm(campaign):
    model, new = campaign
    with pytest.raises(DataError, match="arm=None is not one of 'call', 'letter'; say which"):
        UpliftDisplay.from_estimator(model, new, new["outcome"], treatment=new["treatment"])
