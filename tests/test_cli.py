import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from crmml import tracking
from crmml.cli import app
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma
from crmml.datasets import load_cdnow_sample
from crmml.frames import get_ruler
from crmml.frames.readers import read_table
from crmml.transactions import summarize

LOG_OPTIONS = ["--customer-id", "buyer", "--timestamp", "bought_at", "--value", "amount", "--unit", "W"]


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def orders(tmp_path, monkeypatch):
    """The CDNOW sample as a CSV of the user's own, in an empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    log = load_cdnow_sample().rename(columns={"customer_id": "buyer", "timestamp": "bought_at", "value": "amount"})
    log["buyer"] = log["buyer"].map("{:06d}".format)
    log.to_csv(tmp_path / "orders.csv", index=False)
    return log


def test_summarize_fit_score_on_the_users_own_csv(orders, tmp_path):
    done = run("summarize", "orders.csv", "summary.parquet", *LOG_OPTIONS)
    assert done.exit_code == 0, done.output
    assert "6,919 of 6,919 transactions" in done.output
    assert "2,357 customers to summary.parquet" in done.output
    summary = read_table("summary.parquet")
    assert get_ruler(summary).unit == "W"
    assert summary["customer_id"].iloc[0] == "000004"

    done = run("fit", "summary.parquet", "--name", "shop", "--horizon", "52", "--horizon-unit", "W")
    assert done.exit_code == 0, done.output
    for part in (
        "BG/NBD fitted on 2,357 customers",
        "Gamma-Gamma fitted on",
        "models:/shop/1, now the champion of shop",
    ):
        assert part in done.output
    done = run("score", "shop", "summary.parquet", "scores.parquet")
    assert done.exit_code == 0, done.output
    scores = pd.read_parquet("scores.parquet")
    expected = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=52, unit="W").fit(summary).predict(summary)
    np.testing.assert_allclose(scores["clv"], expected, rtol=1e-7)

    done = run("score", "shop", "orders.csv", "again.parquet", *LOG_OPTIONS)
    assert done.exit_code == 0, done.output
    pd.testing.assert_frame_equal(pd.read_parquet("again.parquet"), scores)
    model = tracking.load_model("models:/shop@champion", uri=tracking.local_uri(tmp_path))
    assert model.horizon == 52


def test_another_model(orders):
    done = run("fit", "orders.csv", "--name", "shop", *LOG_OPTIONS, "--model", "pareto-nbd")
    assert done.exit_code == 0, done.output
    assert "Pareto/NBD fitted on 2,357 customers" in done.output


def test_fit_checks_against_held_out_time(orders):
    done = run("fit", "orders.csv", "--name", "shop", *LOG_OPTIONS, "--calibration-end", "1997-09-30")
    assert done.exit_code == 0, done.output
    assert "Over the 39 held-out weeks the customers bought 1,882 times again" in done.output
    assert "expected 1,653: 229 too few, a miss of 12.1%" in done.output


def test_a_wrong_csv_gets_one_clear_error_exit_code_2_and_no_file(orders, tmp_path):
    orders.loc[3, "bought_at"] = pd.NaT
    orders["amount"] = orders["amount"].astype(str)
    orders.loc[5, "amount"] = "12,50"
    orders.loc[7, "buyer"] = None
    orders.to_csv("wrong.csv", index=False)
    before = sorted(tmp_path.iterdir())
    for command in (("summarize", "wrong.csv", "out.parquet"), ("fit", "wrong.csv", "--name", "shop")):
        done = run(*command, *LOG_OPTIONS)
        assert done.exit_code == 2
        assert done.stderr.count("cannot be used") == 1
        for part in (
            "3 faults",
            "'amount' holds text in 1 rows ('12,50')",
            "'buyer' is missing in 1",
            "'bought_at' is missing in 1",
        ):
            assert part in done.stderr
        assert "Traceback" not in done.output
        assert sorted(tmp_path.iterdir()) == before


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


def test_an_unexpected_failure_is_exit_code_1(orders, monkeypatch):
    from crmml.frames import readers as files

    def broken(*_, **__):
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(files, "write_table", broken)
    done = run("summarize", "orders.csv", "out.parquet", *LOG_OPTIONS)
    assert done.exit_code == 1
    assert "a fault of the program" in done.output


def test_help_documents_exit_codes_and_starts_fast():
    done = subprocess.run([sys.executable, "-m", "crmml", "--help"], capture_output=True, text=True, check=True)
    for word in ("quickstart", "summarize", "fit", "score", "Exit codes"):
        assert word in done.stdout


@pytest.mark.parametrize("name", ["shop/2024", "shop:1", "shop@champion"])
def test_a_name_that_no_address_can_hold_is_refused(orders, name):
    done = run("fit", "orders.csv", "--name", name, *LOG_OPTIONS)
    assert done.exit_code == 2
    assert "must not contain" in done.stderr
