import warnings

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import lognorm, norm

from crmml import DataError
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma
from crmml.segments import PyramidSegmenter, SegmentWarning

from ..clv.cdnow import cdnow_split
from .customers import customers

Z = norm.ppf(0.95)


def quietly(model, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SegmentWarning)
        return model.fit(X)


def test_shares_are_exact_without_ties():
    X = pd.DataFrame({"value": np.random.default_rng(0).permutation(1000).astype(float)})
    model = PyramidSegmenter().fit(X)
    assert model.segments_ == ("top", "large", "medium", "small")
    assert model.cut_points_.tolist() == [800, 950, 990]
    np.testing.assert_array_equal(model.realised_shares_, [0.01, 0.04, 0.15, 0.80])
    tier = pd.Series(model.predict(X))
    assert (tier[X["value"] >= 990] == "top").all()
    np.testing.assert_array_equal(model.transform(X)[:, 0], tier.map({"top": 4, "large": 3, "medium": 2, "small": 1}))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(-5, 20), min_size=1, max_size=80),
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_shares_as_near_as_ties_allow(values, parts, random):
    X, shares = pd.DataFrame({"value": values}, dtype=float), np.asarray(parts) / sum(parts)
    model = quietly(PyramidSegmenter(shares.tolist()), X)
    tier = model.predict(X)
    place = np.asarray([model.segments_.index(name) for name in tier])
    order = np.argsort(-X["value"].to_numpy(), kind="stable")
    assert (np.diff(place[order]) >= 0).all()  # more value is never a lower tier
    assert pd.Series(tier).groupby(X["value"].to_numpy()).nunique().max() == 1  # equal value is one tier
    possible = np.asarray([0.0, *(np.mean(X["value"] >= v) for v in np.unique(X["value"]))])
    for k, wanted in enumerate(np.cumsum(shares)[:-1]):
        realised = np.mean(place <= k)
        assert abs(realised - wanted) <= np.abs(possible - wanted).min() + 1e-9
    shuffled = values.copy()
    random.shuffle(shuffled)
    again = quietly(PyramidSegmenter(shares.tolist()), pd.DataFrame({"value": shuffled}, dtype=float))
    np.testing.assert_array_equal(again.predict(X), tier)


def test_one_value_few_customers_negative_values():
    with pytest.warns(SegmentWarning, match="Nobody is in these tiers.*: top, large, medium"):
        one = PyramidSegmenter().fit(np.full((50, 1), 7.0))
    assert set(one.predict(np.asarray([[7.0], [700.0], [-1.0]]))) == {"small"}
    np.testing.assert_array_equal(one.realised_shares_, [0, 0, 0, 1])
    with pytest.warns(SegmentWarning, match="top, large"):
        few = PyramidSegmenter().fit(np.asarray([[3.0], [1.0], [-2.0]]))
    assert few.predict(np.asarray([[3.0], [1.0], [-2.0]])).tolist() == ["medium", "small", "small"]
    all_negative = quietly(PyramidSegmenter((0.5, 0.5)), np.asarray([[-3.0], [-1.0]]))
    assert all_negative.predict(np.asarray([[-3.0], [-1.0]])).tolist() == ["tier 2", "tier 1"]
    assert all_negative.profile().table["value_share"].isna().all()


def test_fixed_cut_points():
    model = PyramidSegmenter(cut_points=[10, 100], tiers=["A", "B", "C"]).fit(np.asarray([[5.0]]))
    assert model.predict(np.asarray([[9.99], [10.0], [99.0], [100.0]])).tolist() == ["C", "B", "B", "A"]
    assert "fixed cut points" in model.describe()
    with pytest.raises(ValueError, match="relative=True"):
        model.tier_probabilities([[1.0]], relative=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shares": (0.5, 0.4)}, "add up to 0.9"),
        ({"shares": (1.1, -0.1)}, "above 0"),
        ({"tiers": ["a", "b"]}, "4 different names"),
        ({"tiers": ["a", "b", "c", "Unknown"]}, "Unknown"),
        ({"cut_points": [3, 1]}, "ascending"),
        ({"interval": ("lower",)}, "two columns"),
    ],
)
def test_parameters_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        PyramidSegmenter(**options).fit(np.ones((3, 1)))


def test_missing_values():
    X = pd.DataFrame({"value": [1.0, np.nan, 3.0, 4.0]})
    with pytest.raises(DataError, match="column 'value' is missing in 1 of 4 rows"):
        PyramidSegmenter((0.5, 0.5)).fit(X)
    model = quietly(PyramidSegmenter((1 / 3, 2 / 3), missing="own"), X)
    assert model.predict(X).tolist() == ["tier 2", "Unknown", "tier 2", "tier 1"]
    assert model.realised_shares_.tolist() == pytest.approx([1 / 3, 2 / 3])
    assert model.profile().table["customers"].tolist() == [1, 2, 1]
    with pytest.raises(DataError, match="no customer has all"):
        PyramidSegmenter(missing="own").fit(np.full((3, 1), np.nan))


