"""Outcomes of a campaign, and the estimators that predict them: given ones behind an encoder where needed, or defaults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from ..exceptions import DataError
from ..frames.numbers import read_numbers
from ..tables.encoding import ColumnEncoder
from ..tables.members import fit_member
from ..typing import ArrayLike, Estimator
from ._arms import to_series
from ._effect_regressor import small_trees


def read_outcome(y: ArrayLike, n: int) -> np.ndarray:
    """Return outcomes as floats of shape (n,), or one error with every fault."""
    column = to_series(y)
    if column is None or len(column) != n:
        raise DataError([f"y has shape {np.shape(y)}; ({n},) is expected, one outcome per customer"], "the outcome")
    missing = column.isna()
    values, faults = read_numbers(column, "y", flags=True, cure="write 0 and 1, or an amount", show=False)
    if count := int(missing.sum()):
        faults.append(
            f"y is missing in {count:,} of {n:,} rows; leave them out if nobody knows, write 0 if nothing happened"
        )
    if infinite := int(np.isinf(values).sum()):
        faults.append(f"y is infinite in {infinite:,} of {n:,} rows; repair them")
    if faults:
        raise DataError(faults, "the outcome")
    return values


def as_floats(column: pd.Series, name: str) -> np.ndarray:
    """Numbers of a column, NaN where they are missing; anything else is refused."""
    values, faults = read_numbers(column, name, flags=True, cure="write 0 and 1, or an amount", show=False)
    if faults:
        raise DataError(faults, "the outcome")
    return values


def is_binary(y: np.ndarray) -> bool:
    """Whether the outcomes are 0 and 1, both of them."""
    return np.array_equal(np.unique(y), [0.0, 1.0])


def default_outcome(binary: bool, kinds: dict[Any, str]) -> Pipeline:
    """A linear model, of the logit of a binary outcome or of the mean of another, on standardised columns."""
    step: Any = ("classifier", LogisticRegression(max_iter=1000)) if binary else ("regressor", Ridge())
    return Pipeline([("columns", ColumnEncoder("linear", kinds)), step])


def default_trees(binary: bool, kinds: dict[Any, str], n: int, seed: int) -> Pipeline:
    """Small boosted trees, which find interactions, on columns as they are."""
    options = small_trees(n, seed)
    step: Any = (
        ("classifier", HistGradientBoostingClassifier(**options))
        if binary
        else ("regressor", HistGradientBoostingRegressor(**options))
    )
    return Pipeline([("columns", ColumnEncoder("tree", kinds)), step])


def member_of(estimator: BaseEstimator, X: pd.DataFrame, kinds: dict[Any, str]) -> BaseEstimator:
    """A copy of a given estimator; behind an encoder where X has text, dates or categories and it does not take them itself."""
    if not (hasattr(estimator, "fit") and (hasattr(estimator, "predict") or hasattr(estimator, "predict_proba"))):
        raise TypeError(f"{estimator!r} is not an estimator; give one of scikit-learn's, or None for the default.")
    first = estimator.steps[0][1] if isinstance(estimator, Pipeline) else None
    plain = all(pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype) for dtype in X.dtypes)
    if plain or isinstance(first, (ColumnTransformer, FeatureUnion, FunctionTransformer, ColumnEncoder)):
        return clone(estimator)
    view = "tree" if get_tags(estimator).input_tags.allow_nan else "linear"
    return Pipeline([("columns", ColumnEncoder(view, kinds)), ("estimator", clone(estimator))])


def check_kind(estimator: Estimator, binary: bool, name: str, y: np.ndarray) -> None:
    """Refuse a classifier for outcomes that are no 0 and 1, and one without probabilities.

    Raises
    ------
    DataError
        Saying what to take instead.
    TypeError
        For a classifier that has no probabilities.
    """
    if estimator is not None and is_classifier(estimator) and not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"{name}={estimator!r} has no predict_proba; put it into a CalibratedClassifierCV, or take another classifier."
        )
    if estimator is not None and is_classifier(estimator) and not binary:
        values = np.unique(y)
        shown = ", ".join(f"{value:g}" for value in values[:3])
        raise DataError(
            [
                f"y has {values.size:,} values ({shown} …) and {name} is a classifier, which needs 0 and 1, both of them; take a "
                "regressor"
            ],
            "the outcome",
        )


def fit_on(member: BaseEstimator, X: pd.DataFrame, y: np.ndarray, weight: np.ndarray | None, what: str) -> Any:
    """Fit a member; a classifier on outcomes of one value is refused.

    Raises
    ------
    DataError
        Naming the arm.
    """
    if is_classifier(member):
        if np.unique(y).size < 2:
            raise DataError(
                [
                    f"all {y.size:,} outcomes of {what} are {y[0]:g}; a classifier needs both 0 and 1: take a regressor, a longer "
                    "window of outcomes, or join arms"
                ],
                "the outcome",
            )
        y = y.astype(np.int64)
    return fit_member(member, X, y, weight)


def expected(model: Any, X: Any) -> np.ndarray:
    """Expected outcome of each row by a fitted model: the probability of 1 by a classifier. No rows have none."""
    if not len(X):
        return np.zeros(0)
    if is_classifier(model):
        return np.asarray(model.predict_proba(X)[:, 1], dtype=np.float64)
    return np.asarray(model.predict(X), dtype=np.float64).reshape(len(X))
