import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from crmml.clv import FrequencyGammaGamma, GammaGamma, SpendDisplay, compare, likelihood_ratio_test

from .cdnow import cdnow_split

pytestmark = pytest.mark.filterwarnings("ignore:X does not have valid feature names")


@pytest.fixture(scope="module")
def spend():
    return GammaGamma().fit(cdnow_split())


def test_only_repeat_customers_inform(spend):
    split = cdnow_split()
    again = GammaGamma().fit(split[split["frequency"] > 0])
    assert spend.n_customers_ == 946
    assert dict(spend.params_) == pytest.approx(dict(again.params_), rel=1e-6)


def test_who_has_no_average_gets_the_populations(spend):
    p, q, gamma = spend.params_.values()
    assert spend.predict([[0, 0.0]])[0] == pytest.approx(p * gamma / (q - 1)) == pytest.approx(spend.mean_spend_)


def test_lifetimes_both_ways(spend):
    import warnings

    from lifetimes import GammaGammaFitter

    split = cdnow_split().query("frequency > 0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter = GammaGammaFitter().fit(split["frequency"], split["monetary_value"])
        theirs = fitter.conditional_expected_average_profit(split["frequency"], split["monetary_value"])
        model = GammaGamma.from_lifetimes(fitter)
        back = spend.to_lifetimes().predict(split["frequency"], split["monetary_value"])
    np.testing.assert_allclose(model.predict(split), theirs, rtol=1e-10)
    np.testing.assert_allclose(back, spend.predict(split), rtol=1e-10)


def test_recovery_from_simulation():
    truth = {"p": 5.0, "q": 4.0, "gamma": 20.0}
    model = GammaGamma().set_fitted_params(**truth)
    counts = np.random.default_rng(0).integers(1, 8, 20_000)
    amounts = model.simulate(counts, random_state=1)
    mean = np.bincount(np.repeat(np.arange(counts.size), counts), amounts) / counts
    table = GammaGamma().fit(np.column_stack([counts, mean])).summary()
    z = np.log(table["estimate"] / pd.Series(truth)) / (table["std_error"] / table["estimate"])
    assert (z.abs() < 4).all()


def test_worthless_purchases_are_left_out_with_a_warning(spend):
    split = cdnow_split().copy()
    split.loc[split.index[split["frequency"] > 0][:3], "monetary_value"] = 0.0
    with pytest.warns(UserWarning, match=r"worth 0 out of the fit \(3 of 2,357\)"):
        model = GammaGamma().fit(split)
    assert model.n_customers_ == 943


def test_an_infinite_mean_is_said():
    rng = np.random.default_rng(0)
    model = GammaGamma().set_fitted_params(p=2.0, q=0.6, gamma=5.0)
    mean = model.simulate(np.ones(3000, int), random_state=rng)
    with pytest.warns(UserWarning, match="at most 1"):
        fitted = GammaGamma().fit(np.column_stack([np.ones(3000), mean]))
    X = [[0, 0.0], [5, 80.0]]
    with pytest.warns(UserWarning, match="expected spend of 1 of 2 customers is infinite") as told:
        spend = fitted.predict(X)
    assert len(told) == 1
    assert np.isinf(spend[0])
    p, q, gamma = fitted.params_.values()
    assert spend[1] == pytest.approx(p * (gamma + 400) / (5 * p + q - 1), rel=1e-12)
    assert "is infinite, since q is at most 1" in fitted.describe()
    assert " inf " not in fitted.describe()
    bounds = fitted.predict_interval(X)
    assert not np.isnan(bounds).any()
    assert bounds[0, 1] == np.inf
    assert bounds[1, 0] <= spend[1] <= bounds[1, 1] < np.inf


def test_medians_are_those_of_simulated_amounts_and_finite_where_means_are_not():
    model = GammaGamma().set_fitted_params(p=2.0, q=0.6, gamma=5.0)
    rng = np.random.default_rng(0)
    for x, m in ((0.0, 0.0), (3.0, 40.0)):
        rate = rng.gamma(2.0 * x + 0.6, size=400_000) / (5.0 + m * x)
        median = model.predict_median([[x, m]])[0]
        assert np.mean(rng.gamma(2.0, size=rate.size) / rate < median) == pytest.approx(0.5, abs=0.004)


def constant(amount=9.99, n=200, zeros=20):
    x = np.random.default_rng(0).integers(1, 12, n).astype(float)
    x[:zeros] = 0
    return pd.DataFrame({"frequency": x, "monetary_value": np.where(x > 0, amount * x / np.maximum(x, 1), 0.0)})


@pytest.mark.parametrize("model", [GammaGamma, FrequencyGammaGamma])
@pytest.mark.parametrize("amount", [9.99, 0.1 + 0.2, 12_345_678.9])
def test_constant_spend_is_answered_as_constant(model, amount, tmp_path):
    X = constant(amount)
    with pytest.warns(UserWarning, match="taken to be that amount for everybody"):
        fitted = model().fit(X)
    joblib.dump(fitted, tmp_path / "model.joblib")
    for one in (fitted, joblib.load(tmp_path / "model.joblib")):
        np.testing.assert_allclose(one.predict(X), amount, rtol=1e-12)
        np.testing.assert_allclose(one.predict_median(X), amount, rtol=1e-12)
        for kind in ("mean", "outcome"):
            np.testing.assert_allclose(one.predict_interval(X, kind=kind), amount, rtol=1e-12)
        assert one.mean_spend_ == one.constant_spend_ == pytest.approx(amount, rel=1e-12)
    assert fitted.converged_
    assert {fitted.params_[name] for name in ("p", "q", "gamma")} == {np.inf}
    assert np.isinf(fitted.summary()["estimate"].iloc[:3]).all()
    assert "spend is taken to be that amount for everybody" in fitted.describe()
    np.testing.assert_allclose(fitted.simulate([2, 3], random_state=0), amount, rtol=1e-12)
    assert fitted.score(X[X["frequency"] > 0]) == np.inf
    with pytest.raises(ValueError, match="no posterior to sample"):
        fitted.sample_posterior()
    with pytest.warns(UserWarning, match="1 of 2 customers spend another amount"):
        assert (
            fitted.predict(pd.DataFrame({"frequency": [0, 3], "monetary_value": [0.0, 2 * amount]})).tolist()
            == [fitted.constant_spend_] * 2
        )


def test_a_refit_on_spend_that_varies_forgets_the_constant():
    spend = cdnow_split()
    with pytest.warns(UserWarning, match="everybody"):
        model = GammaGamma().fit(constant())
    assert model.fit(spend).constant_spend_ is None
    assert np.ptp(model.predict(spend)) > 1
    with pytest.warns(UserWarning, match="everybody"):
        model.fit(constant())
    model.set_fitted_params(p=2.0, q=3.0, gamma=4.0)
    assert model.predict([[0, 0.0]])[0] == pytest.approx(4.0)


def test_constant_spend_has_no_picture_no_test_and_no_counterpart():
    X = constant()
    with pytest.warns(UserWarning, match="everybody"):
        plain, moving = GammaGamma().fit(X), FrequencyGammaGamma().fit(X)
    assert compare([plain, moving], X)["aic_weight"].tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="nothing varies"):
        likelihood_ratio_test(plain, moving)
    with pytest.raises(ValueError, match="no distribution to draw"):
        SpendDisplay.from_estimator(plain, X)
    with pytest.raises(ValueError, match="no model of constant spend"):
        plain.to_lifetimes()


