"""The columns of a log as its files write them: how times and amounts are to be read, decided by whole columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from .. import frames
from ..exceptions import shown
from ..files.dates import EXCEL, UNIX, DateReading, candidate_readings, is_iso, stated_sql, two_ways
from ..files.text_table import Database, literal
from ..frames.text_amounts import is_missing_text, read_text_amounts
from ._log_files import CONVERSION

#: Distinct texts of the first rows that shapes are told by.
SAMPLE_ROWS, SAMPLE_TEXTS = 20_000, 4_000
SHOWN = 3
#: Characters of an entry that are looked at: more than a time or an amount can have, and few enough to hold many.
_LOOKED_AT = 100
#: Distinct texts of a column of amounts that are looked at one by one.
MOST_TEXTS = 5_000_000
_PLAIN = r"[+-]?(\d+(\.\d*)?|\.\d+)"
#: A number that a decimal point and a point between thousands both fit.
_EITHER = r"[+-]?[1-9]\d{0,2}\.\d{3}"
#: The plain shapes of ISO 8601, which the engine reads as the library's parser does.
_ISO = r"\d{{4}}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{{1,6}})?)?)?"
ISO_FAST = f"case when regexp_full_match({{0}}, '{_ISO}') then try_cast({{0}} as timestamp) end"
#: The shapes of one length, each with its length, which the engine reads quickest. The mark at the end keeps blanks from being
#: passed over there; so does a T within. Where every part has its longest, none is signed and none is short.
_SHAPES = {
    "%Y-%m-%dT%H:%M:%S": (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d"), 19),
    "%Y-%m-%dT%H:%M": (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d"), 16),
    "%Y-%m-%d": (re.compile(r"\d{4}-\d\d-\d\d"), 10),
}
#: A zone behind a clock, without a blank before it; a day has ten characters.
_ZONE = re.compile(r"(Z|UTC|GMT|[+-](0[0-9]|1[0-8])(:?[0-5][0-9])?)$")
_AFTER_DAY = 11


@dataclass
class TimeColumn:
    """How the column of times is read.

    Attributes
    ----------
    name : str
        As the file calls it.
    reading : DateReading or None
        None for ISO 8601, for a stated format, and for columns that are times already.
    stated : str or None
        The format that was stated.
    faults : list of str
    texts : sequence of str
        Some of the entries, where they are ISO 8601.
    """

    name: str
    reading: DateReading | None
    stated: str | None
    faults: list[str]
    texts: Sequence[str] = ()

    @property
    def is_iso(self) -> bool:
        """Whether the texts are ISO 8601."""
        return self.reading is None and self.stated is None

    @property
    def words(self) -> str:
        """The reading in words."""
        if self.reading is not None:
            return f"{self.reading.formats[0]}, {self.reading.words}"
        return self.stated or "ISO 8601"

    def sql(self, column: str) -> str:
        """The time that an entry states, null where it cannot be read."""
        if self.reading is not None:
            return self.reading.sql(column)
        return _iso_sql(column, self.texts) if self.stated is None else stated_sql(self.stated, column)


def _iso_sql(column: str, texts: Sequence[str]) -> str:
    """The time that an entry in ISO 8601 states, the commonest shape tried first.

    Where the texts carry one zone, an entry of another, or without one, is null: whether they go together is not told here.
    """
    zones = {found[0] if (found := _ZONE.search(text, _AFTER_DAY)) else "" for text in texts}
    zone = zones.pop() if len(zones) == 1 else ""
    times = [text.removesuffix(zone) for text in texts]
    counts = {shape: sum(bool(known.fullmatch(text)) for text in times) for shape, (known, _) in _SHAPES.items()}
    shape = max(counts, key=lambda name: counts[name])
    plain = ISO_FAST.format(column)
    if not counts[shape]:
        return plain
    entry = f"replace({column}, ' ', 'T')" if any(" " in text for text in texts) else column
    is_shaped = f"strlen({column}) = {_SHAPES[shape][1] + len(zone)} and {column} >= '1' and {column} < '3'"
    quick = f"case when {is_shaped} then try_strptime({entry} || '|', '{shape}{zone}|') end"
    return quick if zone else f"coalesce({quick}, {plain})"


def guarded(sql: str, column: str, role: str) -> str:
    """A conversion that stops the engine where an entry that is there cannot be read."""
    return f"coalesce({sql}, case when bare({column}) <> '' then error('{CONVERSION}{role}') end)"


def sample_of(column: str, source: str, database: Database) -> list[str]:
    """Distinct entries among the first rows."""
    first = f"(select {column} as e from {source} limit {SAMPLE_ROWS})"
    rows = database.rows(
        f"select distinct left(bare(e), {_LOOKED_AT}) from {first} where bare(e) <> '' limit {SAMPLE_TEXTS}"
    )
    return sorted(row[0] for row in rows)


def read_time_column(name: str, source: str, date_format: str | None, database: Database) -> TimeColumn:
    """Decide how a column of text, called ``time`` in the source, is to be read as times.

    Parameters
    ----------
    name : str
    source : str
        SQL of the rows.
    date_format : str or None
        As the caller stated it.
    database : Database
    """
    if date_format is not None and date_format != "iso":
        return TimeColumn(name, None, date_format, [])
    texts = sample_of("time", source, database)
    if date_format == "iso" or not texts or is_iso(texts):
        return TimeColumn(name, None, None, [], texts)
    readings = candidate_readings(texts)
    if not readings:
        return TimeColumn(name, None, None, [_no_date(name, texts)])
    if len(readings) == 1:
        return TimeColumn(name, readings[0], None, [])
    return _decided(name, readings, source, database)


def _decided(name: str, readings: list[DateReading], source: str, database: Database) -> TimeColumn:
    """The reading that all entries fit, or the fault that several do, or none: by the first rows where they tell, else by all."""
    sampled = f"(select time from {source} limit {SAMPLE_ROWS})"
    for rows in (sampled, source):
        n, misfits = _misfits(readings, rows, database)
        fitting = [reading for reading, count in zip(readings, misfits, strict=True) if not count]
        if len(fitting) == 1:
            return TimeColumn(name, fitting[0], None, [])
    if fitting:
        told = _ambiguous(name, n, fitting, source, database)
        return TimeColumn(name, fitting[0] if not told else None, None, told)
    best = readings[min(range(len(readings)), key=lambda i: misfits[i])]
    if min(misfits) <= 0.01 * n or not _fits_another(best, readings, source, database):
        return TimeColumn(name, best, None, [])  # what does not fit is told with the entries
    return TimeColumn(name, best, None, [_mixed(name, n, readings, misfits)])


def _fits_another(best: DateReading, readings: Sequence[DateReading], source: str, database: Database) -> bool:
    """Whether entries that the best reading does not fit are days by another."""
    others = " or ".join(f"{reading.sql('time')} is not null" for reading in readings if reading is not best)
    return bool(database.row(f"select count(*) from {source} where {best.sql('time')} is null and ({others})")[0])


def _misfits(readings: Sequence[DateReading], source: str, database: Database) -> tuple[int, list[int]]:
    """Entries, and those that each reading does not fit."""
    counts = ", ".join(f"count(*) filter (bare(time) <> '' and {reading.sql('time')} is null)" for reading in readings)
    row = database.row(f"select count(*) filter (bare(time) <> ''), {counts} from {source}")
    return int(row[0]), [int(count) for count in row[1:]]


def _ambiguous(name: str, rows: int, readings: Sequence[DateReading], source: str, database: Database) -> list[str]:
    """The fault of a column that several readings fit; none where they are the same days, as 1.1. and 2.2. are."""
    days = ", ".join(f"strftime({reading.sql('time')}, '%Y-%m-%d')" for reading in readings)
    differ = " or ".join(f"({readings[0].sql('time')}) <> ({other.sql('time')})" for other in readings[1:])
    rows_of = f"select bare(time), {days} from {source} where bare(time) <> ''"
    found = database.rows(f"{rows_of} and ({differ}) limit 1")
    return [two_ways(name, rows, row[0], list(zip(readings, row[1:], strict=True))) for row in found]


def _mixed(name: str, rows: int, readings: Sequence[DateReading], misfits: Sequence[int]) -> str:
    told = ", ".join(
        f"{count:,} do not fit {reading.formats[0]}" for reading, count in zip(readings, misfits, strict=True)
    )
    return f"column {name!r} mixes ways to write a day: of {rows:,} rows {told}; write all alike, or read them apart"


def _no_date(name: str, texts: Sequence[str]) -> str:
    offenders = ", ".join(shown(text) for text in texts[:SHOWN])
    if all(text.replace(".", "", 1).isdigit() for text in texts):
        return (
            f"column {name!r} holds numbers ({offenders}), which could be anything; say date_format='unix_s', 'unix_ms' or 'unix_us' "
            "(counted from 1970), 'excel' (days of a spreadsheet), or a format such as '%Y%m%d'"
        )
    return f"column {name!r} cannot be read as dates ({offenders}); say date_format=, for instance '%d/%m/%Y %H:%M'"


def unread_times(column: TimeColumn, source: str, database: Database) -> list[str]:
    """The fault of entries that the reading does not fit, with their number and the first."""
    misfit = f"bare(time) <> '' and {column.sql('time')} is null"
    count = database.row(f"select count(*) from {source} where {misfit}")[0]
    if not count:
        return []
    found = database.rows(f"select left(bare(time), {_LOOKED_AT}) from {source} where {misfit} limit {SHOWN}")
    offenders = ", ".join(shown(row[0]) for row in found)
    return [
        f"column {column.name!r} cannot be read as {column.words} in {count:,} rows ({offenders}); say another date_format="
    ]


@dataclass
class NumberColumn:
    """How a column of numbers is read.

    Attributes
    ----------
    name : str
    role : str
        "value", "quantity" or "price".
    table : str or None
        Table of the engine with each text and its number; None where all are plain numbers.
    decimal : str or None
        What parts the decimals, where anything tells.
    signs : list of str
        Currency signs beside the numbers.
    faults : list of str
    """

    name: str
    role: str
    table: str | None
    decimal: str | None
    signs: list[str]
    faults: list[str]

    def sql(self, column: str) -> str:
        """The number that an entry states, null where it cannot be read."""
        if self.table is not None:
            return f"(select m.number from {self.table} m where m.entry = {column})"
        return f"case when regexp_full_match({column}, '{_PLAIN}') then try_cast({column} as double) end"


def is_plain(role: str, source: str, decimal: str | None, database: Database) -> bool:
    """Whether a column's first rows are plain numbers, and tell that the point parts decimals."""
    texts = sample_of(role, source, database)
    if decimal == "," or not texts:
        return False
    entries = pd.Series(texts, dtype=object)
    if not entries.str.fullmatch(_PLAIN).all():
        return False
    tells = entries.str.contains(".", regex=False) & ~entries.str.fullmatch(_EITHER)
    return decimal == "." or bool(tells.any())


