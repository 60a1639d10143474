import sqlite3

import mlflow
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from crmml import DataError, tracking
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma

from ..clv.cdnow import cdnow_split


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return tracking.local_uri(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def value():
    return CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=39, unit="W").fit(cdnow_split())


@pytest.fixture(scope="module")
def run(uri, value):
    figure = Figure()
    figure.subplots().plot([1, 2])
    with tracking.track("study", run_name="first", uri=uri, period="D", nothing=None) as run:
        run.log_fit(value)
        run.log_metrics({"error": 0.5, "endless": np.inf})
        run.log_figure(figure, "plot.png")
        run.log_text("found", "findings.txt")
        run.model_uri = run.log_model(value, "shop", cdnow_split())
    return run


def test_what_a_run_holds(run, uri):
    client = mlflow.MlflowClient(uri)
    data = client.get_run(run.run_id).data
    assert data.params["period"] == "D"
    assert data.params["ruler_unit"] == "W"
    assert data.params["transactions_model"] == "BetaGeoNBD"
    assert "nothing" not in data.params
    assert data.metrics["error"] == 0.5
    assert "endless" not in data.metrics
    assert data.metrics["transactions_log_likelihood"] == pytest.approx(-9582.429, abs=1e-3)
    assert data.metrics["transactions_estimate_r"] == pytest.approx(0.2426, abs=1e-4)
    assert data.metrics["spend_converged"] == 1.0
    assert {item.path for item in client.list_artifacts(run.run_id)} == {"plot.png", "findings.txt"}


def test_the_stored_model_predicts_the_same_and_is_small(run, uri, value):
    loaded = tracking.load_model(run.model_uri, uri=uri)
    np.testing.assert_array_equal(loaded.predict(cdnow_split()), value.predict(cdnow_split()))
    assert loaded.ruler_ == value.ruler_


def test_signature_and_no_example(run, uri):
    with tracking.tracking_at(uri):
        info = mlflow.models.get_model_info(run.model_uri)
    assert info.signature.inputs.input_names() == ["frequency", "recency", "T", "monetary_value"]
    assert info.saved_input_example_info is None
    assert info.flavors["sklearn"]["serialization_format"] == "skops"


def test_no_customer_enters_the_store(run, uri, tmp_path_factory):
    from pathlib import Path

    folder = Path(uri.removeprefix("sqlite:///")).parent
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "mlflow.db"]
    assert all(path.stat().st_size < 100_000 for path in files)
    assert not [path for path in files if path.suffix in (".csv", ".parquet") or "example" in path.name]
    with sqlite3.connect(folder / "mlflow.db") as database:
        assert database.execute("select count(*) from params where key like '%customer_id%'").fetchone() == (0,)


def test_a_failing_block_is_marked_as_failed(uri):
    with pytest.raises(ZeroDivisionError), tracking.track("failing", uri=uri):
        1 / 0  # noqa: B018
    client = mlflow.MlflowClient(uri)
    (found,) = client.search_runs([client.get_experiment_by_name("failing").experiment_id])
    assert found.info.status == "FAILED"


def test_mlflow_is_left_as_it_was(uri):
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    with tracking.track("study", uri=uri):
        assert mlflow.get_tracking_uri() == uri
    assert (mlflow.get_tracking_uri(), mlflow.get_registry_uri()) == before


def test_promote_only_what_is_better(uri, value):
    for error in (0.5, 0.7, 0.3):
        with tracking.track("contest", uri=uri) as run:
            run.log_metrics({"error": error})
            run.log_model(value, "contest", cdnow_split())
        promoted = tracking.promote("contest", if_better="error", uri=uri)
        assert promoted == (error != 0.7)
    client = mlflow.MlflowClient(uri)
    assert client.get_model_version_by_alias("contest", "champion").version == 3
    assert tracking.promote("contest", model_version=1, uri=uri)
    assert client.get_model_version_by_alias("contest", "champion").version == 1
    with pytest.raises(DataError, match=r"has no metric 'profit'; its run has .*error"):
        tracking.promote("contest", if_better="profit", uri=uri)


def test_models_that_are_not_there(uri):
    with pytest.raises(DataError, match="models:/nobody@champion was not found"):
        tracking.load_model("models:/nobody@champion", uri=uri)
    with pytest.raises(DataError, match="no registered model 'nobody'"):
        tracking.promote("nobody", uri=uri)


def test_an_identifier_among_the_inputs_is_refused(uri):
    from sklearn.linear_model import LinearRegression

    data = cdnow_split()[["customer_id", "frequency"]]
    model = LinearRegression().fit(data, data["frequency"])
    with tracking.track("study", uri=uri), pytest.raises(DataError, match="customer_id is among the model's inputs"):
        tracking.log_model(model, "leak", data)


class NotStorable(BetaGeoNBD):
    """A type from outside the library."""


def test_foreign_types_are_named():
    model = NotStorable().fit(cdnow_split())
    with pytest.raises(DataError, match=r"holds a tests\.tracking\.test_runs\.NotStorable"):
        tracking.trusted_types(model)


def test_tables_hide_cells_of_few_customers(tmp_path):
    table = pd.DataFrame({"tier": ["top", "middle", "rest"], "customers": [2, 9, 40], "value": [7.0, 5.0, 4.0]})
    uri = tracking.local_uri(tmp_path)
    with tracking.track("study", uri=uri) as run:
        run.log_table(table, "tiers.csv", count="customers")
        with pytest.raises(DataError, match="'customer_id' is called like an identifier"):
            run.log_table(table.assign(customer_id=1), "named.csv", count="customers")
    with tracking.tracking_at(uri):
        path = mlflow.artifacts.download_artifacts(run_id=run.run_id, artifact_path="tiers.csv", dst_path=str(tmp_path))
    written = pd.read_csv(path)
    assert written["tier"].tolist() == ["top", "middle", "rest"]
    assert written["customers"].isna().tolist() == [True, True, False]
    assert written["value"].isna().tolist() == [True, True, False]
