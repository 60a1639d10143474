import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml.inference import discounted_integral, legendre


@given(st.floats(1e-3, 1.0), st.floats(0.5, 500.0))
def test_a_steady_stream(delta, horizon):
    found = discounted_integral(lambda t: np.array(2.0 * t), horizon, delta, 10.0)
    assert float(found) == pytest.approx(2 * -np.expm1(-delta * horizon) / delta, rel=1e-9)


@given(st.floats(1e-3, 1.0), st.floats(1e-3, 1.0))
def test_a_fading_stream_over_all_time(delta, fading):
    found = discounted_integral(lambda t: np.array(-np.expm1(-fading * t)), np.inf, delta, 1 / fading)
    assert float(found) == pytest.approx(fading / (fading + delta), rel=1e-9)


def test_without_discounting_it_is_the_cumulated_amount():
    assert discounted_integral(lambda t: np.array([t, 2 * t]), 3.0, 0.0, 1.0).tolist() == [3.0, 6.0]


def test_legendre_is_exact_for_polynomials():
    nodes, weights = legendre(5)
    assert weights @ nodes**9 == pytest.approx(0.1, rel=1e-14)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "3", None, 10**9])
def test_a_rule_has_one_node_or_more(wrong):
    with pytest.raises(ValueError, match="must be a whole number from 1 to 4,096"):
        legendre(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"horizon": True},
        {"horizon": -1.0},
        {"horizon": np.nan},
        {"horizon": "5"},
        {"delta": -0.1},
        {"delta": np.nan},
        {"delta": "0.1"},
        {"delta": 0.0, "horizon": np.inf},
        {"scale": np.nan},
        {"n_nodes": 0},
    ],
)
def test_what_is_discounted_must_be_numbers(wrong):
    arguments = {"horizon": 5.0, "delta": 0.1, "scale": 1.0} | wrong
    with pytest.raises(ValueError, match="must be a"):
        discounted_integral(lambda t: np.array([t]), **arguments)
