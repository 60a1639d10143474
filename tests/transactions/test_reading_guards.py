"""A log that was written as CSV, where formulas are guarded, is read back with the same identifiers."""

import tempfile
from pathlib import Path

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmml.files import read_table, write_table
from crmml.transactions import read_log

IDS = ["+49 30 1234", "-x", "'=a", "''=a", "Ann", "-5", "=1+1", "007", "'tis", "@b"]
TEXTS = st.text("'=+-@a15.é＝", min_size=1, max_size=5).filter(lambda text: not text.endswith(".0"))


def log_of(ids):
    times = pd.date_range("2024-01-01", periods=len(ids))
    return pd.DataFrame({"customer_id": ids, "timestamp": times, "value": -1.5, "order": ids, "note": ids})


def test_identifiers_orders_and_what_is_kept_come_back(tmp_path):
    write_table(log_of(IDS), tmp_path / "log.csv")
    log, report = read_log(tmp_path / "log.csv", value="value", keep=["note"])
    assert log["customer_id"].tolist() == log["note"].tolist() == IDS
    assert [note[: note.index(" have")] for note in report.notes] == [
        "6 entries of 'customer_id'",
        "6 entries of 'note'",
    ]
    orders, _ = read_log(tmp_path / "log.csv", value="value", order_id="order")
    assert orders["customer_id"].tolist() == orders["order_id"].tolist() == IDS
    assert read_table(tmp_path / "log.csv", text=["customer_id"])["note"].tolist() == IDS


@given(st.lists(TEXTS, min_size=1, max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_identifier_comes_back(ids):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        write_table(log_of(ids), path)
        log, _ = read_log(path, value="value", delimiter=",", quote='"')
        assert log["customer_id"].tolist() == ids
        assert read_table(path, text=["customer_id"])["customer_id"].tolist() == ids


def test_apostrophes_of_a_file_without_guards_stay(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("customer_id,timestamp\n'-x,2024-01-01\n-y,2024-01-02\n")  # -y would have been guarded too
    assert read_log(path)[0]["customer_id"].tolist() == ["'-x", "-y"]
    path.write_text("customer_id,timestamp\n't Hooft,2024-01-01\n-5,2024-01-02\n")
    log, report = read_log(path)
    assert log["customer_id"].tolist() == ["'t Hooft", "-5"]
    assert report.notes == ()
