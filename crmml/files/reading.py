"""Tables on disk, read: text, workbooks and Parquet by one opener, with the ruler in Parquet's metadata.

Types are told by all rows of a column, not by the first ones. Only blanks are missing in a column of text; in columns whose
other entries are numbers or truths, words such as NA and NULL are too. Whole numbers stay whole where some are missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from .. import frames
from ..exceptions import DataError
from ..frames.ruler import Ruler
from .dialect import find_dialect
from .formulas import guarded_columns, unguarded_sql
from .opening import OpenedFile, content_of, open_file
from .text_table import Database, TextTable, connected, refusals, scratch_folder

PARQUET, CSV = {".parquet", ".pq"}, {".csv", ".txt", ".tsv", ".tab", ".psv", ".dat"}
#: Words that say that nothing is there, in columns that otherwise hold numbers or truths.
NULL_WORDS = ("na", "n/a", "#n/a", "null", "none", "nan", "<na>", "\\n", "-nan", "nat")
#: Rows that a byte of Parquet can stand for where it holds customers or times; a file that claims more would fill the memory.
MOST_ROWS_PER_BYTE = 20
MOST_PARQUET_ROWS_UNCHECKED = 50_000_000
_WHOLE = r"[+-]?(0|[1-9]\d{0,17})"
_NUMBER = r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?|[+-]?(inf|infinity)"


def kind_of(path: str | os.PathLike) -> str:
    """Return "parquet" or "csv" by a file's ending (.csv.gz and the like included).

    Raises
    ------
    DataError
        For another ending.
    """
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if any(suffix in PARQUET for suffix in suffixes[-1:]):
        return "parquet"
    if any(suffix in CSV for suffix in suffixes[-2:]):
        return "csv"
    raise DataError([f"{Path(path).name} must end in .parquet or .csv"], "the file name")


def read_table(path: str | os.PathLike, *, text: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table; the ruler in Parquet's metadata is restored.

    Parameters
    ----------
    path : path
        CSV and its kin (whatever the delimiter), a workbook, or Parquet; packed or not. What it is, is told by its content.
    text : sequence of str, default=()
        Columns of a text file that stay text whatever they look like, so that an identifier 00123 keeps its zeros and NA
        stays a name; only blanks are missing.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataError
        When the file is not there, is empty or cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "customers.csv"
    ...     _ = path.write_text("customer_id;T\\nNA;1\\n007;2\\n")
    ...     read_table(path, text=["customer_id"]).to_dict("list")
    {'customer_id': ['NA', '007'], 'T': [1, 2]}
    """
    path = Path(path)
    if content_of(path) == "parquet":
        return _read_parquet(path)
    chunks = list(csv_chunks(path, text=text))
    return chunks[0] if chunks else pd.DataFrame(columns=pd.Index(columns_of(path)))


def columns_of(path: str | os.PathLike) -> list[str]:
    """Names of the columns of a table, each once.

    Raises
    ------
    DataError
    """
    path = Path(path)
    if content_of(path) == "parquet":
        return _parquet_names(path)
    with scratch_folder() as scratch:
        return _text_table(path, scratch).names


