"""Groups of customers that totals are told for, and the table of totals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import frames
from ..exceptions import DataError
from ..typing import ArrayLike, FrameLike


def read_groups(X: FrameLike, by: str | ArrayLike | None, n: int) -> tuple[np.ndarray, pd.Index]:
    """Return each customer's place among the groups, (n,), and the groups' labels in order; one group, "total", without ``by``.

    Raises
    ------
    DataError
        When labels are missing or are not one for each customer.
    """
    if by is None:
        return np.zeros(n, dtype=np.intp), pd.Index(["total"])
    if isinstance(by, str):
        if not frames.is_frame(X):
            raise DataError([f"by={by!r} names a column, and X is an array; give labels instead"], "the groups")
        values = frames.to_columns(X, [by])[by]
    else:
        frames.check_aligned("the groups", X=X, by=by)
        values = pd.Series(np.asarray(by))
    code, labels = pd.factorize(values, sort=True)
    if len(code) != n:  # lists carry no labels to be aligned by
        raise DataError([f"there are {len(code):,} labels for {n:,} customers; give one for each"], "the groups")
    if missing := int((code < 0).sum()):
        raise DataError(
            [f"the group is missing for {missing:,} of {n:,} customers; name it or drop them"], "the groups"
        )
    return code, pd.Index(labels, name=by if isinstance(by, str) else getattr(by, "name", None) or "group")


def totals_frame(labels: pd.Index, expected: np.ndarray, draws: np.ndarray, coverage: float) -> pd.DataFrame:
    """The table of totals: one row for each group, with the quantiles of its draws (draws, groups), which hold the expectation."""
    tail = (1 - coverage) / 2
    lower, upper = np.quantile(draws, [tail, 1 - tail], axis=0, method="nearest")
    return pd.DataFrame(
        {"expected": expected, "lower": np.minimum(lower, expected), "upper": np.maximum(upper, expected)}, index=labels
    )
