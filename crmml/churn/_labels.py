"""Labels of churn: two classes, the second being churn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import column_or_1d

from .. import frames
from ..exceptions import DataError
from ..metrics.labels import churn_last, one_type, warn_of
from ..typing import ArrayLike, FrameLike, Label


class LabelledMixin(ClassifierMixin):
    """A classifier whose score is of rows that belong to their labels."""

    def score(self, X: FrameLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Share of the labels that ``predict`` gets right.

        Raises
        ------
        DataError
            Where X, y and the weights do not have the same row labels.
        """
        frames.check_aligned("the rows", X=X, y=y, sample_weight=sample_weight)
        return float(super().score(X, y, sample_weight=sample_weight))


def labels_of(name: str, y: ArrayLike, n: int, churned: Label | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the two classes, churn second, and 1 where a label is churn and 0 where it is not, shape (n,).

    Parameters
    ----------
    name : str
        Of the estimator.
    y : array of shape (n,)
    n : int
        Rows of X.
    churned : label, default=None
        The one that means churn; None takes 1, true and yes for it.

    Raises
    ------
    DataError
        For labels missing, of one class or of more than two, of another length, or that do not tell which is churn.

    Warns
    -----
    FeatureWarning
        When the labels are numbers that do not tell which is churn, the larger being taken.
    """
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    values = one_type(pd.Series(column_or_1d(y, warn=True)))
    faults = []
    if len(values) != n:
        faults.append(f"it has {len(values):,} labels for {n:,} rows")
    if missing := int(values.isna().sum()):
        faults.append(
            f"{missing:,} of {len(values):,} labels are missing; drop these rows (a snapshot whose label window is not "
            "complete has no label), or find their labels"
        )
    elif values.dtype.kind == "f" and (values % 1 != 0).any():
        raise ValueError("Unknown label type: continuous. Labels must be two classes, such as 0 and 1.")
    known = values.dropna()
    classes = np.unique(known.to_numpy())
    notes: list[str] = []
    if len(classes) == 1:
        faults.append(
            f"all labels are {classes.tolist()[0]!r}, one class; churners and stayers are both needed to learn from"
        )
    elif len(classes) > 2:
        shown = ", ".join(repr(value) for value in classes[:5].tolist())
        faults.append(
            f"Only binary classification is supported. The type of the target is multiclass: {len(classes)} labels ({shown})"
        )
    elif len(classes) == 2:
        classes, more, notes = churn_last(classes, churned, _name_of(y))
        faults += more
    if faults:
        raise DataError(faults, "y")
    warn_of(notes)
    return classes, (values.to_numpy() == classes[1]).astype(np.int64)


def _name_of(y: Any) -> str | None:
    """The name of the column that the labels are, where it has one."""
    names = list(getattr(y, "columns", []))
    name = names[0] if len(names) == 1 else getattr(y, "name", None)
    return name if isinstance(name, str) else None
