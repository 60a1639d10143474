"""One gate for numbers: what counts as one, and what is said of an entry that does not.

Whole and real numbers of any engine pass, with missing ones, decimals and fractions, and as objects. Lengths of time and
dates, which numpy turns into counts of nanoseconds without a word, complex numbers, truth values, text (even text that
reads as numbers) and columns of mixed kinds are refused in words.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import DataError
from . import expressions as ex

#: Offenders that a message shows.
SHOWN = 3
_CURES = {
    "text": "repair these entries, or leave them missing",
    "numbers as text": "make it a column of numbers, as by pd.to_numeric",
    "a length of time": "divide it by a unit, as by column / pd.Timedelta(days=1)",
    "a date": "count from a day on, as by (column - day) / pd.Timedelta(days=1)",
    "a complex number": "give one real number per row",
    "true or false": "write 1 and 0, as by column.astype(int)",
    "another kind": "give one number per row",
}


def read_numbers(
    column: Any, name: str, *, flags: bool = False, cure: str | None = None, show: bool = True
) -> tuple[np.ndarray, list[str]]:
    """Return a column as float64, NaN where missing, and what keeps it from being one of numbers.

    Parameters
    ----------
    column : column of any engine, array or list, of shape (n,)
    name : str
        As a message calls it: "column 'T'".
    flags : bool, default=False
        Whether truth values are welcome, as 1 and 0.
    cure : str, default=None
        What to do, in the words of the door; None says it by the kind of what was found.
    show : bool, default=True
        Whether the message shows the first offenders: not where they may be somebody's own.

    Examples
    --------
    >>> read_numbers(pd.Series([1, None, 2.5], dtype=object), "column 'T'")
    (array([1. , nan, 2.5]), [])
    >>> print(read_numbers(pd.Series(pd.to_timedelta([3, 7], unit="D")), "column 'T'")[1][0])
    column 'T' is not a number in 2 of 2 rows (a length of time: 3 days 00:00:00 in row 0, 7 days 00:00:00 in row 1); divide it
    by a unit, as by column / pd.Timedelta(days=1)
    """
    if isinstance(column, ex.Series) and column.dtype.is_numeric() and not isinstance(column.to_native(), pd.Series):
        return np.asarray(column.to_numpy(), dtype=np.float64), []
    values = _as_series(column)
    plain = _plain(values, flags=flags)
    if plain is not None:
        return plain, []
    entries = values.astype(object)
    known = entries.notna().to_numpy()
    kinds = {kind: _kind_of(kind, flags=flags) for kind in {type(entry) for entry in entries[known]}}
    found = np.asarray(
        [kinds[type(entry)] if there else "" for entry, there in zip(entries, known, strict=True)], dtype=object
    )
    if not (found != "").any():
        numbers = np.full(len(entries), np.nan)
        numbers[known] = [float(entry) for entry in entries[known]]
        return numbers, []
    return np.full(len(entries), np.nan), [_fault(entries, found, name, cure, show=show)]


def as_numbers(column: Any, name: str, subject: str, *, flags: bool = False) -> np.ndarray:
    """Return a column as float64, NaN where missing.

    Raises
    ------
    DataError
        Where entries are not numbers.
    """
    values, faults = read_numbers(column, name, flags=flags)
    if faults:
        raise DataError(faults, subject)
    return values


def check_sample_weight(weight: Any, n: int) -> np.ndarray:
    """Return weights, one for each of n rows: finite numbers of at least 0, not all of them 0; one number is that of all.

    Raises
    ------
    DataError
        With how many are wrong; dates, lengths of time and text are no weights.

    Examples
    --------
    >>> check_sample_weight([1, 0.5], 2)
    array([1. , 0.5])
    >>> check_sample_weight(2, 3)
    array([2., 2., 2.])
    """
    subject = "the sample weights"
    shape = getattr(weight, "shape", None)
    if shape is None and isinstance(weight, list | tuple) and any(isinstance(row, list | tuple) for row in weight):
        shape = np.shape(np.asarray(weight, dtype=object))
    if shape is not None and len(shape) > 1:
        raise DataError([f"they have the shape {tuple(shape)}; one for each of {n:,} rows is needed"], subject)
    one = np.isscalar(weight) or weight is None or shape == ()
    given, faults = read_numbers([weight] if one else weight, "sample_weight", flags=True)
    given = np.full(n, given[0]) if one and not faults else given
    if faults:
        raise DataError(faults, subject)
    if given.shape != (n,):
        raise DataError([f"they have the shape {given.shape}; one for each of {n:,} rows is needed"], subject)
    if faults := _weight_faults(given):
        raise DataError(faults, subject)
    return given


def _weight_faults(given: np.ndarray) -> list[str]:
    faults, n = [], given.size
    if wrong := int((~np.isfinite(given)).sum()):
        faults.append(f"{wrong:,} of {n:,} are missing or infinite")
    if below := int((given < 0).sum()):
        faults.append(f"{below:,} of {n:,} are negative; a weight says how many customers a row stands for")
    if not faults and n and not given.any():
        faults.append("all weights are zero, so that nobody is left")
    return faults


def _as_series(column: Any) -> pd.Series:
    if isinstance(column, ex.Series):
        return column.to_pandas()
    if isinstance(column, pd.Series):
        return column
    if hasattr(column, "to_pandas"):
        return pd.Series(column.to_pandas())
    if isinstance(column, np.ndarray):
        return pd.Series(column) if column.dtype.kind not in "mM" else pd.Series(column, dtype=_nanoseconds(column))
    return pd.Series(list(column), dtype=object) if isinstance(column, list | tuple) else pd.Series(np.asarray(column))


def _nanoseconds(column: np.ndarray) -> str:
    """A dtype that pandas has for moments or lengths of time; numpy has units that pandas lacks."""
    return "timedelta64[ns]" if column.dtype.kind == "m" else "datetime64[us]"


def _plain(values: pd.Series, *, flags: bool) -> np.ndarray | None:
    """The numbers of a column whose type says that it has no other entries; else None."""
    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iuf":
        return np.asarray(values, dtype=np.float64)
    if pd.api.types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return values.to_numpy(dtype=np.float64, na_value=np.nan) if flags else None
    if (
        isinstance(dtype, pd.CategoricalDtype)
        or pd.api.types.is_complex_dtype(dtype)
        or pd.api.types.is_object_dtype(dtype)
    ):
        return None
    return values.to_numpy(dtype=np.float64, na_value=np.nan) if pd.api.types.is_numeric_dtype(dtype) else None


def _kind_of(kind: type, *, flags: bool) -> str:
    """What entries of a type are, "" for numbers."""
    if issubclass(kind, bool | np.bool_):
        return "" if flags else "true or false"
    if issubclass(kind, dt.timedelta | np.timedelta64 | pd.offsets.BaseOffset):
        return "a length of time"
    if issubclass(kind, dt.date | dt.time | np.datetime64 | pd.Period):
        return "a date"
    if issubclass(kind, Real | Decimal | Fraction):
        return ""
    if issubclass(kind, complex | np.complexfloating):
        return "a complex number"
    return "text" if issubclass(kind, str | bytes) else "another kind"


def _fault(entries: pd.Series, found: np.ndarray, name: str, cure: str | None, *, show: bool) -> str:
    wrong = np.flatnonzero(found != "")
    kinds = list(dict.fromkeys(found[wrong].tolist()))
    count = f"{wrong.size:,} of {len(entries):,} rows"
    shown = ", ".join(f"{_shown(entries.iloc[row])} in row {row}" for row in wrong[:SHOWN]) if show else ""
    if kinds == ["text"] and pd.to_numeric(entries.iloc[wrong], errors="coerce").notna().all():
        return f"{name} holds numbers as text in {count}{shown and f' ({shown})'}; {cure or _CURES['numbers as text']}"
    cures = cure or "; ".join(_CURES[kind] for kind in kinds)
    return f"{name} is not a number in {count} ({' and '.join(kinds)}{shown and f': {shown}'}); {cures}"


def _shown(entry: Any) -> str:
    text = repr(entry) if isinstance(entry, str) else str(entry)
    return text if len(text) <= 30 else text[:27] + "..."