@pytest.mark.parametrize("jitter", [0.0, 1e-6, 0.01])
@pytest.mark.parametrize("model", [GammaGamma, FrequencyGammaGamma])
def test_fixed_prices_have_intervals_that_hold_their_own_estimate_and_say_what_they_are(model, jitter):
    rng = np.random.default_rng(0)
    x = rng.integers(1, 12, 400)
    price = np.where(rng.random(400) < 0.5, 9.99, 19.99) * np.exp(jitter * rng.normal(size=400) / np.sqrt(x))
    X = pd.DataFrame({"frequency": x, "monetary_value": price})
    with pytest.warns(ConvergenceWarning):
        fitted = model().fit(X)
    assert not fitted.converged_
    assert fitted.convergence_message_ in fitted.describe()
    estimate = fitted.predict(X)
    for coverage in (0.5, 0.9):
        with pytest.warns(ConvergenceWarning, match="follow the prior where the data do not tell"):
            bounds = fitted.predict_interval(X, coverage=coverage)
        assert ((bounds[:, 0] <= estimate) & (estimate <= bounds[:, 1])).all()
        assert np.ptp(bounds, axis=1).max() < 3
    with pytest.warns(ConvergenceWarning, match="follow the prior"):
        fitted.sample_posterior(500, random_state=0)


def test_a_fit_without_optimum_stored_without_draws_says_why_there_is_no_interval():
    X = pd.DataFrame({"frequency": [1, 2, 3, 4] * 30, "monetary_value": [9.99, 19.99] * 60})
    with pytest.warns(ConvergenceWarning):
        fitted = GammaGamma().fit(X)
    stored = pickle.loads(pickle.dumps(fitted))
    assert np.isnan(stored.covariance_).any()
    with pytest.raises(ValueError, match=r"found no interior optimum.*stored without"):
        stored.predict_interval(X)


def test_a_weak_prior_that_decides_what_the_data_hardly_tell_is_said():
    """Sixty customers with nearly one price each: p is estimated as 97, with a standard error ten times that."""
    x = np.random.default_rng(27).integers(1, 9, 60)
    amounts = GammaGamma().set_fitted_params(p=300.0, q=4.0, gamma=0.5).simulate(x, random_state=27)
    X = np.column_stack([x, np.bincount(np.repeat(np.arange(60), x), amounts) / x])
    fitted = GammaGamma().fit(X)
    assert fitted.converged_
    with pytest.warns(UserWarning, match="the data hardly tell p, gamma, and the prior moves them off the estimate"):
        bounds = fitted.predict_interval(X)
    estimate = fitted.predict(X)
    assert ((bounds[:, 0] <= estimate) & (estimate <= bounds[:, 1])).all()
    stated = GammaGamma(prior={"p": (100.0, 0.3)}).fit(X)  # what the caller states is no surprise
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stated.predict_interval(X)


def test_intervals_of_the_mean_and_of_the_next_amount(spend):
    split = cdnow_split()
    mean, outcome = (spend.predict_interval(split, kind=kind) for kind in ("mean", "outcome"))
    point = spend.predict(split)
    assert ((mean[:, 0] <= point) & (point <= mean[:, 1])).mean() > 0.98
    assert ((outcome[:, 0] < mean[:, 0]) & (outcome[:, 1] > mean[:, 1])).all()
    held = split["frequency_holdout"] == 1  # one purchase: its amount is the outcome itself
    actual = split["monetary_value_holdout"]
    assert ((outcome[:, 0] <= actual) & (actual <= outcome[:, 1]))[held].mean() == pytest.approx(0.9, abs=0.06)
    np.testing.assert_array_equal(outcome, spend.predict_interval(split, kind="outcome"))
    for wrong in ({"coverage": 2}, {"kind": "both"}):
        with pytest.raises(ValueError, match=r"must lie between 0 and 1|choose one of 'mean', 'outcome'"):
            spend.predict_interval(split, **wrong)
