"""Tables that leave the house: cells of few customers are hidden, and so are those that would give them away."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .. import files, frames
from ..checks import check_count
from ..exceptions import DataError, warn
from ..frames.records import blanked, check_index, is_numbered_by_row
from ..typing import Frame
from ._arrow import as_arrow
from ._canonical_text import as_text, distinct, merged, plain
from ._complementary import hide_more
from .scanning.identifier_names import holds_identifiers, named_personally

MINIMUM = 5
_NULLABLE = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")


_PERCENT = re.compile(r"\s*[-+]?[0-9][0-9.,\s]*%\s*")


class SmallCellWarning(UserWarning):
    """A cell of few customers can still be told from a total that is not in the table; the message says what to do."""


def suppress_small_cells(
    table: Frame,
    count: str,
    *,
    minimum: int = MINIMUM,
    columns: str | Sequence[str] | None = None,
    within: str | Sequence[str | Sequence[str]] | None = None,
    complementary: bool = True,
) -> Any:
    """Hide the figures of cells with fewer customers than ``minimum``, and further ones that totals would give away.

    A table has one row for each cell, such as a segment in a region. Where its count is below the minimum, 0 included,
    the count and the cell's other figures become missing (primary suppression); a count that is missing already is taken
    as hidden. Then the smallest further cells are hidden (complementary suppression [1]_) until, within each group whose
    total is known, nothing is hidden, or at least two cells are, of at least ``minimum`` customers together; a difference
    between a total and the cells shown then never speaks of fewer. With several margins in ``within`` it is also made
    sure, from all their totals at once and since no count is negative, that no single hidden count can be computed.

    *Not protected:* hidden counts are not negative and the first of them are below the minimum, so that totals narrow
    them to a range, sometimes a short one; totals other than those in ``within``, other tables of the same customers, or
    two editions of one table before and after few customers joined, may give a cell away by their difference. A total of a
    group is itself a cell: put rows that are totals of others in a table of their own. Running totals, such as
    ``cumulative_value`` of :func:`crmml.transactions.cohorts`, are totals of the cells before: the difference of two that
    are shown gives a hidden cell's value back to the last digit, so drop them. Figures of cells that are large
    enough are shown as they are, though one customer may make up most of a sum.

    Parameters
    ----------
    table : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
    count : str
        Column with each cell's customers, whole numbers.
    minimum : int, default=5
        Fewest customers of a cell that is shown, at least 2.
    columns : str or sequence of str, default=None
        Figures to hide with the count. None takes all columns but those of text, categories and truth values, and those in
        ``within``: name them where a cell's own name is a number or a date.
    within : str, sequence of str, or sequence of sequences of str, default=None
        Columns that make the groups whose totals are known; several margins as ``[["region"], ["segment"]]``. None takes
        the whole table as one group, since how many customers there are is seldom a secret.
    complementary : bool, default=True
        False hides small cells alone: only where no total is known.

    Returns
    -------
    frame
        Of the engine of ``table``, all rows in their order (lazy engines pass through arrow); integers become floats in
        pandas where some are missing.

    Raises
    ------
    DataError
        When columns are missing, or counts are negative or not whole.

    Warns
    -----
    SmallCellWarning
        When truth values, or percentages in text, stay in hidden cells and ``columns`` does not say so; when a whole group is
        hidden and its total still speaks of few customers, or of one cell: that total is to be hidden elsewhere.

    References
    ----------
    .. [1] Hundepool, A. et al. (2012). Statistical Disclosure Control. Wiley, chapter 4.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "region": ["north"] * 3 + ["south"] * 2, "tier": ["A", "B", "C", "A", "B"],
    ...     "customers": [3, 9, 40, 12, 30], "revenue": [900.0, 950.0, 700.0, 2400.0, 610.0]})
    >>> suppress_small_cells(table, "customers", within="region")
      region tier  customers  revenue
    0  north    A        NaN      NaN
    1  north    B        NaN      NaN
    2  north    C       40.0    700.0
    3  south    A       12.0   2400.0
    4  south    B       30.0    610.0
    """
    request = read_small_cells(table, count, minimum, columns, within)
    hidden = ~request.known | (request.counts < request.minimum)
    if request.disguised and hidden.any():
        _warn_of_disguised(request.disguised)
    if complementary and hidden.any():
        groups = [_groups(request.arrow, margin) for margin in request.margins]
        rank = _names_rank(request.arrow, request.figures)
        order = np.lexsort((np.arange(len(hidden)), rank, request.counts))
        hidden, n_open = hide_more(hidden, request.counts, groups, order, request.minimum)
        if n_open:
            _warn_of_open_groups(n_open, request.minimum)
    return blanked(table, request.arrow, request.figures, hidden)


@dataclass(frozen=True, eq=False)
class SmallCells:
    """A table whose small cells are to be hidden, checked.

    Attributes
    ----------
    arrow : pyarrow table
    figures : list of str
        Columns to hide, the count first.
    counts : ndarray of shape (n,)
        0 where missing.
    known : ndarray of bool of shape (n,)
    margins : list of lists of str
    minimum : int
    disguised : list of str
        Columns of truth values, or percentages in text, that nobody named as figures.
    """

    arrow: Any
    figures: list[str]
    counts: np.ndarray
    known: np.ndarray
    margins: list[list[str]]
    minimum: int
    disguised: list[str]


def read_small_cells(
    table: Frame,
    count: str,
    minimum: int,
    columns: str | Sequence[str] | None,
    within: str | Sequence[str | Sequence[str]] | None,
) -> SmallCells:
    """Read and check what :func:`suppress_small_cells` is asked for.

    Raises
    ------
    DataError
        When columns are missing or hold lists, or counts are negative or not whole.
    TypeError, ValueError
        When an argument is not of the kind that is asked for.
    """
    minimum = check_count(minimum, "minimum", least=2)
    margins = _margins(within)
    by = list(dict.fromkeys(name for margin in margins for name in margin))
    asked = _listed(columns)
    _check_names(table, count, asked, by)
    arrow = as_arrow(table)
    _refuse_nested(arrow, by)
    rest = [] if columns is not None else [field for field in arrow.schema if field.name not in by]
    figures = asked if columns is not None else [field.name for field in rest if _is_figure(field)]
    counts, known = _counts(arrow[count], count)
    return SmallCells(
        arrow=arrow,
        figures=list(dict.fromkeys([count, *(name for name in figures if name not in by)])),
        counts=counts,
        known=known,
        margins=margins,
        minimum=minimum,
        disguised=[field.name for field in rest if _is_figure_in_disguise(arrow, field)],
    )


def _listed(columns: str | Sequence[str] | None) -> list[str]:
    return [] if columns is None else [columns] if isinstance(columns, str) else list(columns)


def _check_names(table: Frame, count: str, asked: list[Any], by: list[Any]) -> None:
    named = [count, *asked, *by]
    if other := [name for name in named if not isinstance(name, str)]:
        raise TypeError(
            f"{other[0]!r} is no name of a column; count= takes one, columns= and within= one or several, as texts."
        )
    check_index(table, named, "the table")
    frames.check_columns(frames.wrap(table), named, "the table")
    if taken := [name for name in [count, *asked] if name in by]:
        raise ValueError(f"within= names {taken[0]!r}, which is to be hidden.")


def _refuse_nested(arrow: Any, by: list[str]) -> None:
    if nested := [name for name in by if pa.types.is_nested(arrow.schema.field(name).type)]:
        raise DataError(
            [f"column {name!r} of within= holds lists or their like; name one of single values" for name in nested],
            "the table",
        )


def _warn_of_disguised(names: list[str]) -> None:
    warn(
        f"{', '.join(map(repr, names))} {'holds' if len(names) == 1 else 'hold'} truth values or percentages in text, which stay "
        "as they are in hidden cells; name all figures in columns=, or what tells the cells apart in within=.",
        SmallCellWarning,
    )


def _warn_of_open_groups(n_open: int, minimum: int) -> None:
    warn(
        f"{n_open:,} group{'s are' if n_open > 1 else ' is'} hidden whole, and the total still speaks of one cell or of fewer "
        f"than {minimum} customers; publish no such total, or make coarser groups.",
        SmallCellWarning,
    )


def export_table(
    table: Frame,
    path: str | os.PathLike,
    *,
    count: str,
    minimum: int = MINIMUM,
    columns: str | Sequence[str] | None = None,
    within: str | Sequence[str | Sequence[str]] | None = None,
    complementary: bool = True,
    allow: Sequence[str] = (),
    guard_formulas: bool = True,
) -> Any:
    """Write a table for others to read, CSV or Parquet by the ending, with small cells hidden and no customer named.

    Parameters
    ----------
    table, count, minimum, columns, within, complementary
        As in :func:`suppress_small_cells`.
    path : path
        Ending in .csv or .parquet; the file is whole or not there at all.
    allow : sequence of str, default=()
        Columns that look as if they identified customers, and do not.
    guard_formulas : bool, default=True
        Whether, in CSV, texts that a spreadsheet would run as a formula get an apostrophe before them, as
        :func:`crmml.files.write_table` says.

    Returns
    -------
    frame
        What was written.

    Raises
    ------
    DataError
        When a column is called like an identifier (customer_id, email, 客户编号 …), a name or an address, or holds e-mail addresses,
        phone or bank account numbers, or pseudonyms;
        when a pandas index holds more than numbers of rows, since a file has no place for it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> table = pd.DataFrame({"tier": ["A", "B", "C"], "customers": [3, 9, 40]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = export_table(table, Path(folder) / "tiers.csv", count="customers")
    ...     print((Path(folder) / "tiers.csv").read_text())
    tier,customers
    A,
    B,
    C,40
    """
    files.kind_of(path)
    if not is_numbered_by_row(table):
        raise DataError(["the index of pandas would not be written; call reset_index() first"], "the table")
    names = frames.wrap(table).collect_schema().names()
    allowed = [allow] if isinstance(allow, str) else list(allow)
    frames.check_names(allowed, names, "the columns of allow=")
    cure = "drop it, or name it in allow= when it identifies no customer"
    faults = [
        f"column {name!r} is called like an identifier of customers; {cure}"
        for name in map(str, names)
        if name not in allowed and name != count and named_personally(name)
    ]
    if faults:
        raise DataError(faults, "the table")
    arrow = as_arrow(table)
    for field in arrow.schema:
        column = plain(arrow[field.name])
        if field.name in allowed or not pa.types.is_string(column.type):
            continue
        if what := holds_identifiers(column.drop_null().to_pylist()):
            faults.append(f"column {field.name!r} holds {what}; {cure}")
    if faults:
        raise DataError(faults, "the table")
    options: dict[str, Any] = {"columns": columns, "within": within, "complementary": complementary}
    shown = suppress_small_cells(table, count, minimum=minimum, **options)
    files.write_table(
        _to_write(as_arrow(shown), arrow.schema, files.kind_of(path)), path, guard_formulas=guard_formulas
    )
    return shown


def _to_write(shown: Any, schema: Any, kind: str) -> Any:
    """With whole numbers as such, missing or not."""
    for field in schema:
        if pa.types.is_integer(field.type) and shown.schema.field(field.name).type != field.type:
            at = shown.column_names.index(field.name)
            shown = shown.set_column(at, field.name, plain(shown[field.name]).cast(field.type))
    if kind == "parquet":
        return shown
    nullable = {pa.type_for_alias(name.lower()): pd.api.types.pandas_dtype(name) for name in _NULLABLE}
    return shown.to_pandas(types_mapper=nullable.get)


def _margins(within: Any) -> list[list[str]]:
    if within is None:
        return [[]]
    if isinstance(within, str):
        return [[within]]
    if not hasattr(within, "__iter__"):
        raise TypeError(
            f"within={within!r} must be names of columns: 'region', or several margins as [['region'], ['tier']]."
        )
    within = list(within)
    if not within:
        return [[]]
    if all(isinstance(name, str) for name in within):
        return [within]
    return [list(names) if not isinstance(names, str) and hasattr(names, "__iter__") else [names] for names in within]


def _is_figure(field: Any) -> bool:
    kind = field.type
    is_name = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return not (is_name or pa.types.is_dictionary(kind) or pa.types.is_boolean(kind))


def _is_figure_in_disguise(arrow: Any, field: Any) -> bool:
    if pa.types.is_boolean(field.type):
        return True
    column = plain(arrow[field.name])
    if not pa.types.is_string(column.type):
        return False
    texts = column.drop_null().to_pylist()
    return bool(texts) and all(_PERCENT.fullmatch(text) for text in texts)


def _counts(column: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The counts, 0 where missing, and whether they are known."""
    column = plain(column)
    if pa.types.is_null(column.type):
        column = column.cast(pa.float64())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)):
        raise DataError([f"column {name!r} holds {column.type}, no counts of customers"], "the table")
    known = column.is_valid().to_numpy(zero_copy_only=False)
    counts = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False)
    wrong = (counts < 0) | (counts != np.floor(counts)) | np.isinf(counts)
    if wrong.any():
        raise DataError([f"column {name!r} is negative or no whole number in {int(wrong.sum()):,} rows"], "the table")
    return counts, known


def _groups(arrow: Any, names: Sequence[str]) -> np.ndarray:
    """Group of each row; missing is a group of its own."""
    group = np.zeros(arrow.num_rows, dtype=np.int64)
    for name in names:
        codes, values = distinct(arrow[name])
        codes, texts = merged(codes, [as_text(value) for value in values])
        group = np.unique(group * (len(texts) + 1) + codes + 1, return_inverse=True)[1]
    return group


def _names_rank(arrow: Any, figures: Sequence[str]) -> np.ndarray:
    """Place of each row in the order of the columns that are not hidden, so that ties do not hang on the order of rows."""
    rank = np.zeros(arrow.num_rows, dtype=np.int64)
    for name in arrow.column_names:
        if name in figures or pa.types.is_nested(arrow.schema.field(name).type):
            continue
        codes, values = distinct(arrow[name])
        codes, texts = merged(codes, [as_text(value) for value in values])
        place = np.empty(len(texts) + 1, dtype=np.int64)
        place[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
        place[-1] = len(texts)
        rank = np.unique(rank * (len(texts) + 1) + place[codes], return_inverse=True)[1]
    return rank
