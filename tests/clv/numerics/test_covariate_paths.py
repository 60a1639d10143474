from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammaln

from crmml.clv.numerics.covariate_paths import CovariatePathModel, PathRows, Stretch

MODEL = CovariatePathModel()
THETA = [1.4, 8.0, 0.8, 12.0, 0.5, -0.7, 0.4]  # two covariates of purchases, one of dropout


def stretch_of(edges, z, lower, upper):
    """The pieces of each customer between lower and upper."""
    parts = []
    for i in range(len(edges)):
        begin, stop = np.maximum(edges[i][:-1], lower[i]), np.minimum(edges[i][1:], upper[i])
        keep = stop > begin
        owner = np.full(int(keep.sum()), i)
        parts.append((owner, begin[keep] - lower[i], (stop - begin)[keep], z[i][:, keep]))
    owner, start, length, values = (np.concatenate([p[k] for p in parts], axis=-1) for k in range(4))
    return Stretch(owner, start, length, values[:2], values[2:], len(edges))


def made(seed, n=6, spread=1.0):
    rng = np.random.default_rng(seed)
    T = rng.uniform(1, 40, n)
    x = rng.integers(0, 6, n).astype(float)
    t_x = np.where(x > 0, rng.uniform(0, 1, n) * T, 0.0)
    edges = [np.append(np.arange(0, 60, 4.0) - rng.uniform(0, 4) * (np.arange(15) > 0), 70.0) for _ in range(n)]
    z = [rng.normal(0, spread, (3, e.size - 1)) for e in edges]
    bought = rng.normal(0, 1, (2, n)) * (x > 0)
    never = np.full(n, np.inf)
    zero = np.zeros(n)
    stretches = (stretch_of(edges, z, *ends) for ends in ((zero, t_x), (t_x, T), (T, never)))
    return PathRows(x, t_x, T, bought, *stretches), edges, z


def rates(edges, z, theta):
    """a(t), b(t), A(t), B(t) of one customer, and the edges."""
    a, b = np.exp(np.asarray(theta[4:6]) @ z[:2]), np.exp(theta[6] * z[2])
    at_A, at_B = (np.append(0, np.cumsum(value * np.diff(edges))) for value in (a, b))

    def place(t):
        return min(np.searchsorted(edges, t, side="right") - 1, a.size - 1)

    return (
        lambda t: a[place(t)],
        lambda t: b[place(t)],
        lambda t: float(np.interp(t, edges, at_A)),
        lambda t: float(np.interp(t, edges, at_B)),
    )


def integral(function, low, high, edges):
    cuts = [low, *[e for e in edges if low < e < high], high]
    return sum(quad(function, *ends, epsabs=0, epsrel=1e-11)[0] for ends in pairwise(cuts))


def by_hand(rows, edges, z, i, theta, horizon, counts):
    """Log-likelihood, P(alive) now and ahead, expectation, discounted by 0.02, and P(count), by adaptive integration."""
    r, alpha, s, beta = theta[:4]
    a, b, A, B = rates(edges[i], z[i], theta)
    x, t_x, T = rows.x[i], rows.t_x[i], rows.T[i]
    p, H = r + x, rows.T[i] + horizon

    def left(t):
        return s * beta**s * b(t) * (beta + B(t)) ** -(s + 1)

    stay = (alpha + A(T)) ** -p * (beta / (beta + B(T))) ** s
    gone = integral(lambda t: left(t) * (alpha + A(t)) ** -p, t_x, T, edges[i])
    loglik = (
        gammaln(p) - gammaln(r) + r * np.log(alpha) + np.asarray(theta[4:6]) @ rows.bought[:, i] + np.log(stay + gone)
    )
    alive = stay / (stay + gone)
    rate, then = alpha + A(T), beta + B(T)

    def expected(delta):
        def inside(t):
            return a(t) * (then / (beta + B(t))) ** s * np.exp(-delta * (t - T))

        return alive * p / rate * integral(inside, T, H, edges[i])

    def count(j):
        def proba(t):
            grown = A(t) - A(T)
            log_ratio = j * np.log(grown) if j else 0.0
            return np.exp(
                gammaln(p + j)
                - gammaln(p)
                - gammaln(j + 1)
                + p * np.log(rate)
                - (p + j) * np.log(rate + grown)
                + log_ratio
            )

        def inside(t):
            return s * then**s * b(t) * (beta + B(t)) ** -(s + 1) * proba(t)

        return alive * (integral(inside, T, H, edges[i]) + (then / (beta + B(H))) ** s * proba(H)) + (1 - alive) * (
            j == 0
        )

    later = alive * (then / (beta + B(H))) ** s
    return loglik, alive, later, expected(0.0), expected(0.02), [count(j) for j in counts]


