"""What is to be read of a log's files and what was stated of it, with every fault of the request in one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..checks import Faults, check_choice, check_count
from ..files.dates import EXCEL, UNIX

ENGINES = ("pandas", "polars", "pyarrow", "duckdb")
_NUMBERS = ("value", "quantity", "price")
_OWN = ("customer_id", "timestamp", "value", "order_id")


@dataclass(frozen=True)
class ReadingRequest:
    """What is to be read and what was stated of it."""

    columns: Mapping[str, str | None]
    keep: tuple[str, ...]
    engine: str
    date_format: str | None
    time_zone: str | None
    decimal: str | None
    null_words: tuple[str, ...]
    nulls: str
    stated: Mapping[str, Any]

    @classmethod
    def read(
        cls,
        columns: Mapping[str, str | None],
        *,
        keep: Sequence[str],
        engine: str,
        date_format: str | None,
        time_zone: str | None,
        decimal: str | None,
        null_words: Sequence[str],
        nulls: str,
        stated: Mapping[str, Any],
    ) -> ReadingRequest:
        """Return the request, or refuse all that is wrong with it at once.

        Raises
        ------
        DataError
        """
        faults = Faults("the arguments of read_log")
        faults.check(check_choice, engine, "engine", ENGINES)
        faults.check(check_choice, decimal, "decimal", (None, ".", ","))
        faults.check(check_choice, nulls, "nulls", ("keep", "raise"))
        faults.extend(_column_faults(columns, keep))
        faults.extend(_stated_faults(stated, date_format, time_zone))
        words = [null_words] if isinstance(null_words, str) else list(null_words)
        faults.refuse()
        kept = (keep,) if isinstance(keep, str) else tuple(keep)
        return cls(columns, kept, engine, date_format, time_zone, decimal, tuple(words), nulls, stated)

    @property
    def wanted(self) -> list[str]:
        """The columns that are read."""
        return list(dict.fromkeys([*(name for name in self.columns.values() if name is not None), *self.keep]))

    @property
    def numbers(self) -> dict[str, str]:
        """The columns of numbers by their role."""
        return {role: name for role in _NUMBERS if (name := self.columns[role]) is not None}


def _column_faults(columns: Mapping[str, str | None], keep: Sequence[str]) -> list[str]:
    faults = []
    if (columns["quantity"] is None) != (columns["price"] is None):
        faults.append("quantity= and price= make the value together; name both")
    if columns["value"] is not None and columns["price"] is not None:
        faults.append("value= and quantity= with price= are two ways to the value; name one")
    if wrong := [role for role in ("customer_id", "timestamp") if not columns[role]]:
        faults.append(f"{' and '.join(f'{role}=' for role in wrong)} must name a column")
    named = [name for name in columns.values() if name]
    twice = [name for name in dict.fromkeys(named) if named.count(name) > 1]
    return [
        *faults,
        *(f"column {name!r} is named for more than one purpose" for name in twice),
        *_kept_faults(named, keep),
    ]


def _kept_faults(named: Sequence[str], keep: Sequence[str]) -> list[str]:
    kept = [keep] if isinstance(keep, str) else list(keep)
    faults = [f"keep={name!r} is read already" for name in kept if name in named]
    clashing = [name for name in kept if name in _OWN and name not in named]
    return faults + [
        f"keep={name!r} would stand beside a column of the log with that name; rename it" for name in clashing
    ]


def _stated_faults(stated: Mapping[str, Any], date_format: str | None, time_zone: str | None) -> list[str]:
    faults = _format_faults(date_format) + _zone_faults(time_zone)
    delimiter, quote = stated["delimiter"], stated["quote"]
    if delimiter is not None and not (isinstance(delimiter, str) and len(delimiter) == 1):
        faults.append(f"delimiter={delimiter!r} must be one character")
    if quote is not None and not (isinstance(quote, str) and len(quote) <= 1):
        faults.append(f"quote={quote!r} must be one character, or none")
    if stated["skip_lines"] is not None:
        found = Faults("")
        found.check(check_count, stated["skip_lines"], "skip_lines", most=100_000)
        faults += found.found
    names = stated["column_names"]
    if names is not None and len(set(names)) != len(names):
        faults.append("column_names= has a name twice")
    return faults


def _format_faults(date_format: str | None) -> list[str]:
    if date_format is None or date_format in (*UNIX, EXCEL, "iso"):
        return []
    if "%" not in str(date_format):
        known = "'iso', 'unix_s', 'unix_ms', 'unix_us' or 'excel'"
        return [f"date_format={date_format!r} must be a format such as '%d/%m/%Y', or {known}"]
    if "%z" in date_format or "%Z" in date_format:
        return [f"date_format={date_format!r} has a zone, which is read in ISO 8601 alone (date_format='iso')"]
    return []


def _zone_faults(time_zone: str | None) -> list[str]:
    if time_zone is None:
        return []
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        return [f"time_zone={time_zone!r} is not known; for instance 'Europe/Vienna'"]
    return []