def read_number_column(name: str, role: str, source: str, decimal: str | None, database: Database) -> NumberColumn:
    """Read each distinct text of a column as a number, by one convention for all of them, into a table of the engine."""
    cut = f"left(bare({role}), {_LOOKED_AT}) || repeat('…', {_LOOKED_AT})"  # too long for an amount, as all of it was
    entry = f"case when length({role}) > {_LOOKED_AT} then {cut} else {role} end"
    rows = database.rows(
        f"select {entry}, count(*) from {source} where bare({role}) <> '' group by 1 limit {MOST_TEXTS + 1}"
    )
    if len(rows) > MOST_TEXTS:
        return NumberColumn(
            name,
            role,
            None,
            None,
            [],
            [f"column {name!r} has more than {MOST_TEXTS:,} different texts; write plain numbers"],
        )
    counts = {text: int(count) for text, count in rows if not is_missing_text(text)}
    mark: Any = decimal
    read = read_text_amounts((text for text in counts for _ in range(min(counts[text], 3))), mark)
    faults = [f"column {name!r}: {fault}" for fault in read.faults]
    if read.unread:
        count = sum(counts[text] for text in read.unread)
        first = "; ".join(list(read.unread.values())[:SHOWN])
        faults.append(
            f"column {name!r} cannot be read as numbers in {count:,} rows: {first}; state decimal=, or repair them"
        )
    signs = sorted(set(read.signs.values()))
    if len(signs) > 1:
        faults.append(f"column {name!r} mixes currencies ({', '.join(signs)}); convert all to one, or read them apart")
    import pyarrow as pa

    table = f"numbers_{role}"
    arrow = pa.table(
        {
            "entry": pa.array(list(read.values), pa.string()),
            "number": pa.array(list(read.values.values()), pa.float64()),
        }
    )
    database.store(table, arrow)
    return NumberColumn(name, role, table, read.decimal, signs, faults)


