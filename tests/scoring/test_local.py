import json

import numpy as np
import pandas as pd
import pytest

from crmml import DataError, Ruler, tracking
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma
from crmml.files import write_table
from crmml.frames import set_ruler
from crmml.scoring import local as module
from crmml.scoring import score

from ..clv.cdnow import cdnow_split

MODEL = "models:/shop@champion"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A registered champion, its summary as a file, and what it predicts."""
    folder = tmp_path_factory.mktemp("store")
    uri = tracking.local_uri(folder)
    model = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y").fit(cdnow_split())
    with tracking.track("study", uri=uri):
        tracking.log_model(model, "shop", cdnow_split())
    tracking.promote("shop", uri=uri)
    write_table(cdnow_split(), folder / "summary.parquet")
    write_table(cdnow_split(), folder / "summary.csv")
    return folder, uri, model.table(cdnow_split())


@pytest.mark.parametrize(("source", "n_jobs"), [("summary.parquet", 1), ("summary.parquet", 2), ("summary.csv", 1)])
def test_scores_in_chunks_equal_the_model_on_all(store, tmp_path, source, n_jobs):
    folder, uri, expected = store
    report = score(MODEL, folder / source, tmp_path / "scores.parquet", chunk_rows=500, n_jobs=n_jobs, uri=uri)
    found = pd.read_parquet(tmp_path / "scores.parquet")
    assert report.rows == len(found) == 2357
    assert "2,357 rows scored, in 1 file." in report.describe()
    assert list(found.columns) == ["customer_id", "probability_alive", "expected_purchases", "expected_spend", "clv"]
    assert found["customer_id"].astype(int).tolist() == expected["customer_id"].tolist()
    np.testing.assert_allclose(found.iloc[:, 1:], expected.iloc[:, 1:], rtol=1e-9)


def test_nothing_is_overwritten_unless_asked(store, tmp_path):
    folder, uri, _ = store
    (tmp_path / "scores.parquet").write_text("mine")
    with pytest.raises(DataError, match="already there"):
        score(MODEL, folder / "summary.parquet", tmp_path / "scores.parquet", uri=uri)
    assert (tmp_path / "scores.parquet").read_text() == "mine"
    score(MODEL, folder / "summary.parquet", tmp_path / "scores.parquet", overwrite=True, uri=uri)


def test_a_bad_row_in_a_late_chunk_leaves_no_file(store, tmp_path):
    _folder, uri, _ = store
    bad = cdnow_split().copy()
    bad.loc[1200, "recency"] = 99.0
    write_table(bad, tmp_path / "bad.parquet")
    with pytest.raises(DataError, match=r"rows 1,000 to 1,499 of bad\.parquet.*\n.*recency is later than T"):
        score(MODEL, tmp_path / "bad.parquet", tmp_path / "scores.parquet", chunk_rows=500, uri=uri)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.parquet"]


def test_another_ruler_and_missing_columns_are_refused(store, tmp_path):
    _folder, uri, _ = store
    write_table(set_ruler(cdnow_split().copy(), Ruler(unit="D")), tmp_path / "days.parquet")
    with pytest.raises(DataError, match=r"unit is 'D' in days\.parquet but 'W' in the fitted model"):
        score(MODEL, tmp_path / "days.parquet", tmp_path / "scores.parquet", uri=uri)
    write_table(cdnow_split().drop(columns="T"), tmp_path / "short.parquet")
    with pytest.raises(DataError, match="column 'T' is missing"):
        score(MODEL, tmp_path / "short.parquet", tmp_path / "scores.parquet", uri=uri)
    with pytest.raises(DataError, match="there is no file"):
        score(MODEL, tmp_path / "none.parquet", tmp_path / "scores.parquet", uri=uri)
    assert not (tmp_path / "scores.parquet").exists()


def test_a_folder_of_parts_is_resumed(store, tmp_path, monkeypatch):
    folder, uri, expected = store
    real, calls = module.scores_of, []

    def failing(model, X, keep):
        calls.append(len(X))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(model, X, keep)

    monkeypatch.setattr(module, "scores_of", failing)
    with pytest.raises(KeyboardInterrupt):
        score(MODEL, folder / "summary.parquet", tmp_path / "out", chunk_rows=500, uri=uri)
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    assert not manifest["complete"]
    assert len(manifest["parts"]) == 3
    report = score(MODEL, folder / "summary.parquet", tmp_path / "out", chunk_rows=500, uri=uri)
    assert calls[4:] == [500, 357]
    assert (report.rows, report.rows_resumed) == (2357, 1500)
    assert "1,500 of them found done" in report.describe()
    found = pd.read_parquet(tmp_path / "out").sort_values("customer_id")
    np.testing.assert_allclose(found["clv"], expected.sort_values("customer_id")["clv"], rtol=1e-12)
    assert json.loads((tmp_path / "out" / "_manifest.json").read_text())["complete"]
    with pytest.raises(DataError, match="holds something else already"):
        score(MODEL, folder / "summary.parquet", tmp_path / "out", chunk_rows=400, uri=uri)


def test_an_empty_source(store, tmp_path):
    _, uri, _ = store
    write_table(cdnow_split().head(0), tmp_path / "empty.parquet")
    with pytest.raises(DataError, match="it has no rows"):
        score(MODEL, tmp_path / "empty.parquet", tmp_path / "scores.parquet", uri=uri)
    assert not (tmp_path / "scores.parquet").exists()
