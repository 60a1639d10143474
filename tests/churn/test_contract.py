"""What every estimator of churn keeps to: copies, searches, and a way through MLflow and back."""

import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from crmml import tracking
from crmml.churn import AliveChurnClassifier, ChurnClassifier, HazardChurnClassifier, ModelFeatures
from crmml.clv import BetaGeoNBD
from crmml.datasets import load_cdnow_sample
from crmml.testing import all_estimators
from crmml.transactions import snapshots

ESTIMATORS = {
    "default": ChurnClassifier(cv=2, random_state=0),
    "isotonic": ChurnClassifier(RandomForestClassifier(10, random_state=0), calibrate="isotonic", cv=2, random_state=0),
    "hazard": HazardChurnClassifier(cv=2, random_state=0),
    "alive": AliveChurnClassifier(BetaGeoNBD(), horizon=90.0),
    "features": make_pipeline(
        ModelFeatures(BetaGeoNBD(), horizon=90.0), ChurnClassifier(LogisticRegression(), cv=2, random_state=0)
    ),
}
GRIDS = {
    "default": {"class_weight": [None, "balanced"]},
    "isotonic": {"estimator__max_depth": [2, 4]},
    "hazard": {"cv": [2, 3]},
    "alive": {"transaction_model": [BetaGeoNBD()], "horizon": [60.0, 90.0]},
    "features": {"churnclassifier__estimator__C": [0.1, 1.0]},
}


def test_every_estimator_is_here():
    here = {type(step).__name__ for e in ESTIMATORS.values() for step in (getattr(e, "named_steps", {"e": e})).values()}
    assert here == {name for name, cls in all_estimators() if cls.__module__.startswith("crmml.churn")}


@pytest.fixture(scope="module")
def data():
    return snapshots(
        load_cdnow_sample().query("customer_id < 8000"), cutoffs=["1998-01-01"], horizon=90, features=["rfm", "rhythm"]
    )


@pytest.fixture(scope="module", params=list(ESTIMATORS))
def fitted(request, data):
    return request.param, clone(ESTIMATORS[request.param]).fit(data.X, data.y)


def test_copies_predict_the_same(fitted, data, tmp_path):
    _, model = fitted
    wanted = model.predict_proba(data.X)
    assert wanted.shape == (len(data), 2)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(data.X), wanted)
    joblib.dump(model, tmp_path / "model.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "model.joblib").predict_proba(data.X), wanted)
    np.testing.assert_array_equal(clone(model).fit(data.X, data.y).predict_proba(data.X), wanted)


def test_through_mlflow_and_back(fitted, data, tmp_path):
    name, model = fitted
    uri = tracking.local_uri(tmp_path)
    with tracking.track("churn", uri=uri) as run:
        model_uri = run.log_model(model, f"churn-{name}", data.X.head())
    loaded = tracking.load_model(model_uri, uri=uri)
    np.testing.assert_array_equal(loaded.predict_proba(data.X), model.predict_proba(data.X))
    np.testing.assert_array_equal(loaded.predict(data.X), model.predict(data.X))


def test_in_a_grid_search(fitted, data):
    name, model = fitted
    search = GridSearchCV(clone(model), GRIDS[name], cv=2, scoring="roc_auc", error_score="raise").fit(data.X, data.y)
    assert 0.5 < search.best_score_ < 1
    assert set(search.best_params_) == set(GRIDS[name])


def test_describes_itself(fitted):
    _, model = fitted
    last = model[-1] if hasattr(model, "steps") else model
    assert last.describe().endswith(".")
