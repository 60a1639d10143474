import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import digamma, gammaln

from crmml.inference import invert_information, maximize, observed_information


def gamma_objective(data):
    """Log-likelihood of Gamma(exp(u), rate exp(v))."""
    n, total, log_total = data.size, data.sum(), np.log(data).sum()

    def objective(theta):
        k, rate = np.exp(theta)
        value = n * (k * theta[1] - gammaln(k)) + (k - 1) * log_total - rate * total
        return value, np.array([k * (n * theta[1] - n * digamma(k) + log_total), n * k - rate * total])

    return objective


def test_a_gamma_fit_satisfies_its_score_equations():
    data = np.random.default_rng(0).gamma(2.5, 1 / 3.0, 5000)
    fit = maximize(gamma_objective(data), np.zeros(2), lower=[-9, -9], upper=[9, 9], scale=data.size)
    k, rate = np.exp(fit.theta)
    assert k / rate == pytest.approx(data.mean(), rel=1e-6)  # a decrement of 1e-9 allows sqrt(2e-9 / 5000)
    assert np.log(k) - digamma(k) == pytest.approx(np.log(data.mean()) - np.log(data).mean(), rel=1e-6)
    assert fit.converged
    assert fit.decrement < 1e-9
    assert "optimum found" in fit.message


@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=3), st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_a_quadratic_is_solved_with_its_covariance(curvature, centre):
    H, c = np.diag(curvature), np.array(centre)

    def objective(t):
        return float(-0.5 * (t - c) @ H @ (t - c)), -H @ (t - c)

    fit = maximize(objective, np.zeros(3), lower=[-20] * 3, upper=[20] * 3)
    assert 0.5 * (fit.theta - c) @ H @ (fit.theta - c) < 1e-9  # the decrement promised
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(H), rtol=1e-5, atol=1e-10)


def test_an_edge_is_no_optimum():
    fit = maximize(lambda t: (float(t[0]), np.ones(1)), [0.0], lower=[-1], upper=[2])
    assert not fit.converged
    assert fit.at_bound == (0,)
    assert "edge of the box" in fit.message


def test_a_flat_ridge_is_no_optimum():
    fit = maximize(
        lambda t: (-((t.sum() - 1) ** 2), -2 * (t.sum() - 1) * np.ones(2)), [3.0, 1.0], lower=[-9] * 2, upper=[9] * 2
    )
    assert not fit.converged
    assert np.isnan(fit.covariance).all()


def test_a_start_without_likelihood_is_refused():
    with pytest.raises(ValueError, match="at the start values"):
        maximize(lambda t: (-np.inf, np.zeros(1)), [0.0], lower=[-1], upper=[1])


def test_information_of_a_known_hessian():
    A = np.array([[2.0, 0.5], [0.5, 1.0]])
    information = observed_information(lambda t: (float(-0.5 * t @ A @ t), -A @ t), np.array([0.3, -0.2]))
    np.testing.assert_allclose(information, A, rtol=1e-9)
    np.testing.assert_allclose(invert_information(A), np.linalg.inv(A), rtol=1e-12)
    assert np.isnan(invert_information(np.array([[1.0, 1.0], [1.0, 1.0]]))).all()
    assert np.isnan(invert_information(np.diag([1.0, -1.0]))).all()


def test_a_point_that_cannot_be_evaluated_is_walked_around():
    def objective(theta):
        if theta[0] > 3:
            raise OverflowError("too far")
        return -((theta[0] - 2) ** 2), np.array([-2 * (theta[0] - 2)])

    fit = maximize(objective, [-50.0], lower=[-99], upper=[99])
    assert fit.converged
    assert fit.theta[0] == pytest.approx(2, abs=1e-6)


def test_flat_is_told_from_lost():
    """A likelihood that tends to a limit is flat at the end of the box; one that stops on a slope is lost."""

    def ridge(theta):
        return -np.exp(-theta[0]) - theta[1] ** 2, np.array([np.exp(-theta[0]), -2 * theta[1]])

    end = maximize(ridge, [0.0, 1.0], lower=[-20, -9], upper=[20, 9])
    assert not end.converged
    assert end.flat
    assert end.left < 1e-6

    def slope(theta):
        return float(theta[0]) if theta[0] < 3 else float("-inf"), np.array([1.0])

    lost = maximize(slope, [0.0], lower=[-5], upper=[5])
    assert not lost.converged
    assert not lost.flat
    assert lost.left >= 0.5


def test_a_hair_from_a_sharp_optimum_is_found_and_a_ridge_is_not():
    def bowl(theta):
        noise = 1e-7 * np.sin(1e7 * theta[0])  # a gradient that is never quite 0
        return float(-500 * theta @ theta), np.array([-1000 * theta[0] + 1e3 * noise])

    found = maximize(bowl, [0.3], lower=[-5], upper=[5], scale=1000.0)
    assert found.converged
    assert found.decrement <= 1e-6
