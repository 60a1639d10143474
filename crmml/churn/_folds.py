"""Inner folds for the choice of weights, calibration and threshold: on later data where cutoffs are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv

from .. import frames
from ..exceptions import DataError, FeatureWarning, warn
from ..transactions.snapshot_data import SnapshotData
from ..transactions.snapshot_split import SnapshotSplit
from ..typing import ArrayLike, Seed

#: Later cutoffs that are held out one by one.
LATER_CUTOFFS = 3


def inner_folds(
    y: np.ndarray, weight: np.ndarray | None, cv: Any, groups: ArrayLike, random_state: Seed
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit and rows to hold out, in pairs; held-out rows are later ones where ``groups`` has cutoffs.

    Rows of weight 0 are in neither.

    Parameters
    ----------
    y : ndarray of 0 and 1, shape (n,)
    weight : ndarray of shape (n,) or None
    cv : int, splitter or iterable of (train, test)
    groups : frame with customer_id, cutoff, label_end, array of shape (n,), or None

    Returns
    -------
    list of (ndarray, ndarray)
        Each with both labels on both sides; empty where there are too few rows.
    """
    if weight is not None and not weight.all():
        there = np.flatnonzero(weight > 0)
        if isinstance(cv, (int, np.integer)):
            taken = None if groups is None else _rows(groups, there, y.size)
            folds = inner_folds(y[there], None, cv, taken, random_state)
            return [(there[fit], there[out]) for fit, out in folds]
        folds = inner_folds(y, None, cv, groups, random_state)
        return _usable([(fit[weight[fit] > 0], out[weight[out] > 0]) for fit, out in folds], y)
    keys = _keys(groups)
    if not isinstance(cv, (int, np.integer)):
        return _by_splitter(y, cv, keys)
    if frames.is_frame(keys):
        table = _read_groups(keys, y.size)
        if "cutoff" in table and len(table["cutoff"].unique()) > 1:
            if folds := _usable(_later(table), y):
                return folds
            warn(
                "No cutoff is a whole horizon after another, so calibration and threshold are chosen on other customers and not "
                "on later data; add earlier cutoffs.",
                FeatureWarning,
            )
        keys = table["customer_id"].to_numpy()
    least = int(min(y.sum(), y.size - y.sum()))
    if keys is not None:
        return _by_customer(y, np.asarray(keys), min(int(cv), least), random_state)
    if min(int(cv), least) < 2:
        return []
    folds = StratifiedKFold(min(int(cv), least), shuffle=True, random_state=random_state)
    return list(folds.split(np.zeros((y.size, 1)), y))


def _by_splitter(y: np.ndarray, cv: Any, keys: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """The usable folds of a splitter that was given, or of pairs of rows."""
    if frames.is_frame(keys) and not isinstance(cv, SnapshotSplit):
        # scikit-learn's own splitters take one column
        frames.check_names(["customer_id"], frames.wrap(keys).collect_schema().names(), "the groups")
        keys = frames.to_columns(keys, ["customer_id"])["customer_id"].to_numpy()
    return _usable(check_cv(cv, y, classifier=True).split(np.zeros((y.size, 1)), y, keys), y)


def _read_groups(keys: Any, n: int) -> pd.DataFrame:
    """Customers, with cutoffs and ends of labels where there are several cutoffs."""
    names = frames.wrap(keys).collect_schema().names()
    frames.check_names(["customer_id"], names, "the groups")
    table = frames.to_columns(keys, [name for name in ("customer_id", "cutoff", "label_end") if name in names])
    _check_length(len(table), n)
    if "cutoff" in table and len(table["cutoff"].unique()) > 1:
        frames.check_names(["label_end"], names, "the groups, which have several cutoffs")
    return table


def _by_customer(
    y: np.ndarray, keys: np.ndarray, n_folds: int, random_state: Seed
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds that keep the rows of each customer together."""
    if keys.ndim != 1:
        raise DataError(
            [f"they have shape {keys.shape}; give data.groups of snapshots, or one customer per row"], "the groups"
        )
    _check_length(len(keys), y.size)
    parts = min(n_folds, len(pd.unique(pd.Series(keys))))
    if parts <= 1:
        return []
    splitter = StratifiedGroupKFold(parts, shuffle=True, random_state=random_state)
    return _usable(splitter.split(np.zeros((y.size, 1)), y, keys), y)


def customers_of(groups: Any, n: int) -> np.ndarray | None:
    """Whose each of n rows is, where the groups say so."""
    keys = _keys(groups)
    if frames.is_frame(keys):
        if "customer_id" not in frames.wrap(keys).collect_schema().names():
            return None
        keys = frames.to_columns(keys, ["customer_id"])["customer_id"].to_numpy()
    if keys is None:
        return None
    array = np.asarray(keys)
    return array if array.shape == (n,) and array.dtype.kind != "M" else None


def on_later_cutoffs(folds: list[tuple[np.ndarray, np.ndarray]], groups: ArrayLike) -> bool:
    """Whether every row held out is of a later cutoff than all rows fitted on."""
    keys = _keys(groups)
    if not frames.is_frame(keys) or "cutoff" not in frames.wrap(keys).collect_schema().names():
        return False
    cutoff = pd.DatetimeIndex(frames.to_columns(keys, ["cutoff"])["cutoff"])
    return all(cutoff[fit].max() < cutoff[out].min() for fit, out in folds)


def _keys(groups: Any) -> Any:
    return groups.groups if isinstance(groups, SnapshotData) else groups


def _rows(groups: Any, rows: np.ndarray, n: int) -> Any:
    """The groups of some rows."""
    keys = _keys(groups)
    if frames.is_frame(keys):
        keys = frames.to_columns(keys, frames.wrap(keys).collect_schema().names())
        _check_length(len(keys), n)
        return keys.iloc[rows].reset_index(drop=True)
    keys = np.asarray(keys)
    if keys.ndim:
        _check_length(len(keys), n)
    return keys[rows] if keys.ndim else keys


def _check_length(given: int, n: int) -> None:
    if given != n:
        raise DataError([f"they have {given:,} rows for {n:,} rows of X; give one per row"], "the groups")


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
