"""The files of a log: one, several, a folder, or a pattern; opened, their dialect told, laid one under the other as text."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import frames
from ..exceptions import DataError
from ..files.opening import READABLE_ENDINGS, OpenedFile, open_file
from ..files.reading import columns_of, text_table
from ..files.text_table import Database, TextTable, literal

Paths = str | os.PathLike | Sequence[str | os.PathLike]


def files_named(path_or_paths: Paths) -> list[Path]:
    """Return the files that a path, a list of paths, a folder or a pattern names, sorted.

    Raises
    ------
    DataError
        When there are none.
    """
    given = [path_or_paths] if isinstance(path_or_paths, str | os.PathLike) else list(path_or_paths)
    found: list[Path] = []
    for entry in given:
        path = Path(entry)
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if _is_readable(p))
            if not inside:
                raise DataError(
                    [f"{path} is a folder without a table: no CSV, workbook or Parquet file in it"], "the files"
                )
            found += inside
        elif not path.exists() and glob.has_magic(str(entry)):
            matched = sorted(Path(name) for name in glob.glob(str(entry), recursive=True) if Path(name).is_file())
            if not matched:
                raise DataError([f"no file fits {str(entry)!r}"], "the files")
            found += matched
        elif not path.exists():
            raise DataError([f"there is no file {path}"], "the files")
        else:
            found.append(path)
    if not found:
        raise DataError(["no file is named"], "the files")
    return list(dict.fromkeys(found))


def _is_readable(path: Path) -> bool:
    return path.is_file() and not path.name.startswith((".", "_")) and path.suffix.lower() in READABLE_ENDINGS


@dataclass(frozen=True)
class LogFile:
    """One file of a log.

    Attributes
    ----------
    opened : OpenedFile
    table : TextTable or None
        None for Parquet.
    types : dict of str to str
        The types of Parquet's columns by name; empty for text.
    """

    opened: OpenedFile
    table: TextTable | None
    types: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """Its columns."""
        return list(self.types) if self.table is None else self.table.names

    def source(self) -> str:
        """The table function that reads it, as SQL."""
        return f"read_parquet({literal(str(self.opened.readable))})" if self.table is None else self.table.source()

    def text(self, name: str) -> str:
        """A column as text, as SQL."""
        return f"cast({_quoted(name)} as varchar)" if self.table is None else self.table.column(name)

    def column(self, name: str) -> str:
        """A column as the file has it, as SQL."""
        return _quoted(name) if self.table is None else self.table.column(name)


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def open_log_file(
    path: Path, scratch: Path, database: Database, wanted: Sequence[str], stated: Mapping[str, Any]
) -> LogFile:
    """Open a file and tell its dialect by the columns that are wanted of it.

    Parameters
    ----------
    path, scratch : Path
    database : Database
    wanted : sequence of str
        Columns that the log needs.
    stated : mapping
        encoding, sheet, delimiter, quote, skip_lines and column_names, each None where nothing was stated.

    Raises
    ------
    DataError
    """
    opened = open_file(path, scratch, encoding=stated["encoding"], sheet=stated["sheet"])
    if opened.kind == "parquet":
        columns_of(path)  # refuses what Parquet claims but cannot hold, and names that are there twice
        import duckdb

        try:
            rows = database.rows(f"describe select * from read_parquet({literal(str(opened.readable))})")
        except duckdb.Error as error:
            raise DataError([f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}"], "the file") from None
        return LogFile(opened, None, {str(row[0]): str(row[1]) for row in rows})
    dialect = {name: stated[name] for name in ("delimiter", "quote", "skip_lines", "column_names")}
    table = text_table(opened, scratch, wanted=wanted, **dialect)
    return LogFile(replace(opened, readable=table.opened.readable), table, {})


def check_log_columns(files: Sequence[LogFile], wanted: Sequence[str]) -> None:
    """Refuse files that lack a column, or that mix Parquet with text.

    Raises
    ------
    DataError
    """
    if len({file.table is None for file in files}) > 1:
        raise DataError(["Parquet and text are mixed; read them apart, or write all as one"], "the files")
    arguments = ("customer_id", "timestamp")
    for file in files:
        try:
            frames.check_names(wanted, file.names, file.opened.path.name, arguments=arguments)
        except DataError as error:
            hint = _no_header_hint(file)
            raise DataError([*error.faults, *hint], f"the file {file.opened.path.name}") from None


def _no_header_hint(file: LogFile) -> list[str]:
    """A fault of a first line that holds numbers or dates, as names of columns do not."""
    if file.table is None:
        return []
    unlike = [
        name
        for name in file.names
        if name.replace(".", "").replace("-", "").replace("/", "").replace(":", "").isdigit()
    ]
    return ["its first line looks like a row; name the columns with column_names="] if unlike else []


@contextmanager
def file_refusals(files: Sequence[LogFile], database: Database) -> Iterator[None]:
    """Tell what the engine refuses as faults of the file in which it is.

    Raises
    ------
    DataError
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        if CONVERSION in str(error):
            raise
        texts = [file for file in files if file.table is not None]
        if isinstance(error, duckdb.OutOfMemoryException) or not texts:
            first = str(error).splitlines()[0]
            raise DataError([f"it cannot be read: {first}"], f"the file {files[0].opened.path.name}") from None
        faults = [fault for file in texts for fault in _width_faults(file, database, error)]
        if not faults and texts[0].table is not None:
            faults = texts[0].table.faults(database, error)
        raise DataError(faults, "the files" if len(files) > 1 else "the file") from None


def _width_faults(file: LogFile, database: Database, error: Exception) -> list[str]:
    """The faults of one file of several; none where it can be read."""
    import duckdb

    if file.table is None:
        return []
    try:
        database.rows(f"select count(c0) from {file.source()}")
    except duckdb.Error as own:
        return file.table.faults(database, own)
    return []


#: Begins the messages with which a conversion stops the engine.
CONVERSION = "crmml:"
