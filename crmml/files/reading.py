"""Tables on disk, read: CSV and Parquet, with the ruler in Parquet's metadata."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .. import frames
from ..exceptions import DataError
from ..frames.ruler import Ruler

PARQUET, CSV = {".parquet", ".pq"}, {".csv", ".txt"}


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
    """Read a CSV or Parquet file; the ruler in Parquet's metadata is restored.

    Parameters
    ----------
    path : path
    text : sequence of str, default=()
        Columns of a CSV that stay text whatever they look like, so that an identifier 00123 keeps its zeros.

    Raises
    ------
    DataError
        When the file is not there, is empty or cannot be read.
    """
    kind = kind_of(path)
    if not Path(path).is_file():
        raise DataError([f"there is no file {path}"], "the file")
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError([f"{path} cannot be read as Parquet: {error}"], "the file") from None
        return frames.set_ruler(table.to_pandas(), Ruler.from_metadata(table.schema.metadata or {}))
    try:
        return next(csv_chunks(path, text=text))
    except StopIteration:
        return pd.read_csv(path)


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
    """Read a CSV in chunks of ``rows``, or whole; columns named in ``text`` are taken as they stand, NA and null included.

    Raises
    ------
    DataError
        When it cannot be read as CSV.
    """
    options: dict[str, Any] = {"converters": dict.fromkeys(text, str), "usecols": columns}
    try:
        if rows is None:
            yield pd.read_csv(path, **options)
            return
        with pd.read_csv(path, chunksize=rows, **options) as reader:
            yield from reader
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError([f"{path} cannot be read as CSV in UTF-8: {error}"], "the file") from None
