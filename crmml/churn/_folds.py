"""Inner folds for the choice of weights, calibration and threshold: on later data where cutoffs are known."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv

from .. import frames
from ..exceptions import DataError, FeatureWarning
from ..transactions.snapshot_data import SnapshotData

#: Later cutoffs that are held out one by one.
LATER_CUTOFFS = 3


def inner_folds(y: np.ndarray, cv: Any, groups: Any, random_state: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit and rows to hold out, in pairs; held-out rows are later ones where ``groups`` has cutoffs.

    Parameters
    ----------
    y : ndarray of 0 and 1, shape (n,)
    cv : int, splitter or iterable of (train, test)
    groups : frame with customer_id, cutoff, label_end, array of shape (n,), or None

    Returns
    -------
    list of (ndarray, ndarray)
        Each with both labels on both sides; empty where there are too few rows.
    """
    n = y.size
    keys = groups.groups if isinstance(groups, SnapshotData) else groups
    if keys is not None and not isinstance(cv, (int, np.integer)):
        return _usable(check_cv(cv, y, classifier=True).split(np.zeros((n, 1)), y, keys), y)
    least = int(min(y.sum(), n - y.sum()))
    if frames.is_frame(keys):
        names = frames.wrap(keys).collect_schema().names()
        frames.check_names(["customer_id"], names, "the groups")
        table = frames.to_columns(keys, [name for name in ("customer_id", "cutoff", "label_end") if name in names])
        _check_length(len(table), n)
        if "cutoff" in table and len(table["cutoff"].unique()) > 1:
            frames.check_names(["label_end"], names, "the groups, which have several cutoffs")
            if folds := _usable(_later(table), y):
                return folds
            warnings.warn(
                "No cutoff is a whole horizon after another, so calibration and threshold are chosen on other customers and not "
                "on later data; add earlier cutoffs.",
                FeatureWarning,
                stacklevel=4,
            )
        keys = table["customer_id"].to_numpy()
    if keys is not None:
        keys = np.asarray(keys)
        _check_length(len(keys), n)
        parts = min(int(cv), least, len(pd.unique(pd.Series(keys))))
        splitter: Any = StratifiedGroupKFold(parts, shuffle=True, random_state=random_state) if parts > 1 else None
        return [] if splitter is None else _usable(splitter.split(np.zeros((n, 1)), y, keys), y)
    if not isinstance(cv, (int, np.integer)):
        return _usable(check_cv(cv, y, classifier=True).split(np.zeros((n, 1)), y), y)
    if min(int(cv), least) < 2:
        return []
    folds = StratifiedKFold(min(int(cv), least), shuffle=True, random_state=random_state)
    return list(folds.split(np.zeros((n, 1)), y))


def _check_length(given: int, n: int) -> None:
    if given != n:
        raise DataError([f"they have {given:,} rows for {n:,} rows of X; give one a row"], "the groups")


def _later(table: pd.DataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    """The last cutoffs that some labels end before, each held out from those."""
    cutoff, end = pd.DatetimeIndex(table["cutoff"]), pd.DatetimeIndex(table["label_end"])
    folds: list[tuple[np.ndarray, np.ndarray]] = []
    for moment in cutoff.unique().sort_values()[::-1]:
        fit = np.flatnonzero(end <= moment)
        if fit.size and len(folds) < LATER_CUTOFFS:
            folds.append((fit, np.flatnonzero(cutoff == moment)))
    return folds


def _usable(folds: Any, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds with both labels on both sides."""
    return [(fit, out) for fit, out in folds if np.unique(y[fit]).size == 2 and np.unique(y[out]).size == 2]
