"""Texts that a spreadsheet would run as a formula: guarded by an apostrophe when they are written, and given back when read.

A guard is told by the whole column: some of its entries begin with an apostrophe before a sign that begins formulas, and no
text begins with such a sign alone. Where one does, the apostrophes belong to the entries. No two entries become one by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .text_table import Database

#: How a cell begins that a spreadsheet takes for a formula: as OWASP lists them, with their wide forms.
_SIGN = "[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(f"'*{_SIGN}")
#: A number in text, which no spreadsheet runs.
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"


def guarded(value: Any) -> Any:
    """A cell with an apostrophe before it, where a spreadsheet would run it; anything but text as it is.

    One that has apostrophes before a formula already gets another, so that :func:`unguarded` gives every text back.

    Examples
    --------
    >>> guarded("@SUM(A1)"), guarded("-5.2"), guarded("Ann"), guarded(-5.2)
    ("'@SUM(A1)", '-5.2', 'Ann', -5.2)
    """
    if isinstance(value, str) and _FORMULA.match(value) and not re.fullmatch(_NUMBER, value):
        return f"'{value}"
    return value


def unguarded(value: Any) -> Any:
    """A cell as it was before :func:`guarded`.

    Examples
    --------
    >>> unguarded("'@SUM(A1)"), unguarded("'tis")
    ('@SUM(A1)', "'tis")
    """
    return value[1:] if isinstance(value, str) and value[:1] == "'" and _FORMULA.match(value) else value


def unguarded_sql(column: str) -> str:
    """An entry of a column that is guarded as it was before, as SQL."""
    return f"case when {_is_guarded(column)} then substr({column}, 2) else {column} end"


def guarded_columns(columns: Mapping[str, str], source: str, database: Database) -> dict[str, int]:
    """The columns that are guarded, each with the number of entries that have a guard.

    Parameters
    ----------
    columns : mapping of name to the engine's name
    source : str
        What they are read from, as SQL.
    database : Database
    """
    counts = _counts({name: _is_guarded(column) for name, column in columns.items()}, source, database)
    asked = {name: columns[name] for name, count in counts.items() if count}
    bare = _counts({name: _is_bare_formula(column) for name, column in asked.items()}, source, database)
    return {name: counts[name] for name in asked if not bare[name]}


def _is_guarded(column: str) -> str:
    return f"(starts_with({column}, '''') and regexp_matches({column}, '^''+{_SIGN}'))"


def _is_bare_formula(column: str) -> str:
    return f"(regexp_matches({column}, '^{_SIGN}') and not regexp_full_match({column}, '{_NUMBER}'))"


def _counts(conditions: Mapping[str, str], source: str, database: Database) -> dict[str, int]:
    if not conditions:
        return {}
    listed = ", ".join(f"count(*) filter ({condition})" for condition in conditions.values())
    return dict(zip(conditions, map(int, database.row(f"select {listed} from {source}")), strict=True))
