import numpy as np
import pytest
from hypothesis import given
from scipy.special import hyp2f1

from crmml.clv.numerics import beta_discrete_weibull as bdw
from crmml.clv.numerics import shifted_beta_geometric as sbg

from .contract_rows import ROWS, gradient_gap, positive


@given(alpha=positive, beta=positive)
def test_gradient_is_right_and_nothing_is_missing(alpha, beta):
    value, gradient = sbg.log_likelihood_gradient(ROWS, (alpha, beta))
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(value, sbg.log_likelihood(ROWS, (alpha, beta)))
    assert gradient_gap(sbg, ROWS, (alpha, beta)) < 1e-5


@given(alpha=positive, beta=positive)
def test_is_the_discrete_weibull_with_c_1(alpha, beta):
    np.testing.assert_allclose(
        sbg.log_likelihood(ROWS, (alpha, beta)), bdw.log_likelihood(ROWS, (alpha, beta, 1.0)), rtol=1e-8, atol=1e-9
    )


@given(alpha=positive, beta=positive)
def test_retention_is_the_published_ratio(alpha, beta):
    t = np.arange(1.0, 30.0)
    retention = np.exp(sbg.log_survival(t - 1, 1.0, (alpha, beta)))
    np.testing.assert_allclose(retention, (beta + t - 1) / (alpha + beta + t - 1), rtol=1e-11)


def test_discounted_lifetime_is_hypergeometric():
    n, alpha, beta, z = np.arange(6.0), 0.7, 3.8, 1 / 1.1
    exact = z * (beta + n) / (alpha + beta + n) * hyp2f1(1, beta + n + 1, alpha + beta + n + 1, z)
    np.testing.assert_allclose(sbg.expected_time(n, np.inf, (alpha, beta), np.log(1.1)), exact, rtol=1e-11)
    np.testing.assert_allclose(bdw.expected_time(n, np.inf, (alpha, beta, 1.0), np.log(1.1)), exact, rtol=1e-9)


def test_undiscounted_lifetimes():
    n = np.array([0.0, 4.0])
    np.testing.assert_allclose(sbg.expected_time(n, np.inf, (1.5, 3.0)), [6.0, 14.0])
    assert np.isinf(sbg.expected_time(n, np.inf, (1.0, 3.0))).all()
    for horizon in (1, 12, 1000):
        terms = np.exp(sbg.log_survival(n[:, None], np.arange(1, horizon + 1), (0.7, 3.0))).sum(axis=1)
        np.testing.assert_allclose(sbg.expected_time(n, horizon, (0.7, 3.0)), terms, rtol=1e-10)


def test_customers_alike_have_the_elasticity_of_one_rate():
    r, z = 0.8, 1 / 1.1
    alike = sbg.retention_elasticity(np.zeros(1), (2e7, 8e7), np.log(1.1))[0]
    assert alike == pytest.approx(1 / (1 - r * z), rel=1e-5)
    assert (
        sbg.retention_elasticity(np.zeros(1), (0.2, 0.8), np.log(1.1))[0] > 1.2 * alike
    )  # of the same first retention rate


def test_lifetimes_follow_survival():
    found = sbg.lifetimes(200_000, (0.7, 1.2), np.random.default_rng(0))
    assert (found >= 3).mean() == pytest.approx(float(np.exp(sbg.log_survival(0, 3, (0.7, 1.2)))), abs=0.004)
