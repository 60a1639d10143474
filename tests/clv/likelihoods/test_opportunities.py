import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln

from crmml.clv._likelihoods import opportunities as op

positive = st.floats(-3, 4).map(np.exp)


@given(positive, positive, st.integers(0, 500))
def test_expected_active_is_the_sum(gamma, delta, h):
    k = np.arange(1, h + 1)
    exact = np.exp(betaln(gamma, delta + k) - betaln(gamma, delta)).sum()
    assert float(op.expected_active(np.array([float(h)]), gamma, delta)[0]) == pytest.approx(exact, rel=1e-9)
    np.testing.assert_allclose(
        op.log_survival(k, gamma, delta), betaln(gamma, delta + k) - betaln(gamma, delta), atol=1e-10
    )


@settings(deadline=None, max_examples=40)
@given(positive, positive, st.floats(0.05, 0.99))
def test_discounted_active(gamma, delta, z):
    k = np.arange(1, 30)
    exact = (z**k * np.exp(betaln(gamma, delta + k) - betaln(gamma, delta))).sum()
    assert float(op.discounted_active(29.0, z, gamma, delta)) == pytest.approx(exact, rel=1e-9)
    with mpmath.workdps(30):
        endless = float(z * delta / (gamma + delta) * mpmath.hyp2f1(1, delta + 1, gamma + delta + 1, z))
    assert float(op.discounted_active(np.inf, z, gamma, delta)) == pytest.approx(endless, rel=1e-10)


@pytest.mark.parametrize("params", [(1.2, 0.75, 0.66, 2.78), (0.3, 5.0, 2.0, 20.0)])
def test_counts_against_simulation_of_the_process(params):
    alpha, beta, gamma, delta = params
    rng, n, h = np.random.default_rng(0), 200_000, 6
    p, theta = rng.beta(alpha, beta, n), rng.beta(gamma, delta, n)
    alive, bought = np.ones(n, bool), np.zeros(n, int)
    first = np.zeros(n, int)
    for k in range(1, h + 1):
        alive &= rng.random(n) >= theta
        buys = alive & (rng.random(n) < p)
        first = np.where(buys & (first == 0), k, first)
        bought += buys
    proba = np.exp(op.count_log_proba(np.array([float(h)]), alpha, beta, gamma, delta, h)).ravel()
    assert proba.sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(np.bincount(bought, minlength=h + 1) / n, proba, atol=4 * np.sqrt(0.25 / n))
    median = float(np.asarray(op.first_purchase_quantile(0.5, alpha, beta, gamma, delta)).ravel()[0])
    assert 1 <= median <= h
    assert median == round(median)
