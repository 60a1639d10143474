import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml.clv.numerics import beta_discrete_weibull as bdw

from .contract_rows import ROWS, gradient_gap, positive


def survival(t, alpha, beta, c):
    """B(alpha, beta + t^c) / B(alpha, beta) in 40 digits."""
    with mp.workdps(40):
        a, b = mp.mpf(alpha), mp.mpf(beta)
        return mp.beta(a, b + mp.mpf(t) ** c) / mp.beta(a, b)


@pytest.mark.parametrize(
    "theta", [(0.7, 1.9, 1.3), (3e3, 9e3, 0.8), (1e-5, 2.0, 1.1), (2.0, 1e-4, 0.3), (0.26, 1e6, 3.0)]
)
def test_survival_and_losses_against_forty_digits(theta):
    for t in (0, 1, 7, 300):
        exact = survival(t, *theta)
        assert float(bdw.log_survival(0, t, theta)) == pytest.approx(float(mp.log(exact)), rel=1e-9, abs=1e-14)
        ahead = survival(t + 1, *theta) / exact
        assert float(-np.expm1(bdw.log_survival(t, 1, theta))) == pytest.approx(float(1 - ahead), rel=1e-8)


@given(alpha=positive, beta=positive, c=st.floats(0.1, 5))
def test_gradient_is_right_and_nothing_is_missing(alpha, beta, c):
    value, gradient = bdw.log_likelihood_gradient(ROWS, (alpha, beta, c))
    np.testing.assert_array_equal(value, bdw.log_likelihood(ROWS, (alpha, beta, c)))
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    if 1e-2 < alpha < 1e3 and 1e-2 < beta < 1e3:
        assert gradient_gap(bdw, ROWS, (alpha, beta, c)) < 1e-5


@pytest.mark.parametrize(
    "theta", [(0.7, 1.9, 1.3), (2.5, 30.0, 0.8), (0.26, 1.72, 1.58), (40.0, 90.0, 1.0), (0.3, 1e5, 4.0)]
)
@pytest.mark.parametrize(("start", "delta"), [(0, 0.1), (7, 0.02)])
def test_discounted_sums_against_their_terms(theta, start, delta):
    j = np.arange(1, int(45 / delta))
    terms = np.exp(bdw.log_survival(start, j, theta) - delta * j)
    at = np.array([float(start)])
    assert bdw.expected_time(at, np.inf, theta, delta)[0] == pytest.approx(terms.sum(), rel=1e-8)
    assert bdw.retention_elasticity(at, theta, delta)[0] == pytest.approx((j * terms).sum() / terms.sum(), rel=1e-8)
    for horizon in (0, 1, 64, 65, 400):
        assert bdw.expected_time(at, horizon, theta, delta)[0] == pytest.approx(terms[:horizon].sum(), rel=1e-8)
    undiscounted = np.exp(bdw.log_survival(start, np.arange(1, 3001), theta)).sum()
    assert bdw.expected_time(at, 3000, theta)[0] == pytest.approx(undiscounted, rel=1e-8)


def test_endless_sums():
    start = np.array([0.0, 3.0])
    np.testing.assert_allclose(
        bdw.expected_time(start, np.inf, (1.2, 4.0, 1.0)), [20.0, 35.0], rtol=1e-8
    )  # (beta + n) / (alpha − 1)
    assert np.isinf(bdw.expected_time(start, np.inf, (0.8, 4.0, 1.25))).all()  # alpha · c = 1
    assert np.isfinite(bdw.expected_time(start, np.inf, (0.8, 4.0, 1.3))).all()
    near = bdw.expected_time(start, np.inf, (5.0, 4.0, 1.5))
    np.testing.assert_allclose(near, bdw.expected_time(start, 100_000, (5.0, 4.0, 1.5)), rtol=1e-9)


def test_draws_broadcast_over_rows():
    """Sums of draws to five digits, whose spread needs no more."""
    draws = [np.array([[0.7], [1.4]]), np.array([[2.0], [3.0]]), np.array([[1.0], [0.8]])]
    start = np.array([0.0, 2.0, 9.0])
    for k in (0, 1):
        one = [float(value[k, 0]) for value in draws]
        for function in (
            lambda theta: bdw.expected_time(start, 200, theta, 0.01),
            lambda theta: bdw.expected_time(start, np.inf, theta),
            lambda theta: bdw.log_likelihood(ROWS, theta),
        ):
            np.testing.assert_allclose(function(draws)[k], function(one), rtol=1e-5)


def test_huge_times_have_numbers():
    assert np.isfinite(bdw.log_survival(0, 1e300, (0.7, 2.0, 3.0)))
    assert bdw.powered(0.0, 0.3) == 0


def test_lifetimes_follow_survival():
    theta, n = (0.8, 2.4, 1.4), 200_000
    found = bdw.lifetimes(n, theta, np.random.default_rng(0))
    for t in (1, 2, 5, 12):
        expected = float(np.exp(bdw.log_survival(0, t, theta)))
        assert (found >= t).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / n))
