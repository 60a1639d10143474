import numpy as np
import pytest

from crmml.clv import BetaDiscreteWeibull, ExponentialGamma, ShiftedBetaGeometric
from crmml.clv.numerics import shifted_beta_geometric
from crmml.testing import ContractError, check_contractual_model


@pytest.mark.parametrize(
    ("model", "params"),
    [
        (ShiftedBetaGeometric(), {"alpha": 0.8, "beta": 3.0}),
        (BetaDiscreteWeibull(), {"alpha": 0.6, "beta": 2.5, "c": 1.4}),
        (ExponentialGamma(), {"r": 0.9, "alpha": 6.0}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_librarys_own_models_hold(model, params):
    check_contractual_model(model, params)


class Broken:
    """sBG with a wrong gradient, and expectations 10 % too high."""

    def __getattr__(self, name):
        return getattr(shifted_beta_geometric, name)

    @staticmethod
    def log_likelihood_gradient(rows, theta):
        value, gradient = shifted_beta_geometric.log_likelihood_gradient(rows, theta)
        return value, gradient * np.array([[1.0], [1.1]])

    @staticmethod
    def expected_time(*args):
        return 1.1 * shifted_beta_geometric.expected_time(*args)


class BrokenGeometric(ShiftedBetaGeometric):
    numerics = Broken()


def test_every_broken_rule_is_named():
    with pytest.raises(ContractError) as caught:
        check_contractual_model(BrokenGeometric(), {"alpha": 0.8, "beta": 3.0})
    assert "BrokenGeometric breaks" in str(caught.value)
    rules = "\n".join(caught.value.broken)
    assert "The gradient equals central differences" in rules
    assert "predict() is the sum" in rules
    assert "simulate()" not in rules
