from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from crmml.clv import BetaGeoCNBD, BetaGeoNBD, CustomerLifetimeValue, GammaGamma
from crmml.clv._intervals import count_draws
from crmml.clv._operational_time import Ahead
from crmml.clv._value_draws import value_draws
from crmml.datasets import load_cdnow_sample
from crmml.segments import PyramidSegmenter
from crmml.transactions import Clock, summarize

END = pd.Timestamp("1997-09-30")


@pytest.fixture(scope="module")
def cdnow():
    """Summary of the first 39 weeks, what was spent in the next 39, and a fitted model of it."""
    log = load_cdnow_sample()
    summary = summarize(log[log["timestamp"] <= END], value="value", unit="W", observation_end=END)
    later = log[(log["timestamp"] > END) & (log["timestamp"] <= END + pd.Timedelta(weeks=39))]
    money = later.groupby("customer_id")["value"].sum().reindex(summary["customer_id"], fill_value=0.0)
    model = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=39, unit="W").fit(summary)
    return summary, money.to_numpy(), model


def test_means_of_the_draws_are_the_expectations(cdnow):
    summary, _, model = cdnow
    mean = model.draws(summary, kind="mean", n_draws=400)
    outcome = model.draws(summary, n_draws=400)
    assert mean.shape == outcome.shape == (400, len(summary))
    np.testing.assert_allclose(mean.mean(axis=0), model.predict(summary), rtol=0.1, atol=1e-3)
    assert outcome.mean() == pytest.approx(mean.mean(), rel=0.03)
    assert (outcome == 0).mean() > 0.5
    np.testing.assert_array_equal(model.draws(summary.head(20)), model.draws(summary.head(20)))
    assert not np.array_equal(model.draws(summary.head(20), random_state=1), model.draws(summary.head(20)))


def test_customers_alike_have_luck_of_their_own(cdnow):
    summary, _, model = cdnow
    twice = pd.concat([summary.head(1)] * 2, ignore_index=True)
    twice.attrs = summary.attrs
    first, second = model.draws(twice, n_draws=400).T
    assert not np.array_equal(first, second)
    first, second = model.draws(twice, n_draws=400, kind="mean").T
    np.testing.assert_array_equal(first, second)


def test_quantiles_of_the_draws_are_the_interval(cdnow):
    summary, _, model = cdnow
    drawn = np.quantile(model.draws(summary, kind="mean"), [0.05, 0.95], axis=0, method="nearest").T
    np.testing.assert_allclose(model.predict_interval(summary), drawn, rtol=1e-3)


def test_bounds_of_the_outcome_hold_it_and_those_of_the_mean_do_not(cdnow):
    summary, money, model = cdnow
    outcome, mean = model.table(summary, coverage=0.9), model.table(summary, coverage=0.9, kind="mean")
    ends = [f"{name}_{end}" for name in ("purchases", "next_amount", "value") for end in ("lower", "upper")]
    assert set(outcome) - set(mean) == set(ends)
    inside = (outcome["value_lower"] <= money) & (money <= outcome["value_upper"])
    assert 0.88 < inside.mean() < 0.97
    assert ((mean["clv_lower"] <= money) & (money <= mean["clv_upper"])).mean() < 0.1
    with pytest.raises(ValueError, match="choose one of"):
        model.table(summary, kind="median")


@pytest.mark.parametrize("shares", [(0.01, 0.04, 0.15, 0.80), (0.01, 0.19, 0.30, 0.50)])
@pytest.mark.parametrize("relative", [False, True])
def test_stated_certainty_of_a_tier_is_what_comes_true(cdnow, shares, relative):
    summary, money, model = cdnow
    worth = model.table(summary)
    pyramid = PyramidSegmenter(shares, value="clv").fit(worth)
    tier = np.array([pyramid.segments_.index(name) for name in pyramid.predict(worth)])
    paid = pd.DataFrame({"clv": money})
    judge = PyramidSegmenter(shares, value="clv").fit(paid) if relative else pyramid
    true = np.array([pyramid.segments_.index(name) for name in judge.predict(paid)])
    proba = pyramid.tier_probabilities(model.draws(summary), relative=relative)
    stated = proba[np.arange(len(tier)), tier].mean()
    assert stated == pytest.approx((tier == true).mean(), abs=0.05)
    vain = pyramid.tier_probabilities(model.draws(summary, kind="mean"), relative=relative)
    assert vain[np.arange(len(tier)), tier].mean() > (tier == true).mean() + 0.2


@dataclass(frozen=True)
class Shaken(Ahead):
    """A horizon of which all customers see another share."""

    share: float = 1.0

    def shares(self, n_draws):
        return np.full(n_draws, self.share)


@pytest.mark.parametrize("pace", [0.5, 1.0, 1.6])
def test_a_common_shock_lengthens_the_horizon_of_all(cdnow, pace):
    summary, _, model = cdnow
    plain = Clock.seasonal()
    outlook = replace(model._outlook(summary, 39.0, 400), ahead=Shaken(39.0, plain, "1997-09-30", "W", share=pace))
    longer = replace(outlook, ahead=Ahead(39.0 * pace, plain, "1997-09-30", "W"))
    timing, money = summary[["frequency", "recency", "T"]].to_numpy(float), model._money(summary)
    expected = value_draws(longer, timing, money)
    np.testing.assert_allclose(value_draws(outlook, timing, money), expected, rtol=1e-9)
    lucky = value_draws(outlook, timing, money, np.random.default_rng(0))
    assert lucky.mean() == pytest.approx(expected.mean(), rel=0.12)


@pytest.mark.parametrize("pace", [0.4, 1.0, 2.5])
def test_counts_of_a_model_without_a_simulation_take_the_shock_in_their_mean(pace):
    model = BetaGeoCNBD(k=2).set_fitted_params(r=0.8, alpha=6.0, a=0.8, b=3.0)
    columns = np.array([[3.0, 20.0, 22.0], [0.0, 0.0, 22.0]])
    vectors = np.tile(model.theta_, (4000, 1))
    counts = count_draws(model, columns, vectors, 10.0, np.random.default_rng(0), pace)
    assert (counts == counts.round()).all()
    expected = pace * model.predict(columns, 10.0)
    np.testing.assert_allclose(counts.mean(axis=0), expected, atol=5 * counts.std() / np.sqrt(4000))
