"""Tables on disk, written: CSV and Parquet, whole or not at all, with the ruler in Parquet's metadata."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import frames
from ..exceptions import DataError
from ..typing import Frame
from .reading import kind_of


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
