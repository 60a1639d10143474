import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.datasets import load_cdnow_sample, make_stage_panel
from crmml.testing import contract_chain
from experiments import relationship_stages as study


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_log_of_ones_own(tmp_path, capsys):
    log = load_cdnow_sample().rename(columns={"customer_id": "who", "timestamp": "when", "value": "paid"})
    log.to_csv("orders.csv", index=False)
    study.main(["--log", "orders.csv", "--customer-id", "who", "--timestamp", "when", "--value", "paid"])
    said = capsys.readouterr().out
    for part in ("best lever", "What to do now", "Assumed, not measured", "Log-loss of the next stage after the split"):
        assert part in said
    assert (tmp_path / "mlflow.db").is_file()
    with pytest.raises(DataError, match="there is no column 'customer_id'"):
        study.main(["--log", "orders.csv"])


def test_the_model_beats_both_baselines(capsys):
    log = load_cdnow_sample()[["customer_id", "timestamp", "value"]]
    metrics = study.run(study.of_log("sample", log))
    best = metrics["log_loss_Markov"]
    assert best < metrics["log_loss_marginals"]
    assert best < metrics["log_loss_stay_rest_by_marginals"]


def test_a_panel_of_ones_own(capsys):
    long = make_stage_panel(contract_chain(), n_customers=600, n_periods=12, missing=0.05, random_state=0)
    long.to_csv("stages.csv", index=False)
    study.main(["--panel", "stages.csv", "--rupture", "broken", "--absorbing"])
    assert "The probability that it has broken within 12 periods" in capsys.readouterr().out
    numbers = long.assign(stage=long["stage"].map({"new": 1, "growing": 2, "loyal": 3, "broken": 4}))
    numbers.to_parquet("codes.parquet")
    study.main(["--panel", "codes.parquet"])
    assert "Stages: 1, 2, 3, 4." in capsys.readouterr().out


def test_tenure_restarts_with_each_stage():
    X = np.array([[np.nan, 0, 0, 1, 1, np.nan]])
    age, stay = (np.expm1(values[0]).round(9) for values in study.tenure(X).values())
    assert age[1:].tolist() == [0, 1, 2, 3, 4]
    assert stay.tolist() == [0, 0, 1, 0, 1, 0]
    assert pd.notna(age).all()
