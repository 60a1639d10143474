"""Whether an MLflow run or a file names a customer: parameters, tags, tables, reports, plots and models are searched."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse
from urllib.request import url2pathname

import numpy as np
import pandas as pd

from ... import frames
from ...checks import check_count
from ...exceptions import warn
from ...results import Result
from ...typing import FrameLike
from .._canonical_text import as_text
from ._cells import Wanted
from ._contents import Finding, Reader
from .identifier_names import IDENTIFIERS

__all__ = ["IDENTIFIERS", "IdentifierFound", "IdentifierScan", "assert_no_identifiers"]

#: Places that an error names; the rest is counted.
MOST_NAMED = 20
#: What would be looked for as its Python code, and never found.
_NO_IDENTIFIER = (list, tuple, dict, set, frozenset, bytes, bytearray, np.ndarray)


class IdentifierFound(AssertionError):  # noqa: N818  (what is asserted did not hold)
    """A run or file holds identifiers of customers; the message tells where and how many, and shows none of them.

    Parameters
    ----------
    places : sequence of (str, int)
        Where, and how many different identifiers.

    Attributes
    ----------
    places : tuple of (str, int)
    """

    def __init__(self, places: Iterable[tuple[str, int]]):
        self.places = tuple(places)
        n = len(self.places)
        lines = [f"  - {place}: {count:,}" for place, count in self.places[:MOST_NAMED]]
        if n > MOST_NAMED:
            lines.append(f"  - and {n - MOST_NAMED:,} more")
        head = f"identifiers of customers stand in {n:,} place{'s' if n != 1 else ''} (different ones in each):"
        cure = "Delete what holds them, and keep identifiers out, or log pseudonyms (crmml.customers.pseudonymize)."
        super().__init__("\n".join([head, *lines, cure]))

    def __reduce__(self):
        return type(self), (self.places,)


class IdentifierWarning(UserWarning):
    """The search could not look everywhere; the message says where not and what to do."""


@dataclass(frozen=True)
class IdentifierScan(Result):
    """Where identifiers were looked for, and not found.

    Attributes
    ----------
    n_identifiers : int
        Different ones.
    n_short : int
        Of these, too short to be told from other numbers and words: looked for only in columns called like identifiers.
    n_files : int
        Files read, archives counting once; the record of a run counts as one.
    n_places : int
        Parameters, tags, names, columns and members of archives looked at.
    unread : tuple of str
        Files that could not be looked into.
    """

    n_identifiers: int
    n_short: int
    n_files: int
    n_places: int
    unread: tuple[str, ...]

    def describe(self) -> str:
        """Say what was looked at, and what not."""
        said = [
            f"None of the {self.n_identifiers:,} identifiers was found: places looked at {self.n_places:,}, files {self.n_files:,}."
        ]
        if self.n_short:
            said.append(
                f"{self.n_short:,} of them are so short that they were looked for only in columns called like identifiers."
            )
        if self.unread:
            said.append(f"Not looked into: {', '.join(self.unread)}.")
        return " ".join(said)


def assert_no_identifiers(
    run: Any,
    identifiers: FrameLike | Iterable[Any],
    *,
    columns: str | Iterable[str] | None = None,
    uri: str | None = None,
    minimum_length: int = 6,
) -> IdentifierScan:
    """Raise where an MLflow run, a file or a folder holds any of these identifiers of customers.

    Of a run are searched: its name, parameters, tags, names of metrics, inputs (data sets with source, schema and
    profile), every artifact, every model that it logged, and the runs within it. Files are opened by what they are: text,
    JSON and CSV (UTF-8, UTF-16, GB 18030), HTML, Parquet, Feather and SQLite (values and names of columns), zip and its
    kin (skops models, npz, xlsx), tar, gzip, bz2, xz, zlib, zstd and lz4, numpy arrays, texts within PNG; anything else,
    pickles included, as bytes (nothing is unpickled): words, wide characters, 8-byte numbers. PDF, HDF5, ORC, Avro and old
    Office files are packed in ways that are not undone: a warning names them. Names of files are searched too, and
    characters written as in HTML (&amp;), JSON (\\u5317) or an address (%40) are read.

    An identifier counts where it stands as a whole token, whatever its case: between characters that are no letters or
    digits, and as a number of its own, so that 0.123456 does not hold 123456, and 123456.0 does. Those of fewer than
    ``minimum_length`` digits are hardly told from counts and amounts, and are looked for only in columns called like an
    identifier (customer_id, email, 客户编号 …, the columns named here, or the name of the series given).

    *Not found* is what a picture shows, what is encrypted, what is written in another way than the identifier is
    (base64, thousands separators), texts packed without a gap (a pickled Arrow column), short identifiers outside such
    columns, and models' entries in the registry, which are no part of the run.

    Parameters
    ----------
    run : str, path, crmml.tracking.Run or mlflow.entities.Run
        A run, its id, or the path of a file or folder.
    identifiers : sequence, array, series, or frame with ``columns``
        The identifiers of the customers; missing ones are left out.
    columns : str or sequence of str, default=None
        Columns of the frame that hold them.
    uri : str, default=None
        Tracking URI; None takes MLflow's own, else ``sqlite:///mlflow.db``.
    minimum_length : int, default=6
        Fewest digits of an identifier of digits alone; one with letters may be two characters shorter.

    Returns
    -------
    IdentifierScan
        What was looked at, when nothing was found.

    Raises
    ------
    IdentifierFound
        An AssertionError that names the places and counts, never an identifier.
    ValueError, TypeError
        When there is no identifier, or they are no column of texts, numbers or dates.
    FileNotFoundError
        When there is no such path.

    Warns
    -----
    IdentifierWarning
        When every identifier is shorter than ``minimum_length``, or a file could not be looked into.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = Path(folder) / "report.html"
    ...     _ = page.write_text("<p>12 hospitals are overdue.</p>")
    ...     print(assert_no_identifiers(page, ["HOSP-0012", "HOSP-0013"]).describe())
    ...     _ = page.write_text("<p>hosp-0012 is overdue.</p>")
    ...     try:
    ...         assert_no_identifiers(page, ["HOSP-0012", "HOSP-0013"])
    ...     except AssertionError as error:
    ...         print(str(error).splitlines()[1])
    None of the 2 identifiers was found: places looked at 2, files 1.
      - report.html: 1
    """
    texts, names = _texts(identifiers, columns)
    minimum_length = check_count(minimum_length, "minimum_length", least=1)
    wanted = Wanted(texts, minimum_length)
    if not wanted.all:
        raise ValueError("There is no identifier to look for; give the column that holds the customers' identifiers.")
    reader = Reader(wanted, names)
    found: dict[str, set[str]] = {}
    unread, places, files = [], set(), set()
    for file, (place, here) in _findings(run, uri, reader):
        files.add(file)
        places.add(place)
        if here is None:
            unread.append(place)
        elif here:
            found.setdefault(place, set()).update(here)
    if found:
        raise IdentifierFound((_masked(place, reader), len(here)) for place, here in found.items())
    _warn(wanted, unread, minimum_length)
    return IdentifierScan(len(wanted.all), wanted.n_short, len(files), len(places), tuple(unread))


def _warn(wanted: Wanted, unread: list[str], minimum_length: int) -> None:
    if wanted.n_short == len(wanted.all):
        warn(
            f"{'The identifier is' if wanted.n_short == 1 else f'All {wanted.n_short:,} identifiers are'} shorter than "
            f"minimum_length={minimum_length} asks for, so {'it was' if wanted.n_short == 1 else 'they were'} looked "
            "for only in columns called like identifiers; lower it to look everywhere, at the price of false alarms.",
            IdentifierWarning,
        )
    if unread:
        warn(
            f"{len(unread):,} files could not be looked into ({', '.join(unread[:5])}); look at them by other means.",
            IdentifierWarning,
        )


def _texts(identifiers: Any, columns: Any) -> tuple[list[str], frozenset[str]]:
    """The identifiers as texts, and the columns that hold them."""
    if isinstance(identifiers, (str, bytes)):
        raise TypeError("identifiers must be a column of them, not one text; give a list.")
    named = [] if columns is None else [columns] if isinstance(columns, str) else list(columns)
    if frames.is_frame(identifiers):
        if columns is None:
            raise ValueError("columns= must name the columns of the frame that hold identifiers.")
        picked = frames.to_columns(identifiers, named)
        values = [value for name in named for value in picked[name].drop_duplicates().tolist()]
        return _as_texts(values), frozenset(named)
    if isinstance(identifiers, Mapping) or not hasattr(identifiers, "__iter__"):
        raise TypeError(
            f"identifiers must be a column of them, such as a list or a series, not {type(identifiers).__name__}."
        )
    own = getattr(identifiers, "name", None)
    return _as_texts(_listed(identifiers)), frozenset([*named, *([own] if isinstance(own, str) and own else [])])


def _listed(identifiers: Iterable[Any]) -> list[Any]:
    """The entries of a column of any engine as Python's own."""
    to_list = next((f for f in ("to_pylist", "to_list", "tolist") if hasattr(identifiers, f)), None)
    return getattr(identifiers, to_list)() if to_list else list(identifiers)


