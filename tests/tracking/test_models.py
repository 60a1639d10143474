import warnings
from functools import lru_cache

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from crmml import tracking
from crmml.churn import ChurnClassifier
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, ExponentialGamma, GammaGamma, ShiftedBetaGeometric
from crmml.datasets import load_cdnow_sample
from crmml.segments import RFMSegmenter
from crmml.stages import ContinuousTimeStageModel, MarkovStageModel
from crmml.testing import contract_chain
from crmml.transactions import snapshots, summarize


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return tracking.local_uri(tmp_path_factory.mktemp("store"))


@lru_cache(maxsize=1)
def summary():
    return summarize(load_cdnow_sample(), value="value", unit="W")


def nullable(X):
    return X.convert_dtypes(dtype_backend="numpy_nullable")


def as_floats(X):
    return X.astype(dict.fromkeys(X.select_dtypes("number").columns, float))


def read_by_mlflow(model_uri, uri):
    with tracking.tracking_at(uri), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # on type hints
        return mlflow.pyfunc.load_model(model_uri)


def kinds():
    seen = snapshots(load_cdnow_sample(), cutoffs="1998-01-01", horizon=90, features=["rfm", "rhythm"])
    value = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=52, unit="W")
    return {
        "transactions": (BetaGeoNBD(horizon=4).fit(summary()), summary()),
        "value": (value.fit(summary()), summary()),
        "churn": (ChurnClassifier(LogisticRegression(), random_state=0).fit(seen.X, seen.y), seen.X),
        "segments": (RFMSegmenter().fit(summary()), summary()),
    }


@pytest.fixture(scope="module")
def stored(uri):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # on bins that merge, of features that are missing
        made = kinds()
    with tracking.track("kinds", uri=uri) as run:
        return {name: (model, X, run.log_model(model, name, X)) for name, (model, X) in made.items()}


@pytest.mark.parametrize("kind", ["transactions", "value", "churn", "segments"])
@pytest.mark.parametrize("form", [lambda X: X, as_floats, nullable], ids=["as it is", "floats", "nullable"])
@pytest.mark.parametrize("named", [True, False], ids=["with identifiers", "without"])
def test_pyfunc_takes_what_the_model_was_fitted_on(stored, uri, kind, form, named):
    model, X, model_uri = stored[kind]
    wanted = model.predict(X)
    given = X.assign(customer_id=np.arange(len(X))) if named else X.drop(columns="customer_id", errors="ignore")
    np.testing.assert_array_equal(read_by_mlflow(model_uri, uri).predict(form(given)), wanted)


def test_pyfunc_takes_missing_features_in_every_form(stored, uri):
    model, X, model_uri = stored["churn"]
    gap = next(name for name in X if X[name].isna().any())
    some = pd.concat([X[X[gap].isna()].head(20), X[X[gap].notna()].head(20)])
    read = read_by_mlflow(model_uri, uri)
    for form in (lambda X: X, nullable, lambda X: X.astype({gap: object}).where(X[gap].notna(), None)):
        np.testing.assert_array_equal(read.predict(form(some)), model.predict(some))


def test_pyfunc_keeps_every_period_of_a_panel(uri):
    panel = contract_chain().simulate(200, 8, start=[1, 1, 1, 0], random_state=0)
    model = MarkovStageModel(contract_chain().stages).fit(pd.DataFrame(panel).rename(columns=str))
    with tracking.track("kinds", uri=uri) as run:
        read = read_by_mlflow(run.log_model(model, "panel", panel), uri)
    longer = np.hstack([panel[:, :1], panel[:, :1], panel[:, :1], panel])
    for given in (panel, panel.astype(int), pd.DataFrame(longer), longer, panel[:, :3]):
        np.testing.assert_array_equal(read.predict(given), model.predict(given))
    assert (model.predict(longer) != model.predict(longer[:, :8])).any()


def test_a_model_of_histories_keeps_its_key_but_no_customer(uri):
    rows = pd.DataFrame(
        {"customer_id": np.repeat(["k-17", "k-18", "k-19", "k-20"], 3), "time": [0.0, 1.0, 2.5] * 4}
    ).assign(stage=["a", "b", "a", "a", "a", "b", "b", "a", "a", "b", "b", "a"])
    model = ContinuousTimeStageModel(["a", "b"]).fit(rows)
    with tracking.track("kinds", uri=uri) as run:
        model_uri = run.log_model(model, "histories", rows)
    np.testing.assert_array_equal(read_by_mlflow(model_uri, uri).predict(rows), model.predict(rows))


@pytest.mark.parametrize("model", [ShiftedBetaGeometric(horizon=4), ExponentialGamma(horizon=4)])
def test_a_contractual_model_comes_back_with_its_intervals(uri, model):
    given = {"alpha": 0.8, "beta": 3.0} if model._discrete else {"r": 0.8, "alpha": 4.0}
    X = clone(model).set_fitted_params(**given).simulate(300, 8, random_state=0)
    model = clone(model).fit(X)
    model.sample_posterior(1000, random_state=0)
    with tracking.track("kinds", uri=uri) as run:
        model_uri = run.log_model(model, "contracts", X)
    np.testing.assert_array_equal(read_by_mlflow(model_uri, uri).predict(X), model.predict(X))
    with tracking.tracking_at(uri):
        loaded = tracking.load_model(model_uri)
    np.testing.assert_array_equal(loaded.predict_interval(X), model.predict_interval(X))
    pd.testing.assert_frame_equal(loaded.total_interval(X, 4), model.total_interval(X, 4))


def test_a_model_fitted_on_an_array(uri):
    X = summary()[["frequency", "recency", "T"]].to_numpy()
    model = BetaGeoNBD(horizon=4).fit(X)
    with tracking.track("kinds", uri=uri) as run:
        read = read_by_mlflow(run.log_model(model, "array", X), uri)
    np.testing.assert_array_equal(read.predict(X), model.predict(X))


def test_a_model_without_a_finite_answer_for_some_rows_is_stored(uri, monkeypatch):
    model = BetaGeoNBD(horizon=4).fit(summary())
    real = BetaGeoNBD.predict

    def refusing(self, X):
        if len(X) > 1 or X["frequency"].iloc[0] < 2:
            raise ValueError("the expectation is infinite")
        return real(self, X)

    monkeypatch.setattr(BetaGeoNBD, "predict", refusing)
    with tracking.track("kinds", uri=uri) as run:
        model_uri = run.log_model(model, "endless", summary())
    with tracking.tracking_at(uri):
        signature = mlflow.models.get_model_info(model_uri).signature
    assert signature.inputs.input_names() == ["frequency", "recency", "T"]
    assert signature.outputs.inputs[0].type.name == "float64"
