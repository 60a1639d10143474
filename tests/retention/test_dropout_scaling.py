import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from crmml import DataError
from crmml.amounts import Percent, Points, Uncertain
from crmml.clv import (
    BetaGeoBetaBinomial,
    BetaGeoNBD,
    CustomerLifetimeValue,
    GammaGamma,
    GompertzNBD,
    ModifiedBetaGeoNBD,
    ParetoNBD,
)
from crmml.datasets import load_cdnow_sample
from crmml.frames.ruler import Ruler
from crmml.retention import DropoutTerms, retention_value
from crmml.retention.dropout_scaling import scaling
from crmml.transactions import summarize

MONEY = {"annual_discount_rate": 0.1, "currency": "USD"}
TERMS = {"margin_per_transaction": 10, "horizon": 1, "unit": "Y"}
PARAMETERS = {
    BetaGeoNBD: {"r": 0.24, "alpha": 4.4, "a": 0.8, "b": 2.4},
    ModifiedBetaGeoNBD: {"r": 0.52, "alpha": 6.2, "a": 0.9, "b": 1.6},
    ParetoNBD: {"r": 0.55, "alpha": 10.6, "s": 0.6, "beta": 11.7},
}
DONORS = {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.78}


@pytest.fixture(scope="module")
def summary():
    log = load_cdnow_sample()
    return summarize(log[log["timestamp"] <= "1997-09-30"], value="value", unit="W", observation_end="1997-09-30")


def given(kind, **changed):
    return kind().set_fitted_params(ruler=Ruler(unit="W"), **{**PARAMETERS[kind], **changed})


@pytest.mark.parametrize("kind", PARAMETERS)
def test_before_the_change_it_is_the_model(kind, summary):
    model = given(kind)
    found = retention_value(model, Points(0), DropoutTerms(summary, **TERMS), **MONEY)
    wanted = 10 * model.discounted_expected_transactions(summary, 365.25 / 7, 0.1).sum()
    assert found.equity_before == pytest.approx(wanted, rel=1e-5)
    assert found.equity_gain == pytest.approx(0, abs=1e-9 * wanted)
    assert found.equity_gain_interval is None


@pytest.mark.parametrize("kind", PARAMETERS)
def test_the_change_reaches_its_retention(kind):
    model = given(kind)
    at = scaling(model, Points(5))
    assert at.after == pytest.approx(at.before + 0.05)
    if kind is ParetoNBD:
        year = 365.25 / 7
        after = (11.7 / (11.7 + at.factor * year)) ** 0.6
        assert at.before == pytest.approx((11.7 / (11.7 + year)) ** 0.6)
    else:
        a, b = PARAMETERS[kind]["a"], PARAMETERS[kind]["b"]
        after = 1 - at.factor * a / (a + b)
    assert after == pytest.approx(at.after)
    assert scaling(model, Percent(5)).after == pytest.approx(1.05 * at.before)
    assert scaling(model, Points(-5)).factor > 1


def test_of_simulated_lives(rng):
    """Pareto/NBD: customers are drawn given their history, live on with dropout rates f times as high, and are counted."""
    model = given(ParetoNBD)
    r, alpha, s, beta = PARAMETERS[ParetoNBD].values()
    at, x, T, h, n = scaling(model, Points(10)), 3.0, 40.0, 52.0, 400_000
    history = np.array([[x, 35.0, T]])
    purchases = rng.gamma(r + x, size=n) / (alpha + T)
    dropout = at.factor * rng.gamma(s, size=n) / (beta + T)
    lives = np.minimum(rng.exponential(size=n) / dropout, h)
    expected = model.probability_alive(history)[0] * (purchases * lives).mean()
    found = retention_value(
        model,
        Points(10),
        DropoutTerms(history, **{**TERMS, "horizon": h, "unit": "W"}),
        **{**MONEY, "annual_discount_rate": 0},
    )
    assert found.equity_after / 10 == pytest.approx(expected, rel=0.01)


