import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from crmml.stages.models._panel_likelihood import Intervals, PanelLikelihood

ARCS = np.array([[0, 1], [0, 2], [1, 0], [1, 2]])
RUPTURE = np.array([False, False, True])


def intervals(seed, n=40, k=1):
    rng = np.random.default_rng(seed)
    origin, to = rng.integers(0, 2, n), rng.integers(-1, 3, n)
    return Intervals(
        origin,
        to,
        rng.gamma(2.0, size=n).round(1) + 0.1,
        (to == 2) & (rng.random(n) < 0.7),
        rng.integers(0, 2, (n, k)).astype(float),
        np.ones(n),
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1))
def test_value_and_gradient(seed, k):
    data = intervals(seed, k=k)
    likelihood = PanelLikelihood(data, ARCS, RUPTURE)
    vector = np.random.default_rng(seed).normal(size=4 * (1 + k)) * 0.5 - 1
    value, gradient = likelihood(vector)
    expected = 0.0
    for a, b, t, exact, z in zip(data.origin, data.to, data.length, data.exact, data.z, strict=True):
        Q = np.zeros((3, 3))
        Q[tuple(ARCS.T)] = np.exp(vector[:4] + (z[0] * vector[4:] if k else 0))
        Q -= np.diag(Q.sum(axis=1))
        P = expm(Q * t)
        expected += np.log(P[a, :2].sum() if b < 0 else P[a, :2] @ Q[:2, 2] if exact else P[a, b])
    assert value == pytest.approx(expected, rel=1e-10)
    for j in range(len(vector)):
        e = np.eye(len(vector))[j] * 1e-6
        slope = (likelihood(vector + e)[0] - likelihood(vector - e)[0]) / 2e-6
        assert gradient[j] == pytest.approx(slope, rel=1e-5, abs=1e-5)


def test_what_no_moves_lead_to():
    data = Intervals(
        np.array([1, 0]), np.array([0, 1]), np.ones(2), np.zeros(2, dtype=bool), np.zeros((2, 0)), np.ones(2)
    )
    wrong = PanelLikelihood(data, np.array([[0, 1]]), RUPTURE).impossible(np.zeros(1))
    assert wrong[1, 0] == 1
    assert wrong.sum() == 1
