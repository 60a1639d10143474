"""The classifiers that a churn score is made of: a given one, or an additive logistic regression and boosted trees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from ..typing import FrameLike, Seed
from .encoding import ColumnEncoder

#: Probabilities are kept this far from 0 and 1 before the logit is taken.
EDGE = 1e-6
#: Columns up to which Newton's method is quicker than a quasi-Newton one.
NEWTON_UP_TO = 500
#: Weight of the prior on the blend: that many customers' worth of pull towards equal parts.
PULL = 1.0


def default_members(X: pd.DataFrame, kinds: dict[Any, str], random_state: Seed) -> dict[str, Pipeline]:
    """An additive logistic regression, best where effects add up, and shallow boosted trees, best where columns interact."""
    width = len(ColumnEncoder("additive", kinds).fit(X).names_out_)
    solver = "newton-cholesky" if width <= NEWTON_UP_TO else "lbfgs"
    additive = LogisticRegression(C=1.0, solver=solver, max_iter=1000)
    trees = HistGradientBoostingClassifier(max_leaf_nodes=8, max_iter=150, random_state=random_state)
    return {
        "additive": Pipeline([("columns", ColumnEncoder("additive", kinds)), ("classifier", additive)]),
        "trees": Pipeline([("columns", ColumnEncoder("tree", kinds)), ("classifier", trees)]),
    }


def member_of(estimator: BaseEstimator, encode: bool | str, kinds: dict[Any, str]) -> BaseEstimator:
    """A given classifier behind an encoder of columns of these kinds, or alone where it takes raw columns itself.

    Raises
    ------
    TypeError
        When it is no classifier.
    """
    if not (is_classifier(estimator) and hasattr(estimator, "fit")):
        raise TypeError(
            f"estimator={estimator!r} is no classifier; give one of scikit-learn's, or None for the default."
        )
    if encode == "auto":
        first = estimator.steps[0][1] if isinstance(estimator, Pipeline) else None
        if getattr(first, "adds_columns", False):
            # what it adds comes first, then the encoder takes it with the other columns
            rest = estimator[1:] if len(estimator.steps) > 2 else estimator.steps[-1][1]
            return Pipeline([("model", clone(first)), *member_of(rest, True, kinds).steps])
        encode = not isinstance(first, (ColumnTransformer, FeatureUnion, FunctionTransformer))
    if not encode:
        return clone(estimator)
    view = "tree" if get_tags(estimator).input_tags.allow_nan else "linear"
    return Pipeline([("columns", ColumnEncoder(view, kinds)), ("classifier", clone(estimator))])


def fit_member(member: BaseEstimator, X: FrameLike, y: np.ndarray, weight: np.ndarray | None) -> BaseEstimator:
    """Fit, with weights where there are any.

    Raises
    ------
    TypeError
        When there are weights and the classifier takes none.
    """
    if weight is None:
        return member.fit(X, y)
    if isinstance(member, Pipeline):
        # step by step, because a pipeline's prefixed weights are refused where metadata are routed
        for _, step in member.steps[:-1]:
            X = X if step is None or step == "passthrough" else step.fit(X, y).transform(X)
        fit_member(member.steps[-1][1], X, y, weight)
        return member
    if not has_fit_parameter(member, "sample_weight"):
        raise TypeError(
            f"{type(member).__name__} takes no sample_weight; leave weights and class_weight out, or use another."
        )
    return member.fit(X, y, sample_weight=weight)


def score_of(member: BaseEstimator, X: FrameLike) -> np.ndarray:
    """Log-odds of churn by one member, shape (n,); its decision function where it has no probabilities."""
    if hasattr(member, "predict_proba"):
        return logit(np.clip(member.predict_proba(X)[:, 1], EDGE, 1 - EDGE))
    return np.asarray(member.decision_function(X), dtype=np.float64)


def fit_blend(scores: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> tuple[float, np.ndarray]:
    """Intercept and weights of probability = expit(intercept + Σ weight · score), by maximum likelihood on held-out scores.

    No weight is negative [1]_. With one score it is Platt's calibration [2]_, with his targets (n₊ + 1)/(n₊ + 2) and
    1/(n₋ + 2), which keep the maximum finite. Weights are pulled together as by one customer, so that equal scores share.

    Parameters
    ----------
    scores : ndarray of shape (n, m)
    y : ndarray of 0 and 1, shape (n,)
    weight : ndarray of shape (n,) or None
        Relative: scaled so that they sum to the number of those above 0.

    References
    ----------
    .. [1] Breiman, L. (1996), Stacked regressions. Machine Learning 24, 49–64.
    .. [2] Platt, J. C. (1999), Probabilistic outputs for support vector machines. Advances in Large Margin Classifiers, 61–74.
    """
    weight = np.ones(y.size) if weight is None else weight * (np.count_nonzero(weight) / weight.sum())
    positive, negative = weight @ y, weight @ (1 - y)
    target = np.where(y == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))
    m = scores.shape[1]
    # scores of a decision function can be of any size
    scale = np.maximum(np.sqrt(np.average(scores**2, axis=0, weights=weight)), 1e-12)
    Z = scores / scale

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        z = theta[0] + Z @ theta[1:]
        off = weight * (expit(z) - target)
        spread = theta[1:] - theta[1:].mean()
        value = float(weight @ (np.logaddexp(0, z) - target * z)) + PULL * float(spread @ spread) / 2
        return value, np.concatenate([[off.sum()], Z.T @ off + PULL * spread])

    start = np.concatenate([[0.0], scale / m])
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[(None, None)] + [(0, None)] * m)
    return float(found.x[0]), found.x[1:] / scale
