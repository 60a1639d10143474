from typing import get_args

from crmml import typing as types
from crmml.checks import DAYS_PER_UNIT
from crmml.cli.options import UNITS, Nulls, Refunds, Unit


def test_the_shell_knows_the_units_of_the_library():
    assert [unit.value for unit in Unit] == list(DAYS_PER_UNIT) == list(get_args(types.Unit))
    assert UNITS == "h hours, D days, W weeks, M months, Y years"


def test_choices_are_those_of_the_functions():
    assert [choice.value for choice in Refunds] == list(get_args(types.Refunds))
    assert {choice.value for choice in Nulls} == {"raise", "drop"}
