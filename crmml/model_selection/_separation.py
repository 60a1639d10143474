"""Columns, and differences and ratios of two columns, that part the two labels without an error. Pure numpy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

#: Rows of each label that a perfect separation must rest on.
LEAST = 20
#: Rows that pairs of columns are tried on before all rows confirm.
SAMPLE = 5_000


def separating_columns(X: pd.DataFrame, y: np.ndarray) -> list[tuple[str, str]]:
    """Find what the label is a function of.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
    y : ndarray of shape (n,)
        0 and 1.

    Returns
    -------
    list of (column, words)
        A single column: numbers that a threshold parts the labels by, or categories that have one label each. A pair of
        numeric columns, named "a, b", where their difference or ratio does and neither alone.
    """
    if min((y == 0).sum(), (y == 1).sum()) < LEAST:
        return []
    found, single = [], set()
    numbers = {}
    for label in X:
        column, name = X[label], str(label)
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
            numbers[name] = values
            if _parted(values, y):
                found.append((name, f"column {name!r} (a threshold parts the labels without an error)"))
                single.add(name)
        elif _is_key(column, y):
            found.append((name, f"column {name!r} (each of its values has one label only)"))
            single.add(name)
    rest = [
        name
        for name, values in numbers.items()
        if name not in single and not np.isnan(values).all() and np.nanmin(values) < np.nanmax(values)
    ]
    sample = np.random.default_rng(0).permutation(y.size)[:SAMPLE]
    for one, two in combinations(rest, 2):
        for words, values in _pairs(numbers[one], numbers[two], sample):
            if _parted(values, y[sample]) and _parted(dict(_pairs(numbers[one], numbers[two], slice(None)))[words], y):
                found.append((f"{one}, {two}", f"the {words} of columns {one!r} and {two!r}"))
                break
    return found


def _pairs(one: np.ndarray, two: np.ndarray, rows: np.ndarray | slice) -> list[tuple[str, np.ndarray]]:
    a, b = one[rows], two[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        return [("difference", a - b), ("ratio", a / b)]


def _parted(values: np.ndarray, y: np.ndarray) -> bool:
    """Whether all values of one label lie below all of the other's; missing values decide nothing, but few may be."""
    known = ~np.isnan(values)
    zero, one = values[known & (y == 0)], values[known & (y == 1)]
    if min(zero.size, one.size) < LEAST or known.mean() < 0.5:
        return False
    return bool(zero.max() < one.min() or one.max() < zero.min())


def _is_key(column: pd.Series, y: np.ndarray) -> bool:
    """Whether a categorical column has one label a value, in values that come again and again."""
    code, unique = pd.factorize(column)
    known = code >= 0
    if known.mean() < 0.5 or not 2 <= len(unique) <= known.sum() / LEAST:
        return False
    size = np.bincount(code[known], minlength=len(unique))
    churned = np.bincount(code[known], weights=y[known], minlength=len(unique))
    return bool(((churned == 0) | (churned == size)).all() and 0 < churned.sum() < known.sum())
