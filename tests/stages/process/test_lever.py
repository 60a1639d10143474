import numpy as np
import pandas as pd
import pytest

from crmml.stages import StageChain, StageSpace
from crmml.stages.process.lever import Lever


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


def test_what_has_no_end_is_said_in_words():
    table = pd.DataFrame({"origin": ["a"], "to": ["a"], "available": [0.1], "effect": [np.inf], "gain": [np.inf]})
    said = Lever("a", "a", np.inf, None, 0.1, np.inf, table, "weeks").describe()
    assert said.endswith("it puts rupture off without end.")
    said = Lever("a", "a", -0.5, np.inf, 0.1, -0.05, table, "weeks").describe()
    assert said.endswith("it lowers the probability of rupture ever by 5 percentage points.")
