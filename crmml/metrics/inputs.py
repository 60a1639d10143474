"""One way to read labels and scores: two classes, one of which is the event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import column_or_1d

from .. import frames
from ..exceptions import DataError
from ..frames.numbers import read_numbers
from ..typing import ArrayLike, Estimator, FrameLike, Label
from .labels import churn_last, one_type, warn_of


def read_binary(
    y_true: ArrayLike, y_score: ArrayLike, *, probability: bool = False, churned: Label | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return (y, score): booleans and floats of one length, or one error with every fault.

    ``churned`` is the label of the event, for labels that do not tell.
    """
    frames.check_aligned("labels and scores", y_true=y_true, y_score=y_score)
    ones = _plain(y_true, churned)
    if ones is not None:
        score, faults = numbers(y_score, "y_score", ones.size)
        faults += _outside(score, faults, probability=probability)
        require(faults, "labels and scores")
        return ones, score
    labels = one_type(pd.Series(column_or_1d(y_true)))
    score, faults = numbers(y_score, "y_score", len(labels))
    if missing := int(labels.isna().sum()):
        faults.append(f"{missing:,} of {len(labels):,} labels are missing; drop these rows")
    event, more, notes = _event_of(labels, churned)
    faults += more
    faults += _outside(score, faults, probability=probability)
    require(faults, "labels and scores")
    warn_of(notes)
    return (labels == event).to_numpy(), score


def _plain(y: Any, churned: Label | None) -> np.ndarray | None:
    """Labels that are numbers 0 and 1, as booleans: they need no looking at one by one. Else None."""
    plain = np.asarray(y)
    if plain.ndim != 1 or not plain.size or plain.dtype.kind not in "biuf" or (churned is not None and churned != 1):
        return None
    ones = plain.astype(bool)
    return ones if plain.dtype.kind == "b" or (plain == ones).all() else None


def _event_of(labels: pd.Series, churned: Label | None) -> tuple[Any, list[str], list[str]]:
    """The label of the event, the faults, and what is to be warned of."""
    if not len(labels):
        return None, ["it has no rows"], []
    classes = np.unique(labels.dropna().to_numpy())
    if len(classes) == 2:
        classes, faults, notes = churn_last(classes, churned)
        return classes.tolist()[1], faults, notes
    if len(classes) > 2 or (len(classes) == 1 and churned is None and classes[0] not in (0, 1)):
        shown = ", ".join(repr(value) for value in classes[:5].tolist())
        return None, [f"the labels are {shown}; two classes are needed, such as 0 and 1"], []
    return 1 if churned is None else churned, [], []


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
    if plain.dtype.kind in "OUS":
        # a list of text and numbers is all text as an array
        entries = values if plain.ndim == 1 and isinstance(values, list | tuple) else plain.ravel()
        array, found = read_numbers(entries, name, flags=True, show=False)
        if found:
            return np.full(length, np.nan), found
        array = array.reshape(plain.shape)
    else:
        array = plain.astype(np.float64, copy=False)
    faults = []
    if array.ndim != 1 or array.size != length:
        faults.append(f"{name} has shape {array.shape}; ({length},) is expected, one number per customer")
    # a sum is finite only if every entry is
    if not np.isfinite(array.sum()) and (bad := int((~np.isfinite(array)).sum())):
        faults.append(f"{bad:,} values of {name} are missing or infinite")
    return array, faults


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
    require(frames.misaligned({"y": y, "score": score, "treatment": treatment}), "outcomes, scores and treatment")
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
