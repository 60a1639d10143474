"""Labels of churn: two classes, the second in sorted order being churn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import column_or_1d

from ..exceptions import DataError


def labels_of(name: str, y: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the two classes, and 1 for the second of them (churn) and 0 for the first, shape (n,).

    Raises
    ------
    DataError
        For labels missing, of one class or of more than two, or of another length.
    """
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    values = pd.Series(column_or_1d(y, warn=True))
    faults = []
    if len(values) != n:
        faults.append(f"it has {len(values):,} labels for {n:,} rows")
    if missing := int(values.isna().sum()):
        faults.append(
            f"{missing:,} of {len(values):,} labels are missing; drop these rows (a snapshot whose label window is not "
            "complete has no label), or find their labels"
        )
    elif values.dtype.kind == "f" and len(np.unique(values)) > 2 and (values % 1 != 0).any():
        raise ValueError("Unknown label type: continuous. Labels must be two classes, such as 0 and 1.")
    known = values.dropna()
    classes = np.unique(known.to_numpy()) if len(set(known.map(type))) <= 1 else np.unique(known.astype(str))
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
    return classes, (values.to_numpy() == classes[1]).astype(np.int64)
