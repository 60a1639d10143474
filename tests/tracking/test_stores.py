import logging
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import mlflow
import pytest

from crmml import DataError
from crmml.tracking import load_model, promote, track
from crmml.tracking.stores import (
    artifact_folder,
    check_store,
    disable_telemetry,
    local_uri,
    quiet,
    sqlite_file,
    tracking_at,
)


def test_a_store_of_a_folder_has_its_artifacts_beside_it(tmp_path):
    uri = local_uri(tmp_path)
    assert sqlite_file(uri) == tmp_path / "mlflow.db"
    assert artifact_folder(uri) == (tmp_path / "mlartifacts").as_uri()
    assert sqlite_file("http://localhost:5000") is artifact_folder("http://localhost:5000") is None


def test_mlflow_is_left_as_it_was(tmp_path):
    before = mlflow.get_tracking_uri(), mlflow.is_tracking_uri_set()

    def failing():
        with tracking_at(local_uri(tmp_path)) as here:
            assert mlflow.get_tracking_uri() == here == local_uri(tmp_path)
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert (mlflow.get_tracking_uri(), mlflow.is_tracking_uri_set()) == before


def test_quiet(monkeypatch):
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    monkeypatch.setenv("MLFLOW_LOGGING_LEVEL", "ERROR")
    levels = {name: logging.getLogger(name).level for name in ("mlflow", "alembic")}
    quiet()
    assert [logging.getLogger(name).level for name in levels] == [logging.WARNING] * 2
    disable_telemetry()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def answering(status):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://someone:secret@127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def recorded(uri):
    with track("study", uri=uri):
        pass


@pytest.mark.parametrize(
    "door",
    [
        check_store,
        recorded,
        lambda uri: promote("shop", uri=uri),
        lambda uri: load_model("models:/shop@champion", uri=uri),
    ],
    ids=["check_store", "track", "promote", "load_model"],
)
def test_a_server_that_is_away_is_told_within_seconds(door):
    before = mlflow.get_tracking_uri(), mlflow.is_tracking_uri_set()
    began = time.monotonic()
    with pytest.raises(DataError, match=r"the server http://127.0.0.1:\d+ refuses the connection") as error:
        door(f"http://someone:secret@127.0.0.1:{free_port()}")
    assert time.monotonic() - began < 10
    assert "secret" not in str(error.value)
    assert (mlflow.get_tracking_uri(), mlflow.is_tracking_uri_set()) == before


def test_a_gateway_without_its_server_is_told_and_one_that_answers_is_not():
    with answering(503) as uri, pytest.raises(DataError, match=r"is away \(answer 503\)"):
        check_store(uri)
    with answering(404) as uri:
        check_store(uri)


def test_a_store_that_is_a_file_is_not_asked(tmp_path):
    check_store(local_uri(tmp_path))
    assert not (tmp_path / "mlflow.db").exists()