@pytest.mark.parametrize("seed", [0, 1])
def test_equals_adaptive_integration(seed):
    rows, edges, z = made(seed, n=4)
    horizon, counts = 17.0, (0, 1, 2, 7)
    expected = [by_hand(rows, edges, z, i, THETA, horizon, counts) for i in range(4)]
    loglik, alive, later, mean, discounted, proba = zip(*expected, strict=True)
    np.testing.assert_allclose(MODEL.log_likelihood(rows, THETA), loglik, rtol=1e-10)
    np.testing.assert_allclose(np.exp(MODEL.log_probability_alive(rows, THETA)), alive, rtol=1e-9)
    np.testing.assert_allclose(np.exp(MODEL.log_probability_alive(rows, THETA, horizon)), later, rtol=1e-9)
    np.testing.assert_allclose(MODEL.conditional_expectation(rows, horizon, THETA), mean, rtol=1e-9)
    found = MODEL.discounted_residual_transactions(rows, 0.02, THETA, horizon)
    np.testing.assert_allclose(found, discounted, rtol=1e-9)
    found = np.exp(MODEL.conditional_count_log_proba(rows, horizon, THETA, 7))
    np.testing.assert_allclose(found[:, counts], proba, rtol=1e-8)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 2))
def test_gradient_is_that_of_the_likelihood(seed, spread):
    rows, _, _ = made(seed, spread=spread)
    rng = np.random.default_rng(seed)
    vector = np.concatenate([np.log(THETA[:4]) + rng.normal(0, 0.7, 4), rng.normal(0, 0.5, 3)])

    def value(v):
        return MODEL.log_likelihood(rows, [*np.exp(v[:4]), *v[4:]])

    found, gradient = MODEL.log_likelihood_gradient(rows, [*np.exp(vector[:4]), *vector[4:]])
    np.testing.assert_allclose(found, value(vector), rtol=1e-12)
    h = 1e-5
    numeric = np.array([(value(vector + e) - value(vector - e)) / (2 * h) for e in h * np.eye(7)])
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-6)


def test_expected_number_is_the_mean_of_the_counts():
    rows, _, _ = made(5)
    proba = np.exp(MODEL.conditional_count_log_proba(rows, 9.0, THETA, 400))
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(proba @ np.arange(401), MODEL.conditional_expectation(rows, 9.0, THETA), rtol=1e-5)


def test_draws_stand_on_a_first_axis():
    rows, _, _ = made(2)
    draws = np.array([THETA, [1.1 * value for value in THETA]])
    theta = [draws[:, j : j + 1] for j in range(7)]
    for function in (
        MODEL.log_likelihood,
        MODEL.log_probability_alive,
        lambda rows, theta: MODEL.conditional_expectation(rows, 5.0, theta),
        lambda rows, theta: MODEL.conditional_count_log_proba(rows, 5.0, theta, 3),
    ):
        np.testing.assert_array_equal(function(rows, theta)[1], function(rows, list(draws[1])))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 40), st.lists(st.floats(-6, 6), min_size=4, max_size=4), st.floats(0, 30))
def test_nothing_is_nan(seed, spread, logs, horizon):
    rows, _, _ = made(seed, spread=spread)
    theta = [*np.exp(logs), 3.0, -2.0, 5.0]
    value, gradient = MODEL.log_likelihood_gradient(rows, theta)
    alive = MODEL.log_probability_alive(rows, theta, horizon)
    mean = MODEL.conditional_expectation(rows, horizon, theta)
    counts = MODEL.conditional_count_log_proba(rows, horizon, theta, 4)
    for found in (value, gradient, alive, mean, counts):
        assert not np.isnan(found).any()
    assert np.isfinite(value).all()
    assert (mean >= 0).all()
    assert (alive <= 1e-12).all()
    assert (np.exp(counts).sum(axis=1) <= 1 + 1e-8).all()
