import inspect

import numpy as np
import pytest

from crmml.clv import BetaDiscreteWeibull, ExponentialGamma, ShiftedBetaGeometric
from crmml.clv.numerics import ContractNumerics
from crmml.clv.numerics.contracts import ContractRows

FUNCTIONS = [name for name in vars(ContractNumerics) if not name.startswith("_")]


@pytest.mark.parametrize("model", [BetaDiscreteWeibull, ExponentialGamma, ShiftedBetaGeometric])
def test_numerics_of_every_model_offer_what_the_protocol_says(model):
    assert len(FUNCTIONS) == 6
    for name in FUNCTIONS:
        stated = list(inspect.signature(getattr(ContractNumerics, name)).parameters)[1:]
        assert list(inspect.signature(getattr(model.numerics, name)).parameters) == stated, name


def test_rows_tell_who_left():
    rows = ContractRows(np.array([2.0, 0.0, 5.0]), np.array([2.0, 3.0, 6.0]), np.array([2.0, 1.0, 5.5]))
    assert rows.lost.tolist() == [False, True, True]
    assert len(rows) == 3
