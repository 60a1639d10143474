"""Scoring files on one machine, in chunks: memory stays small, and nothing half-written is ever seen."""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import pandas as pd

from .. import frames, tracking
from ..checks import UNIT_WORDS, check_count, check_unit
from ..exceptions import DataError
from ..files import csv_chunks, kind_of, replacing
from ..frames.ruler import Ruler
from ..results import Result
from .predictions import columns_needed, scores_of

MANIFEST = "_manifest.json"  # Parquet readers pass over names that begin with an underscore


@dataclass(frozen=True)
class ScoringReport(Result):
    """What a scoring job did.

    Attributes
    ----------
    rows : int
        Rows scored, those found done included.
    rows_resumed : int
        Rows found done from an earlier job.
    files : tuple of Path
    """

    rows: int
    rows_resumed: int
    files: tuple[Path, ...]

    def describe(self) -> str:
        """Say what was done."""
        before = f", {self.rows_resumed:,} of them found done" if self.rows_resumed else ""
        return f"{self.rows:,} rows scored{before}, in {len(self.files):,} file{'s' if len(self.files) != 1 else ''}."


def score(
    model_uri: str,
    source: str | os.PathLike,
    destination: str | os.PathLike,
    *,
    keep: Sequence[str] = ("customer_id",),
    chunk_rows: int = 500_000,
    n_jobs: int = 1,
    resume: bool = True,
    overwrite: bool = False,
    unit: str | None = None,
    uri: str | None = None,
) -> ScoringReport:
    """Score every row of a file with a stored model.

    Parameters
    ----------
    model_uri : str
        For instance ``models:/shop@champion``.
    source : path
        CSV or Parquet file with the columns the model was fitted on. A ruler in Parquet's metadata is compared with the
        model's.
    destination : path
        A name ending in ``.parquet`` becomes one file, written under a temporary name and renamed. Any other name
        becomes a folder of parts with a manifest, which an interrupted job can resume.
    keep : sequence of str, default=("customer_id",)
        Columns of the source to carry over.
    chunk_rows : int, default=500_000
        Rows in memory at a time, for each job.
    n_jobs : int, default=1
        Chunks scored at the same time, as in joblib.
    resume : bool, default=True
        Whether parts in the destination folder that an equal job (same model version, same source, same chunks) has
        finished are kept.
    overwrite : bool, default=False
        Whether a destination that is already there may be replaced; it stays until the new one is whole.
    unit : {"h", "D", "W", "M", "Y"}, default=None
        What the source's times are counted in. A source that does not say so itself, as a CSV cannot, is otherwise taken to
        be in the model's unit, with a warning.
    uri : str, default=None
        MLflow tracking URI.

    Returns
    -------
    ScoringReport

    Raises
    ------
    DataError
        When the destination exists, columns are missing, or rows are not legal; then nothing is written, or in a folder
        only the parts already finished stand.
    """
    check_count(chunk_rows, "chunk_rows", least=1)
    source, destination = Path(source), Path(destination)
    if not source.is_file():
        raise DataError([f"there is no file {source}"], "the source")
    single = destination.suffix.lower() == ".parquet"
    if single and destination.exists() and not overwrite:
        raise DataError([f"{destination} is already there; replace it with overwrite=True"], "the destination")
    model = tracking.load_model(model_uri, uri=uri)
    there, ruler = _schema(source)
    columns = columns_needed(model, there, keep)
    if hasattr(model, "ruler_"):
        ruler = _stated(ruler, unit, model.ruler_, source.name)

    def scored(chunk: pd.DataFrame, at: int) -> pd.DataFrame:
        try:
            return scores_of(model, frames.set_ruler(chunk, ruler), keep)
        except DataError as error:
            where = f"{error.subject}, rows {at:,} to {at + len(chunk) - 1:,} of {source.name}"
            raise DataError(error.faults, where) from None

    if single:
        rows = _to_file(scored, source, columns, destination, chunk_rows, n_jobs, keep)
        return ScoringReport(rows, 0, (destination,))
    job = {
        "model": model_uri,
        "fingerprint": joblib.hash(model),
        "source": source.name,
        "source_bytes": source.stat().st_size,
        "source_modified": source.stat().st_mtime_ns,
        "chunk_rows": chunk_rows,
        "keep": list(keep),
    }
    return _to_folder(scored, source, columns, destination, job, resume, overwrite, n_jobs)


def _to_file(
    scored: Callable, source: Path, columns: list[str], destination: Path, chunk_rows: int, n_jobs: int, keep
) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, writer = 0, None
    with replacing(destination) as temporary:
        try:
            for table in _in_parallel(scored, _chunks(source, columns, chunk_rows, keep), n_jobs):
                arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
                writer = writer or pq.ParquetWriter(temporary, arrow.schema)
                writer.write_table(arrow.cast(writer.schema))
                rows += len(table)
        finally:
            if writer is not None:
                writer.close()
        if not rows:
            raise DataError(["it has no rows"], f"the source {source.name}")
    return rows


