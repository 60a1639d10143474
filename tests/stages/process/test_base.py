import pytest

from crmml import DataError
from crmml.stages import StageChain, StageGenerator, StageSpace

SPACE = StageSpace(("on", "gone"), rupture="gone", absorbing=("gone",))


def test_chains_and_generators_say_their_unit():
    weekly = StageChain([[0.8, 0.2], [0, 1]], SPACE, "W").describe()
    assert "A stay lasts on average, in weeks: on 5.0, gone without end." in weekly
    assert "broken within 12 weeks: on 93.1 %." in weekly
    assert "90 % intervals" not in weekly
    assert "in periods" in StageChain([[0.8, 0.2], [0, 1]], SPACE).describe()
    assert "in months: on 5.0" in StageGenerator([[-0.2, 0.2], [0, 0]], SPACE, "M").describe()
    assert "in units of time" in StageGenerator([[-0.2, 0.2], [0, 0]], SPACE).describe()
    free = StageChain([[0.5, 0.5], [0.5, 0.5]]).describe()
    assert "rupture" not in free


def test_what_is_said_of_huge_names_is_short():
    names = ["a" * 100_000, "b" * 100_000]
    chain = StageChain([[0.8, 0.2], [0, 1]], StageSpace(names, rupture=names[1], absorbing=[names[1]]))
    assert len(chain.describe()) < 1_000
    with pytest.raises(DataError) as error:
        StageChain([[0.8, 0.3], [0, 1]], chain.stages)
    assert len(str(error.value)) < 300
