"""Where runs and models are kept: MLflow's server, or a SQLite file with artifacts beside it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from ..exceptions import DataError

#: Seconds to wait for a server to be there, and for its word that it is well.
_PATIENCE = (5, 5)
#: What those who stand before a server answer when it is away.
_AWAY = (502, 503, 504)


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
    """Point MLflow at a store for the length of a block, and back again.

    Raises
    ------
    DataError
        Within seconds, where the store is a server that cannot be reached; MLflow would try again for minutes.
    """
    import mlflow

    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    here = uri or before or local_uri()
    mlflow.set_tracking_uri(here)  # the registry follows, unless the caller has set one of its own
    try:
        for place in {here, mlflow.get_registry_uri()}:
            _refuse_a_server_that_is_away(place)
        with _migrations_unheard():
            yield here
    finally:
        mlflow.set_tracking_uri(before)


def check_store(uri: str | None) -> None:
    """Refuse a store that is a server and cannot be reached, before any work is done for it.

    Parameters
    ----------
    uri : str or None
        Tracking URI, as in :func:`track`.

    Raises
    ------
    DataError
    """
    with tracking_at(uri):
        pass


def _refuse_a_server_that_is_away(uri: str) -> None:
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        return
    import requests

    server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # a name and password stay untold
    try:
        answer = requests.get(f"{uri.rstrip('/')}/health", timeout=_PATIENCE).status_code
    except requests.exceptions.SSLError:
        return  # it is there; whether its certificate will do is for MLflow to say
    except requests.exceptions.ConnectionError as error:
        why = (
            "does not answer"
            if isinstance(error, requests.exceptions.ConnectTimeout)
            else "refuses the connection or is not known"
        )
        raise DataError([f"the server {server} {why}; start it, or mend its address"], "the store of models") from None
    except requests.exceptions.RequestException:
        return
    if answer in _AWAY:
        fault = f"the server {server} is away (answer {answer}); start it, or mend its address"
        raise DataError([fault], "the store of models")


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