def test_of_simulated_geometric_lives(rng):
    """BG/NBD: dropout probabilities are drawn from the beta distribution with the mean scaled and a + b + x kept."""
    model = given(BetaGeoNBD)
    r, alpha, a, b = PARAMETERS[BetaGeoNBD].values()
    at, x, T, h, n = scaling(model, Points(10)), 2.0, 30.0, 52.0, 200_000
    history = np.array([[x, 25.0, T]])
    rate = rng.gamma(r + x, size=n) / (alpha + T)
    leave = rng.beta(at.factor * a, b + x + (1 - at.factor) * a, size=n)
    bought = np.minimum(rng.poisson(rate * h), rng.geometric(leave))
    expected = model.probability_alive(history)[0] * bought.mean()
    found = retention_value(
        model,
        Points(10),
        DropoutTerms(history, **{**TERMS, "horizon": h, "unit": "W"}),
        **{**MONEY, "annual_discount_rate": 0},
    )
    assert found.equity_after / 10 == pytest.approx(expected, rel=0.015)


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_opportunities(rate, rng):
    model = BetaGeoBetaBinomial().set_fitted_params(**DONORS, ruler=Ruler(unit="Y"))
    history = np.array([[4.0, 5.0, 6.0], [0.0, 0.0, 6.0], [2.0, 6.0, 6.0]])
    options, terms = {**MONEY, "annual_discount_rate": rate}, {**TERMS, "horizon": 5}
    same = retention_value(model, Points(0), DropoutTerms(history, **terms), **options)
    wanted = 10 * model.discounted_expected_transactions(history, 5, rate).sum()
    assert same.equity_before == pytest.approx(wanted, rel=1e-9)
    assert same.equity_after == pytest.approx(wanted, rel=1e-9)
    f, n = scaling(model, Points(5)).factor, 200_000
    assert f == pytest.approx(1 - 0.05 * (0.66 + 2.78) / 0.66)
    buy, leave = rng.beta(1.2 + 4, 0.75 + 2, n), rng.beta(f * 0.66, 2.78 + 6 + (1 - f) * 0.66, n)
    years = np.arange(1, 6)
    money = (1.1 if rate else 1.0) ** -years * (1 - leave[:, None]) ** years
    expected = 10 * model.probability_alive(history[:1])[0] * (buy * money.sum(axis=1)).mean()
    assert retention_value(
        model, Points(5), DropoutTerms(history[:1], **terms), **options
    ).equity_after == pytest.approx(expected, rel=0.01)
    with pytest.raises(ValueError, match="BG/BB needs a whole number"):
        retention_value(model, Points(5), DropoutTerms(history, **{**terms, "horizon": 1.5}), **options)


def test_with_spend_and_the_posterior(summary):
    clv = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y", margin=0.3).fit(summary)
    options = {"annual_discount_rate": 0.1, "currency": "USD", "n_draws": 60, "random_state": 0}
    found = retention_value(clv, Points(5), DropoutTerms(summary), programme_cost=5_000, **options)
    clv.annual_discount_rate = 0.1
    assert found.equity_before == pytest.approx(clv.predict(summary).sum(), rel=1e-5)
    lower, upper = found.equity_gain_interval
    assert 0 < lower < found.equity_gain < upper
    assert found.n_customers == 2_357
    assert "every customer's dropout from now on is multiplied by" in found.describe()
    larger = retention_value(clv, Points(5), DropoutTerms(summary, n_customers=4_714), **options)
    assert larger.equity_gain == pytest.approx(2 * found.equity_gain)
    assert larger.equity_gain_interval == pytest.approx((2 * lower, 2 * upper))
    twice = retention_value(clv, Points(5), DropoutTerms(summary, margin=0.6), **options)
    assert twice.equity_gain == pytest.approx(2 * found.equity_gain)
    assert twice.equity_gain_interval == pytest.approx((2 * lower, 2 * upper))
    with pytest.raises(ValueError, match="margin_per_transaction=3 is for a bare transaction model"):
        retention_value(clv, Points(5), DropoutTerms(summary, margin_per_transaction=3), **options)


