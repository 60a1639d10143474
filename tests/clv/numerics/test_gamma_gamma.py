import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import gamma as gamma_law

from crmml.clv.numerics import gamma_gamma as gg

theta_strategy = st.tuples(*[st.floats(-2, 3).map(np.exp)] * 3)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 30), st.floats(0.5, 60), theta_strategy)
def test_likelihood_is_the_integral_over_the_rate(x, m, theta):
    p, q, gamma = theta

    def integrand(u):
        nu = np.exp(u)
        return gamma_law(p * x, scale=1 / (nu * x)).pdf(m) * gamma_law(q, scale=1 / gamma).pdf(nu) * nu

    centre = np.log((p * x + q) / (gamma + m * x))
    width = 12 / np.sqrt(p * x + q)
    exact = np.log(
        quad(integrand, centre - 3 * width - 5, centre + 2 * width + 3, points=(centre,), limit=400, epsabs=0)[0]
    )
    rows = gg.SpendRows(np.array([float(x)]), np.array([m]))
    assert gg.log_likelihood(rows, theta)[0] == pytest.approx(exact, rel=1e-7, abs=1e-7)


@given(st.integers(1, 50), st.floats(0.1, 1000), theta_strategy)
def test_gradient_equals_finite_differences(x, m, theta):
    rows = gg.SpendRows(np.array([float(x), 2.0]), np.array([m, 3.0]))
    value, gradient = gg.log_likelihood_gradient(rows, theta)
    np.testing.assert_allclose(value, gg.log_likelihood(rows, theta), rtol=1e-12, atol=1e-10)
    u, h = np.log(theta), 1e-5
    for j in range(3):
        e = h * np.eye(3)[j]
        slope = (gg.log_likelihood(rows, np.exp(u + e)) - gg.log_likelihood(rows, np.exp(u - e))) / (2 * h)
        np.testing.assert_allclose(gradient[j], slope, rtol=1e-5, atol=1e-5)


def test_mean_spend_lies_between_own_average_and_population():
    theta = (6.25, 3.74, 15.4)
    population = gg.posterior_mean_spend(np.zeros(1), np.zeros(1), theta)[0]
    assert population == pytest.approx(6.25 * 15.4 / 2.74)
    x = np.array([1.0, 5.0, 500.0])
    found = gg.posterior_mean_spend(x, np.full(3, 80.0), theta)
    assert ((found > population) & (found < 80)).all()
    assert (np.diff(found) > 0).all()
    assert np.isinf(gg.posterior_mean_spend(np.zeros(1), np.zeros(1), (1.0, 0.5, 2.0)))[0]


@given(theta_strategy, st.integers(0, 10**6))
def test_the_total_is_the_sum_over_rows(theta, seed):
    rng = np.random.default_rng(seed)
    rows, weight = gg.SpendRows(rng.integers(1, 9, 30).astype(float), rng.gamma(2, 20, 30) + 0.01), rng.random(30) + 0.1
    value, gradient = gg.weighted_total(rows, weight)(theta)
    each, slopes = gg.log_likelihood_gradient(rows, theta)
    assert value == pytest.approx(float(weight @ each), rel=1e-11, abs=1e-9)
    np.testing.assert_allclose(gradient, slopes @ weight, rtol=1e-8, atol=1e-8 * (1 + np.abs(slopes).max()))
