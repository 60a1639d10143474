"""Labels of churn: two classes, the second in sorted order being churn."""

from __future__ import annotations

import re
import warnings
from numbers import Real

import numpy as np
import pandas as pd
from sklearn.utils.validation import column_or_1d

from ..exceptions import DataError, FeatureWarning
from ..typing import ArrayLike

#: Words that name churners, as labels of public data have them.
_CHURN = re.compile(
    r"\b(churn(ed|er)?|attrited|attrition|left|lost|gone|exited|cancell?ed|closed|lapsed)\b", re.IGNORECASE
)


def labels_of(name: str, y: ArrayLike, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the two classes, and 1 for the second of them (churn) and 0 for the first, shape (n,).

    Raises
    ------
    DataError
        For labels missing, of one class or of more than two, or of another length.

    Warns
    -----
    FeatureWarning
        When the first class is named as churners are and the second is not.
    """
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    values = _of_one_type(pd.Series(column_or_1d(y, warn=True)))
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
    if len(classes) == 1:
        faults.append(
            f"all labels are {classes.tolist()[0]!r}, one class; churners and stayers are both needed to learn from"
        )
    elif len(classes) > 2:
        shown = ", ".join(repr(value) for value in classes[:5].tolist())
        faults.append(
            f"Only binary classification is supported. The type of the target is multiclass: {len(classes)} labels ({shown})"
        )
    if faults:
        raise DataError(faults, "y")
    first, second = str(classes[0]), str(classes[1])
    if _CHURN.search(first) and not _CHURN.search(second):
        warnings.warn(
            f"The second label in sorted order stands for churn, which is {second!r}; if {first!r} is churn, give "
            f"y == {first!r} instead.",
            FeatureWarning,
            stacklevel=4,
        )
    return classes, (values.to_numpy() == classes[1]).astype(np.int64)


def _of_one_type(values: pd.Series) -> pd.Series:
    """Blank texts as missing, and labels of several types as numbers where they are, else as text."""
    if values.dtype != object and not isinstance(values.dtype, pd.StringDtype):
        return values
    values = values.astype(object)
    values = pd.Series(
        [None if isinstance(value, str) and not value.strip() else value for value in values], dtype=object
    )
    known = values.dropna()
    if len(set(known.map(type))) <= 1:
        return values
    if known.map(lambda value: isinstance(value, (Real, np.bool_))).all():
        return values.astype(np.float64)
    return values.map(str, na_action="ignore")
