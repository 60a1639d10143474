"""What identifies a customer, read by one rule: whole numbers or text, so that 123, 123.0 and "123" of one column are one customer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from ..exceptions import LogWarning, warn
from .engines import AnyFrame, collected
from .queries import pandas_behind
from .texts import is_blank, may_be_blank, trimmed

#: Floats from here on no longer tell neighbouring whole numbers apart.
LARGEST_WHOLE = 2.0**53
#: The same by the bytes of a float.
_LARGEST_WHOLE = {2: 2.0**11, 4: 2.0**24, 8: LARGEST_WHOLE}
#: Whole numbers beyond are kept as text.
_INT64 = 2**63 - 1
#: Offenders that a message shows.
SHOWN = 3
_CURE = "one whole number or text a row identifies a customer"
_FRACTIONS = "column {!r} holds numbers with fractions in {:,} of {:,} rows ({}); " + _CURE
_TOO_LARGE = (
    "column {!r} holds floats of 2**{} or more in {:,} of {:,} rows ({}), which no longer tell neighbouring numbers apart; read "
    "the column as whole numbers or as text"
)


@dataclass(frozen=True)
class Identified:
    """A frame with its identifiers read.

    Attributes
    ----------
    frame : narwhals frame
    changed : bool
        Whether they are of another type than those of the column.
    faults : list of str
        Why they cannot be read.
    notes : list of str
        What was decided on the way.
    """

    frame: AnyFrame
    changed: bool = False
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def with_identifiers(frame: AnyFrame, column: str, into: str) -> Identified:
    """Add a column of identifiers as whole numbers or text.

    Floats that are whole are whole numbers (a column with a missing entry often comes as floats). A pandas column that mixes
    numbers and text is text, each number as it is written. Truth values, fractions, moments and lengths of time, complex
    numbers and lists identify nobody.

    Parameters
    ----------
    frame : narwhals frame
    column : str
    into : str
        Name of the column to add.
    """
    native = pandas_behind(frame)
    if native is not None:
        return _on_pandas(frame, native, column, into)
    dtype = frame.collect_schema()[column]
    if faults := _type_faults(column, dtype):
        return Identified(frame, faults=faults)
    if dtype == nw.Object and isinstance(frame, nw.DataFrame):
        return _of_foreign_objects(frame, column, into)
    if dtype.is_float():
        return _of_floats(frame, column, into, dtype)
    if dtype in (nw.Categorical, nw.Enum):
        return Identified(frame.with_columns(nw.col(column).cast(nw.String).alias(into)))
    return Identified(frame.with_columns(nw.col(column).alias(into)))


def alike(column: pd.Series, name: str) -> tuple[pd.Series, list[str]]:
    """Return a column of identifiers with numbers and text in one kind, by the rule of :func:`with_identifiers`, and its faults.

    Parameters
    ----------
    column : Series
    name : str
        As messages call it.

    Warns
    -----
    LogWarning
        Where numbers were read as text.

    Examples
    --------
    >>> alike(pd.Series(["a", "7", "0.5"], dtype=object), "customer_id")[0].tolist()
    ['a', '7', '0.5']
    """
    entries = column.astype(column.cat.categories.dtype) if isinstance(column.dtype, pd.CategoricalDtype) else column
    if not pd.api.types.is_object_dtype(entries.dtype):
        return column, []
    read = _of_objects(name, entries)
    if read.faults or read.entries is entries:
        return column, read.faults
    for note in read.notes:
        warn(f"{note}.", LogWarning)
    return pd.Series(read.entries, index=column.index, name=column.name), []


def _type_faults(column: str, dtype: Any) -> list[str]:
    if dtype.is_nested():
        return [f"column {column!r} holds lists or their like; {_CURE}"]
    if dtype == nw.Boolean or dtype.is_temporal():
        return [f"column {column!r} is of type {dtype}; {_CURE}"]
    return []


def _on_pandas(frame: AnyFrame, native: pd.DataFrame, column: str, into: str) -> Identified:
    entries = native[column]
    if isinstance(entries.dtype, pd.CategoricalDtype):
        entries = entries.astype(entries.dtype.categories.dtype)
    dtype = entries.dtype
    if pd.api.types.is_object_dtype(dtype):
        read = _of_objects(column, entries)
    elif pd.api.types.is_complex_dtype(dtype) or isinstance(dtype, (pd.PeriodDtype, pd.IntervalDtype)):
        return Identified(frame, faults=[f"column {column!r} is of type {dtype}; {_CURE}"])
    elif pd.api.types.is_float_dtype(dtype):
        values = entries.to_numpy(dtype=np.float64, na_value=np.nan)
        read = _of_numbers(column, values, limit=_LARGEST_WHOLE[getattr(dtype, "itemsize", 8)])
    else:
        read = _Read(entries)
    if read.faults:
        return Identified(frame, faults=read.faults)
    result = nw.from_native(native.assign(**{into: read.entries}))
    if faults := _type_faults(column, result.collect_schema()[into]):
        return Identified(frame, faults=faults)
    return Identified(result, read.entries is not entries, [], read.notes)


@dataclass(frozen=True)
class _Read:
    entries: Any
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _of_objects(column: str, entries: pd.Series) -> _Read:
    """Identifiers of a pandas column of objects."""
    if pd.api.types.infer_dtype(entries, skipna=True) in ("string", "empty"):
        return _Read(entries)
    missing = entries.isna().to_numpy()
    there = entries.to_numpy()[~missing]
    kinds = {kind: _kind(kind) for kind in dict.fromkeys(map(type, there))}
    kind_of = np.asarray([kinds[type(entry)] for entry in there], dtype=object)
    faults, n = [], len(entries)
    for kind in dict.fromkeys(kinds.values()):
        if kind not in ("number", "text", "other"):
            wrong = kind_of == kind
            count = f"in {int(wrong.sum()):,} of {n:,} rows ({_shown(there[wrong])})"
            faults.append(f"column {column!r} holds {kind} {count}; {_CURE}")
    if "other" in kinds.values() and len(kinds) > 1:
        names = ", ".join(kind.__name__ for kind in kinds)
        faults.append(f"column {column!r} mixes entries of the kinds {names}; write all of them as text")
    if faults:
        return _Read(None, faults)
    if "other" in kinds.values():
        return _Read(entries)
    return _numbers_and_text(column, there, kind_of == "number", missing)


def _numbers_and_text(column: str, there: np.ndarray, number: np.ndarray, missing: np.ndarray) -> _Read:
    """Whole numbers where there is no text and all fit into 64 bits, else text."""
    if faults := _fractions_of(column, there, missing.size):
        return _Read(None, faults)
    values = [int(x) if numeric else x for x, numeric in zip(there, number, strict=True)]
    if number.all() and all(-_INT64 <= x <= _INT64 for x in values):
        whole = np.zeros(missing.size, dtype=np.int64)
        whole[~missing] = values
        return _Read(pd.arrays.IntegerArray(whole, missing) if missing.any() else whole)
    texts = np.full(missing.size, None, dtype=object)
    texts[~missing] = [str(x) for x in values]
    notes = []
    if not number.all():
        n_numbers = int(number.sum())
        notes.append(
            f"column {column!r} mixes numbers ({n_numbers:,} rows) and text ({number.size - n_numbers:,} rows); the numbers were "
            "read as text, so that 123 and '123' are one customer. Zeros that they began with are lost: read the column as text "
            "from the start where it has such"
        )
    return _Read(pd.array(texts, dtype="str" if _has_str_dtype() else "string"), notes=notes)


def _fractions_of(column: str, there: np.ndarray, n: int) -> list[str]:
    """Faults of floats and decimals among objects that are no whole numbers, or too large to tell."""
    floats = np.asarray([float(x) if isinstance(x, float | np.floating) else np.nan for x in there])
    faults = _number_faults(column, floats, n)
    decimals = [x for x in there if isinstance(x, Decimal) and (not x.is_finite() or x != x.to_integral_value())]
    return [*faults, _FRACTIONS.format(column, len(decimals), n, _shown(decimals))] if decimals else faults


def _has_str_dtype() -> bool:
    """Whether text has a type of its own in this pandas, which the others' text is of."""
    return pd.Series([""]).dtype != object


