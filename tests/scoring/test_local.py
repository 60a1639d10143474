import errno
import json
import os
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
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


def test_identifiers_keep_every_digit(store, tmp_path):
    """In a column of 64-bit numbers with one missing, neighbours beyond 2**53 would be one as floats."""
    _, uri, _ = store
    ids = [2**62 + number for number in range(999)] + [None]
    summary = cdnow_split().head(1000)
    table = pa.Table.from_pandas(summary, preserve_index=False)
    kinds = {
        "customer_id": pa.array(ids, pa.int64()),
        "key": pa.array(ids, pa.uint64()),
        "code": pa.array(["NA", None] * 500),
    }
    for name, column in kinds.items():
        table = table.drop_columns(name) if name in table.column_names else table
        table = table.append_column(name, column)
    pq.write_table(table, tmp_path / "ids.parquet")
    for destination in ("scores.parquet", "scores"):
        score(
            MODEL, tmp_path / "ids.parquet", tmp_path / destination, keep=list(kinds), chunk_rows=300, unit="W", uri=uri
        )
        found = pq.read_table(tmp_path / destination).sort_by("customer_id")
        assert found.num_rows == 1000
        for name, column in kinds.items():
            assert found.schema.field(name).type == column.type
            assert found[name].combine_chunks().equals(column)


def test_a_column_named_twice_is_refused(store, tmp_path):
    _, uri, _ = store
    table = pa.Table.from_pandas(cdnow_split(), preserve_index=False)
    pq.write_table(
        pa.Table.from_arrays([*table.columns, table["T"]], [*table.column_names, "T"]), tmp_path / "t.parquet"
    )
    with pytest.raises(DataError, match="'T' more than once"):
        score(MODEL, tmp_path / "t.parquet", tmp_path / "scores.parquet", uri=uri)


def test_the_unit_is_read_from_the_attributes_that_pandas_writes(store, tmp_path):
    _, uri, _ = store
    for unit in ("W", "D"):
        summary = cdnow_split().copy()
        summary.attrs = Ruler(unit=unit).to_metadata()
        summary.to_parquet(tmp_path / f"{unit}.parquet")
    score(MODEL, tmp_path / "W.parquet", tmp_path / "scores.parquet", uri=uri)
    with pytest.raises(RulerError, match="unit is 'D'"):
        score(MODEL, tmp_path / "D.parquet", tmp_path / "other.parquet", uri=uri)


def _emptied(path):
    pq.write_table(pq.read_table(path).slice(0, 0), path)


def _of_another_job(path):
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index("clv"), "clv", pa.array([1.0] * len(table))), path)


HARM = {
    "gone": lambda path: path.unlink(),
    "emptied": _emptied,
    "no bytes": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "of another job": _of_another_job,
}


@pytest.mark.parametrize("harm", HARM)
def test_parts_are_trusted_only_as_they_were_written(store, tmp_path, harm):
    folder, uri, expected = store
    score(MODEL, folder / "summary.parquet", tmp_path / "out", chunk_rows=500, uri=uri)
    HARM[harm](tmp_path / "out" / "part-00001.parquet")
    report = score(MODEL, folder / "summary.parquet", tmp_path / "out", chunk_rows=500, uri=uri)
    assert (report.rows, report.rows_resumed) == (2357, 1857)
    found = pd.read_parquet(tmp_path / "out").sort_values("customer_id")
    np.testing.assert_allclose(found["clv"], expected.sort_values("customer_id")["clv"], rtol=1e-12)


def test_what_is_not_ours_is_never_replaced(store, tmp_path):
    folder, uri, _ = store
    mine = tmp_path / "mine"
    (mine / "photos").mkdir(parents=True)
    (mine / "thesis.txt").write_text("the only copy")

    def refused(match):
        before = {path: path.is_file() and path.read_bytes() for path in mine.rglob("*")}
        with pytest.raises(DataError, match=match):
            score(MODEL, folder / "summary.parquet", mine, chunk_rows=1000, overwrite=True, uri=uri)
        assert {path: path.is_file() and path.read_bytes() for path in mine.rglob("*")} == before
        assert [path.name for path in tmp_path.iterdir()] == ["mine"]

    refused(r"holds 2 files or folders that no scoring job has written \('photos', 'thesis.txt'\)")
    for forged in (
        "{",
        "[]",
        '{"job": {}, "parts": {"thesis.txt": {"rows": 1, "sha256": ""}}}',
        '{"job": {"fingerprint": 1}, "parts": {}}',
    ):
        (mine / "_manifest.json").write_text(forged)
        refused("that no scoring job has written")
    (mine / "thesis.txt").unlink()
    (mine / "photos").rmdir()
    (mine / "_manifest.json").unlink()
    score(MODEL, folder / "summary.parquet", mine, chunk_rows=1000, uri=uri)
    (mine / "notes.txt").write_text("the only copy")
    refused("'notes.txt'")
    with pytest.raises(DataError, match=r"'notes\.txt'"):  # nor is it left among scores that are resumed
        score(MODEL, folder / "summary.parquet", mine, chunk_rows=1000, uri=uri)
    (mine / "notes.txt").unlink()
    assert score(MODEL, folder / "summary.parquet", mine, chunk_rows=500, overwrite=True, uri=uri).rows == 2357
    assert len(list(mine.glob("*.parquet"))) == 5
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(DataError, match="is a folder; name a file"):
        score(MODEL, folder / "summary.parquet", tmp_path / "folder.parquet", overwrite=True, uri=uri)


