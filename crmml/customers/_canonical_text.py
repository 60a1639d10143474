"""Values as text: what makes two of them the same, exactly or but for case and spaces."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

#: Characters without a width, such as a spreadsheet or a web page leaves in a text that is copied from it.
INVISIBLE = str.maketrans("", "", "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")
#: Floats from here on no longer tell neighbouring whole numbers apart.
LARGEST_WHOLE = 2.0**53
#: Seconds from 1970 of the beginning of the year 1, and of the end of the year 9999.
_FIRST, _END = -62_135_596_800, 253_402_300_800


#: How a column of floats writes whole numbers as text.
_WHOLE = re.compile(r"-?[0-9]+\.0+")


def as_text(value: Any) -> str:
    """A value as an identifier is written: 12, 12.0 and "12" are the same, and so are a date and its midnight."""
    if isinstance(value, (float, np.floating)) and value.is_integer():
        return str(int(value))
    if isinstance(value, Decimal) and value.is_finite():
        return str(int(value)) if value == value.to_integral_value() else f"{value.normalize():f}"
    if isinstance(value, dt.datetime) and _is_midnight(value):
        return value.date().isoformat()
    if isinstance(value, dt.timedelta):
        return str(pd.Timedelta(value))
    return str(value)


def _is_midnight(value: dt.datetime) -> bool:
    if value != value or value.tzinfo is not None:  # NaT does not equal itself
        return False
    return value.time() == dt.time() and not getattr(value, "nanosecond", 0)


def normal_text(text: str) -> str:
    """The text without differences of case, width or spaces, and a whole number without the .0 that floats are written with.

    Unicode NFKC, case folded, runs of blanks as one, characters without a width left out.
    """
    if text.isascii():
        found = " ".join(text.casefold().split())
    else:
        folded = unicodedata.normalize("NFKC", text.translate(INVISIBLE)).casefold()
        found = " ".join(unicodedata.normalize("NFKC", folded).split())
    return found[: found.index(".")] if found.endswith("0") and _WHOLE.fullmatch(found) else found


def is_blank(text: str) -> bool:
    """Whether there is nothing to see in a text."""
    return not text.strip() or not text.translate(INVISIBLE).strip()


def plain(column: Any) -> Any:
    """An arrow column in one piece, categories as their values, NaN as missing, what arrow has no plain type for as text."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of no chunk, or of too much text for one
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    if pa.types.is_large_binary(column.type) or pa.types.is_binary_view(column.type):
        column = column.cast(pa.binary())
    if pa.types.is_interval(column.type) or isinstance(column.type, pa.BaseExtensionType):
        column = pa.array([None if value is None else as_text(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column


def distinct(column: Any) -> tuple[np.ndarray, list[Any]]:
    """Code of each row of an arrow column, -1 where it is missing or blank, and the distinct values."""
    coded = plain(column).dictionary_encode()
    values = coded.dictionary.to_pylist()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    blank = [value is None or (isinstance(value, str) and is_blank(value)) for value in values]  # nulls have None
    if any(blank):
        kept = np.cumsum(~np.asarray(blank)) - 1
        kept[np.asarray(blank)] = -1
        codes = np.append(kept, -1)[codes]
        values = [value for value, gone in zip(values, blank, strict=True) if not gone]
    return codes, values


def too_large(column: Any) -> int:
    """Rows of an arrow column of floats so large that neighbouring whole numbers are one."""
    if not pa.types.is_floating(column.type):
        return 0
    limit = {16: 2.0**11, 32: 2.0**24}.get(column.type.bit_width, LARGEST_WHOLE)
    size = pc.abs(column.cast(pa.float64()))
    return int(pc.sum(pc.and_(pc.is_finite(size), pc.greater_equal(size, limit))).as_py() or 0)


def in_calendar(column: Any) -> bool:
    """Whether Python's calendar, the years 1 to 9999, has every moment of an arrow column."""
    if not pa.types.is_timestamp(column.type) or column.type.unit == "ns":
        return True
    ends = pc.min_max(column.cast(pa.int64()))
    scale = {"s": 1, "ms": 10**3, "us": 10**6}[column.type.unit]
    first, last = ends["min"].as_py(), ends["max"].as_py()
    return first is None or (first >= _FIRST * scale and last < _END * scale)


def merged(codes: np.ndarray, texts: list[str]) -> tuple[np.ndarray, list[str]]:
    """Codes by distinct text, where several values share one."""
    known: dict[str, int] = {}
    at = np.asarray([known.setdefault(text, len(known)) for text in texts] + [-1], dtype=np.int64)
    return at[codes], list(known)


def as_pandas(table: Any) -> pd.DataFrame:
    """An arrow table as pandas, whole numbers that a float would round among missing ones in pandas' nullable type."""
    frame = table.to_pandas()
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not (pa.types.is_integer(column.type) and column.null_count):
            continue
        ends = pc.min_max(column)
        if max(abs(ends["min"].as_py() or 0), abs(ends["max"].as_py() or 0)) > 2**53:
            nullable = pd.UInt64Dtype() if pa.types.is_unsigned_integer(column.type) else pd.Int64Dtype()
            frame[name] = column.to_pandas(types_mapper={column.type: nullable}.get)
    return frame
