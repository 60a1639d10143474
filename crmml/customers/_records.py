"""Records of all sources below each other, in columns of one type each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ..exceptions import DataError
from ..frames.records import keeps_order
from ._arrow import as_arrow, united
from ._canonical_text import as_text, distinct, in_calendar, merged, normal_text, plain, too_large


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
    if faults := [
        fault for source, table in zip(names, tables, strict=True) for fault in _column_faults(source, table)
    ]:
        raise DataError(faults, "the sources")
    sizes = [table.num_rows for table in tables]
    if not sum(sizes):
        raise DataError(["no source has a row"], "the sources")
    notes: list[str] = []
    columns = dict.fromkeys(name for table in tables for name in table.column_names)
    return Records(
        fields={name: Field(united(name, tables, names, notes)) for name in columns},
        source=np.repeat(np.arange(len(tables)), sizes),
        row=np.concatenate([np.arange(size) for size in sizes]),
        names=tuple(names),
        columns=tuple(tuple(table.column_names) for table in tables),
        notes=notes,
        too_large={name: rows for name in columns if (rows := _n_too_large(name, tables))},
    )


def _n_too_large(name: str, tables: Sequence[Any]) -> int:
    return sum(too_large(table[name]) for table in tables if name in table.column_names)


def _column_faults(source: str, table: Any) -> list[str]:
    nested = [field for field in table.schema if pa.types.is_nested(field.type)]
    return [
        f"column {field.name!r} of {source!r} holds {field.type}; make plain columns of it, or drop it"
        for field in nested
    ] + [
        f"column {name!r} of {source!r} holds moments before the year 1 or after 9999; make text of it"
        for name in table.column_names
        if not in_calendar(table[name])
    ]


def _table(source: Any) -> Any:
    """As arrow; rows of engines that keep no order are sorted, so that their numbers mean something."""
    table = as_arrow(source)
    table = pa.table({str(name): plain(column) for name, column in zip(table.column_names, table.columns, strict=True)})
    if not keeps_order(source):
        plain_types = [field.name for field in table.schema if not pa.types.is_nested(field.type)]
        table = table.sort_by([(name, "ascending") for name in plain_types])
    return table
