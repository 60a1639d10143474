"""One way to read labels and scores: two classes, the second in sorted order being the event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import column_or_1d

from .. import frames
from ..exceptions import DataError
from ..typing import ArrayLike, Estimator, FrameLike


def read_binary(y_true: ArrayLike, y_score: ArrayLike, *, probability: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return (y, score): booleans and floats of one length, or one error with every fault."""
    plain = np.asarray(y_true)
    if plain.ndim == 1 and plain.size and plain.dtype.kind in "biuf":
        ones = plain.astype(bool)
        # numbers that are 0 and 1 need no looking at one by one
        if plain.dtype.kind == "b" or (plain == ones).all():
            score, faults = numbers(y_score, "y_score", plain.size)
            faults += _outside(score, faults, probability=probability)
            require(faults, "labels and scores")
            return ones, score
    labels = pd.Series(column_or_1d(y_true))
    score, faults = numbers(y_score, "y_score", len(labels))
    if missing := int(labels.isna().sum()):
        faults.append(f"{missing:,} of {len(labels):,} labels are missing; drop these rows")
    known = labels.dropna()
    classes = np.unique(known.to_numpy() if len(set(known.map(type))) <= 1 else known.astype(str))
    if not len(labels):
        faults.append("it has no rows")
    elif len(classes) > 2 or (len(classes) == 1 and classes[0] not in (0, 1)):
        shown = ", ".join(repr(value) for value in classes[:5].tolist())
        faults.append(f"the labels are {shown}; two classes are needed, such as 0 and 1")
    faults += _outside(score, faults, probability=probability)
    require(faults, "labels and scores")
    event = classes[1] if len(classes) == 2 else 1
    return (labels == event).to_numpy(), score


def _outside(score: np.ndarray, faults: list[str], *, probability: bool) -> list[str]:
    """A fault where probabilities are none, if the scores can be looked at."""
    if not probability or faults or (score.min() >= 0 and score.max() <= 1):
        return []
    return [f"probabilities run from {score.min():.3g} to {score.max():.3g}; they must lie in [0, 1]"]


def numbers(values: ArrayLike, name: str, length: int) -> tuple[np.ndarray, list[str]]:
    """Return values as floats of shape (length,), and the faults found in them."""
    plain = np.asarray(values)
    if plain.dtype.kind in "mMc":  # moments and spans would pass as their nanoseconds
        return np.full(length, np.nan), [f"{name} is of type {plain.dtype}; numbers are needed"]
    try:
        array = np.asarray(plain, dtype=np.float64)
    except (TypeError, ValueError):
        odd = sum(not _is_number(entry) for entry in plain.ravel().tolist())
        return np.full(length, np.nan), [f"{odd:,} values of {name} are not {'a number' if odd == 1 else 'numbers'}"]
    faults = []
    if array.ndim != 1 or array.size != length:
        faults.append(f"{name} has shape {array.shape}; ({length},) is expected, one number per customer")
    # a sum is finite only if every entry is
    if not np.isfinite(array.sum()) and (bad := int((~np.isfinite(array)).sum())):
        faults.append(f"{bad:,} values of {name} are missing or infinite")
    return array, faults


def _is_number(entry: Any) -> bool:
    try:
        return np.ndim(float(entry)) == 0
    except (TypeError, ValueError):
        return False


def require(faults: list[str], subject: str) -> None:
    """Raise what was found, if anything was."""
    if faults:
        raise DataError(faults, subject)


def descending_groups(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (order, last): a stable order of falling scores, and the last position of each group of equal scores."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    return order, last


def read_uplift(y: ArrayLike, score: ArrayLike, treatment: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outcomes, scores and who was treated (booleans), or one error with every fault.

    Parameters
    ----------
    y, score, treatment : arrays of shape (n,)
        Treatment is 1 for treated and 0 for control customers.

    Raises
    ------
    DataError
    """
    require(frames.reordered({"y": y, "score": score, "treatment": treatment}), "outcomes, scores and treatment")
    arm = np.asarray(treatment)
    if arm.dtype.kind in "OUST" and any(isinstance(value, str) for value in arm.ravel()):
        fault = "treatment is text; for one arm against the control take crmml.metrics.against_control"
        require([fault], "outcomes, scores and treatment")
    outcome, faults = numbers(y, "y", np.size(y))
    ranked, more = numbers(score, "score", outcome.size)
    treated, most = numbers(treatment, "treatment", outcome.size)
    faults += more + most
    if not faults and (not np.isin(treated, (0, 1)).all() or np.unique(treated).size < 2):
        faults.append("treatment must be 1 for treated and 0 for control customers, with some of each")
    require(faults, "outcomes, scores and treatment")
    return outcome, ranked, treated == 1


def scores_of(model: Estimator, X: FrameLike) -> np.ndarray:
    """Return the model's probability of the second label, or its decision function where it has no probabilities."""
    fitted: Any = model
    return fitted.predict_proba(X)[:, 1] if hasattr(fitted, "predict_proba") else fitted.decision_function(X)
