"""Probabilities of being treated: known from the design of the campaign, or estimated."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline

from ..exceptions import DataError, FeatureWarning, warn
from ..tables.encoding import ColumnEncoder
from ..tables.members import fit_member
from ..typing import ArrayLike

#: Estimated propensities are kept this far from 0 and 1.
CLIP = 0.01
#: Share of rows at the edge from which nothing can be compared.
NO_OVERLAP = 0.5
N_FOLDS = 5
#: Stated propensities may lie this many standard errors from the arms: beyond, chance is no explanation.
MOST_ERRORS = 6


class OverlapWarning(UserWarning):
    """Some customers were nearly certain to be treated, or not to be; the message says how many and what to do."""


def read_propensity(propensity: ArrayLike, n: int, control: str | float, treated: list) -> np.ndarray:
    """Return the known propensity of each arm in each row, control first.

    Parameters
    ----------
    propensity : float, mapping of arm to float, or array of shape (n,) or (n, n_arms + 1)
        A number or (n,): of being treated, where there is one arm beside the control. A mapping may leave the control out.
    n : int
    control : object
    treated : list

    Returns
    -------
    ndarray of shape (n, n_arms + 1)

    Raises
    ------
    DataError
        For propensities missing, of 0 or 1, out of range, not adding up to 1 or of another shape.
    """
    table = (
        _by_arm(propensity, n, control, treated)
        if isinstance(propensity, Mapping)
        else _by_row(propensity, n, 1 + len(treated))
    )
    if faults := _faults(table, [control, *treated]):
        raise DataError(faults, "the propensity")
    return np.asarray(table)


def _by_arm(propensity: Mapping[Any, float], n: int, control: Any, treated: list) -> np.ndarray:
    """The same propensities in each row; control has the rest where it is left out."""
    names = [control, *treated]
    if unknown := [name for name in propensity if name not in names]:
        known = ", ".join(map(repr, names))
        raise DataError([f"{name!r} is not an arm; there are {known}" for name in unknown], "the propensity")
    if lacking := [name for name in treated if name not in propensity]:
        raise DataError([f"that of arm {name!r} is missing" for name in lacking], "the propensity")
    given = np.asarray([propensity[name] for name in treated], dtype=np.float64)
    rest = propensity.get(control, 1 - given.sum())
    return np.broadcast_to(np.append(rest, given), (n, len(names)))


def _by_row(propensity: ArrayLike, n: int, n_arms: int) -> np.ndarray:
    """A number or one per row, of being treated; or one per row and arm."""
    try:
        array = np.asarray(propensity, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(["it must be numbers; give a number, a mapping or an array"], "the propensity") from None
    if array.ndim < 2 and n_arms > 2:
        raise DataError(
            [
                f"it has shape {array.shape}, but there are {n_arms - 1} arms beside the control; give a mapping of arm to "
                f"probability, or an array of shape ({n}, {n_arms}) with the control first"
            ],
            "the propensity",
        )
    if array.shape not in ((), (n,), (n, n_arms)):
        raise DataError(
            [f"it has shape {array.shape}; one number, ({n},) or ({n}, {n_arms}) is expected"], "the propensity"
        )
    if array.ndim == 2:
        return array
    array = np.broadcast_to(array, (n,))
    return np.column_stack([1 - array, array])


def contradictions(table: np.ndarray, code: np.ndarray, weight: np.ndarray | None, names: list) -> list[str]:
    """Arms whose share of customers cannot have come of the stated propensities, in words.

    The share's distance from the mean propensity is measured in its standard error, the arms being drawn independently.
    """
    w = np.ones(len(code)) if weight is None else weight
    faults = []
    for k, name in enumerate(names):
        e = table[:, k]
        distance = abs(w @ (code == k) - w @ e) / np.sqrt(w**2 @ (e * (1 - e)))
        if distance > MOST_ERRORS:
            faults.append(
                f"arm {name!r} should have {w @ e / w.sum():.1%} of the customers and has {w @ (code == k) / w.sum():.1%}, "
                f"{distance:.0f} standard errors away; give the probability of being treated, not that of control, by the design "
                "under which these rows were drawn"
            )
    return faults


def _faults(table: np.ndarray, names: list) -> list[str]:
    n = len(table)
    faults = []
    if bad := int((~np.isfinite(table)).any(axis=1).sum()):
        return [f"it is missing or infinite in {bad:,} of {n:,} rows; find it in the design of the campaign"]
    if bad := int(((table < 0) | (table > 1)).any(axis=1).sum()):
        faults.append(f"it is outside 0 to 1 in {bad:,} of {n:,} rows; it is a probability, 0.5 for 50 %")
    for column, name in zip(table.T, names, strict=True):
        if edge := int(((column == 0) | (column == 1)).sum()):
            faults.append(
                f"that of arm {name!r} is 0 or 1 in {edge:,} of {n:,} rows: such customers have nobody to be compared with "
                "(no overlap); leave them out, and let the result speak only of the others"
            )
    total = table.sum(axis=1)
    if not faults and (bad := int((np.abs(total - 1) > 1e-6).sum())):
        faults.append(
            f"it adds up to {total.min():.4g} … {total.max():.4g} over the arms; the sum must be 1 in each row"
        )
    return faults


def propensity_model(kinds: dict[Any, str]) -> Pipeline:
    """A logistic regression on encoded columns, not fitted."""
    return Pipeline(
        [("columns", ColumnEncoder("linear", kinds)), ("classifier", LogisticRegression(C=1.0, max_iter=1000))]
    )


def estimate_propensity(
    X: pd.DataFrame, code: np.ndarray, weight: np.ndarray | None, kinds: dict[Any, str], names: list, seed: int
) -> tuple[np.ndarray, Pipeline, int]:
    """Cross-fitted propensities, the model on all rows, and how many rows were at the edge.

    Each row's is predicted by a logistic regression that has not seen it, and then kept within 0.01 and 0.99.

    Returns
    -------
    propensity : ndarray of shape (n, n_arms + 1)
    model : fitted Pipeline
    n_clipped : int

    Raises
    ------
    DataError
        When more than half of the rows are at the edge.

    Warns
    -----
    OverlapWarning
        When any are.
    """
    least = int(np.bincount(code).min())
    folds = StratifiedKFold(max(2, min(N_FOLDS, least)), shuffle=True, random_state=seed)
    out = np.full((len(X), len(names)), 1 / len(names))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FeatureWarning)  # what is rare may be missing from a fold
        for fit, rest in folds.split(X, code):
            part = None if weight is None else weight[fit]
            model = fit_member(propensity_model(kinds), X.iloc[fit], code[fit], part)
            out[rest] = model.predict_proba(X.iloc[rest])
        model = fit_member(propensity_model(kinds), X, code, weight)
    edge = int((out.min(axis=1) < CLIP).sum())
    if edge > NO_OVERLAP * len(X):
        raise DataError(
            [
                f"the arm can be told from the features in {edge:,} of {len(X):,} rows (a probability below {CLIP:g}): treated and "
                "controls do not overlap; take out features that were set by the campaign, or compare customers who could "
                "have been in either arm"
            ],
            "the estimated propensity",
        )
    if edge:
        warn(
            f"The estimated propensity of an arm is below {CLIP:g} in {edge:,} of {len(X):,} rows and was raised to it; their "
            "effect is extrapolated. Leave out customers who could not have been in either arm, or give the known propensities.",
            OverlapWarning,
        )
    return clipped(out), model, edge


def clipped(propensity: np.ndarray) -> np.ndarray:
    """Raised to the least propensity, rows adding up to 1 again."""
    raised = np.maximum(propensity, CLIP)
    return raised / raised.sum(axis=1, keepdims=True)


def of_pair(propensity: np.ndarray, k: int) -> np.ndarray:
    """Propensity of arm k among customers of arm k and the control, shape (n,)."""
    return propensity[:, k] / (propensity[:, 0] + propensity[:, k])
