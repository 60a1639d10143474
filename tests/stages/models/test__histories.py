import numpy as np

from crmml.stages import StageSpace
from crmml.stages.models._histories import HistorySpace

SPACE = StageSpace(("a", "b", "c"), rupture="c", absorbing=("c",), allowed={"a": ["b", "c"], "b": ["a"]})


def test_only_histories_that_can_happen():
    counts = np.zeros((3, 3, 3))
    counts[0, 1] = [3, 1, 0]
    counts[0, 0] = [2, 2, 4]
    shorter = np.array([[0.5, 0.2, 0.3], [0.6, 0.4, 0.0], [0.0, 0.0, 1.0]])
    found = HistorySpace(SPACE, 2, counts, np.zeros((3, 3)), shorter)
    assert found.histories.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [2, 2]]
    np.testing.assert_allclose(found.probabilities[0], [0.25, 0.25, 0.5])
    np.testing.assert_allclose(found.probabilities[1], [0.75, 0.25, 0])
    np.testing.assert_allclose(found.probabilities[3], shorter[0])  # never seen: the shorter history's
    assert found.n_parameters == 2 + 1
    chain = found.chain("M")
    assert chain.stages.names[1] == "a → b"
    assert chain.stages.rupture == ("a → c", "c → c")
    assert chain.stages.absorbing == ("c → c",)
    np.testing.assert_allclose(chain.P.sum(axis=1), 1)
    assert chain.P[1, 3] == 0.75  # a, b and then a: the history b, a


def test_what_was_seen_of_a_history_decides():
    counts = np.zeros((3, 3, 3))
    counts[0, 1, 0], counts[1, 1, 1] = 3, 1
    found = HistorySpace(SPACE, 2, counts, np.zeros((3, 3)), np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]]))
    step = found.chain(None).P
    known, unknown = found.shares(np.array([[0.0, 1.0], [np.nan, 1.0]])) @ step @ found.ends
    np.testing.assert_allclose(known, [1, 0, 0])
    np.testing.assert_allclose(unknown, [0.75, 0.25, 0], atol=1e-6)
    assert found.log_likelihood(counts) == 0.0