def _kind(kind: type) -> str:
    """What entries of a Python type are, in the words of a message where they identify nobody."""
    if issubclass(kind, str):
        return "text"
    for types, word in (
        ((bool, np.bool_), "truth values"),
        ((dt.timedelta, np.timedelta64, pd.offsets.BaseOffset), "lengths of time"),
        ((dt.date, dt.time, np.datetime64, pd.Period), "dates or times"),
    ):
        if issubclass(kind, types):
            return word
    if issubclass(kind, Integral | Real | Decimal):
        return "number"
    if issubclass(kind, complex | np.complexfloating):
        return "complex numbers"
    return "other" if issubclass(kind, Hashable) else "lists or their like"


def _of_foreign_objects(frame: nw.DataFrame, column: str, into: str) -> Identified:
    """Identifiers of a column of Python objects of another engine than pandas."""
    read = _of_objects(column, pd.Series(frame[column].to_list(), dtype=object))
    if read.faults:
        return Identified(frame, faults=read.faults)
    texts = [
        None if entry is None else str(entry) for entry in pd.Series(read.entries, dtype=object).replace({np.nan: None})
    ]
    series = nw.new_series(into, texts, nw.String, backend=frame.implementation)
    return Identified(frame.with_columns(series), True, [], read.notes)


def _of_numbers(column: str, values: np.ndarray, limit: float) -> _Read:
    """Identifiers of an array of floats, NaN where missing."""
    if faults := _number_faults(column, values, values.size, limit):
        return _Read(None, faults)
    missing = np.isnan(values)
    whole = np.where(missing, 0, values).astype(np.int64)
    return _Read(pd.arrays.IntegerArray(whole, missing) if missing.any() else whole)


