"""Records of all sources below each other, in columns of one type each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from .. import frames
from ..exceptions import DataError
from ..frames import expressions as ex
from ..typing import Frame
from ._canonical_text import as_text, distinct, in_calendar, merged, normal_text, plain, too_large

#: What pandas calls columns of objects of one type that arrow has too.
_PLAIN = ("string", "integer", "floating", "boolean", "bytes", "empty")


@dataclass(repr=False)
class Field:
    """One column of all records.

    Attributes
    ----------
    exact : ndarray of int
        Code of the text, -1 where it is missing or blank.
    texts : list of str
    normal : ndarray of int
        Code of the text but for case, width and spaces.
    normal_texts : list of str
    """

    column: Any

    @cached_property
    def _coded(self) -> tuple[np.ndarray, list[str]]:
        codes, values = distinct(self.column)
        return merged(codes, [as_text(value) for value in values])

    @property
    def exact(self) -> np.ndarray:
        return self._coded[0]

    @property
    def texts(self) -> list[str]:
        return self._coded[1]

    @cached_property
    def _normalised(self) -> tuple[np.ndarray, list[str]]:
        return merged(self.exact, [normal_text(text) for text in self.texts])

    @property
    def normal(self) -> np.ndarray:
        return self._normalised[0]

    @property
    def normal_texts(self) -> list[str]:
        return self._normalised[1]

    @property
    def filled(self) -> np.ndarray:
        """Whether a record has a value."""
        return self.exact >= 0


@dataclass(repr=False)
class Records:
    """All records.

    Attributes
    ----------
    fields : dict of str to Field
        In the order in which the sources bring them.
    source, row : ndarray of int
        Where each record came from.
    names : tuple of str
        Of the sources.
    columns : tuple of tuples of str
        That each source brings.
    notes : list of str
        What had to be changed to bring columns to one type.
    too_large : dict of str to int
        Records of each column whose floats are too large to be exact, where there are any.
    """

    fields: dict[str, Field]
    source: np.ndarray
    row: np.ndarray
    names: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    notes: list[str]
    too_large: dict[str, int]

    def __len__(self) -> int:
        return self.source.size

    @cached_property
    def n_filled(self) -> np.ndarray:
        """Fields with a value, per record."""
        return np.sum([field.filled for field in self.fields.values()], axis=0)

    @cached_property
    def content(self) -> np.ndarray:
        """A number that depends on what is in a record alone, to break ties alike in any order of rows, columns and sources."""
        total = np.zeros(len(self), dtype=np.uint64)
        for name, field in sorted(self.fields.items()):
            marks = pd.util.hash_array(np.asarray([f"{name}={text}" for text in field.texts] + [""], dtype=object))
            total = total * np.uint64(1_000_003) ^ marks[field.exact]
        return total


def read_records(sources: Sequence[Any], names: Sequence[str]) -> Records:
    """Stack the sources.

    Raises
    ------
    DataError
        For columns of lists and the like, and when there is no row at all.
    """
    tables = [_table(source) for source in sources]
    faults = [
        f"column {name!r} of {source!r} holds {table.schema.field(name).type}; make plain columns of it, or drop it"
        for source, table in zip(names, tables, strict=True)
        for name in table.column_names
        if pa.types.is_nested(table.schema.field(name).type)
    ]
    faults += [
        f"column {name!r} of {source!r} holds moments before the year 1 or after 9999; make text of it"
        for source, table in zip(names, tables, strict=True)
        for name in table.column_names
        if not in_calendar(table[name])
    ]
    if faults:
        raise DataError(faults, "the sources")
    sizes = [table.num_rows for table in tables]
    if not sum(sizes):
        raise DataError(["no source has a row"], "the sources")
    notes: list[str] = []
    columns = dict.fromkeys(name for table in tables for name in table.column_names)
    fields = {name: Field(_united(name, tables, names, notes)) for name in columns}
    source = np.repeat(np.arange(len(tables)), sizes)
    row = np.concatenate([np.arange(size) for size in sizes])
    columns_of = tuple(tuple(table.column_names) for table in tables)
    large = {name: sum(too_large(table[name]) for table in tables if name in table.column_names) for name in columns}
    large = {name: rows for name, rows in large.items() if rows}
    return Records(fields, source, row, tuple(names), columns_of, notes, large)


def _table(source: Any) -> Any:
    """As arrow; rows of engines that keep no order are sorted, so that their numbers mean something."""
    lazy = isinstance(frames.wrap(source), ex.LazyFrame)
    table = as_arrow(source)
    table = pa.table({str(name): plain(column) for name, column in zip(table.column_names, table.columns, strict=True)})
    if lazy and not frames.wrap(source).implementation.is_polars():
        plain_types = [field.name for field in table.schema if not pa.types.is_nested(field.type)]
        table = table.sort_by([(name, "ascending") for name in plain_types])
    return table


def as_arrow(source: Any) -> Any:
    """As arrow, with pandas columns that arrow has no type for, or would change the values of, as text."""
    if not isinstance(source, pd.DataFrame):
        return frames.to_arrow(source)
    frames.wrap(source)
    names = [str(name) for name in source.columns]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise DataError(
            [f"column {name!r} is there as a text and as a number; rename one" for name in twice], "the frame"
        )
    source = source.copy(deep=False)
    for name in source.columns:
        column = source[name]
        if isinstance(column.dtype, pd.SparseDtype):
            source[name] = column.sparse.to_dense()
        elif isinstance(column.dtype, (pd.PeriodDtype, pd.IntervalDtype)) or column.dtype.kind == "c":
            source[name] = column.astype(object).map(str, na_action="ignore")
        elif column.dtype == object and not _as_it_is(column):
            source[name] = column.map(as_text, na_action="ignore")
    try:
        return frames.to_arrow(source)
    except UnicodeEncodeError:
        faults = [f"column {name!r} holds half a character" for name in source.columns if not _is_unicode(source[name])]
        cure = '; read its file with the right encoding, or make text of it by .str.encode("utf-8", "replace").str.decode("utf-8")'
        raise DataError([fault + cure for fault in faults], "the frame") from None


def check_index(frame: Frame, names: Sequence[Any], subject: str) -> None:
    """Refuse a pandas frame that has a wanted column in its index, as what groupby gives has."""
    if isinstance(frame, pd.DataFrame):
        found = [name for name in names if name not in frame.columns and name in frame.index.names]
        if found:
            raise DataError(
                [f"{name!r} is in the index of pandas; call reset_index() first" for name in found], subject
            )


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


def _united(name: str, tables: Sequence[Any], names: Sequence[str], notes: list[str]) -> Any:
    """One column of all sources, of one type."""
    there = [
        (source, t.schema.field(name).type) for source, t in zip(names, tables, strict=True) if name in t.schema.names
    ]
    types = {kind for _, kind in there if not pa.types.is_null(kind)}
    columns = [
        plain(table[name]) if name in table.schema.names else pa.nulls(table.num_rows, pa.null()) for table in tables
    ]
    target = _common(types)
    if target is not None:
        try:
            parts = [column.cast(target) for column in columns]
            if all(_same(part, column) for part, column in zip(parts, columns, strict=True)):
                return plain(pa.chunked_array(parts, type=target))
        except (
            pa.ArrowInvalid
        ):  # a value that the common type cannot hold: an integer beyond 2**53 beside fractions, say
            pass
    notes.append(
        f"column {name!r} is text now, because it is "
        + ", ".join(f"{kind} in {source!r}" for source, kind in there if not pa.types.is_null(kind))
    )
    texts = [
        column
        if pa.types.is_string(column.type) or pa.types.is_null(column.type)
        else pa.array([None if value is None else as_text(value) for value in column.to_pylist()], pa.string())
        for column in columns
    ]
    return plain(pa.chunked_array([column.cast(pa.string()) for column in texts], type=pa.string()))


def _same(part: Any, column: Any) -> bool:
    """Whether decimals that became floats are still what they were."""
    if not (pa.types.is_decimal(column.type) and pa.types.is_floating(part.type)):
        return True
    return part.cast(column.type).equals(column)


def _common(types: set[Any]) -> Any:
    """The type that can hold all of them, or None; whether it holds every value shows when they are cast."""
    if len(types) <= 1:
        return next(iter(types), pa.null())
    if all(pa.types.is_integer(kind) for kind in types):
        return pa.int64()
    if all(pa.types.is_integer(kind) or pa.types.is_decimal(kind) for kind in types):
        return pa.decimal128(38, max(kind.scale for kind in types if pa.types.is_decimal(kind)))
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) for kind in types):
        return pa.float64()
    if all(pa.types.is_date(kind) or pa.types.is_timestamp(kind) for kind in types):
        zones = {getattr(kind, "tz", None) for kind in types}
        units = {getattr(kind, "unit", "us") for kind in types}
        if len(zones) > 1 and None in zones:
            return None
        return pa.timestamp("ns" if "ns" in units else "us", zones.pop() if len(zones) == 1 else "UTC")
    return None
