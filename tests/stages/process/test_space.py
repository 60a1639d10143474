import pickle

import numpy as np
import pytest

from crmml import DataError
from crmml.stages import StageSpace, dwyer_schurr_oh, recency_stages, relationship_lifecycle
from crmml.stages.process.space import as_stage_space


def test_every_fault_is_named_at_once():
    with pytest.raises(DataError) as caught:
        StageSpace(("a", "b", "a"), rupture="x", absorbing=("y",), allowed={"a": ["z"]}, labels={"q": "Q"})
    for part in (
        "'a' more than once",
        "rupture names 'x'",
        "absorbing names 'y'",
        "labels names 'q'",
        "allowed names 'z'",
    ):
        assert part in str(caught.value)
    with pytest.raises(DataError, match="names is empty"):
        StageSpace(())
    with pytest.raises(DataError, match="no move at all is allowed from 'a'"):
        StageSpace(("a", "b"), allowed=[[False, False], [True, True]])


def test_moves():
    pairs = StageSpace(("a", "b", "c"), allowed=[("a", "b"), ("b", "c")])
    mapping = StageSpace(("a", "b", "c"), allowed={"a": "b", "b": ["c"]})
    np.testing.assert_array_equal(pairs.allowed_moves, [[1, 1, 0], [0, 1, 1], [0, 0, 1]])
    assert pairs == mapping
    matrix = StageSpace(("a", "b"), allowed=[[0, 1], [1, 0]])
    np.testing.assert_array_equal(matrix.allowed_moves, [[False, True], [True, False]])
    assert not pairs.absorbing_mask.any()  # that nothing leads out of c does not make it absorbing
    absorbing = StageSpace(("a", "b", "c"), absorbing=("c",))
    np.testing.assert_array_equal(absorbing.allowed_moves[2], [False, False, True])


def test_presets():
    life = relationship_lifecycle()
    assert [life.label(name, "zh") for name in life.names] == ["考察期", "形成期", "稳定期", "退化期", "破裂期"]
    assert (life.rupture, life.absorbing) == ("rupture", ())
    assert relationship_lifecycle(win_back=False).absorbing == ("rupture",)
    assert dwyer_schurr_oh().rupture == "dissolution"
    lost = recency_stages(4)
    assert len(lost) == 5
    assert lost.allowed_moves.sum() == 9
    with pytest.raises(ValueError, match="from 1 to"):
        recency_stages(0)


def test_codes_and_labels():
    space = StageSpace(("new", "gone"), rupture="gone", labels={"gone": "Lost for good"})
    np.testing.assert_array_equal(space.codes(["gone", np.nan, 0, "1"]), [1, np.nan, 0, 1])
    with pytest.raises(DataError, match=r"2 of 3 values name no stage \('old', 7\)"):
        space.codes(["old", 7, "new"])
    assert (space.label("gone"), space.label("new"), space.index("gone")) == ("Lost for good", "new", 1)
    with pytest.raises(ValueError, match="is not a stage"):
        space.index("old")


def test_it_is_a_value():
    space = recency_stages(3)
    assert pickle.loads(pickle.dumps(space)) == space
    assert hash(space) == hash(recency_stages(3))
    assert as_stage_space(space) is space
    assert as_stage_space(3).names == ("stage_1", "stage_2", "stage_3")
    with pytest.raises(ValueError, match="must be a StageSpace"):
        as_stage_space("ab")