def _as_texts(values: Iterable[Any]) -> list[str]:
    values = list(values)
    if other := next((value for value in values if isinstance(value, _NO_IDENTIFIER)), None):
        raise TypeError(
            f"identifiers must be one column of texts, numbers or dates, and holds a {type(other).__name__}; of a table take "
            "one column, of bytes their text."
        )
    return [as_text(value) for value in values if value is not None and not pd.isna(value)]


def _masked(place: str, reader: Reader) -> str:
    """The place without the identifiers in its own name."""
    for text in sorted(reader.wanted.in_text(place), key=len, reverse=True):
        place = re.sub(re.escape(text), "…", place, flags=re.IGNORECASE)
    return "a place whose name holds an identifier" if reader.wanted.in_text(place) else place


def _findings(run: Any, uri: str | None, reader: Reader) -> Iterator[tuple[str, Finding]]:
    """(file or record, what was found there)."""
    if isinstance(run, os.PathLike) or (isinstance(run, str) and (os.sep in run or Path(run).exists())):
        path = Path(run)
        if not path.exists():
            raise FileNotFoundError(f"There is no file or folder {path}.")
        yield from _in_files(path, "", reader)
        return
    run_id = (
        run
        if isinstance(run, str)
        else getattr(run, "run_id", None) or getattr(getattr(run, "info", None), "run_id", None)
    )
    if not isinstance(run_id, str):
        raise TypeError(f"run must be a run, its id or a path, not {type(run).__name__}.")
    if not re.fullmatch(r"\w[\w-]*", run_id):
        raise FileNotFoundError(f"There is no file or folder {run_id!r}, and no run has such an id.")
    yield from _in_run(run_id, uri, reader)


