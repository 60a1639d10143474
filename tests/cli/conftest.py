import pytest
from typer.testing import CliRunner

from crmml.cli import app
from crmml.datasets import load_cdnow_sample

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
