import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from crmml import DataError
from crmml.clv import ExponentialGamma, ShiftedBetaGeometric, compare

TRUTH = {"r": 1.4, "alpha": 10.0}


@pytest.fixture(scope="module")
def customers():
    rng = np.random.default_rng(1)
    return ExponentialGamma().set_fitted_params(**TRUTH).simulate(6000, rng.uniform(2, 24, 6000), random_state=0)


@pytest.fixture(scope="module")
def fitted(customers):
    return ExponentialGamma(horizon=12).fit(customers)


def test_survival_is_the_stated_power():
    model = ExponentialGamma().set_fitted_params(**TRUTH)
    t = np.array([0.0, 0.5, 3.0, 40.0])
    np.testing.assert_allclose(model.survival(t), (10 / (10 + t)) ** 1.4, rtol=1e-14)
    assert float(model.retention_rate(2.5)) == pytest.approx(float(model.survival(2.5) / model.survival(1.5)))
    np.testing.assert_allclose(model.predict_survival([[7.0, 7.0], [6.9, 7.0]], 2.0), [(17 / 19) ** 1.4, 0.0])
    np.testing.assert_allclose(model.residual_lifetime([[7.0, 7.0], [6.9, 7.0]]), [42.5, 0.0])


def test_simulated_customers_are_recovered(fitted):
    assert fitted.converged_
    for name, row in fitted.summary(0.99).iterrows():
        assert row["lower"] < TRUTH[name] < row["upper"]


def test_the_unit_of_time_is_free(fitted, customers):
    scaled = customers.assign(recency=30 * customers["recency"], T=30 * customers["T"])
    other = ExponentialGamma().fit(scaled)
    lost = (customers["recency"] < customers["T"]).sum()
    assert other.log_likelihood_ == pytest.approx(fitted.log_likelihood_ - lost * np.log(30), abs=1e-6)
    np.testing.assert_allclose(other.predict(scaled, 360), 30 * fitted.predict(customers), rtol=1e-5)


def test_counts_of_a_cohort_know_intervals_only():
    counts = [1000, 869, 743, 653, 593, 551, 517, 491]
    model = ExponentialGamma().fit_survivors(counts)
    survival = model.survival(np.arange(8.0))
    by_hand = -np.diff(counts) @ np.log(-np.diff(survival)) + 491 * np.log(survival[-1])
    assert model.log_likelihood_ == pytest.approx(by_hand, rel=1e-12)
    assert model.converged_
    best = [
        clone(model).set_fitted_params(r=model.params_["r"] * k, alpha=model.params_["alpha"]) for k in (0.99, 1.01)
    ]
    for other in best:
        s = other.survival(np.arange(8.0))
        assert -np.diff(counts) @ np.log(-np.diff(s)) + 491 * np.log(s[-1]) < model.log_likelihood_
    draws = model.sample_posterior(500, random_state=0).draws
    assert draws["r"].mean() == pytest.approx(model.params_["r"], rel=0.2)


def test_a_covariate_multiplies_the_rate():
    truth = ExponentialGamma(dropout_covariates=["rebate"])
    truth.set_fitted_params(**TRUTH, coef_dropout={"rebate": -0.7})
    z = np.random.default_rng(0).normal(size=6000)
    model = clone(truth).fit(truth.simulate(6000, 24.0, random_state=0, covariates={"rebate": z}))
    row = model.summary().loc["dropout.rebate"]
    assert abs(row["estimate"] + 0.7) < 3 * row["std_error"]
    assert model.survival(10.0, {"rebate": 1.0}) > model.survival(10.0, {"rebate": 0.0})


def test_outcomes_of_time(fitted, customers):
    bounds = fitted.predict_interval(customers.head(200), kind="outcome", coverage=0.8)
    left = (customers["recency"] < customers["T"]).head(200).to_numpy()
    assert (bounds[left] == 0).all()
    assert (bounds[~left, 1] <= 12).all()
    assert (bounds[~left, 0] > 0).all()
    theta = fitted.params_
    T = customers["T"].head(200)[~left].to_numpy()
    at_estimate = (theta["alpha"] + T) * (0.9 ** (-1 / theta["r"]) - 1)  # where a tenth has left
    np.testing.assert_allclose(bounds[~left, 0], np.minimum(at_estimate, 12), rtol=0.03)


def test_customers_who_never_started_are_refused(customers, fitted):
    with pytest.raises(
        DataError, match="recency is 0 in 2 of 6,000 rows of customers who left: a density has no bound"
    ):
        ExponentialGamma().fit(customers.assign(recency=[0.0, 0.0, *customers["recency"][2:]]))
    assert fitted.predict(pd.DataFrame({"recency": [0.0], "T": [3.0]})).tolist() == [0.0]


def test_is_not_compared_with_models_of_renewals(fitted, customers):
    whole = customers.assign(recency=np.floor(customers["recency"]), T=np.floor(customers["T"]))
    with pytest.raises(DataError, match="discrete and of continuous time"):
        compare([fitted, ShiftedBetaGeometric().fit(whole)], whole)


def test_words(fitted):
    words = fitted.describe()
    assert "6,000 customers" in words
    assert "stay for one unit of time" in words
    assert isinstance(pd.DataFrame(fitted.summary()), pd.DataFrame)
