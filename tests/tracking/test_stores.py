import logging

import mlflow
import pytest

from crmml.tracking.stores import artifact_folder, disable_telemetry, local_uri, quiet, sqlite_file, tracking_at


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
