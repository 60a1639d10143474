"""Scoring files on one machine, in chunks: memory stays small, and nothing half-written is ever seen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import joblib
import pandas as pd

from .. import frames, tracking
from ..checks import UNIT_WORDS, check_count, check_unit
from ..exceptions import DataError, warn
from ..files import csv_chunks, kind_of, only_writer, replacing
from ..files.writing import replace_folder, scratch_folder
from ..frames.ruler import Ruler
from ..progress import tracked
from ..results import Result
from ..typing import Estimator
from ._parts import Part, readable_parts, refuse_strangers, write_manifest, write_part
from .predictions import columns_needed, scores_of

if TYPE_CHECKING:
    import pyarrow as pa


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
        finished are kept. Each is compared with the checksum in the manifest first, and scored again where it differs.
    overwrite : bool, default=False
        Whether a destination that is already there may be replaced; it stays until the new one is whole. Of a folder only
        what a manifest of this function names is replaced; one that holds anything else is refused.
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
        When the destination exists or another job is writing to it, columns are missing, or rows are not legal; then nothing
        is written, or in a folder only the parts already finished stand.
    """
    check_count(chunk_rows, "chunk_rows", least=1)
    source, destination = Path(source), Path(destination)
    if not source.is_file():
        raise DataError([f"there is no file {source}"], "the source")
    single = destination.suffix.lower() == ".parquet"
    if single:
        _refuse_what_is_there(destination, overwrite)
    model = tracking.load_model(model_uri, uri=uri)
    there, ruler = _schema(source)
    columns = columns_needed(model, there, keep)
    if hasattr(model, "ruler_"):
        ruler = _stated(ruler, unit, model.ruler_, source.name)

    made = Scorer(model, columns, ruler, tuple(keep), source, chunk_rows)
    if single:
        with only_writer(destination):
            _refuse_what_is_there(destination, overwrite)
            return ScoringReport(_to_file(made, destination, n_jobs), 0, (destination,))
    job = {
        "crmml": version("crmml"),
        "model": model_uri,
        "fingerprint": joblib.hash(model),
        "source": source.name,
        "source_bytes": source.stat().st_size,
        "source_modified": source.stat().st_mtime_ns,
        "chunk_rows": chunk_rows,
        "keep": list(keep),
    }
    folder = Path(os.path.realpath(destination))
    with only_writer(folder):
        done = readable_parts(folder, job, resume=resume, overwrite=overwrite)
        report = (
            _replacing_folder(made, folder, job, n_jobs)
            if done is None
            else _to_folder(made, folder, job, done, n_jobs)
        )
    return ScoringReport(report.rows, report.rows_resumed, tuple(destination / path.name for path in report.files))


@dataclass(frozen=True)
class Scorer:
    """A model and the source that it scores, chunk by chunk.

    What is carried over stays in Arrow from the source to the scores, so that no identifier passes through a float.
    """

    model: Estimator
    columns: list[str]
    ruler: Ruler
    keep: tuple[str, ...]
    source: Path
    chunk_rows: int

    @property
    def kept(self) -> list[str]:
        """What is carried over, of what is there."""
        return [name for name in self.keep if name in self.columns]

    @property
    def features(self) -> list[str]:
        """What the model is given."""
        named = getattr(self.model, "feature_names_in_", None)
        return self.columns if named is None else [str(name) for name in named]

    def chunks(self) -> Iterator[tuple[pa.Table, pd.DataFrame, int]]:
        """What is carried over, what the model is given, and the number of the first row, of each chunk."""
        import pyarrow as pa

        at = 0
        if kind_of(self.source) == "csv":
            for chunk in csv_chunks(self.source, text=self.kept, columns=self.columns, rows=self.chunk_rows):
                text = {name: pa.array(chunk[name], pa.string(), from_pandas=True) for name in self.kept}
                yield pa.table(text), chunk[self.features], at
                at += len(chunk)
            return
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.source) as file:
            for batch in file.iter_batches(batch_size=self.chunk_rows, columns=self.columns):
                yield pa.table(batch.select(self.kept)), batch.select(self.features).to_pandas(), at
                at += batch.num_rows

    def scored(self, kept: pa.Table, chunk: pd.DataFrame, at: int) -> pa.Table:
        """What is carried over and the scores, of one chunk."""
        import pyarrow as pa

        try:
            scores = scores_of(self.model, frames.set_ruler(chunk, self.ruler), ())
        except DataError as error:
            where = f"{error.subject}, rows {at:,} to {at + len(chunk) - 1:,} of {self.source.name}"
            raise DataError(error.faults, where) from None
        made = pa.Table.from_pandas(scores, preserve_index=False)
        columns = {name: kept[name] for name in kept.column_names}
        columns |= {name: made[name] for name in made.column_names if name not in columns}
        return pa.table(columns)


