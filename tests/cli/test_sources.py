import pandas as pd

from crmml.datasets import load_cdnow_sample
from crmml.transactions import summarize

from .conftest import LOG_OPTIONS, run


def test_missing_columns_and_options(orders, tmp_path):
    done = run("summarize", "orders.csv", "out.parquet", "--timestamp", "when", "--unit", "W")
    assert done.exit_code == 2
    assert "'customer_id' is missing; there are 'buyer'" in done.stderr
    done = run("summarize", "orders.csv", "out.parquet")
    assert done.exit_code == 2
    assert "--timestamp COLUMN" in done.stderr
    assert "--unit" in done.stderr
    done = run("fit", "orders.csv", "--name", "x", "--unit", "W")
    assert done.exit_code == 2
    assert "lacks frequency, recency, T" in done.stderr
    assert run("summarize", "none.csv", "out.parquet", *LOG_OPTIONS).exit_code == 2
    assert run("score", "nobody", "orders.csv", "out.parquet", *LOG_OPTIONS).exit_code == 2
    assert not (tmp_path / "out.parquet").exists()


def test_existing_files_stay(orders, tmp_path):
    (tmp_path / "out.parquet").write_text("mine")
    for command in (("summarize", "orders.csv", "out.parquet"), ("score", "shop", "orders.csv", "out.parquet")):
        done = run(*command, *LOG_OPTIONS)
        assert done.exit_code == 2
        assert "--overwrite" in done.stderr
    assert (tmp_path / "out.parquet").read_text() == "mine"


def test_a_summary_in_csv_must_say_its_unit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    summarize(load_cdnow_sample(), unit="W").to_csv("summary.csv", index=False)
    done = run("fit", "summary.csv", "--name", "shop")
    assert done.exit_code == 2
    assert "does not say what its times are counted in: --unit" in done.stderr
    done = run("fit", "summary.csv", "--name", "shop", "--unit", "W", "--quiet")
    assert (done.exit_code, done.stdout) == (0, "")
    done = run("score", "shop", "summary.csv", "scores.parquet", "--unit", "D")
    assert done.exit_code == 2
    assert "unit is 'D'" in done.stderr
    assert run("score", "shop", "summary.csv", "scores.parquet", "--unit", "W").exit_code == 0
    assert list(pd.read_parquet("scores.parquet").columns) == ["customer_id", "probability_alive", "expected_purchases"]
