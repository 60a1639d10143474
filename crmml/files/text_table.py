"""A text table as the embedded engine reads it: every field as text, in bounded memory, rows of another width refused.

DuckDB reads the file in parallel and keeps what does not fit into memory in the scratch folder. Columns are known by their
position, so that no name can be taken for another.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..exceptions import DataError
from .dialect import Dialect, unnamed
from .opening import OpenedFile

if TYPE_CHECKING:
    import duckdb

#: What the engine may hold in memory; beyond, it works on disk.
MEMORY = "2GB"
#: Bytes of one row.
LONGEST_ROW = 2_000_000
_BLANKS = "chr(32) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(160)"
#: A blank at an end of a text, the unbreakable one among them, as a pattern of the engine.
BLANK = "[\\t\\n\\v\\f\\r \\x{a0}]"
#: A text without blanks around it; the engine is slow to take them off, which few entries need.
BARE = (
    f"create temp macro bare(entry) as case when regexp_matches(entry, '^{BLANK}|{BLANK}$') "
    f"then trim(entry, {_BLANKS}) else entry end"
)
#: Bytes of a line above which faulty rows are not counted: the engine keeps each line once for each of its faults.
COUNTABLE_LINE = 20_000
#: Faulty rows that are counted at most.
MOST_COUNTED = 100_000
_LINE = re.compile(r"CSV Error on Line: (\d+)")


@dataclass(frozen=True)
class TextTable:
    """A text file and how it is written."""

    opened: OpenedFile
    dialect: Dialect

    @property
    def names(self) -> list[str]:
        """Names of the columns; those without one are called by their place."""
        return unnamed(self.dialect.names)

    def column(self, name: str) -> str:
        """The engine's name of a column."""
        return f"c{self.names.index(name)}"

    def source(self, **options: str) -> str:
        """The table function that reads the file, as SQL."""
        dialect = self.dialect
        columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(max(dialect.fields, len(dialect.names))))
        given = {
            "auto_detect": "false",
            "header": "false",
            "skip": "1" if dialect.has_header else "0",
            "delim": literal(dialect.delimiter),
            "quote": literal(dialect.quote),
            "escape": literal(dialect.escape),
            "columns": f"{{{columns}}}",
            "strict_mode": "true",
            "null_padding": "false",
            "compression": literal(self.opened.compression),
            "max_line_size": str(LONGEST_ROW),
            **options,
        }
        listed = ", ".join(f"{name} = {value}" for name, value in given.items())
        return f"read_csv({literal(str(self.opened.readable))}, {listed})"

    def faults(self, database: Database, error: Exception) -> list[str]:
        """What is wrong with the file, after the engine refused it: the rows of another width, counted, or what it said."""
        name, fields = self.opened.path.name, max(self.dialect.fields, len(self.dialect.names))
        if "Maximum line size" in str(error):
            return [
                f"{name} has a row longer than {LONGEST_ROW:,} bytes{_at_line(error, self)}; is its delimiter or quote another?"
            ]
        if self._has_long_lines():
            return [f"{name} cannot be read as a table{_at_line(error, self)}: {_first_line(error)}"]
        try:
            database.rows("drop table if exists rejects; drop table if exists scans")
            source = self.source(
                store_rejects="true", rejects_table="'rejects'", rejects_scan="'scans'", rejects_limit=str(MOST_COUNTED)
            )
            database.rows(f"select count(c0) from {source}")
            found = database.rows(
                "select error_type::varchar, count(distinct line), min(line), "
                "arg_min(error_message, line) from rejects group by 1 order by 3"
            )
        except Exception:  # the file is beyond counting; what the engine said first stands
            found = []
        broken = min((row[2] for row in found if "QUOTE" in row[0].upper()), default=math.inf)
        faults = [
            self._fault(name, fields, *row) for row in found if "QUOTE" in row[0].upper() or row[2] < broken
        ]  # from a quote without end on, no row has a width
        return faults or [f"{name} cannot be read as a table{_at_line(error, self)}: {_first_line(error)}"]

    def _has_long_lines(self) -> bool:
        if self.opened.compression != "none":
            return self.opened.longest_line > COUNTABLE_LINE
        with self.opened.readable.open("rb") as lines:
            return any(len(line) > COUNTABLE_LINE for line in lines)

    def _fault(self, name: str, fields: int, kind: str, count: int, line: int, message: str) -> str:
        at = int(line) + self.dialect.skip_lines
        least = "at least " if count >= MOST_COUNTED else ""
        rows = f"{least}{count:,} row{'s' if count != 1 else ''}"
        if kind in ("MISSING COLUMNS", "TOO MANY COLUMNS"):
            found = re.search(r"Found: (\d+)", message)
            has = f", line {at:,} has {found[1]}" if found else f", the first in line {at:,}"
            more = "fewer" if kind == "MISSING COLUMNS" else "more"
            hint = "; put fields that hold a delimiter in quotes" if more == "more" else ""
            if not self.dialect.has_header and found and found[1] == "1" and "delimiter" not in self.dialect.stated:
                hint = "; say delimiter=, for instance ' ' where blanks part the columns"
            return f"{name} has {rows} with {more} fields than the header's {fields}{has}{hint}"
        if "QUOTE" in kind.upper():
            return (
                f"{name} has {rows} with a quote that does not end within {LONGEST_ROW:,} bytes, the first in line {at:,}; "
                "quote='' where quotes mean nothing"
            )
        if "UNICODE" in kind.upper():
            return (
                f"{name} has {rows} with bytes that are not in its encoding, the first in line {at:,}; state encoding="
            )
        return f"{name} has {rows} that cannot be read, the first in line {at:,} ({kind.lower()})"