def _to_folder(
    scored: Callable,
    source: Path,
    columns: list[str],
    folder: Path,
    job: dict,
    resume: bool,
    overwrite: bool,
    n_jobs: int,
) -> ScoringReport:
    manifest = folder / MANIFEST
    if folder.exists() and not folder.is_dir():
        raise DataError([f"{folder} is a file; name a folder, or a file ending in .parquet"], "the destination")
    old = json.loads(manifest.read_text()) if manifest.is_file() else None
    same = old is not None and old["job"] == job
    if any(folder.iterdir() if folder.is_dir() else ()) and not (same and resume):
        if not overwrite:
            raise DataError(
                [f"{folder} holds something else already; replace it with overwrite=True"], "the destination"
            )
        return _replacing_folder(scored, source, columns, folder, job, n_jobs)
    folder.mkdir(parents=True, exist_ok=True)
    done: dict[str, int] = {}
    if old is not None:
        done = {name: rows for name, rows in old["parts"].items() if (folder / name).is_file()}
    resumed = sum(done.values())
    _write_json(manifest, {"job": job, "parts": done, "complete": False})

    def named() -> Iterator[tuple[pd.DataFrame, int, str]]:
        for number, (chunk, at) in enumerate(_chunks(source, columns, job["chunk_rows"], job["keep"])):
            name = f"part-{number:05d}.parquet"
            if name not in done:
                yield chunk, at, name

    def write(chunk: pd.DataFrame, at: int, name: str) -> tuple[str, int]:
        table = scored(chunk, at)
        with replacing(folder / name) as temporary:
            table.to_parquet(temporary, index=False)
        return name, len(table)

    for name, count in _in_parallel(write, named(), n_jobs):
        done[name] = count
        _write_json(manifest, {"job": job, "parts": done, "complete": False})
    rows = sum(done.values())
    _write_json(manifest, {"job": job, "parts": done, "rows": rows, "complete": True})
    return ScoringReport(rows, resumed, tuple(folder / name for name in sorted(done)))


def _replacing_folder(
    scored: Callable, source: Path, columns: list[str], folder: Path, job: dict, n_jobs: int
) -> ScoringReport:
    """Score into a new folder, which takes the old one's place when it is whole."""
    new, old = (folder.with_name(f".{folder.name}.{word}") for word in ("new", "old"))
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        report = _to_folder(scored, source, columns, new, job, True, False, n_jobs)
        folder.rename(old)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old)
    return ScoringReport(report.rows, 0, tuple(folder / path.name for path in report.files))


def _in_parallel(function: Callable, arguments: Iterator, n_jobs: int) -> Iterator:
    from rich.progress import track

    if n_jobs == 1:
        results: Iterator = (function(*entry) for entry in arguments)
    else:
        results = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(
            joblib.delayed(function)(*entry) for entry in arguments
        )
    yield from track(results, description="Scoring", disable=not sys.stderr.isatty(), transient=True)


def _stated(ruler: Ruler, unit: str | None, fitted: Ruler, name: str) -> Ruler:
    """The source's ruler, completed by the unit that was stated; refused where it differs, warned of where it says nothing."""
    stated = Ruler(unit=None if unit is None else check_unit(unit))
    ruler.check_same(stated, what="unit=")
    ruler = ruler.merged(unit=stated.unit)
    if ruler.unit is None and fitted.unit is not None:
        warnings.warn(
            f"{name} does not say what its times are counted in; they are taken to be in {UNIT_WORDS[fitted.unit]}, as the model's "
            f"are. Say so, or otherwise, with unit=.",
            UserWarning,
            stacklevel=3,
        )
        ruler = ruler.merged(unit=fitted.unit)
    fitted.check_same(ruler, what=name)
    return ruler


def _schema(source: Path) -> tuple[list[str], Ruler]:
    if kind_of(source) == "csv":
        try:
            return list(next(csv_chunks(source, rows=1)).columns), Ruler()
        except StopIteration:
            raise DataError(["it has no rows"], f"the source {source.name}") from None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(source)
    except pa.ArrowInvalid as error:
        raise DataError([f"{source} cannot be read as Parquet: {error}"], "the source") from None
    return schema.names, Ruler.from_metadata(schema.metadata or {})


def _chunks(
    source: Path, columns: list[str], chunk_rows: int, keep: Sequence[str]
) -> Iterator[tuple[pd.DataFrame, int]]:
    """Chunks of the source with the number of each one's first row."""
    at = 0
    if kind_of(source) == "csv":
        for chunk in csv_chunks(
            source, text=[name for name in keep if name in columns], columns=columns, rows=chunk_rows
        ):
            yield chunk, at
            at += len(chunk)
        return
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(batch_size=chunk_rows, columns=columns):
            chunk = batch.to_pandas()
            yield chunk, at
            at += len(chunk)


def _write_json(path: Path, content: dict) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2))