def _number_faults(column: str, values: np.ndarray, n: int, limit: float = LARGEST_WHOLE) -> list[str]:
    large = np.abs(values) >= limit
    broken = ~np.isnan(values) & ~large & (values != np.floor(values))
    faults = []
    if broken.any():
        faults.append(_FRACTIONS.format(column, int(broken.sum()), n, _shown(values[broken].tolist())))
    if large.any():
        power = int(np.log2(limit))
        faults.append(_TOO_LARGE.format(column, power, int(large.sum()), n, _shown(values[large].tolist())))
    return faults


def _of_floats(frame: AnyFrame, column: str, into: str, dtype: Any) -> Identified:
    """Identifiers of a column of floats of another engine than pandas."""
    limit = _LARGEST_WHOLE[8 if dtype == nw.Float64 else 4]
    value = nw.col(column).cast(nw.Float64)
    value = nw.when(~value.is_nan()).then(value)  # null where missing, in either way
    large, broken = value.abs() >= limit, (value.abs() < limit) & (value % 1 != 0)
    counts = {"rows": nw.len(), "large": large.cast(nw.Int64).sum(), "broken": broken.cast(nw.Int64).sum()}
    found = collected(frame.select(expr.alias(name) for name, expr in counts.items()))
    n, n_large, n_broken = (int(found[name][0] or 0) for name in counts)
    faults = []
    for wrong, count, message in (
        (broken, n_broken, (_FRACTIONS, column)),
        (large, n_large, (_TOO_LARGE, column, int(np.log2(limit)))),
    ):
        if count:
            first = collected(frame.filter(wrong).select(column).head(SHOWN))[column].to_list()
            faults.append(message[0].format(*message[1:], count, n, _shown(first)))
    if faults:
        return Identified(frame, faults=faults)
    return Identified(frame.with_columns(value.cast(nw.Int64).alias(into)), True)


def with_plain_integers(frame: AnyFrame, names: Sequence[str]) -> AnyFrame:
    """Return a frame in which pandas' nullable integers without a missing entry are numpy's, as they are where none ever was."""
    native = pandas_behind(frame)
    if native is None:
        return frame
    plain = {
        name: native[name].astype(np.int64)
        for name in names
        if native[name].dtype == pd.Int64Dtype() and not native[name].hasnans
    }
    return nw.from_native(native.assign(**plain)) if plain else frame


def _shown(entries: Iterable[Any]) -> str:
    return ", ".join(repr(entry) for entry in list(entries)[:SHOWN])


def may_look_alike(text: nw.Expr) -> nw.Expr:
    """Whether an identifier could be blank, or another's but for leading zeros, a ".0" or white space: cheap to ask of every row."""
    return text.str.starts_with("0") | text.str.ends_with(".0") | text.str.ends_with(" ") | may_be_blank(text)


def look_alikes(frame: AnyFrame, identifier: str, column: str) -> list[str]:
    """A note of identifiers of text that differ in leading zeros, a ".0" or white space alone, with the first of them.

    Parameters
    ----------
    frame : narwhals frame
    identifier : str
        The column of text.
    column : str
        Its name for the message.
    """
    text = trimmed(nw.col(identifier))
    number = text.str.replace_all(r"\.0+$", "").str.replace_all("^0+", "")
    key = nw.when(text.str.contains(r"^[0-9]+(?:\.0+)?$")).then(number).otherwise(text)
    ids = frame.filter(~nw.col(identifier).is_null() & ~is_blank(nw.col(identifier))).select(identifier).unique()
    forms = ids.select(nw.col(identifier), key.alias("__key")).group_by("__key")
    several = forms.agg(
        nw.len().alias("__n"), nw.col(identifier).min().alias("__least"), nw.col(identifier).max().alias("__most")
    ).filter(nw.col("__n") > 1)
    count = collected(several.select(nw.len().alias("n"), nw.col("__n").sum().alias("forms")))
    if not (n := int(count["n"][0] or 0)):
        return []
    first = collected(several.sort("__least").select("__least", "__most").head(SHOWN))
    shown = "; ".join(f"{least!r} and {most!r}" for least, most in first.iter_rows())
    return [
        f"column {column!r} writes {n:,} identifiers in several ways that differ in leading zeros, '.0' or white space alone "
        f"({shown}); each way is counted as a customer of its own: write them in one way where they are one customer"
    ]