def iso_times(table: str, name: str, database: Database) -> list[str]:
    """Read a table's column ``time`` as ISO 8601 by the library's one parser, into ``timestamp``; return what is wrong with it.

    Parameters
    ----------
    table : str
        Of the engine; gains a column ``timestamp`` unless there are faults.
    name : str
        The column as the file calls it.
    database : Database
    """
    frame = frames.wrap(database.table(table))
    read, faults = frames.with_text_times(frame, "time", "timestamp")
    if faults:
        return [fault.replace("column 'time'", f"column {name!r}") for fault in faults]
    relation = read.to_native()
    relation.create("read_times")
    database.rows(f"drop table {table}")
    database.rows(f"alter table read_times rename to {table}")
    return []


def in_zone(table: str, time_zone: str, database: Database) -> None:
    """Put a table's ``timestamp``, read from texts with a zone, on the clock of another zone."""
    entry = (
        "regexp_replace(regexp_replace(bare(time), ' ?(UTC|GMT|Z)$', '+00'), ' ?([+-]\\d\\d):?(\\d\\d)$', '\\1:\\2')"
    )
    database.rows(f"set TimeZone = {literal(time_zone)}")
    database.rows(
        f"update {table} set timestamp = cast(cast({entry} as timestamptz) as timestamp) where bare(time) <> ''"
    )


__all__ = ["EXCEL", "UNIX"]