def ruler_of(path: str | os.PathLike) -> Ruler:
    """The ruler in a Parquet file's metadata.

    Raises
    ------
    DataError
        When it is not Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return Ruler.from_metadata(pq.read_schema(path).metadata or {})
    except pa.ArrowInvalid as error:
        raise DataError([f"{path} cannot be read as Parquet: {error}"], "the file") from None


def csv_chunks(
    path: str | os.PathLike, *, text: Sequence[str] = (), columns: Sequence[str] | None = None, rows: int | None = None
) -> Iterator[pd.DataFrame]:
    """Read a text file or workbook in chunks of ``rows``, or whole; columns named in ``text`` are taken as they stand.

    A guard against formulas, as `write_table` puts it, is taken off. A column has one type in all chunks. A file without rows
    gives one frame without rows.

    Raises
    ------
    DataError
        When it cannot be read.
    """
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder())
        table = _text_table(Path(path), scratch)
        names = table.names if columns is None else list(columns)
        frames.check_names(names, table.names, table.opened.path.name)
        database = stack.enter_context(connected(scratch))
        with refusals(table, database):
            asked = {name: table.column(name) for name in names if name not in text}
            kinds = dict.fromkeys(names, "text") | kinds_of(asked, table.source(), database)
            texts = {name: table.column(name) for name, kind in kinds.items() if kind == "text"}
            entries = {name: table.column(name) for name in names} | {
                name: unguarded_sql(texts[name]) for name in guarded_columns(texts, table.source(), database)
            }
            picked = ", ".join(
                f"{typed_sql(entries[name], kind)} as n{i}" for i, (name, kind) in enumerate(kinds.items())
            )
            reader = database.batches(f"select {picked} from {table.source()}", rows or 1_000_000)
            if rows is None:
                yield frames.pandas_of(reader.read_all().rename_columns(names))
                return
            for batch in reader:
                yield frames.pandas_of(_arrow_table(batch, names))


def _arrow_table(batch: Any, names: list[str]) -> Any:
    import pyarrow as pa

    return pa.Table.from_batches([batch]).rename_columns(names)


def _text_table(path: Path, scratch: Path) -> TextTable:
    opened = open_file(path, scratch)
    if opened.kind == "parquet":
        raise DataError([f"{path.name} is Parquet, not text"], "the file")
    if not opened.encoding_is_certain:
        raise DataError([encoding_fault(opened)], "the file")
    return text_table(opened, scratch)


def encoding_fault(opened: OpenedFile) -> str:
    """The fault of bytes that are not UTF-8 and whose encoding was not stated, with what each likely encoding makes of them."""
    shown = ", ".join(f"{sample!r} in encoding={name!r}" for name, sample in opened.candidates)
    return f"{opened.path.name} is not in UTF-8 and does not say what it is in; it would read {shown}; say which one"


def text_table(opened: OpenedFile, scratch: Path, **stated: Any) -> TextTable:
    """Tell the dialect of a file that is open; lines before its header are left out of a copy.

    Parameters
    ----------
    opened : OpenedFile
    scratch : Path
    **stated
        As :func:`crmml.files.dialect.find_dialect` takes them.
    """
    aligned = stated.get("delimiter") == " "
    again = {"encoding": opened.encoding or None, "joins_blanks": aligned}
    if aligned and opened.encoding:
        opened = _reopened(opened, scratch, **again)
    dialect = find_dialect(opened.sample, opened.path.name, **stated)
    if dialect.skip_lines:
        opened = _reopened(opened, scratch, **again, skip_lines=dialect.skip_lines)
    return TextTable(opened, dialect)


def _reopened(opened: OpenedFile, scratch: Path, **how: Any) -> OpenedFile:
    """The file in another copy; what is known of its encoding stays as it was."""
    again = open_file(opened.path, scratch, **how)
    return replace(opened, readable=again.readable, compression=again.compression, sample=again.sample)


def kinds_of(columns: Mapping[str, str], source: str, database: Database) -> dict[str, str]:
    """The type of each column, by all of its rows: whole, number, truth or text.

    Parameters
    ----------
    columns : mapping of name to the engine's name
    source : str
        What they are read from, as SQL.
    database : Database
    """
    kinds = dict.fromkeys(columns, "text")
    asked = list(columns)
    for start in range(0, len(asked), 200):
        part = asked[start : start + 200]
        wanted = []
        for name in part:
            entry = f"bare({columns[name]})"
            present = f"{entry} <> '' and lower({entry}) not in ({_listed(NULL_WORDS)})"
            wanted += [
                f"count(*) filter ({present})",
                f"count(*) filter ({present} and not regexp_full_match({entry}, '{_WHOLE}'))",
                f"count(*) filter ({present} and not regexp_full_match({entry}, '{_NUMBER}', 'i'))",
                f"count(*) filter ({present} and lower({entry}) not in ('true', 'false'))",
            ]
        row = database.row(f"select {', '.join(wanted)} from {source}")
        for i, name in enumerate(part):
            n, not_whole, not_number, not_truth = row[4 * i : 4 * i + 4]
            if n:
                found = [("whole", not_whole), ("number", not_number), ("truth", not_truth)]
                kinds[name] = next((kind for kind, others in found if not others), "text")
    return kinds


def typed_sql(column: str, kind: str) -> str:
    """The entry of a column as its kind, null where nothing is there, as SQL."""
    entry = f"bare({column})"
    if kind == "text":
        return f"case when {entry} = '' then null else {column} end"
    cast = {"whole": "bigint", "number": "double", "truth": "boolean"}[kind]
    return f"case when {entry} = '' or lower({entry}) in ({_listed(NULL_WORDS)}) then null else cast({entry} as {cast}) end"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    _parquet_names(path)
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise DataError([f"{path} cannot be read as Parquet: {error}"], "the file") from None
    return frames.set_ruler(frames.pandas_of(table), Ruler.from_metadata(table.schema.metadata or {}))


def _parquet_names(path: Path) -> list[str]:
    """The columns of a Parquet file, after its claims have been looked at."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            rows, names = file.metadata.num_rows, list(file.schema_arrow.names)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError([f"{path} cannot be read as Parquet: {error}"], "the file") from None
    size = path.stat().st_size
    if rows > MOST_PARQUET_ROWS_UNCHECKED and rows > MOST_ROWS_PER_BYTE * size:
        raise DataError(
            [f"{path.name} claims {rows:,} rows in {size:,} bytes, as no table of customers does"], "the file"
        )
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise DataError(
            [f"{path.name} has the column {name!r} more than once; rename one" for name in twice], "the file"
        )
    return names
