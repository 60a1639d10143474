import numpy as np

from crmml.stages.models._transition_logit import TransitionLogit

ALLOWED = np.array([[True, True, False], [True, False, True], [False, False, True]])


def test_vectors_and_matrices():
    logit = TransitionLogit(ALLOWED, 0)
    P = np.array([[0.7, 0.3, 0], [0.4, 0, 0.6], [0, 0, 1]])
    c = logit.from_matrix(P)
    np.testing.assert_allclose(logit.probabilities(c), P)
    assert logit.size == 2
    np.testing.assert_allclose(logit.from_vector(logit.to_vector(c)), c)
    draws = logit.probabilities(logit.from_vector(np.zeros((5, 2))))
    np.testing.assert_allclose(draws[:, 0], [[0.5, 0.5, 0]] * 5)


def test_the_step_finds_the_optimum_and_the_score_is_the_gradient():
    rng = np.random.default_rng(0)
    logit = TransitionLogit(np.ones((3, 3), dtype=bool), 2)
    z, xi = rng.normal(size=(50, 2)), rng.random((50, 3, 3))
    c = np.zeros((3, 3, 3))

    def total(coef):
        return float((xi * np.log(logit.probabilities(coef, z))).sum())

    value = total(c)
    for _ in range(6):
        c = logit.m_step(xi, z, c)
        assert total(c) >= value - 1e-12
        value = total(c)
    np.testing.assert_allclose(logit.score(xi, z, c), 0, atol=1e-6)
    vector = logit.to_vector(c) + 0.2
    slope = [
        (total(logit.from_vector(vector + e)) - total(logit.from_vector(vector - e))) / 2e-6
        for e in 1e-6 * np.eye(len(vector))
    ]
    np.testing.assert_allclose(logit.score(xi, z, logit.from_vector(vector)), slope, rtol=1e-5, atol=1e-6)


def test_order_of_stages():
    rng = np.random.default_rng(0)
    logit = TransitionLogit(np.ones((3, 3), dtype=bool), 1)
    c = logit.from_vector(rng.normal(size=logit.size))
    order, z = np.array([2, 0, 1]), rng.normal(size=(4, 1))
    moved = logit.probabilities(logit.permuted(c, order), z)
    np.testing.assert_allclose(moved, logit.probabilities(c, z)[:, order][:, :, order])
