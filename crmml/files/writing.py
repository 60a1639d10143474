"""Tables on disk, written: CSV and Parquet, whole or not at all, with the ruler in Parquet's metadata.

Everything is written under a name of its own beside its destination and then takes its place, by one writer at a time: a
lock stands beside the destination as long. What a writer that was killed has left is told by its name, and cleared away by
the next one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pandas as pd

from .. import frames
from ..exceptions import DataError
from ..typing import Frame
from .formulas import guarded
from .reading import kind_of

#: Seconds that a short write waits for another one to the same destination.
PATIENCE = 60.0
_SCRATCH, _ENDING = ".crmml-", ".tmp"


def write_table(frame: Frame, path: str | os.PathLike, *, guard_formulas: bool = True) -> None:
    """Write a frame of any engine to Parquet (with its ruler) or CSV, by the ending; whole or not at all.

    Parameters
    ----------
    frame : frame of any engine
    path : path
    guard_formulas : bool, default=True
        Whether, in CSV, texts that a spreadsheet would run as a formula, those that begin with = + - @, a tab or the end of a
        line, get an apostrophe before them, names of columns too. Numbers are written as they are, also those in text. An
        identifier such as "+49 30 1234" reads "'+49 30 1234" then: write Parquet, which has no formulas, or False where a
        program and no spreadsheet reads the file, or take the guard off with :func:`crmml.files.unguarded`; `read_table` and
        :func:`crmml.transactions.read_log` take it off.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "customers.csv"
    ...     write_table(pd.DataFrame({"name": ["=HYPERLINK(1)", "Ann"], "change": [-1.5, 2.0]}), path)
    ...     print(path.read_text())
    name,change
    '=HYPERLINK(1),-1.5
    Ann,2.0
    """
    kind = kind_of(path)
    with replacing(path) as temporary:
        if kind == "csv":
            table = frames.collected(frames.wrap(frame)).to_pandas()
            (_guarded_table(table) if guard_formulas else table).to_csv(temporary, index=False)
            return
        import pyarrow.parquet as pq

        pq.write_table(frames.set_ruler(frames.to_arrow(frame), frames.get_ruler(frame)), temporary)


def _guarded_table(table: pd.DataFrame) -> pd.DataFrame:
    table = table.copy(deep=False)
    for place, kind in enumerate(table.dtypes):
        if isinstance(kind, pd.CategoricalDtype) or not (
            pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)
        ):
            column = table.iloc[:, place]
            table.isetitem(place, column.astype(object).map(guarded, na_action="ignore").array)
    table.columns = pd.Index([guarded(name) for name in table.columns])
    return table


@contextmanager
def replacing(path: str | os.PathLike, *, locked: bool = False) -> Iterator[Path]:
    """Give a temporary name beside ``path``, which takes its place when the block ends well and vanishes when it fails.

    Parameters
    ----------
    path : path
    locked : bool, default=False
        Whether the caller holds the lock of the destination, or of the folder that it lies in.

    Raises
    ------
    DataError
        When the folder does not exist, or ``path`` is a folder.
    """
    target = Path(path)
    if target.is_dir():
        raise DataError([f"{target} is a folder; name a file"], "the destination")
    with nullcontext() if locked else only_writer(target, wait=PATIENCE):
        handle, name = tempfile.mkstemp(prefix=f".{target.name}{_SCRATCH}", suffix=_ENDING, dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())  # a disk that is full may say so only now
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def only_writer(path: str | os.PathLike, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock of a destination, and clear away what writers that were killed have left beside it.

    Parameters
    ----------
    path : path
        A file or folder, there or not.
    wait : float, default=0.0
        Seconds to wait for another writer.

    Raises
    ------
    DataError
        When another writer, of this process or any other, holds the lock, or the folder does not exist.
    """
    import filelock

    target = Path(path)
    if not target.parent.is_dir():
        raise DataError([f"there is no folder {target.parent}; make it first"], "the destination")
    beside = target.with_name(f".{target.name}.crmml-lock")
    lock = filelock.FileLock(beside, timeout=wait)
    try:
        lock.acquire()
    except filelock.Timeout:
        fault = f"another job is writing to {target} now; let it end, or name another destination"
        raise DataError([fault], "the destination") from None
    try:
        _restore(target)
        clear_scratch(target.parent, target.name)
        yield
    finally:
        with suppress(OSError):  # Windows deletes it by itself
            beside.unlink()  # while it is held: who waits for it finds it gone, and makes another
        lock.release()


def scratch_folder(target: Path) -> Path:
    """Make a folder of its own beside a destination, for a writer that holds its lock."""
    return Path(tempfile.mkdtemp(prefix=f".{target.name}{_SCRATCH}", suffix=_ENDING, dir=target.parent))


def replace_folder(target: Path, new: Path) -> None:
    """Put a folder that is whole in the place of another, for a writer that holds the lock."""
    new.chmod(target.stat().st_mode & 0o777)  # mkdtemp's are closed to others
    old = _old(target)
    target.rename(old)
    new.rename(target)
    shutil.rmtree(old)


def clear_scratch(folder: Path, name: str | None = None) -> None:
    """Delete what was left in a folder by writers that were killed, of one destination or of all, for who holds the lock."""
    start = "." if name is None else f".{name}{_SCRATCH}"
    for left in list(folder.iterdir()):
        if not (left.name.startswith(start) and _SCRATCH in left.name and left.name.endswith(_ENDING)):
            continue
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()


def is_scratch(name: str) -> bool:
    """Whether a file's name is that of one that a writer has not finished."""
    return name.startswith(".") and _SCRATCH in name and name.endswith(_ENDING)


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}{_SCRATCH}old{_ENDING}")


def _restore(target: Path) -> None:
    """Put back a folder whose writer was killed between setting it aside and putting the new one in its place."""
    if _old(target).is_dir() and not target.exists():
        _old(target).rename(target)