def _refuse_what_is_there(destination: Path, overwrite: bool) -> None:
    if destination.exists() and not overwrite:
        raise DataError([f"{destination} is already there; replace it with overwrite=True"], "the destination")


def _to_file(scorer: Scorer, destination: Path, n_jobs: int) -> int:
    import pyarrow.parquet as pq

    rows, writer = 0, None
    with replacing(destination, locked=True) as temporary:
        try:
            for table in _in_parallel(scorer.scored, (chunk for chunk in scorer.chunks() if len(chunk[1])), n_jobs):
                writer = writer or pq.ParquetWriter(temporary, table.schema)
                writer.write_table(table.cast(writer.schema))
                rows += len(table)
        finally:
            if writer is not None:
                writer.close()
        _refuse_no_rows(rows, scorer.source)
    return rows


def _refuse_no_rows(rows: int, source: Path) -> None:
    if not rows:
        raise DataError(["it has no rows"], f"the source {source.name}")


def _to_folder(scorer: Scorer, folder: Path, job: dict, done: dict[str, Part], n_jobs: int) -> ScoringReport:
    """Score what is not done yet, in parts, each whole or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    done = dict(done)
    resumed = sum(part.rows for part in done.values())
    write_manifest(folder, job, done)

    def named() -> Iterator[tuple[pa.Table, pd.DataFrame, int, str]]:
        for number, (kept, chunk, at) in enumerate(scorer.chunks()):
            if (name := f"part-{number:05d}.parquet") not in done and len(chunk):
                yield kept, chunk, at, name

    def write(kept: pa.Table, chunk: pd.DataFrame, at: int, name: str) -> tuple[str, Part]:
        return name, write_part(scorer.scored(kept, chunk, at), folder / name)

    for name, part in _in_parallel(write, named(), n_jobs):
        done[name] = part
        write_manifest(folder, job, done)
    rows = sum(part.rows for part in done.values())
    _refuse_no_rows(rows, scorer.source)
    write_manifest(folder, job, done, complete=True)
    return ScoringReport(rows, resumed, tuple(folder / name for name in sorted(done)))


def _replacing_folder(scorer: Scorer, folder: Path, job: dict, n_jobs: int) -> ScoringReport:
    """Score into a folder of its own, which takes the old one's place when it is whole."""
    new = scratch_folder(folder)
    try:
        report = _to_folder(scorer, new, job, {}, n_jobs)
        refuse_strangers(folder)  # again, since the job may have taken hours
        replace_folder(folder, new)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return ScoringReport(report.rows, 0, tuple(folder / path.name for path in report.files))


def _in_parallel(function: Callable, arguments: Iterator, n_jobs: int) -> Iterator:
    if n_jobs == 1:
        results: Iterator = (function(*entry) for entry in arguments)
    else:
        results = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(
            joblib.delayed(function)(*entry) for entry in arguments
        )
    yield from tracked(results, "Scoring")


def _stated(ruler: Ruler, unit: str | None, fitted: Ruler, name: str) -> Ruler:
    """The source's ruler, completed by the unit that was stated; refused where it differs, warned of where it says nothing."""
    stated = Ruler(unit=None if unit is None else check_unit(unit))
    ruler.check_same(stated, what="unit=")
    ruler = ruler.merged(unit=stated.unit)
    if ruler.unit is None and fitted.unit is not None:
        warn(
            f"{name} does not say what its times are counted in; they are taken to be in {UNIT_WORDS[fitted.unit]}, as the model's "
            f"are. Say so, or otherwise, with unit=.",
            UserWarning,
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
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError([f"{source} cannot be read as Parquet: {error}"], "the source") from None
    names = list(schema.names)
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise DataError(
            [f"it has the column {name!r} more than once; rename one" for name in twice], f"the source {source.name}"
        )
    return names, Ruler.from_metadata(schema.metadata or {})
