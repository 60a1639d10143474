import pytest

from crmml.stages import StageChain, StageSpace


def test_an_arc_that_hardly_anybody_takes_is_no_lever():
    space = StageSpace(("calm", "risk", "gone"), rupture="gone", absorbing=("gone",))
    chain = StageChain([[0.899, 0.1, 0.001], [0.3, 0.5, 0.2], [0, 0, 1]], space, "M")
    lever = chain.best_lever(12, start="calm")
    assert (lever.origin, lever.to) == ("risk", "calm")
    steepest = lever.table.sort_values("effect").iloc[0]
    assert steepest["origin"] == "calm"  # the derivative alone would say so
    assert lever.gain == pytest.approx(lever.effect * 0.2 / 100)
    assert "go to 'calm' instead, it lowers the probability of rupture within 12 periods" in lever.describe()
    assert "puts rupture off by" in chain.best_lever().describe()
    safe = StageChain([[1.0, 0, 0], [0.5, 0.5, 0], [0, 0, 1]], space)
    with pytest.raises(ValueError, match="there is no lever"):
        safe.best_lever(12)
