import json

import numpy as np
import pandas as pd
import pytest

from crmml import DataError, Ruler, RulerError, tracking
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
    unit = "W" if source.endswith("csv") else None
    report = score(
        MODEL, folder / source, tmp_path / "scores.parquet", chunk_rows=500, n_jobs=n_jobs, unit=unit, uri=uri
    )
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


def test_a_source_that_does_not_say_its_unit_is_warned_of(store, tmp_path):
    folder, uri, _ = store
    with pytest.warns(
        UserWarning, match=r"summary\.csv does not say what its times are counted in; they are taken to be in weeks"
    ):
        score(MODEL, folder / "summary.csv", tmp_path / "scores.parquet", uri=uri)
    with pytest.raises(RulerError):
        score(MODEL, folder / "summary.parquet", tmp_path / "other.parquet", unit="D", uri=uri)
    assert not (tmp_path / "other.parquet").exists()


def test_a_failed_replacement_of_a_folder_keeps_the_old_one(store, tmp_path):
    folder, uri, _ = store
    score(MODEL, folder / "summary.parquet", tmp_path / "scores", chunk_rows=1000, uri=uri)
    before = {path.name: path.read_bytes() for path in (tmp_path / "scores").iterdir()}
    bad = cdnow_split().copy()
    bad.loc[1200, "recency"] = 99.0
    write_table(bad, tmp_path / "bad.parquet")
    with pytest.raises(DataError, match="recency is later than T"):
        score(MODEL, tmp_path / "bad.parquet", tmp_path / "scores", chunk_rows=500, overwrite=True, uri=uri)
    assert {path.name: path.read_bytes() for path in (tmp_path / "scores").iterdir()} == before


def test_an_alias_that_moved_is_not_resumed(store, tmp_path):
    folder, _, _ = store
    uri = tracking.local_uri(tmp_path)
    for horizon in (52, 26):
        with tracking.track("study", uri=uri):
            tracking.log_model(BetaGeoNBD(horizon=horizon).fit(cdnow_split()), "other", cdnow_split())
        tracking.promote("other", uri=uri)
        if horizon == 52:
            score("models:/other@champion", folder / "summary.parquet", tmp_path / "scores", chunk_rows=1000, uri=uri)
    with pytest.raises(DataError):
        score("models:/other@champion", folder / "summary.parquet", tmp_path / "scores", chunk_rows=1000, uri=uri)


def test_a_missing_store_is_not_created(store, tmp_path):
    folder, _, _ = store
    with pytest.raises(DataError, match="no"):
        score(MODEL, folder / "summary.parquet", tmp_path / "s.parquet", uri=f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()


def test_columns_to_keep_must_be_there(store, tmp_path):
    folder, uri, _ = store
    with pytest.raises(DataError, match="region"):
        score(MODEL, folder / "summary.parquet", tmp_path / "s.parquet", keep=["customer_id", "region"], uri=uri)
