import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from crmml.inference import Estimates, LikelihoodModel


class Exponential(LikelihoodModel, BaseEstimator):
    """One rate, fitted on the log scale."""

    def fit(self, X):
        x = np.asarray(X, dtype=float)

        def objective(u):
            rate = np.exp(u[0])
            return float(x.size * u[0] - rate * x.sum()), np.array([x.size - rate * x.sum()])

        optimum = self._maximise(objective, np.zeros(1), lower=np.array([-9.0]), upper=np.array([9.0]), scale=x.size)
        self.theta_, self.covariance_ = optimum.theta, optimum.covariance
        self.log_likelihood_, self.n_parameters_, self.n_ = optimum.log_likelihood, 1, x.size
        self._warn_unless_converged(optimum)
        return self

    def estimates(self):
        return Estimates.from_fitted(["rate"], self.theta_, self.covariance_, ["log"])

    @property
    def _sample_size(self):
        return self.n_


def test_estimates_of_a_rate_are_those_of_the_textbook():
    x = np.random.default_rng(0).exponential(0.5, 400)
    model = Exponential().fit(x)
    rate = 1 / x.mean()
    assert model.params_ == {"rate": pytest.approx(rate, rel=1e-6)}
    row = model.summary(0.9).loc["rate"]
    assert row["std_error"] == pytest.approx(rate / np.sqrt(400), rel=1e-5)
    z = norm.ppf(0.95)
    assert row["lower"] == pytest.approx(rate * np.exp(-z / 20), rel=1e-5)
    assert row["upper"] == pytest.approx(rate * np.exp(z / 20), rel=1e-5)
    assert model.aic_ == pytest.approx(2 - 2 * model.log_likelihood_)
    assert model.bic_ == pytest.approx(np.log(400) - 2 * model.log_likelihood_)
    with pytest.raises(TypeError):
        model.params_["rate"] = 1.0


def test_a_fit_without_an_optimum_says_so():
    with pytest.warns(ConvergenceWarning, match="no interior optimum"):
        model = Exponential().fit(np.full(5, 1e-6))
    assert not model.converged_


def test_coverage_is_checked_before_anything():
    model = Exponential().fit([1.0, 2.0, 3.0])
    for wrong in (90, 0, 1, np.nan):
        with pytest.raises(ValueError, match="must lie between 0 and 1"):
            model.summary(coverage=wrong)


@given(st.floats(0.01, 0.99), st.floats(0.001, 0.2), st.floats(0.1, 0.99))
def test_intervals_of_probabilities_are_symmetric_in_the_log_odds(p, error, coverage):
    row = Estimates(["p"], np.array([p]), np.array([error]), ["logit"]).table(coverage).loc["p"]
    half = norm.ppf(0.5 + coverage / 2) * error / (p * (1 - p))
    assert row["lower"] == pytest.approx(expit(logit(p) - half), rel=1e-9)
    assert row["upper"] == pytest.approx(expit(logit(p) + half), rel=1e-9)
    assert 0 <= row["lower"] <= p <= row["upper"] <= 1


def test_ends_of_the_range_have_no_interval():
    table = Estimates(["none", "all"], np.array([0.0, 1.0]), np.zeros(2), ["logit", "logit"]).table(0.9)
    assert table[["lower", "upper"]].isna().all().all()


@given(st.floats(-3, 3), st.floats(0.01, 1))
def test_the_delta_method_carries_errors_to_the_reported_scale(u, error):
    found = Estimates.from_fitted(
        ["a", "b", "c"], np.full(3, u), np.diag(np.full(3, error**2)), ["identity", "log", "logit"]
    )
    np.testing.assert_allclose(found.value, [u, np.exp(u), expit(u)])
    np.testing.assert_allclose(found.std_error, error * np.array([1, np.exp(u), expit(u) * (1 - expit(u))]))
    table = found.table(0.95)
    z = norm.ppf(0.975)
    np.testing.assert_allclose(table["lower"], [u - z * error, np.exp(u - z * error), expit(u - z * error)], rtol=1e-9)
