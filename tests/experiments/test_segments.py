import mlflow
import pytest

from crmml import tracking
from crmml.customers import assert_no_identifiers
from crmml.datasets import load_cdnow_sample
from experiments import segments as study
from experiments.sources import online_retail_invoices


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_three_departments(capsys):
    metrics = study.run_records(300, seed=1)
    assert metrics["values_accounted_for"] == metrics["values_given"]
    assert (
        metrics["conflicting_values_reported"]
        == metrics["values_lost_to_another"] + metrics["values_in_other_spelling"]
    )
    assert metrics["values_lost_to_another"] > 100
    assert metrics["sources_restored_cell_by_cell"] == 3
    assert "3 of 3 tables come back cell by cell" in capsys.readouterr().out


def test_a_log_of_ones_own(capsys, tmp_path):
    log = load_cdnow_sample().query("customer_id < 8000")[["customer_id", "timestamp", "value"]]
    log = log.assign(customer_id="K" + log["customer_id"].astype(str).str.zfill(6))
    log.columns = ["who", "day", "paid"]
    log.to_csv("orders.csv", index=False)
    study.main(["--log", "orders.csv", "--customer-id", "who", "--timestamp", "day", "--value", "paid"])
    said = capsys.readouterr().out
    for part in (
        "The Gini coefficient is",
        "Champions:",
        "asked for tiers of 1 / 19 / 30 / 50 %",
        "customers are gone:",
        "overdue",
    ):
        assert part in said
    with tracking.tracking_at(tracking.local_uri(tmp_path)):
        (run,) = mlflow.MlflowClient().search_runs([mlflow.get_experiment_by_name("segments").experiment_id])
    assert run.data.metrics["value_share_1_4_15_80_small"] < 0.5
    scan = assert_no_identifiers(run.info.run_id, log["who"], uri=tracking.local_uri(tmp_path))
    assert scan.n_files >= 7


@pytest.mark.data
def test_online_retail(capsys):
    metrics = study.run_log("Online Retail", online_retail_invoices(), "pounds sterling")
    # positive lines of known customers by hand: 43 and 868 of 4,338 customers, 8,911,407.904 pounds
    assert metrics["gini"] == pytest.approx(0.715140, abs=1e-6)
    assert metrics["value_share_1_4_15_80_top"] == pytest.approx(0.317754, abs=1e-6)
    assert metrics["value_share_1_19_30_50_large"] == pytest.approx(0.428418, abs=1e-6)
    tiers = {name: metrics[f"gone_{name}"] for name in ("top", "large", "medium", "small")}
    assert tiers["large"] < tiers["medium"] < tiers["small"]
    assert tiers["top"] == pytest.approx(2 / 27)
    said = capsys.readouterr().out
    assert "5 of 27 customers fell from the tier 'top'" in said
