"""Unique rows with weights: what a likelihood needs of a customer base, whatever its size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .. import frames
from ..typing import FrameLike


def unique_rows(*columns: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Distinct rows of some columns, how often each occurs, and where each row went; linear in n.

    Parameters
    ----------
    *columns : ndarray of shape (n,)
        Numbers without NaN.

    Returns
    -------
    unique : list of ndarray of shape (m,)
        The distinct rows' columns, in order of first appearance.
    counts : ndarray of shape (m,)
    code : ndarray of shape (n,)
        Index of each row among the distinct ones.
    """
    code, size = np.zeros(columns[0].shape[0], dtype=np.int64), 1
    for column in columns:
        part, values = pd.factorize(np.ascontiguousarray(column))
        if size and size > np.iinfo(np.int64).max // max(len(values), 1):
            code, seen = pd.factorize(code)
            size = len(seen)
        code = code * len(values) + part
        size *= len(values)
    code, seen = pd.factorize(code)
    first = np.empty(len(seen), dtype=np.int64)
    first[code[::-1]] = np.arange(len(code) - 1, -1, -1)
    return [np.asarray(column)[first] for column in columns], np.bincount(code, minlength=len(seen)), code


def compress(
    summary: FrameLike, columns: Sequence[str] = ("frequency", "recency", "T")
) -> tuple[pd.DataFrame, np.ndarray]:
    """Unique rows of a summary with the number of customers each stands for.

    Models do this on their own in ``fit``; it is here for those who store or send the smaller table.

    Parameters
    ----------
    summary : frame of any engine
    columns : sequence of str, default=("frequency", "recency", "T")
        Which columns make a row; add "monetary_value" for models of spend.

    Returns
    -------
    rows : DataFrame of shape (n_unique, len(columns))
        Carries the summary's ruler.
    sample_weight : ndarray of shape (n_unique,)
        Customers of each row; sums to the number of customers.

    Examples
    --------
    >>> import pandas as pd
    >>> rows, weight = compress(pd.DataFrame({"frequency": [0, 0, 1], "recency": [0.0, 0.0, 2.0], "T": [9.0, 9.0, 9.0]}))
    >>> rows["frequency"].tolist(), weight.tolist()
    ([0, 1], [2, 1])
    """
    picked = frames.to_columns(summary, list(columns))
    unique, counts, _ = unique_rows(*(picked[name].to_numpy() for name in columns))
    rows = pd.DataFrame(dict(zip(columns, unique, strict=True)))
    return frames.set_ruler(rows, frames.get_ruler(summary)), counts
