"""The columns that customers are compared by, read from a frame: numbers as floats, categories as text, faults in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults
from ..exceptions import DataError
from ..frames import expressions as ex
from ..typing import Frame
from ._columns import fault, finite_faults, list_faults

#: What is compared as a category.
TEXTS = (ex.String, ex.Boolean, ex.Categorical, ex.Enum, ex.Object, ex.Unknown)
#: More different texts than this are no category that clusters could rest on.
MOST_CATEGORIES = 50


def names_to_compare(
    there: Sequence[str], asked: Sequence[str] | None, skipped: Collection[str | None], subject: str
) -> list[str]:
    """Return the columns to compare customers by: those asked for, else all that are not ``skipped``.

    Raises
    ------
    DataError
        Where there is none, or one is named twice.
    """
    names = [name for name in there if name not in skipped] if asked is None else list(asked)
    if not names:
        raise DataError(["there is no column to compare customers by; name some in columns="], subject)
    if twice := sorted({str(name) for name in names if names.count(name) > 1}):
        raise DataError([f"columns= names {', '.join(twice)} more than once; name each once"], subject)
    return names


def read_columns(X: Frame, names: Sequence[str], known: Mapping[str, bool], faults: Faults) -> dict[str, np.ndarray]:
    """Read columns of a frame as float64 or as text, each by its type.

    Parameters
    ----------
    X : frame of any engine
    names : sequence of str
    known : mapping of str to bool
        Whether a column was a number at fit, for columns that must be what they were.
    faults : Faults
        Takes a column of another kind than at fit, lists, and types that are neither number nor category.

    Raises
    ------
    DataError
        Where a column is missing.
    """
    wrapped = frames.wrap(X)
    frames.check_columns(wrapped, names, faults.subject)
    picked = frames.collected(wrapped.select(names))
    columns = {}
    for name in names:
        column = picked[name]
        numeric = column.dtype.is_numeric()
        if name in known and numeric != known[name]:
            was, now = ("a number", "a category") if known[name] else ("a category", "a number")
            faults.add(f"column {name!r} was {was} at fit and is {now} here; give it as it was")
        elif numeric:
            columns[name] = column.to_pandas().to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            columns |= _category(name, column, faults)
    return columns


def _category(name: str, column: ex.Series, faults: Faults) -> dict[str, np.ndarray]:
    native = column.to_pandas()
    if wrong := list_faults(name, native):
        faults.extend(wrong)
    elif column.dtype in TEXTS and native.dtype.kind != "c":
        return {name: texts_of(native)}
    else:
        faults.add(
            f"column {name!r} is of type {column.dtype}; a number, text or boolean is needed: turn times into ages"
        )
    return {}


def size_faults(n: int, n_clusters: int | str) -> list[str]:
    """Too few customers, in words."""
    if n and not isinstance(n_clusters, str) and n < n_clusters:
        return [
            f"there are {n:,} customers (n_samples={n}), fewer than the {n_clusters} clusters asked for; ask for fewer"
        ]
    if n == 1:
        return ["there is one customer only (n_samples=1); at least two different ones are needed"]
    return []


def column_faults(columns: Mapping[str, np.ndarray]) -> list[str]:
    """Infinite numbers, columns without any value, that never vary, or of too many texts, in words."""
    faults = []
    for name, column in columns.items():
        faults += _number_faults(name, column) if column.dtype.kind == "f" else _category_faults(name, column)
    return faults


def _number_faults(name: str, column: np.ndarray) -> list[str]:
    if infinite := finite_faults(name, column, missing_allowed=True):
        return infinite
    known = column[~np.isnan(column)]
    if not len(known):
        return [_all_missing(name, column)]
    return [_one_value(name)] if known.min() == known.max() else []


def _category_faults(name: str, column: np.ndarray) -> list[str]:
    known = column[pd.notna(column)]
    n = len(pd.unique(known))
    if n == 0:
        return [_all_missing(name, column)]
    if n == 1:
        return [_one_value(name)]
    if n > MOST_CATEGORIES:
        return [
            f"column {name!r} has {n:,} different texts; a category has at most {MOST_CATEGORIES}: leave it out, make it "
            "coarser, or a number"
        ]
    return []


def _all_missing(name: str, column: np.ndarray) -> str:
    return f"column {name!r} is missing in all {len(column):,} rows; leave it out of columns="


def _one_value(name: str) -> str:
    return f"column {name!r} has one distinct value in all rows and tells no customers apart; leave it out"


def infinite_faults(columns: Mapping[str, np.ndarray]) -> list[str]:
    """Infinite numbers of customers to be assigned, in words."""
    faults = []
    for name, column in columns.items():
        if column.dtype.kind == "f":
            faults += fault(name, np.isinf(column), "is infinite", "repair these rows")
    return faults


def texts_of(column: pd.Series) -> np.ndarray:
    """A category's values as text, None where missing or blank; whole numbers without decimals."""
    plain = column.astype(object).to_numpy()
    found, values = pd.factorize(plain)
    texts = np.asarray([*(str(value).strip() or None for value in values), None], dtype=object)
    return texts[found]


def log_faults(log: str | Sequence[str], columns: Mapping[str, np.ndarray]) -> list[str]:
    """Columns of ``log`` that have no logarithms, in words."""
    faults = []
    for name in [] if isinstance(log, str) else log:
        if name not in columns:
            there = ", ".join(repr(one) for one, column in columns.items() if column.dtype.kind == "f")
            faults.append(f"log names {name!r}, which is none of the columns compared; numbers are {there or 'none'}")
        elif columns[name].dtype.kind != "f":
            faults.append(f"log names {name!r}, which is a category; leave it out of log=")
        elif (below := int((columns[name] < 0).sum())) > 0:
            faults.append(f"log names {name!r}, which is negative in {below:,} rows; leave it out of log=")
    return faults