def test_refusals(summary):
    with pytest.raises(DataError, match=r"\+30 percentage points take retention from 75.0 % to 105.0 %"):
        retention_value(given(BetaGeoNBD), Points(30), DropoutTerms(summary, **TERMS), **MONEY)
    gompertz = GompertzNBD().set_fitted_params(r=1, alpha=1, b=1, s=1, beta=1, ruler=Ruler(unit="W"))
    with pytest.raises(TypeError, match="not for this GompertzNBD"):
        retention_value(gompertz, Points(3), DropoutTerms(summary, **TERMS), **MONEY)
    with pytest.raises(ValueError, match="needs a horizon and its unit"):
        retention_value(given(BetaGeoNBD), Points(3), DropoutTerms(summary, **{**TERMS, "horizon": None}), **MONEY)
    with pytest.raises(ValueError, match="horizon=-1"):
        retention_value(given(BetaGeoNBD), Points(3), DropoutTerms(summary, **{**TERMS, "horizon": -1}), **MONEY)
    with pytest.raises(ValueError, match=r"needs money: DropoutTerms\(X, margin_per_transaction=...\)"):
        retention_value(given(BetaGeoNBD), Points(3), DropoutTerms(summary, horizon=1, unit="Y"), **MONEY)
    with pytest.raises(TypeError, match="does not say whether"):
        retention_value(given(BetaGeoNBD), 0.05, DropoutTerms(summary, **TERMS), **MONEY)


def test_a_model_without_a_unit_of_time(summary):
    model = BetaGeoNBD().set_fitted_params(**PARAMETERS[BetaGeoNBD])
    with pytest.raises(ValueError, match="without a unit of time"):
        retention_value(model, Points(5), DropoutTerms(summary, **TERMS), **MONEY)


def test_an_uncertain_change_of_given_parameters_has_an_interval(summary):
    model = given(BetaGeoNBD)
    change = Points(Uncertain.uniform(0, 10))
    found = retention_value(model, change, DropoutTerms(summary, **TERMS), **MONEY, random_state=0, n_draws=400)
    ends = [retention_value(model, Points(p), DropoutTerms(summary, **TERMS), **MONEY).equity_gain for p in (0.5, 9.5)]
    assert found.equity_gain_interval == pytest.approx(ends, rel=0.2, abs=0.02 * ends[1])
    assert "over the next year." in found.mapping


def test_a_model_that_is_not_fitted(summary):
    with pytest.raises(NotFittedError, match="BetaGeoNBD instance is not fitted"):
        retention_value(BetaGeoNBD(), Points(5), DropoutTerms(summary, **TERMS), **MONEY)


def test_the_posterior_of_spend_alone(summary):
    """Of customers who bought once the spend expected is the mean of all, p γ / (q - 1): the gain is in proportion to it."""
    few = summary[summary["monetary_value"] > 0].head(60)
    clv = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y", margin=0.3).fit(few)
    clv.transactions_ = given(BetaGeoNBD)  # set by hand, so that nothing is uncertain but the spend
    once = few.head(1).assign(frequency=0, recency=0.0, T=30.0, monetary_value=0.0)
    found = retention_value(
        clv, Points(5), DropoutTerms(once), annual_discount_rate=0.1, currency="USD", n_draws=4000, random_state=0
    )
    draws = clv.spend_.sample_posterior(20_000, random_state=1).draws
    p, q, rate = (draws[name] for name in ("p", "q", "gamma"))
    ends = np.quantile(p * rate / (q - 1), [0.05, 0.95]) / clv.spend_.predict(once)[0]
    assert np.asarray(found.equity_gain_interval) / found.equity_gain == pytest.approx(ends, rel=0.03)
    assert ends[1] - ends[0] > 0.2


def test_one_number_is_never_a_share_and_money_in_silence(summary):
    """A margin of 10 per transaction taken for a share of revenue was off by a factor of 37."""
    with pytest.raises(DataError, match="margin=10 must be a share of revenue"):
        DropoutTerms(summary, margin=10)
    with pytest.raises(DataError, match="give the one that the model needs"):
        DropoutTerms(summary, margin=0.3, margin_per_transaction=0.3)
    clv = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y", margin=0.3).fit(summary)
    share = DropoutTerms(summary, margin=0.3, horizon=1, unit="Y")
    money = DropoutTerms(summary, margin_per_transaction=0.3, horizon=1, unit="Y")
    retention_value(clv, Points(5), share, **MONEY, n_draws=20)
    retention_value(given(BetaGeoNBD), Points(5), money, **MONEY, n_draws=20)
    with pytest.raises(ValueError, match=r"needs money.*margin=0\.3 is a share"):
        retention_value(given(BetaGeoNBD), Points(5), share, **MONEY)
    with pytest.raises(ValueError, match="give margin, a share of it"):
        retention_value(clv, Points(5), money, **MONEY)
