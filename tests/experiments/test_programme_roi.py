import mlflow
import pandas as pd
import pytest

from crmml import DataError
from crmml.exceptions import MissingInputsError
from experiments import programme_roi as study


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRMML_DATA_HOME", raising=False)


def test_the_case_is_refused_completed_and_recorded(tmp_path, capsys):
    study.main([])
    said = capsys.readouterr().out
    for part in (
        "the value of the benefits cannot be known, 12 inputs",
        "the return on investment cannot be known, 7 inputs",
        "invented for the study",
        "What matters most is 'share caused by the programme'",
        "Online Retail is not at hand",
    ):
        assert part in said
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    try:
        (run,) = mlflow.search_runs(experiment_names=["programme-roi"], output_format="list")
        metrics = run.data.metrics
        assert metrics["roi_lower"] < metrics["roi"] < metrics["roi_upper"]
        names = {file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    finally:
        mlflow.set_tracking_uri(None)
    assert names == {"findings.txt", "returns.csv", "waterfall.png", "cash_flow.png", "tornado.png"}


def own(tmp_path, **changed):
    costs = {"date": ["2024-01-01", "2024-02-01"], "kind": ["licence", "maintenance"], "label": ["CRM", "support"]}
    costs |= {"amount": [50_000, 1_000], "every": [None, "M"], "times": [None, 11]}
    benefits = {"date": ["2024-01-31"], "kind": ["margin"], "label": ["sales"], "direct": ["yes"], "amount": [9_000]}
    benefits |= {"every": ["M"], "times": [12]} | changed
    pd.DataFrame(costs).to_csv("costs.csv", index=False)
    pd.DataFrame(benefits).to_csv("benefits.csv", index=False, sep=";")
    return ["--costs", "costs.csv", "--benefits", "benefits.csv", "--start", "2024-01-01", "--rate", "0.08"]


def test_ledgers_of_ones_own(tmp_path, capsys):
    arguments = own(tmp_path)
    study.main([*arguments, "--length", "1Y", "--currency", "EUR"])
    assert "for every EUR 1 spent EUR 1.77 came back gross" in capsys.readouterr().out
    with pytest.raises(MissingInputsError, match="the window is longer than the data"):
        study.main([*arguments, "--length", "3Y", "--currency", "EUR"])
    with pytest.raises(DataError) as caught:
        study.main(arguments)
    assert len([fault for fault in caught.value.faults if "no currency" in fault]) == 2
    with pytest.raises(SystemExit):
        study.main(["--costs", "costs.csv"])


@pytest.mark.data
def test_placebos_on_online_retail(monkeypatch, capsys, request):
    monkeypatch.undo()
    monkeypatch.chdir(request.getfixturevalue("tmp_path"))
    study.run_placebo()
    assert "On your own history a go-live that never happened" in capsys.readouterr().out
