"""The reading of a log's files: in one pass where all is plain, else carefully, column by column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .. import frames
from ..exceptions import DataError, in_number
from ..files.dialect import DELIMITER_WORDS
from ..files.formulas import guarded_columns, unguarded_sql
from ..files.reading import NULL_WORDS, encoding_fault, kinds_of, typed_sql
from ..files.text_table import BLANK, Database, literal
from ._log_columns import (
    NumberColumn,
    TimeColumn,
    guarded,
    in_zone,
    is_plain,
    iso_times,
    read_number_column,
    read_time_column,
    unread_times,
)
from ._log_files import CONVERSION, LogFile, file_refusals
from ._log_identifiers import are_plainly_edged
from ._reading_request import ReadingRequest
from .reading_report import ReadingReport

#: What is said of entries that were guarded.
_GUARD = "have an apostrophe before a sign that begins formulas, as in CSV for spreadsheets; it is left out."


class LogReader:
    """Reads the files that are open: in one pass where all is plain, else carefully, column by column."""

    def __init__(self, request: ReadingRequest, files: Sequence[LogFile], database: Database) -> None:
        self.request, self.files, self.database = request, files, database
        self.is_text = files[0].table is not None
        self.notes: list[str] = []
        self.lines = 0
        self.ids_are_plain = False
        self.log: Any = None
        self.entries = {"customer": "customer", "orders": "orders"}
        self.numbers: dict[str, NumberColumn] = {}

    def read(self) -> tuple[Any, ReadingReport]:
        """Return the log and what was understood."""
        with file_refusals(self.files, self.database):
            times, numbers, faults = self._decide(self._source())
            faults += self._number_faults() if faults else self._load(times, numbers)
            faults += self._missing()
        if faults:
            raise DataError(faults, "the file" if len(self.files) == 1 else "the files")
        self._look_at_identifiers()
        self._identifiers()
        if self.request.columns["order_id"]:
            self._orders()
        log = self._frame()
        return log, self._report()

    def _source(self) -> str:
        """All files as one source of text, or of what Parquet holds, in the roles of the log."""
        parts = []
        for file in self.files:
            columns = {"customer": file.text(self._name("customer_id")), "time": self._time_of(file)}
            columns |= {role: file.text(name) for role, name in self.request.numbers.items()}
            if self.request.columns["order_id"]:
                columns["orders"] = file.text(self._name("order_id"))
            columns |= {f"keep{i}": file.column(name) for i, name in enumerate(self.request.keep)}
            listed = ", ".join(f"{sql} as {role}" for role, sql in columns.items())
            parts.append(f"select {listed} from {file.source()}")
        return f"({' union all '.join(parts)})"

    def _name(self, role: str) -> str:
        name = self.request.columns[role]
        if name is None:
            raise KeyError(role)
        return name

    def _time_of(self, file: LogFile) -> str:
        name = self._name("timestamp")
        kind = file.types.get(name, "VARCHAR")
        if kind == "TIMESTAMP WITH TIME ZONE":
            zone = self.request.time_zone or _zone_of(file.opened.path, name)
            return f"strftime(timezone({literal(zone)}, {file.column(name)}), '%Y-%m-%d %H:%M:%S.%f')"
        if kind.startswith("TIMESTAMP"):
            return f"strftime({file.column(name)}, '%Y-%m-%d %H:%M:%S.%f')"
        return file.text(name)

    def _decide(self, source: str) -> tuple[TimeColumn, dict[str, NumberColumn], list[str]]:
        """How times and numbers are to be read; numbers that are not plain wait for the careful pass."""
        request = self.request
        times = read_time_column(self._name("timestamp"), source, request.date_format, self.database)
        plain = {
            role: NumberColumn(name, role, None, ".", [], [])
            for role, name in request.numbers.items()
            if not self.is_text or is_plain(role, source, request.decimal, self.database)
        }
        return times, plain, [*times.faults, *self._encoding_faults(source)]

    def _encoding_faults(self, source: str) -> list[str]:
        """Bytes in an unknown encoding, in a column that is read; elsewhere they change nothing."""
        doubtful = [file.opened for file in self.files if not file.opened.encoding_is_certain]
        if not doubtful:
            return []
        roles = ["customer", "time", *self.request.numbers, *(["orders"] if self.request.columns["order_id"] else [])]
        roles += [f"keep{i}" for i in range(len(self.request.keep))]
        odd = " or ".join(f"regexp_matches({role}, '[^\\x00-\\x7f]')" for role in roles)
        if self.database.row(f"select count(*) from {source} where {odd}")[0]:
            return [encoding_fault(opened) for opened in doubtful]
        self.notes.append("Bytes that are not UTF-8 are in columns that are not read.")
        return []

    def _load(self, times: TimeColumn, plain: dict[str, NumberColumn]) -> list[str]:
        """Make the table ``log``; return what is wrong."""
        import duckdb

        self.times, self.numbers = times, dict(plain)
        if len(plain) == len(self.request.numbers) and self.request.time_zone is None:
            try:
                self._at_once()
                return []
            except duckdb.InvalidInputException as error:
                if CONVERSION not in str(error):
                    raise
        self._make("raw", self._source(), "* replace (nullif(bare(time), '') as time)")
        self._without_headers()
        self._count_lines("raw")
        return self._carefully(times)

    def _at_once(self) -> None:
        """Make the table ``log`` in one pass: in memory as it is returned, unless orders are still to be made of its lines."""
        if self.request.columns["order_id"]:
            self._make("log", self._source(), self._fast())
            self._count_lines()
            return
        self.log = self.database.arrow(f"select {self._fast()} from {self._source()}")
        self.lines = self.log.num_rows
        self.database.lend("log", self.log)

    def _make(self, table: str, source: str, columns: str) -> None:
        self.database.rows(f"create or replace temp table {table} as select {columns} from {source}")

    def _fast(self) -> str:
        picked = [*self._plain_columns(), f"{guarded(self.times.sql('time'), 'time', 'timestamp')} as timestamp"]
        for role, column in self.numbers.items():
            picked.append(f"{guarded(column.sql(role), role, role)} as {role}")
        return ", ".join(picked)

    def _plain_columns(self) -> list[str]:
        names = ["customer", *(["orders"] if self.request.columns["order_id"] else [])]
        return [*names, *(f"keep{i}" for i in range(len(self.request.keep)))]

    def _carefully(self, times: TimeColumn) -> list[str]:
        """Read each column of ``raw`` by itself, so that one message has the faults of all."""
        faults = []
        if times.is_iso:
            faults += iso_times("raw", times.name, self.database)
        else:
            faults += unread_times(times, "raw", self.database)
        for role, name in self.request.numbers.items():
            column = read_number_column(name, role, "raw", self.request.decimal, self.database)
            self.numbers[role] = column
            faults += column.faults
        if faults:
            return faults
        if self.request.time_zone is not None and self.is_text:
            fault = self._zone_fault(times)
            if fault:
                return [fault]
            in_zone("raw", self.request.time_zone, self.database)
        parsed = "timestamp" if times.is_iso else f"{times.sql('time')} as timestamp"
        joined = " ".join(
            f"left join {column.table} on {column.table}.entry = raw.{role}"
            for role, column in self.numbers.items()
            if column.table
        )
        numbers = [f"{column.table}.number as {role}" for role, column in self.numbers.items()]
        columns = ", ".join([*(f"raw.{name}" for name in self._plain_columns()), parsed, *numbers])
        self._make("log", f"raw {joined} order by raw.rowid", columns)
        return []

    def _number_faults(self) -> list[str]:
        """What is wrong with the numbers, where the times are refused already."""
        self._make("raw", self._source(), "*")
        self._without_headers()
        columns = (
            read_number_column(name, role, "raw", self.request.decimal, self.database)
            for role, name in self.request.numbers.items()
        )
        return [fault for column in columns for fault in column.faults]

    def _missing(self) -> list[str]:
        """Rows without customer, time or amount, where these are refused: of the rows as they stand where others are too."""
        if self.request.nulls == "keep":
            return []
        table = (
            "raw" if self.database.row("select count(*) from duckdb_tables() where table_name = 'raw'")[0] else "log"
        )
        roles = {
            "customer_id": "customer",
            "timestamp": "timestamp" if table == "log" else "time",
            **{role: role for role in self.request.numbers},
        }
        texts = set(roles.values()) if table == "raw" else {"customer"}
        absent = [f"{role} is null" + (f" or bare({role}) = ''" if role in texts else "") for role in roles.values()]
        counts = [f"count(*) filter ({condition})" for condition in absent]
        rows, *missing = self.database.row(f"select count(*), {', '.join(counts)} from {table}")
        return [
            f"column {self.request.columns[role]!r} is missing in {count:,} of {rows:,} rows (nulls='drop' drops and counts them)"
            for role, count in zip(roles, missing, strict=True)
            if count
        ]

    def _zone_fault(self, times: TimeColumn) -> str:
        aware = "regexp_matches(bare(time), '(Z|UTC|GMT|[+-]\\d\\d(:?\\d\\d)?)$') and length(bare(time)) > 12"
        n, zoned = self.database.row(f"select count(*) filter (bare(time) <> ''), count(*) filter ({aware}) from raw")
        if times.is_iso and n == zoned:
            return ""
        return (
            f"time_zone={self.request.time_zone!r} converts times that carry a zone; those of column {times.name!r} carry none: "
            "leave it out"
        )

    def _without_headers(self) -> None:
        """Leave out rows that repeat the header, as files laid one under the other by hand have them."""
        if not self.is_text:
            return
        names = {"customer": self._name("customer_id"), "time": self._name("timestamp"), **self.request.numbers}
        same = " and ".join(f"bare({role}) = {literal(name)}" for role, name in names.items())
        count = self.database.row(f"select count(*) from raw where {same}")[0]
        if count:
            self.database.rows(f"delete from raw where {same}")
            self.database.rows("create or replace temp table raw as select * from raw")
            rows = f"{count:,} rows" if count != 1 else "1 row"
            self.notes.append(f"The header is repeated in {rows} further down, left out.")

    def _count_lines(self, table: str = "log") -> None:
        self.lines = int(self.database.row(f"select count(*) from {table}")[0])

    def _orders(self) -> None:
        """Make one row of the lines of an order."""
        name = self._name("order_id")
        self._unguard("orders")
        order = f"bare({self.entries['orders']})"
        blank = self.database.row(f"select count(*) from log where orders is null or {order} = ''")[0]
        if blank:
            raise DataError(
                [
                    f"column {name!r} is missing in {blank:,} of {self.lines:,} rows, whose order is not known; leave out "
                    "order_id=, or repair them"
                ],
                "the file",
            )
        several, days = self.database.row(
            "select count(*) filter (c > 1), count(*) filter (d > 1) from (select count(distinct id) c, "
            f"count(distinct cast(timestamp as date)) d from (select *, {self._customer()} as id from log) group by {order})"
        )
        if several:
            self.notes.append(
                f"{several:,} orders have lines of more than one customer; each customer's lines are an order of their own."
            )
        if days:
            self.notes.append(f"{days:,} orders have lines of more than one day; each counts on its first.")
        sums = [
            f"case when count({role}) = count(*) then sum({role}) end as {role}"
            for role in self.numbers
            if role == "value"
        ]
        if "price" in self.numbers:
            sums = ["case when count(quantity * price) = count(*) then sum(quantity * price) end as value"]
        kept = [f"first(keep{i}) as keep{i}" for i in range(len(self.request.keep))]
        columns = ", ".join(["id as customer", "line as orders", "min(timestamp) as timestamp", *sums, *kept])
        lines = f"(select *, {self._customer()} as id, {order} as line, rowid as place from log)"
        self._make("log", f"{lines} group by id, line order by min(place)", columns)
        self.entries["customer"] = "customer"  # without its guard now

    def _customer(self) -> str:
        """The identifier as text: bare, blanks and stated words missing, whole numbers without the .0 that a gap gave them."""
        if self.ids_are_plain:
            return "customer"
        words = ["''", *(literal(word) for word in self.request.null_words)]
        bare = f"bare({self.entries['customer']})"
        whole = f"case when suffix({bare}, '.0') then regexp_replace({bare}, '^(\\d+)\\.0$', '\\1') else {bare} end"
        return f"case when {bare} in ({', '.join(words)}) then null else {whole} end"

    def _unguard(self, role: str) -> None:
        """Take a guard against formulas off a column, where all of it is guarded."""
        if not self.is_text:
            return
        for count in guarded_columns({role: role}, "log", self.database).values():
            self.entries[role] = unguarded_sql(role)
            name = self._name("customer_id" if role == "customer" else "order_id")
            self.notes.append(f"{count:,} entries of {name!r} {_GUARD}")

    def _look_at_identifiers(self) -> None:
        """Tell whether all identifiers can be taken as they stand: by their first and last bytes, else by one pattern."""
        words = self.request.null_words
        if self.log is not None and not words and are_plainly_edged(self.log.column("customer")):
            self.ids_are_plain = True
            return
        listed = "|".join(re.escape(word) for word in (*NULL_WORDS, *words))
        odd = f"(?i)^({BLANK}|0)|{BLANK}$|\\.0$|^({listed})?$"
        count = self.database.row(f"select count(*) from log where regexp_matches(customer, {literal(odd)})")[0]
        self._unguard("customer")
        self.ids_are_plain = not count and self.entries["customer"] == "customer"

    def _identifiers(self) -> None:
        """Notes on identifiers that are not what they seem."""
        if self.ids_are_plain:
            return
        customer, bare = self._customer(), f"bare({self.entries['customer']})"
        listed = ", ".join(literal(word) for word in NULL_WORDS)
        whole, spaced, words, zeros = self.database.row(
            f"select count(*) filter (suffix({bare}, '.0')), count(*) filter ({bare} <> {self.entries['customer']}), "
            f"count(*) filter (lower({bare}) in ({listed}) and {customer} is not null), "
            f"count(*) filter (starts_with({bare}, '0')) from log"
        )
        name = repr(self._name("customer_id"))
        told = [
            (
                whole,
                f"entries of {name} end in .0, as whole numbers do that were once read as decimals; it is left out.",
            ),
            (spaced, f"entries of {name} have blanks around them, which are left out."),
            (
                words,
                f"times a word such as NULL or NA in {name} is taken for a customer; where it stands for nothing, say null_words=.",
            ),
            (
                self._alike(customer) if zeros else 0,
                f"identifiers of {name} differ from another in leading zeros alone, as 00123 and 123 do; they are taken for "
                "different customers.",
            ),
        ]
        self.notes += [in_number(f"{count:,} {words}") for count, words in told if count]

    def _alike(self, customer: str) -> int:
        """Identifiers of digits that differ from another in leading zeros alone."""
        return int(
            self.database.row(
                f"select coalesce(sum(n - 1), 0) from (select count(*) as n from (select distinct {customer} as id from log) "
                "where regexp_full_match(id, '\\d+') group by ltrim(id, '0') having count(*) > 1)"
            )[0]
        )

    def _selected(self) -> list[str]:
        picked = [self._customer(), "timestamp"]
        if "price" in self.numbers and not self.request.columns["order_id"]:
            picked.append("quantity * price")
        elif self.numbers:
            picked.append("value")
        if self.request.columns["order_id"]:
            picked.append("orders")
        kept = {f"keep{i}": f"keep{i}" for i in range(len(self.request.keep))}
        if not self.is_text or not kept:
            return [*picked, *kept]
        kinds = kinds_of(kept, "log", self.database)
        texts = {name: name for name, kind in kinds.items() if kind == "text"}
        for name, count in guarded_columns(texts, "log", self.database).items():
            kept[name] = unguarded_sql(name)
            self.notes.append(f"{count:,} entries of {self.request.keep[int(name[4:])]!r} {_GUARD}")
        return [*picked, *(typed_sql(kept[name], kind) for name, kind in kinds.items())]

    def _frame(self) -> Any:
        columns = self._selected()
        own = [
            "customer_id",
            "timestamp",
            *(["value"] if self.numbers else []),
            *(["order_id"] if self.request.columns["order_id"] else []),
        ]
        if self.log is not None and columns == self.log.column_names:
            table = self.log
        else:
            table = self.database.arrow(f"select {', '.join(columns)} from log")
        return frames.arrow_on(table.rename_columns([*own, *self.request.keep]), self.request.engine)

    def _by_month(self) -> list[tuple[Any, ...]]:
        """Each month with its rows, those without customer and without value, its first and last time; rows without a time last."""
        value = "quantity * price" if "price" in self.numbers and not self.request.columns["order_id"] else "value"
        counts = {
            "n": "count(*)",
            "customers": f"count(*) filter ({self._customer()} is null)",
            "amounts": f"count(*) filter ({value} is null)" if self.numbers else "0",
            "least": "min(timestamp)",
            "most": "max(timestamp)",
        }
        listed = ", ".join(f"{sql} as {name}" for name, sql in counts.items())
        days = f"select cast(timestamp as date) as day, {listed} from log group by 1"  # quicker than months at once
        return self.database.rows(
            "select cast(date_trunc('month', day) as timestamp) as month, sum(n), sum(customers), sum(amounts), min(least), "
            f"max(most) from ({days}) group by 1 order by 1 nulls last"
        )

    def _report(self) -> ReadingReport:
        found = self._by_month()
        rows, customers, values = (sum(int(row[i]) for row in found) for i in (1, 2, 3))
        months = [row for row in found if row[0] is not None]
        first, last = (months[0][4], months[-1][5]) if months else (None, None)
        missing = {"customer_id": customers, "timestamp": rows - sum(row[1] for row in months)}
        missing |= {"value": values} if self.numbers else {}
        index = pd.DatetimeIndex([row[0] for row in months], name="month")
        table = pd.DataFrame(self._understood(first, last), columns=["what", "reading", "how", "argument"])
        notes = [note for file in self.files for note in file.opened.notes]
        return ReadingReport(
            tuple(file.opened.path.name for file in self.files),
            int(rows),
            self.lines,
            {name: int(count) for name, count in missing.items()},
            table,
            tuple(dict.fromkeys([*notes, *self.notes])),
            pd.Series([row[1] for row in months], index=index, name="transactions", dtype="int64"),
        )

    def _understood(self, first: Any, last: Any) -> list[tuple[str, str, str, str]]:
        """What was understood, how it is known, and the argument that pins it."""
        entries: list[tuple[str, str, str, str]] = []
        for file in self.files:
            prefix = f"{file.opened.path.name}: " if len(self.files) > 1 else ""
            if file.table is None:
                entries.append((f"{prefix}Kind", "Parquet", "told by the content", ""))
                continue
            dialect = file.table.dialect
            how = {
                key: "stated" if key in dialect.stated else "told by the content"
                for key in ("delimiter", "quote", "skip_lines", "names")
            }
            word = DELIMITER_WORDS.get(dialect.delimiter, repr(dialect.delimiter))
            entries.append((f"{prefix}Delimiter", word, how["delimiter"], "delimiter"))
            if file.opened.encoding:
                source = "stated" if file.opened.encoding_source == "stated" else "told by the content"
                entries.append((f"{prefix}Encoding", file.opened.encoding, source, "encoding"))
            if dialect.skip_lines:
                entries.append(
                    (f"{prefix}Lines before the header", f"{dialect.skip_lines:,}", how["skip_lines"], "skip_lines")
                )
        times = self.times
        stated = "stated" if self.request.date_format else "told by the content"
        entries.append((f"Times in {times.name!r}", times.words, stated, "date_format"))
        if pd.notna(first):
            entries.append(("First and last time", f"{first} to {last}", "found", ""))
        for column in self.numbers.values():
            mark = {".": "decimal point", ",": "decimal comma", None: "whole numbers"}[column.decimal]
            sign = f", amounts in {column.signs[0]}" if column.signs else ""
            entries.append(
                (
                    f"Numbers in {column.name!r}",
                    f"{mark}{sign}",
                    "stated" if self.request.decimal else "told by the content",
                    "decimal",
                )
            )
        return entries


def _zone_of(path: Path, name: str) -> str:
    """The zone of a column of times in Parquet."""
    import pyarrow.parquet as pq

    kind = pq.read_schema(path).field(name).type
    return str(getattr(kind, "tz", None) or "UTC")
