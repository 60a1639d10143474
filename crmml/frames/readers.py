"""Tables on disk: CSV and Parquet in, the same out, whole or not at all, with the ruler in Parquet's metadata."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from .. import frames
from ..exceptions import DataError
from ..typing import Frame
from .ruler import Ruler

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


def write_table(frame: Frame, path: str | os.PathLike) -> None:
    """Write a frame of any engine to Parquet (with its ruler) or CSV, by the ending; whole or not at all."""
    kind = kind_of(path)
    with replacing(path) as temporary:
        if kind == "csv":
            frames.collected(frames.wrap(frame)).to_pandas().to_csv(temporary, index=False)
            return
        import pyarrow.parquet as pq

        pq.write_table(frames.set_ruler(frames.to_arrow(frame), frames.get_ruler(frame)), temporary)


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary name beside ``path``, which takes its place when the block ends well and vanishes when it fails.

    Raises
    ------
    DataError
        When the folder does not exist.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise DataError([f"there is no folder {target.parent}; make it first"], "the destination")
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
