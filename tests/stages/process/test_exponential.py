import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad_vec
from scipy.linalg import expm

from crmml.stages.process.exponential import exp_adjoint, exp_generator, exp_integral


def random_generator(seed, n=4, defective=False):
    rng = np.random.default_rng(seed)
    Q = np.triu(np.ones((n, n)), 1) if defective else rng.gamma(0.5, size=(n, n)) * (rng.random((n, n)) < 0.7)
    np.fill_diagonal(Q, 0)
    if defective:
        Q = np.diag(np.ones(n - 1), 1)  # one eigenvalue, one direction
    return Q - np.diag(Q.sum(axis=1))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.booleans(), st.floats(0.01, 15))
def test_exponential_and_its_derivative(seed, defective, t):
    Q = random_generator(seed, defective=defective)
    np.testing.assert_allclose(exp_generator(Q, t), expm(Q * t), atol=1e-12)
    A = np.random.default_rng(seed).random((4, 4))
    G = exp_adjoint(Q, t, A)
    for i, j in ((0, 1), (1, 0), (2, 2), (3, 1)):
        E = np.zeros((4, 4))
        E[i, j] = 1e-6
        slope = ((A * expm((Q + E) * t)).sum() - (A * expm((Q - E) * t)).sum()) / 2e-6
        assert G[i, j] == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_batches():
    Q = np.stack([random_generator(k) for k in range(5)])
    t = np.linspace(0, 4, 5)
    np.testing.assert_allclose(exp_generator(Q, t), [expm(q * u) for q, u in zip(Q, t, strict=True)], atol=1e-12)


def test_small_entries_keep_their_digits():
    Q = random_generator(0, defective=True)
    P = exp_generator(Q, 1e-4)
    assert P[0, 3] == pytest.approx(1e-12 / 6 * np.exp(-1e-4), rel=1e-4)


def test_integral():
    Q, reward = random_generator(3), np.array([1.0, -2.0, 0.5, 3.0])
    expected = quad_vec(lambda u: np.exp(-0.2 * u) * (expm(Q * u) @ reward), 0, 5)[0]
    np.testing.assert_allclose(exp_integral(Q, 5.0, 0.2, reward), expected, rtol=1e-8)
