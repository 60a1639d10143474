import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml.clv._covariates import CovariateLayout, Effect

LAYOUT = CovariateLayout(
    ("r", "alpha", "a", "b"),
    [Effect("purchase", ("z", "w"), (3, 4), {1: -1}), Effect("dropout", ("z",), (3,), {2: 1, 3: 1})],
    equal=("z",),
)


def rows(seed, n=20):
    rng = np.random.default_rng(seed)
    return np.column_stack([np.zeros((n, 3)), rng.normal(50, 3, n), rng.normal(-1, 0.1, n)]), rng.random(n) + 0.1


def test_layout_names_and_size():
    assert LAYOUT.names == ["r", "alpha", "a", "b", "purchase.z", "purchase.w", "dropout.z"]


def test_theta_is_proportional_on_the_scale():
    columns, _ = rows(0)
    vector = np.array([0.1, 0.2, 0.3, 0.4, 0.02, -1.0, 0.01])
    r, alpha, a, b = LAYOUT.theta(vector, columns)
    z, w = columns[:, 3], columns[:, 4]
    assert r == pytest.approx(np.exp(0.1))
    np.testing.assert_allclose(alpha, np.exp(0.2) * np.exp(-(0.02 * z - w)))
    np.testing.assert_allclose(a / b, np.full(20, np.exp(-0.1)))
    draws = LAYOUT.theta(np.stack([vector, vector + 0.1]), columns)
    assert [np.shape(value) for value in draws] == [(2, 1), (2, 20), (2, 20), (2, 20)]
    np.testing.assert_allclose(draws[1][0], alpha)


@given(st.integers(0, 1000))
def test_gradient_is_that_of_the_composition(seed):
    """For f = sum of weight · c_j · log theta_j the gradient by each entry is known by finite differences."""
    columns, weight = rows(seed)
    rng = np.random.default_rng(seed + 1)
    vector, c = rng.normal(size=LAYOUT.size) / 10, rng.normal(size=(4, len(weight)))

    def value(v):
        return sum(float(np.sum(weight * c[j] * np.log(t))) for j, t in enumerate(LAYOUT.theta(v, columns)))

    gradient = LAYOUT.gradient(c, weight, columns)
    step = 1e-6 * np.eye(LAYOUT.size)
    numeric = [(value(vector + e) - value(vector - e)) / 2e-6 for e in step]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-5)


def test_coordinates_standardise_and_tie_equal_coefficients():
    columns, weight = rows(3)
    matrix = LAYOUT.coordinates(columns, weight)
    assert matrix.shape == (7, 6)
    vector = matrix @ np.array([0.1, 0.2, 0.3, 0.4, 0.7, -0.5])
    assert vector[4] == vector[6]
    _, alpha, _, _ = LAYOUT.theta(vector, columns)
    z, w = ((columns[:, j] - np.average(columns[:, j], weights=weight)) for j in (3, 4))
    z, w = (v / np.sqrt(np.average(v**2, weights=weight)) for v in (z, w))
    np.testing.assert_allclose(np.log(alpha), 0.2 - 0.7 * z + 0.5 * w, atol=1e-12)


def test_missing_covariates_are_counted():
    columns, _ = rows(0)
    columns[2:5, 4] = np.nan
    assert LAYOUT.faults(columns) == ["covariate w is missing or infinite in 3 of 20 rows; fill or drop them"]
