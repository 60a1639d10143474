import numpy as np
import pandas as pd
import pytest

from crmml.model_selection._separation import LEAST, separating_columns


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.gamma(2.0, 3.0, 400), "b": rng.gamma(2.0, 3.0, 400), "c": rng.normal(size=400)})


def names(X, y):
    return [name for name, _ in separating_columns(X, np.asarray(y, dtype=float))]


def test_thresholds_differences_and_ratios(X):
    assert names(X, X["a"] > 5) == ["a"]
    assert names(X, X["a"] <= 5) == ["a"]
    assert names(X, X["a"] - X["b"] > 1) == ["a, b"]
    assert names(X, X["a"] > 1.5 * X["b"]) == ["a, b"]
    assert names(X, X["a"] + X["c"] > 5) == []


def test_one_error_is_enough(X):
    y = (X["a"] > 5).to_numpy().copy()
    y[X["a"].argmax()] = False
    assert names(X, y) == []


def test_needs_enough_rows_of_both_labels(X):
    border = np.sort(X["a"])[-LEAST]
    assert names(X, X["a"] >= border) == ["a"]
    assert names(X, X["a"] > border) == []


def test_categories_with_one_label_each(X):
    kind = np.where(X["c"] > 0, "p", "q")
    assert names(pd.DataFrame({"kind": kind}), kind == "p") == ["kind"]
    # one value a row is an identifier, not a rule
    assert names(pd.DataFrame({"id": [f"c{i}" for i in range(400)]}), kind == "p") == []


def test_missing_values_decide_nothing(X):
    some = X["a"].where(X["c"] > -0.5)
    assert names(pd.DataFrame({"a": some}), X["a"] > 5) == ["a"]
    assert names(pd.DataFrame({"a": X["a"].where(X["c"] > 1.5)}), X["a"] > 5) == []
