"""Frames as arrow tables, and columns of several tables as one, without a value changing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from .. import frames
from ..exceptions import DataError
from ..frames.records import is_pandas
from ..typing import Frame
from ._canonical_text import as_text, plain

#: What pandas calls columns of objects of one type that arrow has too.
_PLAIN = ("string", "integer", "floating", "boolean", "bytes", "empty")


def as_arrow(source: Frame) -> Any:
    """As arrow, with pandas columns that arrow has no type for, or would change the values of, as text."""
    if not is_pandas(source):
        return frames.to_arrow(source)
    frames.wrap(source)
    names = [str(name) for name in source.columns]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise DataError(
            [f"column {name!r} is there as a text and as a number; rename one" for name in twice], "the frame"
        )
    source = source.copy(deep=False)
    for name in source.columns:
        source[name] = _known_to_arrow(source[name])
    try:
        return frames.to_arrow(source)
    except UnicodeEncodeError:
        faults = [f"column {name!r} holds half a character" for name in source.columns if not _is_unicode(source[name])]
        cure = '; read its file with the right encoding, or make text of it by .str.encode("utf-8", "replace").str.decode("utf-8")'
        raise DataError([fault + cure for fault in faults], "the frame") from None


def _known_to_arrow(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.SparseDtype):
        return column.sparse.to_dense()  # type: ignore[attr-defined]  # the stubs know no accessor
    if isinstance(column.dtype, (pd.PeriodDtype, pd.IntervalDtype)) or column.dtype.kind == "c":
        return column.astype(object).map(str, na_action="ignore")
    if column.dtype == object and not _as_it_is(column):
        return column.map(as_text, na_action="ignore")
    return column


def _as_it_is(column: pd.Series) -> bool:
    """Whether arrow takes a pandas column of objects without changing a value, as it does dates beside moments."""
    try:
        array = pa.array(column, from_pandas=True)
    except UnicodeEncodeError:
        return True  # nor is it better as text
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return False
    if pa.types.is_nested(array.type) or pd.api.types.infer_dtype(column) in _PLAIN:
        return True
    return all(
        after is None or before == after or as_text(before) == as_text(after)
        for before, after in zip(column, array.to_pylist(), strict=True)
    )


def _is_unicode(column: pd.Series) -> bool:
    try:
        pa.array(column, from_pandas=True)
    except UnicodeEncodeError:
        return False
    return True


def united(name: str, tables: Sequence[Any], names: Sequence[str], notes: list[str]) -> Any:
    """One column of all sources, of one type; where that is text because they differ, a note says so."""
    columns = [
        plain(table[name]) if name in table.schema.names else pa.nulls(table.num_rows, pa.null()) for table in tables
    ]
    there = {
        source: table.schema.field(name).type
        for source, table in zip(names, tables, strict=True)
        if name in table.schema.names and not pa.types.is_null(table.schema.field(name).type)
    }
    whole = _cast_to_one(columns, common_type(set(there.values())))
    if whole is not None:
        return whole
    notes.append(
        f"column {name!r} is text now, because it is "
        + ", ".join(f"{kind} in {source!r}" for source, kind in there.items())
    )
    return plain(pa.chunked_array([_texts(column) for column in columns], type=pa.string()))


def _cast_to_one(columns: Sequence[Any], target: Any) -> Any:
    """The columns below each other, or None where the type cannot hold a value: an integer beyond 2**53 beside fractions, say."""
    if target is None:
        return None
    try:
        parts = [column.cast(target) for column in columns]
    except pa.ArrowInvalid:
        return None
    if not all(_same(part, column) for part, column in zip(parts, columns, strict=True)):
        return None
    return plain(pa.chunked_array(parts, type=target))


def _texts(column: Any) -> Any:
    if pa.types.is_string(column.type) or pa.types.is_null(column.type):
        return column.cast(pa.string())
    return pa.array([None if value is None else as_text(value) for value in column.to_pylist()], pa.string())


def _same(part: Any, column: Any) -> bool:
    """Whether decimals that became floats are still what they were."""
    if not (pa.types.is_decimal(column.type) and pa.types.is_floating(part.type)):
        return True
    return part.cast(column.type).equals(column)


def common_type(types: set[Any]) -> Any:
    """The type that can hold all of them, or None; whether it holds every value shows when they are cast."""
    if len(types) <= 1:
        return next(iter(types), pa.null())
    kinds = {_kind(kind) for kind in types}
    if kinds == {"whole"}:
        return pa.int64()
    if kinds <= {"whole", "decimal"}:
        return pa.decimal128(38, max(kind.scale for kind in types if pa.types.is_decimal(kind)))
    if kinds <= {"whole", "decimal", "float"}:
        return pa.float64()
    return _common_moment(types) if kinds <= {"moment"} else None


def _kind(kind: Any) -> str:
    tests = {
        "whole": pa.types.is_integer,
        "decimal": pa.types.is_decimal,
        "float": pa.types.is_floating,
        "moment": lambda one: pa.types.is_date(one) or pa.types.is_timestamp(one),
    }
    return next((name for name, is_of in tests.items() if is_of(kind)), "other")


def _common_moment(types: set[Any]) -> Any:
    """The finest unit and the one zone; None where some have a zone and others none."""
    zones = {getattr(kind, "tz", None) for kind in types}
    units = {getattr(kind, "unit", "us") for kind in types}
    if len(zones) > 1 and None in zones:
        return None
    return pa.timestamp("ns" if "ns" in units else "us", zones.pop() if len(zones) == 1 else "UTC")
