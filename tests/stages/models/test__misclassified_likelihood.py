from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from crmml.stages.models._misclassified_likelihood import MisclassifiedLikelihood

ARCS = np.array([[0, 1], [0, 2], [1, 0], [1, 2]])
ERRORS = np.array([[0, 1], [1, 0]])
RUPTURE = np.array([False, False, True])


def observations(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, 6)
    who = np.repeat(np.arange(6), sizes)
    time = np.concatenate([np.cumsum(rng.gamma(2.0, size=size).round(1) + 0.1) for size in sizes])
    told = rng.integers(-1, 2, len(who))
    ends = np.cumsum(sizes) - 1
    told[ends[(rng.random(6) < 0.5) & (sizes > 1)]] = 2
    return who, time, told, rng.integers(0, 2, (len(who), 1)).astype(float)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 500), st.booleans())
def test_value_and_gradient(seed, exact):
    who, time, told, z = observations(seed)
    start = np.array([0.6, 0.4, 0.0])
    likelihood = MisclassifiedLikelihood(
        who, time, told, z, exact=exact, arcs=ARCS, errors=ERRORS, start=start, rupture=RUPTURE
    )
    vector = np.r_[np.random.default_rng(seed).normal(size=8) * 0.4 - 1, -2.0, -1.0]
    value, gradient = likelihood(vector)
    E = likelihood.classification(vector)
    assert E[0, 1] == pytest.approx(np.exp(-2) / (1 + np.exp(-2)))
    expected = 0.0
    for customer in range(6):
        rows = np.flatnonzero(who == customer)
        share = start * (E[:, told[rows[0]]] if told[rows[0]] >= 0 else ~RUPTURE)
        for a, b in pairwise(rows):
            Q = np.zeros((3, 3))
            Q[tuple(ARCS.T)] = np.exp(vector[:4] + z[a, 0] * vector[4:8])
            Q -= np.diag(Q.sum(axis=1))
            share = share @ expm(Q * (time[b] - time[a]))
            seen = E[:, told[b]] if told[b] >= 0 else ~RUPTURE
            share = share * (Q[:, 2] * ~RUPTURE if told[b] == 2 and exact else seen)
        expected += np.log(share.sum())
    assert value == pytest.approx(expected, rel=1e-9)
    for k in range(len(vector)):
        e = np.eye(len(vector))[k] * 1e-6
        slope = (likelihood(vector + e)[0] - likelihood(vector - e)[0]) / 2e-6
        assert gradient[k] == pytest.approx(slope, rel=1e-4, abs=1e-5)
    last = likelihood.last_filtered(vector)
    np.testing.assert_allclose(last.sum(axis=1), 1)


def likelihood_of(rows, exact=True, arcs=ARCS, start=(0.6, 0.4, 0.0)):
    who, time, told = (np.array(part) for part in zip(*rows, strict=True))
    return MisclassifiedLikelihood(
        who,
        time.astype(float),
        told,
        np.zeros((len(who), 0)),
        exact=exact,
        arcs=arcs,
        errors=ERRORS,
        start=np.array(start),
        rupture=RUPTURE,
    )


VECTOR = np.r_[-1.0, -1.5, -0.5, -2.0, -2.0, -1.0]
KNOWN = [(0, 0, 0), (0, 1, 1), (0, 2, 2)]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("more", [[(1, 0, 2)], [(1, 0, 2), (1, 1, 2)], [(1, 0, 2), (1, 3, -1)]])
def test_who_is_first_seen_in_rupture_is_there_and_says_nothing(more, exact):
    alone, both = likelihood_of(KNOWN, exact), likelihood_of([*KNOWN, *more], exact)
    np.testing.assert_array_equal(both.last_filtered(VECTOR)[1], [0, 0, 1])
    assert both(VECTOR)[0] == pytest.approx(alone(VECTOR)[0])
    np.testing.assert_allclose(both(VECTOR)[1], alone(VECTOR)[1], rtol=1e-10)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("more", [[(0, 3, 2)], [(0, 3, 2), (0, 5, 2)], [(0, 4, -1)]])
def test_rows_that_repeat_a_rupture_without_return_say_nothing(more, exact):
    alone, longer = likelihood_of(KNOWN, exact), likelihood_of([*KNOWN, *more], exact)
    assert longer(VECTOR)[0] == pytest.approx(alone(VECTOR)[0])
    np.testing.assert_allclose(longer(VECTOR)[1], alone(VECTOR)[1], rtol=1e-10)
    np.testing.assert_array_equal(longer.last_filtered(VECTOR), [[0, 0, 1]])


@pytest.mark.parametrize("exact", [True, False])
def test_who_comes_back_moves_on_from_the_rupture(exact):
    arcs = np.vstack([ARCS, [[2, 0]]])
    vector = np.r_[VECTOR[:4], -0.7, VECTOR[4:]]
    likelihood = likelihood_of([*KNOWN, (0, 3, 0)], exact, arcs)
    value, gradient = likelihood(vector)
    E = likelihood.classification(vector)
    Q = np.zeros((3, 3))
    Q[tuple(arcs.T)] = np.exp(vector[:5])
    Q -= np.diag(Q.sum(axis=1))
    share = (np.array([0.6, 0.4, 0]) * E[:, 0]) @ expm(Q) * E[:, 1] @ expm(Q)
    broken = share @ (Q[:, 2] * ~RUPTURE) if exact else share[2]
    assert value == pytest.approx(np.log(broken) + np.log((expm(Q)[2] * E[:, 0]).sum()))
    for k in range(len(vector)):
        e = np.eye(len(vector))[k] * 1e-6
        assert gradient[k] == pytest.approx(
            (likelihood(vector + e)[0] - likelihood(vector - e)[0]) / 2e-6, rel=1e-4, abs=1e-6
        )
