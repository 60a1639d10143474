"""Leaks of a table and its folds: copied rows, label windows that overlap, labels made of features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import check_cv

from .. import frames
from ..exceptions import DataError
from ..transactions.times import moment_text
from ..typing import ArrayLike, FrameLike
from ._separation import separating_columns
from .leakage_findings import COLUMNS, LeakageReport, finding

#: Share of identical rows across folds with one and the same label from which they are called copies.
COPIES_AGREE = 0.95
#: Share of test rows with a twin in training below which twins are left to chance.
FEW = 0.01


def fold_leakage_report(X: FrameLike, y: ArrayLike, cv: Any, *, groups: ArrayLike | None = None) -> LeakageReport:
    """Search a table and its folds for copies of rows on both sides, label windows that overlap, and labels made of features.

    Rows that were resampled before the split are the same row in training and in test, with the same label. Rows may also
    be alike by chance, in data with few distinct values; those disagree in their labels now and then. Identical rows
    are called copies where at least 95 % of those across folds agree, and at least 1 % of test rows have one.
    Interpolated rows (SMOTE) are not identical and cannot be found so: resample inside the folds.

    Parameters
    ----------
    X : frame of any engine or array of shape (n, p)
    y : array of shape (n,)
        Two labels.
    cv : int, splitter or iterable of (train, test)
    groups : frame, default=None
        Columns customer_id, cutoff and label_end as ``SnapshotData.groups`` has them.

    Returns
    -------
    LeakageReport

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(300, 3)), np.repeat([0, 0, 0, 1], 75)
    >>> rows = np.concatenate([np.arange(300), rng.choice(np.flatnonzero(y), 150)])    # the rare class, drawn again
    >>> print(fold_leakage_report(X[rows], y[rows], cv=5).describe())
    1 leak found in 3 columns and 5 folds:
      - 215 of 450 test rows have an identical row with the same label in training (0 of churn=0, 215 of churn=1): rows
        were copied before the split; resample inside the folds
    """
    table = (
        frames.to_columns(X, frames.wrap(X).collect_schema().names())
        if frames.is_frame(X)
        else pd.DataFrame(np.asarray(X))
    )
    table = table.reset_index(drop=True)
    frames.check_aligned("the rows", X=X, y=y, groups=groups)
    codes, classes = pd.factorize(pd.Series(np.asarray(y)), sort=True)
    if len(classes) != 2:
        raise DataError([f"it has {len(classes)} values, two are needed"], "y")
    label = codes.astype(np.float64)
    folds, notes = fold_findings(table, label, cv, groups)
    findings = label_findings(table, label) + folds
    n = check_cv(cv, label, classifier=True).get_n_splits(table, label, groups)
    return LeakageReport(pd.DataFrame(findings, columns=COLUMNS), f"{table.shape[1]} columns and {n} folds", notes)


def label_findings(X: pd.DataFrame, y: np.ndarray) -> list[dict[str, Any]]:
    """One finding for each column, or pair, that the label is a function of."""
    return [
        finding(
            "label",
            name,
            "",
            len(y),
            len(y),
            f"the label is a function of {words}: what happens after the cutoff cannot be one of what happened before; label by "
            "purchases in [cutoff, cutoff + horizon)",
        )
        for name, words in separating_columns(X, y)
    ]


def fold_findings(X: pd.DataFrame, y: np.ndarray, cv: Any, groups: Any) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Copies across folds and label windows that reach the test cutoff."""
    row = pd.util.hash_pandas_object(X, index=False).to_numpy()
    tested = np.zeros(2, dtype=np.int64)
    twins, agree, met = np.zeros(2, dtype=np.int64), 0, 0
    overlap, windows = 0, ""
    n_splits = 0
    for train, test in check_cv(cv, y, classifier=True).split(X, y, groups):
        n_splits += 1
        labels = pd.DataFrame({"row": row[train], "y": y[train]}).groupby("row")["y"].agg(["mean", "size"])
        there = labels.reindex(row[test])
        mean = there["mean"].to_numpy()
        has = ~np.isnan(mean)
        own = np.where(y[test] == 1, mean, 1 - mean)
        met += int(has.sum())
        agree += int((own[has] == 1).sum())
        for value in (0, 1):
            tested[value] += int((y[test] == value).sum())
            twins[value] += int((has & (own > 0) & (y[test] == value)).sum())
        if groups is not None and {"cutoff", "label_end"} <= set(frames.wrap(groups).collect_schema().names()):
            keys = frames.to_columns(groups, ["cutoff", "label_end"])
            first = keys["cutoff"].iloc[test].min()
            late = int((keys["label_end"].iloc[train] > first).sum())
            overlap, windows = overlap + late, windows or (moment_text(pd.Timestamp(first)) if late else "")
    findings, notes = [], []
    if overlap:
        text = (
            f"{overlap:,} training rows have label windows that reach past the test cutoff (first {windows}): "
            "they hold what test customers did; use SnapshotSplit, whose embargo is at least the horizon"
        )
        findings.append(finding("label window", "", windows, overlap, len(y) * n_splits, text))
    if met:
        share = met / max(int(tested.sum()), 1)
        if agree >= COPIES_AGREE * met and share >= FEW:
            text = (
                f"{int(twins.sum()):,} of {int(tested.sum()):,} test rows have an identical row with the same label in training "
                f"({twins[0]:,} of churn=0, {twins[1]:,} of churn=1): rows were copied before the split; resample inside the folds"
            )
            findings.append(finding("copies", "", "", int(twins.sum()), int(tested.sum()), text))
        else:
            notes.append(
                f"{met:,} of {int(tested.sum()):,} test rows have a look-alike in training; {agree / met:.0%} of them agree in "
                "their label, as rows that are alike by chance do."
            )
    return findings, tuple(notes)