def _at_line(error: Exception, table: TextTable) -> str:
    found = _LINE.search(str(error))
    return f" (line {int(found[1]) + table.dialect.skip_lines:,})" if found else ""


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "Original Line" not in line]
    told = next((line for line in lines if not line.startswith(("CSV Error", "Possible"))), "it is not a table of text")
    return told.removeprefix("Invalid Input Error: ")[:200].rstrip(".")


def literal(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for copies and for what does not fit into memory, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="crmml-", ignore_cleanup_errors=True) as name:
        yield Path(name)


class Database:
    """The embedded engine: one connection of one's own, whose results are fetched whole, so that none is left open.

    Parameters
    ----------
    connection : duckdb connection
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        return self._connection.execute(sql).fetchall()

    def row(self, sql: str) -> tuple[Any, ...]:
        """Return the only row of a query."""
        return self.rows(sql)[0]

    def arrow(self, sql: str) -> Any:
        """Return a query's rows as a pyarrow table."""
        return self._connection.sql(sql).to_arrow_table()

    def batches(self, sql: str, rows: int) -> Any:
        """Return a query's rows as a pyarrow reader of batches."""
        return self._connection.sql(sql).to_arrow_reader(rows)

    def table(self, name: str) -> duckdb.DuckDBPyRelation:
        """Return a table as a relation."""
        return self._connection.table(name)

    def lend(self, name: str, table: Any) -> None:
        """Let statements read a pyarrow table under a name, where it lies."""
        self._connection.register(name, table)

    def store(self, name: str, table: Any) -> None:
        """Keep a pyarrow table under a name."""
        self._connection.register("incoming", table)
        self.rows(f"create or replace temp table {name} as select * from incoming")
        self._connection.unregister("incoming")


@contextmanager
def connected(scratch: Path) -> Iterator[Database]:
    """A connection of one's own, bounded in memory, that fetches nothing from elsewhere."""
    import duckdb

    connection = duckdb.connect(":memory:", config=settings(scratch))
    try:
        connection.execute(BARE)
        yield Database(connection)
    finally:
        connection.close()


def settings(scratch: Path) -> dict[str, Any]:
    """Settings of the engine."""
    return {
        "memory_limit": MEMORY,
        "temp_directory": str(scratch / "spill"),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "preserve_insertion_order": True,
    }


@contextmanager
def refusals(table: TextTable, database: Database) -> Iterator[None]:
    """Tell what the engine refuses as faults of the file.

    Raises
    ------
    DataError
    """
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise DataError(
            [f"{table.opened.path.name} does not fit into {MEMORY} of memory: {_first_line(error)}"], "the file"
        ) from None
    except duckdb.Error as error:
        raise DataError(table.faults(database, error), "the file") from None
