import numpy as np
import pytest

from crmml.clv import BetaGeoBetaBinomial, BetaGeoCNBD, BetaGeoNBD, GompertzNBD, ModifiedBetaGeoNBD, ParetoNBD
from crmml.clv.numerics import beta_geometric
from crmml.testing import ContractError, check_transaction_model

PARAMS = {"r": 0.8, "alpha": 6.0, "a": 0.8, "b": 2.4}


@pytest.mark.parametrize(
    ("model", "params"),
    [
        (BetaGeoNBD(), PARAMS),
        (ModifiedBetaGeoNBD(), PARAMS),
        (BetaGeoBetaBinomial(), {"alpha": 1.2, "beta": 2.0, "gamma": 0.9, "delta": 5.0}),
        (BetaGeoCNBD(k=2), PARAMS),
        (BetaGeoCNBD(k=2, modified=True), PARAMS),
        (ParetoNBD(), {"r": 0.8, "alpha": 6.0, "s": 0.9, "beta": 15.0}),
        (GompertzNBD(), {"r": 0.8, "alpha": 6.0, "b": 0.05, "s": 0.9, "beta": 0.8}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_librarys_own_models_hold(model, params):
    check_transaction_model(model, params)


class Broken:
    """BG/NBD with a wrong gradient and expectations 10 % too high."""

    def __getattr__(self, name):
        return getattr(beta_geometric, name)

    weighted_total = None

    @staticmethod
    def log_likelihood_gradient(rows, theta):
        value, gradient = beta_geometric.log_likelihood_gradient(rows, theta)
        return value, gradient * np.array([[1.0], [1.0], [1.1], [1.0]])

    @staticmethod
    def conditional_expectation(rows, horizon, theta):
        return 1.1 * beta_geometric.conditional_expectation(rows, horizon, theta)


class BrokenModel(BetaGeoNBD):
    """Passes for a model until it is checked."""

    numerics = Broken()

    def _weighted_total(self, rows, weight):
        return None


def test_a_broken_model_is_told_every_rule_it_breaks():
    with pytest.raises(ContractError) as caught:
        check_transaction_model(BrokenModel(), PARAMS)
    message = str(caught.value)
    assert message.startswith("BrokenModel breaks")
    assert "The gradient equals central differences" in message
    assert "their mean is predict()" in message
    assert len(caught.value.broken) >= 2
