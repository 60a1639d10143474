import mpmath as mp
import numpy as np
import pytest
from hypothesis import given

from crmml.clv.numerics import exponential_gamma as eg
from crmml.clv.numerics.contracts import ContractRows

from .contract_rows import ROWS, gradient_gap, positive


@given(r=positive, alpha=positive)
def test_gradient_is_right_and_nothing_is_missing(r, alpha):
    value, gradient = eg.log_likelihood_gradient(ROWS, (r, alpha))
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(value, eg.log_likelihood(ROWS, (r, alpha)))
    assert gradient_gap(eg, ROWS, (r, alpha)) < 1e-5


def test_the_density_is_the_slope_of_survival_and_an_interval_its_difference():
    theta, t = (0.8, 12.0), 5.0
    exact = ContractRows(np.array([t]), np.array([9.0]), np.array([t]))
    grouped = ContractRows(np.array([t]), np.array([9.0]), np.array([t + 1e-4]))
    survival = np.exp(eg.log_survival(0, np.array([t - 1e-4, t, t + 1e-4]), theta))
    assert np.exp(eg.log_likelihood(exact, theta)[0]) == pytest.approx((survival[0] - survival[2]) / 2e-4, rel=1e-7)
    assert np.exp(eg.log_likelihood(grouped, theta)[0]) == pytest.approx(survival[1] - survival[2], rel=1e-7)
    assert survival[1] == pytest.approx((12 / 17) ** 0.8, rel=1e-14)


@pytest.mark.parametrize(
    ("r", "alpha", "start", "delta"),
    [(0.8, 12.0, 0.0, 0.1), (2.5, 3.0, 7.0, 0.001), (30.0, 300.0, 0.0, 0.1), (0.3, 0.01, 5.0, 0.05)],
)
def test_discounted_time_against_thirty_digits(r, alpha, start, delta):
    with mp.workdps(30):
        age = mp.mpf(alpha + start)

        def stream(u):
            return (age / (age + u)) ** r * mp.exp(-delta * u)

        points = [0, age, 10 * age, 100 * age + 100, 200 / delta + 1000 * age]
        total, weighted = mp.quad(stream, points), mp.quad(lambda u: u * stream(u), points)
    at = np.array([start])
    assert eg.expected_time(at, np.inf, (r, alpha), delta)[0] == pytest.approx(float(total), rel=1e-12)
    assert eg.retention_elasticity(at, (r, alpha), delta)[0] == pytest.approx(float(weighted / total), rel=1e-11)


@pytest.mark.parametrize("r", [0.5, 1.0, 1.0 + 1e-9, 2.0, 50.0])
def test_undiscounted_time_within_a_horizon(r):
    u = 30 * (np.polynomial.legendre.leggauss(60)[0] + 1) / 2
    total = 15 * np.polynomial.legendre.leggauss(60)[1] @ np.exp(eg.log_survival(4.0, u, (r, 20.0)))
    assert eg.expected_time(np.array([4.0]), 30.0, (r, 20.0))[0] == pytest.approx(total, rel=1e-12)


def test_draws_broadcast_over_rows():
    """Discounted time of draws to five digits, whose spread needs no more."""
    draws, start = [np.array([[0.7], [2.5]]), np.array([[3.0], [12.0]])], np.array([0.0, 2.0, 30.0])
    for k in (0, 1):
        one = [float(value[k, 0]) for value in draws]
        found = eg.expected_time(start, np.inf, draws, 0.01)
        np.testing.assert_allclose(found[k], eg.expected_time(start, np.inf, one, 0.01), rtol=1e-5)
        np.testing.assert_array_equal(eg.log_likelihood(ROWS, draws)[k], eg.log_likelihood(ROWS, one))


def test_endless_time():
    assert eg.expected_time(np.array([4.0]), np.inf, (1.5, 20.0))[0] == pytest.approx(48.0)
    assert np.isinf(eg.expected_time(np.array([4.0]), np.inf, (1.0, 20.0))[0])


def test_lifetimes_follow_survival():
    found = eg.lifetimes(200_000, (0.9, 6.0), np.random.default_rng(0))
    assert (found > 4).mean() == pytest.approx(0.6**0.9, abs=0.005)