def _in_files(path: Path, prefix: str, reader: Reader) -> Iterator[tuple[str, Finding]]:
    if path.is_file():
        yield from ((prefix + path.name, finding) for finding in reader.file(path, prefix + path.name))
        return
    for file in sorted(path.rglob("*")):
        if file.is_file():
            place = prefix + file.relative_to(path).as_posix()
            yield from ((place, finding) for finding in reader.file(file, place))


def _in_run(run_id: str, uri: str | None, reader: Reader, before: str = "") -> Iterator[tuple[str, Finding]]:
    import mlflow
    from mlflow import MlflowClient

    # absolute, since MLflow keeps one open store for each URI, and the folder may change
    local = f"sqlite:///{Path('mlflow.db').resolve().as_posix()}"
    here = uri or (mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else local)
    client = MlflowClient(tracking_uri=here)
    run = client.get_run(run_id)
    yield from _records(_run_texts(run), reader, before)
    with _fetched(run.info.artifact_uri, here, bool(client.list_artifacts(run_id))) as folder:
        if folder is not None:
            yield from _in_files(folder, f"{before}artifact ", reader)
    outputs = getattr(getattr(run, "outputs", None), "model_outputs", None) or []
    for model_id in dict.fromkeys(output.model_id for output in outputs):
        model = client.get_logged_model(model_id)
        place = f"{before}model {model.name}"
        texts = [(f"{place}, name", model.name)]
        texts += [(f"{place}, tag {k!r}", f"{k}\n{v}") for k, v in (model.tags or {}).items()]
        texts += [(f"{place}, parameter {k!r}", f"{k}\n{v}") for k, v in (model.params or {}).items()]
        yield from _records(texts, reader)
        with _fetched(model.artifact_location, here, bool(client.list_logged_model_artifacts(model_id))) as folder:
            if folder is not None:
                yield from _in_files(folder, f"{place}, ", reader)
    for child in _children(client, run):
        yield from _in_run(child, here, reader, f"{before}child run {child}, ")


