import sqlite3
import subprocess
import sys

import pytest

from .conftest import LOG_OPTIONS, run


def test_an_unexpected_failure_is_exit_code_1(orders, monkeypatch):
    from crmml import files

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


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "out.parquet"), "No space left on device: out.parquet."),
        (PermissionError(13, "Permission denied", "out.parquet"), "Permission denied: out.parquet."),
        (MemoryError(), "memory does not suffice"),
        (
            sqlite3.OperationalError("unable to open database file"),
            "The store of models cannot be used: unable to open",
        ),
    ],
)
def test_faults_of_the_world_are_exit_code_2_in_one_sentence(error, said, orders, monkeypatch):
    from crmml import files

    def broken(*_, **__):
        raise error

    monkeypatch.setattr(files, "write_table", broken)
    done = run("summarize", "orders.csv", "out.parquet", *LOG_OPTIONS)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.output
