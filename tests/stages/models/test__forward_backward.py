import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from crmml.stages.models._emissions import EMISSIONS, PoissonEmission
from crmml.stages.models._forward_backward import backward, forward, viterbi
from crmml.stages.models._hidden_data import HiddenData, HiddenParameters, em
from crmml.stages.models._transition_logit import TransitionLogit

from ... import ORACLES

STORED = json.loads((ORACLES / "hmmlearn_steps.json").read_text())
GIVEN = {
    "poisson": {"rate": np.array([0.5, 2.0, 5.0]), "beta": np.zeros(0)},
    "gaussian": {"mean": np.array([-2.0, 0.0, 2.0]), "sd": np.array([1.0, 1.5, 0.8]), "beta": np.zeros(0)},
    "categorical": {"proba": np.array([[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]])},
}


def setting(kind):
    emission, logit = EMISSIONS[kind](), TransitionLogit(np.ones((3, 3), dtype=bool), 0)
    X = np.array(STORED[kind]["X"], dtype=float)
    if kind == "gaussian":
        emission.initial(X.ravel(), np.ones(X.size), 3, None, None)
    p = HiddenParameters(np.array(STORED["start"]), logit.from_matrix(np.array(STORED["transmat"])), GIVEN[kind])
    return emission, logit, HiddenData(X), p


@pytest.mark.parametrize("kind", list(GIVEN))
def test_hmmlearn(kind):
    """Stored values of hmmlearn 0.3.3: likelihood, smoothed stages, paths, and one EM step."""
    emission, logit, data, p = setting(kind)
    stored = STORED[kind]
    assert data.log_likelihood(p, emission, logit) == pytest.approx(stored["score"], rel=1e-10)
    np.testing.assert_allclose(data.stages(p, emission, logit, smooth=True), stored["smoothed"], atol=1e-10)
    np.testing.assert_array_equal(data.paths(p, emission, logit, viterbi), stored["viterbi"])
    after = em(data, emission, logit, p, 1, 1e-300).parameters
    np.testing.assert_allclose(after.start, stored["start_after"], atol=1e-10)
    np.testing.assert_allclose(logit.probabilities(after.transition), stored["transmat_after"], atol=1e-10)
    name = {"poisson": "rate", "gaussian": "mean", "categorical": "proba"}[kind]
    np.testing.assert_allclose(after.emission[name], stored["after"], atol=1e-8)
    if kind == "gaussian":
        np.testing.assert_allclose(after.emission["sd"], stored["sd_after"], atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_passes_equal_the_sum_over_all_paths(seed, own):
    rng = np.random.default_rng(seed)
    T, n, S = 4, 3, 3
    start = rng.dirichlet(np.ones(S))
    A = rng.dirichlet(np.ones(S), (T - 1, n, S) if own else (S,))
    b = rng.random((T, n, S))
    b[1, 0] = 1.0  # a period that was not observed
    alpha, c, shift = forward(start, A, b)
    assert shift == 0
    gamma, xi = backward(A, b, alpha, c, np.full(n, T - 1))
    total, post, moves = np.zeros(n), np.zeros((T, n, S)), np.zeros((T - 1, n, S, S))
    best = np.zeros(n), np.zeros((T, n), dtype=int)
    for path in product(range(S), repeat=T):
        for k in range(n):
            weight = start[path[0]] * b[0, k, path[0]]
            for t in range(1, T):
                step = A[t - 1, k] if own else A
                weight *= step[path[t - 1], path[t]] * b[t, k, path[t]]
            total[k] += weight
            for t in range(T):
                post[t, k, path[t]] += weight
            for t in range(T - 1):
                moves[t, k, path[t], path[t + 1]] += weight
            if weight > best[0][k]:
                best[0][k], best[1][:, k] = weight, path
    np.testing.assert_allclose(np.log(c).sum(axis=0), np.log(total), rtol=1e-10)
    np.testing.assert_allclose(gamma, post / total[:, None], rtol=1e-10)
    moves /= total[:, None, None]
    np.testing.assert_allclose(xi, moves if own else moves.sum(axis=(0, 1)), rtol=1e-10)
    np.testing.assert_array_equal(viterbi(start, A, np.log(b), np.full(n, T - 1)), best[1])


@pytest.mark.parametrize("kind", list(GIVEN))
def test_em_never_falls_and_the_score_is_the_gradient(kind):
    emission, logit, data, p = setting(kind)
    result = em(data, emission, logit, p, 60, 1e-14)
    assert (np.diff(result.history) >= -1e-9).all()
    vector, step = p.to_vector(logit, emission), 1e-6
    slope = []
    for k in range(len(vector)):
        e = np.zeros(len(vector))
        e[k] = step
        up, down = (
            data.log_likelihood(HiddenParameters.from_vector(vector + sign * e, p, logit, emission), emission, logit)
            for sign in (1, -1)
        )
        slope.append((up - down) / (2 * step))
    np.testing.assert_allclose(data.score(p, emission, logit)[1], slope, rtol=1e-5, atol=1e-6)


def test_what_underflows_is_worked_out_from_logs():
    """An absorbing stage of few events and a count far beyond what it can show."""
    emission, logit = PoissonEmission(), TransitionLogit(np.array([[True, True], [False, True]]), 0)
    P = np.array([[0.9, 0.1], [0.0, 1.0]])
    p = HiddenParameters(
        np.array([0.0, 1.0]), logit.from_matrix(P), {"rate": np.array([1500.0, 1.2]), "beta": np.zeros(0)}
    )
    X = np.array([[1.0, 1.0, 1.0, 2000.0, 1.0]])
    data = HiddenData(X)
    expected = poisson.logpmf(X[0], 1.2).sum()  # from the second stage there is no way back
    assert data.log_likelihood(p, emission, logit) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(data.stages(p, emission, logit, smooth=True)[0], [[0, 1]] * 5, atol=1e-12)