def _children(client: Any, run: Any) -> Iterator[str]:
    """Ids of the runs that were started inside a run, in whatever experiment."""
    from mlflow.entities import ViewType

    every = [experiment.experiment_id for experiment in _pages(client.search_experiments, view_type=ViewType.ALL)]
    inside = f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    for child in _pages(client.search_runs, experiment_ids=every, filter_string=inside):
        yield child.info.run_id


def _pages(search: Callable[..., Any], **what: Any) -> Iterator[Any]:
    token: str | None = None
    while token != "":
        page = search(**what, page_token=token)
        yield from page
        token = page.token or ""


def _run_texts(run: Any) -> Iterator[tuple[str, str]]:
    """(place, text) of what a run's record says."""
    yield "run name", run.info.run_name or ""
    for name, value in run.data.params.items():
        yield f"parameter {name!r}", f"{name}\n{value}"
    for name, value in run.data.tags.items():
        yield f"tag {name!r}", f"{name}\n{value}"
    for name in run.data.metrics:
        yield f"name of metric {name!r}", name
    for entry in getattr(getattr(run, "inputs", None), "dataset_inputs", None) or []:
        data = entry.dataset
        for part in ("name", "source", "schema", "profile"):
            yield f"input {data.name!r}, {part}", getattr(data, part, None) or ""
        for tag in entry.tags:
            yield f"input {data.name!r}, tag {tag.key!r}", f"{tag.key}\n{tag.value}"


def _records(texts: Iterable[tuple[str, str]], reader: Reader, before: str = "") -> Iterator[tuple[str, Finding]]:
    """Look in texts, and under names called like identifiers ({"customer_id": …}) for short ones too."""
    record = f"{before}the run"
    for what, text in texts:
        place = before + what
        name, _, value = text.partition("\n")
        yield record, (place, reader.wanted.in_text(text))
        yield from ((record, finding) for finding in reader.text(value or name, place))
        yield from ((record, (place, here)) for _, here in reader.column(name, [value], place))


@contextmanager
def _fetched(location: str, uri: str, is_any: bool) -> Iterator[Path | None]:
    """Folder with the artifacts: where they are, or a copy that is deleted in the end."""
    import mlflow

    parsed = urlparse(location)
    if parsed.scheme in ("", "file"):
        folder = Path(url2pathname(unquote(parsed.path)) if parsed.scheme else location)
        yield folder if folder.is_dir() else None
        return
    if not is_any:
        yield None
        return
    quiet = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
    before = os.environ.get(quiet)
    with tempfile.TemporaryDirectory() as target:
        os.environ[quiet] = "false"
        try:
            copy = mlflow.artifacts.download_artifacts(artifact_uri=location, dst_path=target, tracking_uri=uri)
        finally:
            os.environ.pop(quiet) if before is None else os.environ.__setitem__(quiet, before)
        yield Path(copy)
