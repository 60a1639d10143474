import subprocess
import sys

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
