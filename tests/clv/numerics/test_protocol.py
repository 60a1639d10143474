import inspect

import pytest

from crmml.clv import BetaGeoBetaBinomial, BetaGeoCNBD, BetaGeoNBD, GompertzNBD, ModifiedBetaGeoNBD, ParetoNBD
from crmml.clv.numerics import TransactionNumerics

FUNCTIONS = [name for name in vars(TransactionNumerics) if not name.startswith("_")]


@pytest.mark.parametrize(
    "model", [BetaGeoBetaBinomial, BetaGeoCNBD, BetaGeoNBD, GompertzNBD, ModifiedBetaGeoNBD, ParetoNBD]
)
def test_numerics_of_every_model_offer_what_the_protocol_says(model):
    assert len(FUNCTIONS) == 9
    for name in FUNCTIONS:
        stated = list(inspect.signature(getattr(TransactionNumerics, name)).parameters)[1:]
        offered = list(inspect.signature(getattr(model.numerics, name)).parameters)
        assert offered[: len(stated) - 1] == stated[:-1], name  # the last one is **options