def test_a_folder_that_is_a_link_is_followed(store, tmp_path):
    folder, uri, _ = store
    (tmp_path / "there").mkdir()
    (tmp_path / "here").symlink_to(tmp_path / "there", target_is_directory=True)
    for rows in (1000, 500):
        report = score(MODEL, folder / "summary.parquet", tmp_path / "here", chunk_rows=rows, overwrite=True, uri=uri)
    assert (tmp_path / "here").is_symlink()
    assert len(list((tmp_path / "there").glob("*.parquet"))) == len(report.files) == 5
    assert all(path.parent == tmp_path / "here" and path.is_file() for path in report.files)


@pytest.mark.parametrize("destination", ["out", "out.parquet"])
def test_two_jobs_at_once(store, tmp_path, monkeypatch, destination):
    """The second is refused at once, and the first one's scores are whole."""
    folder, uri, _ = store
    write_table(cdnow_split().head(700), tmp_path / "few.parquet")
    score(MODEL, folder / "summary.parquet", tmp_path / destination, chunk_rows=500, uri=uri)
    real, reached, go_on, reports = module.scores_of, threading.Event(), threading.Event(), []

    def slow(model, X, keep):
        reached.set()
        assert go_on.wait(60)
        return real(model, X, keep)

    monkeypatch.setattr(module, "scores_of", slow)
    options = {"chunk_rows": 300, "overwrite": True, "uri": uri}
    first = threading.Thread(
        target=lambda: reports.append(score(MODEL, tmp_path / "few.parquet", tmp_path / destination, **options))
    )
    first.start()
    assert reached.wait(60)
    with pytest.raises(DataError, match="another job is writing to"):
        score(MODEL, folder / "summary.parquet", tmp_path / destination, **options)
    go_on.set()
    first.join()
    assert reports[0].rows == len(pd.read_parquet(tmp_path / destination)) == 700
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["few.parquet", destination])
    monkeypatch.undo()
    assert score(MODEL, folder / "summary.parquet", tmp_path / destination, **options).rows == 2357


KILLED = """
import sys, time
import pyarrow.parquet as pq
from crmml.scoring import score

written, count = pq.ParquetWriter.write_table, [0]

def stuck(self, table, *arguments, **options):
    written(self, table, *arguments, **options)
    count[0] += 1
    if count[0] == 3:
        print("now", flush=True)
        time.sleep(600)

pq.ParquetWriter.write_table = stuck
score("models:/shop@champion", sys.argv[1], sys.argv[2], chunk_rows=500, overwrite=True, uri=sys.argv[3])
"""


@pytest.mark.parametrize(("destination", "was_there"), [("out", False), ("out", True), ("out.parquet", True)])
def test_a_killed_job(store, tmp_path, destination, was_there):
    """Another process is kept out while it runs; what it leaves neither counts nor stays."""
    folder, uri, expected = store
    target = tmp_path / destination
    if was_there:
        score(MODEL, folder / "summary.parquet", target, chunk_rows=400, uri=uri)
        before = pd.read_parquet(target)
    command = [sys.executable, "-c", KILLED, str(folder / "summary.parquet"), str(target), uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout.readline() == "now\n"
        with pytest.raises(DataError, match="another job is writing to"):
            score(MODEL, folder / "summary.parquet", target, overwrite=True, uri=uri)
        job.kill()
    if was_there:
        pd.testing.assert_frame_equal(pd.read_parquet(target), before)
    assert list(tmp_path.rglob(".*.tmp"))
    report = score(MODEL, folder / "summary.parquet", target, chunk_rows=500, overwrite=True, uri=uri)
    assert (report.rows, report.rows_resumed) == (2357, 0 if was_there else 1000)
    assert [path.name for path in tmp_path.iterdir()] == [destination]
    assert not list(tmp_path.rglob(".*"))
    found = pd.read_parquet(target).sort_values("customer_id")
    np.testing.assert_allclose(found["clv"], expected.sort_values("customer_id")["clv"], rtol=1e-12)


@pytest.mark.parametrize("destination", ["out", "out.parquet"])
def test_a_full_disk_leaves_no_half(store, tmp_path, monkeypatch, destination):
    folder, uri, _ = store
    real, count = os.fsync, []

    def full(handle):
        count.append(handle)
        if len(count) >= (4 if destination == "out" else 1):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        score(MODEL, folder / "summary.parquet", tmp_path / destination, chunk_rows=500, uri=uri)
    assert not list(tmp_path.rglob(".*"))
    monkeypatch.undo()
    report = score(MODEL, folder / "summary.parquet", tmp_path / destination, chunk_rows=500, uri=uri)
    assert (report.rows, report.rows_resumed) == (2357, 500 if destination == "out" else 0)
