import numpy as np
import pytest

from crmml.stages.decisions._occupation import Problem


def test_occupation_flows_and_is_counted():
    P = np.array([[[0.7, 0.3], [0.4, 0.6]]])
    problem = Problem(
        P,
        np.array([[10.0], [1.0]]),
        np.zeros((2, 1)),
        np.ones((2, 1), dtype=bool),
        np.array([1.0, 0.0]),
        np.array([False, True]),
        0.9,
        3,
    )
    x, value = problem.best(-problem.vectors()["value"], [])
    np.testing.assert_allclose(x.sum(axis=(0, 2, 3)), 1)
    np.testing.assert_allclose(x[0, :, 0, 0], [1, 0.7, 0.49])  # not yet broken
    together = x.sum(axis=(0, 3))
    np.testing.assert_allclose(together[2], np.array([1, 0]) @ P[0] @ P[0])
    assert -value == pytest.approx(sum(0.9**t * together[t] @ [10, 1] for t in range(3)))
    assert problem.vectors()["rupture"] @ x.ravel() == pytest.approx(1 - 0.7**3)
    assert problem.best(problem.vectors()["value"], [(problem.vectors()["rupture"], 0.5)]) is None
    assert problem.greedy().tolist() == [[0, 0]] * 3
