import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.churn import ContactCosts
from crmml.datasets import fetch_telco_churn, load_cdnow_sample
from experiments import churn as study
from experiments.sources import online_retail_lines


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def bank(n=1500, seed=0):
    """A table nobody has prepared: identifiers, blanks, an empty column, text labels."""
    rng = np.random.default_rng(seed)
    score = rng.integers(350, 850, n).astype(float)
    left = rng.random(n) < 1 / (1 + np.exp(0.004 * (score - 400)))
    return pd.DataFrame(
        {
            "CustomerId": rng.permutation(n) + 15_000_000,
            "Surname": [f"s{k}" for k in rng.integers(0, n, n)],
            "Score": np.where(rng.random(n) < 0.05, np.nan, score),
            "Country": rng.choice(["DE", "FR", "ES", None], n),
            "Notes": np.nan,
            "Since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "Attrition_Flag": np.where(left, "Attrited Customer", "Existing Customer"),
        }
    )


def test_a_table_of_ones_own(tmp_path, capsys):
    bank().to_csv("bank.csv", sep=";", index=False)
    study.main(["--table", "bank.csv", "--clv", "500"])
    said = capsys.readouterr().out
    assert "churn is Attrition_Flag = Attrited Customer" in said
    assert "column 'Notes' is missing in all rows and is left out" in said
    assert "'CustomerId' looks like an identifier" in said
    for part in ("calibration_error", "more than without a score", "No leak found", "move the log-odds of churn most"):
        assert part in said
    assert (tmp_path / "mlflow.db").is_file()


def test_a_log_of_ones_own(capsys):
    log = load_cdnow_sample().rename(columns={"customer_id": "who", "timestamp": "when", "value": "paid"})
    log.to_csv("orders.csv", index=False)
    study.main(["--log", "orders.csv", "--customer-id", "who", "--timestamp", "when", "--value", "paid"])
    said = capsys.readouterr().out
    assert "Seeded leak, none: found nothing." in said
    assert "Seeded leak, label from recency: found time_since_last" in said
    assert "one day into the horizon: found orders." in said
    assert "seven days into the horizon: found orders." in said
    with pytest.raises(DataError, match="there is no column 'customer_id'"):
        study.main(["--log", "orders.csv"])


def test_labels_that_are_not_there():
    frame = bank(200)
    with pytest.raises(DataError, match="no column is called like a label"):
        study.of_table("t", frame.rename(columns={"Attrition_Flag": "z"}))
    with pytest.raises(DataError, match="two are needed"):
        study.of_table("t", frame, "Country")
    with pytest.raises(DataError, match="is not in column 'Attrition_Flag'"):
        study.of_table("t", frame, churned="gone")
    frame.loc[:9, "Attrition_Flag"] = None
    assert "10 rows without a label are left out" in study.of_table("t", frame).words


@pytest.mark.data
def test_telco_at_the_stated_protocol(capsys):
    metrics = study.run_table(study.of_table("Telco", fetch_telco_churn(), "Churn", "Yes"), ContactCosts(), True)
    assert metrics["ChurnClassifier_auc"] >= 0.845
    assert metrics["ChurnClassifier_empc"] >= 10.36
    assert metrics["ChurnClassifier_calibration_error"] <= 0.015
    assert metrics["LogisticRegression_auc"] == pytest.approx(0.8454, abs=0.001)
    assert metrics["LogisticRegression_empc"] == pytest.approx(10.368, abs=0.005)
    assert metrics["constant_empc"] == pytest.approx(6.906, abs=0.0005)
    assert "rows were copied before the split" in capsys.readouterr().out


@pytest.mark.data
def test_online_retail_with_and_without_the_embargo():
    metrics = study.run_log("Online Retail", online_retail_lines().drop(columns="invoice"))
    published = {
        "auc_honest_HistGradientBoosting": 0.722,
        "auc_honest_LogisticRegression": 0.736,
        "auc_without_embargo_LogisticRegression": 0.741,
    }
    for name, value in published.items():
        assert metrics[name] == pytest.approx(value, abs=0.003), name
    # the boosted trees' early stopping alone moves the inflated figure, published as 0.767, by 0.003
    inflation = metrics["auc_without_embargo_HistGradientBoosting"] - metrics["auc_honest_HistGradientBoosting"]
    assert inflation == pytest.approx(0.767 - 0.722, abs=0.005)
    assert metrics["auc_honest_ChurnClassifier"] > metrics["auc_honest_LogisticRegression"] - 0.003
    assert abs(metrics["gap_SnapshotSplit"] - metrics["gap_later"]) < 0.01
    assert metrics["gap_random_folds"] > metrics["gap_later"] + 0.03
