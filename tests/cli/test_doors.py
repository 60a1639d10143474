"""What the command line says in its own words, and how soon."""

import socket
import time

import pytest
from typer.testing import CliRunner

from crmml.cli import app

ROWS = "customer_id,date,amount\nA1,2024-01-05,10\nA1,2024-01-05,10\nNULL,2024-02-06,20\nB2,2024-03-07,30\n"


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(ROWS)
    return path


def run(*arguments):
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return found.exit_code, found.output


def test_duplicates_are_an_option_and_the_report_names_it(orders, tmp_path):
    arguments = ("summarize", orders, tmp_path / "s.parquet", "--timestamp", "date", "--unit", "D", "--overwrite")
    code, said = run(*arguments)
    assert code == 0
    assert "(--duplicates drop would drop them)" in said
    assert "say --null-words." in said
    code, said = run(*arguments, "--duplicates", "drop")
    assert (code, "3 of 4 transactions" in said) == (0, True)
    code, said = run(*arguments, "--duplicates", "raise")
    assert code == 2
    assert "use --duplicates drop" in said


def test_look_speaks_in_options(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("customer_id,date,amount\nA1,2024-01-05,10\nA1,06/02/2024,20\n")
    code, said = run("look", path)
    assert code == 0
    assert "--date-format" in said
    assert "read_log" not in said
    assert "date_format=" not in said


@pytest.mark.parametrize("command", ["fit", "score"])
def test_a_server_that_is_away_ends_the_command_before_its_work(command, orders, tmp_path, monkeypatch):
    monkeypatch.setattr("crmml.cli.sources.LogOptions.read_summary", lambda *_: pytest.fail("the work was done"))
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{one.getsockname()[1]}"
    rest = ("--name", "shop") if command == "fit" else (tmp_path / "scores.parquet",)
    source = (orders,) if command == "fit" else ("shop", orders)
    began = time.monotonic()
    code, said = run(command, *source, *rest, "--timestamp", "date", "--unit", "D", "--tracking-uri", uri)
    assert time.monotonic() - began < 30
    assert code == 2
    assert f"the server {uri} refuses the connection" in said
