import numpy as np
import pytest

from crmml.clv.numerics import opportunities as op


def survival(k, gamma, delta):
    return np.cumprod([(delta + i) / (gamma + delta + i) for i in range(k)])


@pytest.mark.parametrize(("gamma", "delta"), [(0.3, 2.8), (1.0, 2.8), (1 + 1e-9, 0.2), (40.0, 2.0), (1e4, 3e4)])
def test_sums_of_survival(gamma, delta):
    each = survival(3000, gamma, delta)
    np.testing.assert_allclose(
        np.exp(op.log_survival(np.arange(1.0, 3001), gamma, delta)), each, rtol=1e-10, atol=1e-300
    )
    for h in (0, 1, 256, 257, 3000):
        found = op.expected_active(np.asarray(float(h)), gamma, delta)
        assert float(found) == pytest.approx(each[:h].sum(), rel=1e-10)
        discount = 0.97 ** np.arange(1.0, h + 1)
        assert float(op.discounted_active(h, 0.97, gamma, delta)) == pytest.approx(each[:h] @ discount, rel=1e-10)
    forever = op.discounted_active(np.inf, 0.97, gamma, delta)
    assert float(forever) == pytest.approx(each @ 0.97 ** np.arange(1.0, 3001), rel=1e-10)
    assert float(op.discounted_active(300, 1.0, gamma, delta)) == pytest.approx(each[:300].sum(), rel=1e-10)


def test_counts_are_a_distribution():
    proba = np.exp(op.count_log_proba(np.asarray(9.0), 1.2, 0.75, 0.66, 2.8, 9))
    assert proba.sum() == pytest.approx(1, rel=1e-12)
    assert proba @ np.arange(10) == pytest.approx(1.2 / 1.95 * survival(9, 0.66, 2.8).sum(), rel=1e-12)


def test_the_first_purchase_to_come():
    """Against the sum, term by term."""
    alpha, beta, gamma, delta = 2.2, 5.0, 3.1, 4.0
    j = np.arange(1, 5000)
    f = (
        alpha
        / (alpha + beta)
        * delta
        / (gamma + delta)
        * np.cumprod(np.r_[1, (beta + j - 1) / (alpha + beta + j) * (delta + j) / (gamma + delta + j)])
    )
    cumulated = np.cumsum(f) / f.sum()
    for q in (0.0, 0.3, 0.5, 0.9, 0.99):
        assert op.first_purchase_quantile(q, alpha, beta, gamma, delta) == 1 + np.searchsorted(cumulated, q)


def test_the_tail_of_the_first_purchase_is_exact():
    """Against the recurrence that adds up 200,000 terms, and for a tail so heavy that no sum reaches its end."""
    theta = [np.array([value]) for value in (2.2, 30.0, 1.1, 9.0)]
    j, term, total = 1.0, 2.2 / 32.2 * 9 / 10.1, 0.0
    for _ in range(200_000):
        total += term
        term *= (30 + j - 1) / (32.2 + j) * (9 + j) / (10.1 + j)
        j += 1
    assert op._first_purchase_after(np.zeros(1), *theta)[0] == pytest.approx(total, rel=1e-10)
    heavy = [np.array([value]) for value in (0.05, 3.0, 0.05, 2.0)]
    step = op._first_purchase_after(np.zeros(1), *heavy)[0] - op._first_purchase_after(np.ones(1), *heavy)[0]
    assert step == pytest.approx(0.05 / 3.05 * 2 / 2.05, rel=1e-8)
