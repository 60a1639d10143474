"""Where runs and models are kept: MLflow's server, or a SQLite file with artifacts beside it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def quiet() -> None:
    """Switch MLflow's telemetry off and its chatter to warnings; call it before MLflow is first used."""
    disable_telemetry()
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def disable_telemetry() -> None:
    """Switch MLflow's telemetry off; call it before MLflow is first imported."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


def local_uri(folder: str | os.PathLike = ".") -> str:
    """Tracking URI of the SQLite store in a folder."""
    return f"sqlite:///{(Path(folder).resolve() / 'mlflow.db').as_posix()}"


@contextmanager
def tracking_at(uri: str | None) -> Iterator[str]:
    """Point MLflow at a store for the length of a block, and back again."""
    import mlflow

    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    here = uri or before or local_uri()
    mlflow.set_tracking_uri(here)  # the registry follows, unless the caller has set one of its own
    try:
        with _migrations_unheard():
            yield here
    finally:
        mlflow.set_tracking_uri(before)


@contextmanager
def _migrations_unheard() -> Iterator[None]:
    """The first use of a SQLite store runs dozens of migrations, each of which would be a line of log."""
    logger = logging.getLogger("alembic.runtime.migration")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def artifact_folder(uri: str) -> str | None:
    """Artifacts lie beside a SQLite file; a server decides for itself."""
    store = sqlite_file(uri)
    return None if store is None else (store.parent / "mlartifacts").as_uri()


def sqlite_file(uri: str) -> Path | None:
    """The file of a SQLite store; None for a server."""
    return Path(uri.removeprefix("sqlite:///")).resolve() if uri.startswith("sqlite:///") else None