def test_probabilities_by_hand():
    X = pd.DataFrame(
        {"value": [10.0, 10.0, 10.0, 10.0], "lower": [5.0, -2.0, 10.0, 20.0], "upper": [20.0, 22.0, 10.0, 20.0]}
    )
    model = PyramidSegmenter(cut_points=[10, 20], tiers=["A", "B", "C"], interval=("lower", "upper")).fit(X)
    found = model.predict_proba(X)
    lognormal = lognorm(np.log(4) / (2 * Z), scale=10)
    normal = norm(10, 12 / Z)
    for row, law in zip(found[:2], (lognormal, normal), strict=True):
        np.testing.assert_allclose(row, [law.sf(20), law.cdf(20) - law.cdf(10), law.cdf(10)], atol=1e-12)
    np.testing.assert_array_equal(found[2:], [[0, 1, 0], [1, 0, 0]])
    assert lognormal.interval(0.9) == pytest.approx((5, 20))
    crossed = X.assign(lower=30.0, upper=[1.0, 2.0, np.nan, 3.0])
    with pytest.raises(DataError) as caught:
        model.predict_proba(crossed)
    assert len(caught.value.faults) == 2
    with pytest.raises(AttributeError) as missing:
        PyramidSegmenter().fit(np.arange(200.0)[:, None]).predict_proba(X)
    assert "interval=(lower, upper)" in str(missing.value.__cause__)


def test_probabilities_by_interval_agree_with_draws():
    rng = np.random.default_rng(0)
    centre = rng.lognormal(3, 1, 300)
    draws = centre * rng.lognormal(0, 0.4, (4000, 300))
    lower, upper = np.quantile(draws, [0.05, 0.95], axis=0)
    X = pd.DataFrame({"value": centre, "clv_lower": lower, "clv_upper": upper})
    model = PyramidSegmenter((0.1, 0.2, 0.7), interval=("clv_lower", "clv_upper")).fit(X)
    by_interval, by_draws = model.predict_proba(X), model.tier_probabilities(draws)
    np.testing.assert_allclose(by_draws.sum(axis=1), 1)
    assert np.abs(by_interval - by_draws).max() < 0.03
    relative = model.tier_probabilities(draws[:400], relative=True)
    np.testing.assert_allclose(relative.sum(axis=0), [30, 60, 210])  # every draw fills the tiers


def test_draws_with_types_and_faults():
    X = customers()[["type", "monetary_value"]]
    model = quietly(PyramidSegmenter((0.2, 0.8), value="monetary_value", by="type"), X)
    once = model.tier_probabilities(X["monetary_value"].to_numpy()[None], types=X["type"])
    np.testing.assert_array_equal(once[:, 0] == 1, model.predict(X) == "tier 1")
    with pytest.raises(ValueError, match="types="):
        model.tier_probabilities([[1.0]])
    with pytest.raises(DataError, match="2 entries for 1"):
        model.tier_probabilities([[1.0]], types=["hospital", "hospital"])
    with pytest.raises(DataError, match="which fit has not seen"):
        model.tier_probabilities([[1.0]], types=["shop"])
    with pytest.raises(DataError, match="1 customer has draws"):
        model.tier_probabilities([[np.nan]], types=["hospital"])


def test_the_table_of_lifetime_values_is_an_input():
    summary = cdnow_split().head(400)
    value = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=39, unit="W")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = value.fit(cdnow_split()).table(summary, coverage=0.8, kind="mean")
    options = {"value": "clv", "interval": ("clv_lower", "clv_upper"), "coverage": 0.8}
    model = PyramidSegmenter((0.05, 0.15, 0.8), **options).fit(table)
    found = model.predict_proba(table)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert np.mean(np.asarray(model.segments_)[found.argmax(axis=1)] == model.predict(table)) > 0.9
    assert found.sum(axis=0) == pytest.approx([20, 60, 320], abs=25)
    outcome = value.table(summary, coverage=0.8)
    of_outcome = PyramidSegmenter((0.05, 0.15, 0.8), value="clv", interval=("value_lower", "value_upper")).fit(outcome)
    with pytest.warns(SegmentWarning, match=r"lower bounds are exactly 0.*tier_probabilities"):
        of_outcome.predict_proba(outcome)


def test_all_engines(engine):
    X = customers().assign(lower=lambda X: X["monetary_value"] * 0.5, upper=lambda X: X["monetary_value"] * 2)
    options = {"value": "monetary_value", "interval": ("lower", "upper"), "by": "type"}
    model, again = (quietly(PyramidSegmenter(**options), frame) for frame in (X, engine.frame(X)))
    pd.testing.assert_frame_equal(again.profile().table, model.profile().table)
    frame = engine.frame(X)
    found = nw.from_native(again.table(frame)).to_pandas().sort_values("customer_id", ignore_index=True)
    assert found["segment"].tolist() == model.predict(X).tolist()
    if engine.is_eager:
        np.testing.assert_allclose(again.predict_proba(frame), model.predict_proba(X))
    else:
        np.testing.assert_allclose(again.predict_proba(frame).sum(axis=0), model.predict_proba(X).sum(axis=0))


def test_text_for_numbers_is_told_plainly():
    for model in (PyramidSegmenter(["a", "b"]), PyramidSegmenter(cut_points=["a"])):
        with pytest.raises(ValueError, match=r"=\['a'.* must be a list of numbers"):
            model.fit(pd.DataFrame({"value": [1.0, 2.0]}))
