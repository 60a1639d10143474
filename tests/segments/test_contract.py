"""Segmenters through scikit-learn's checks, pipelines, searches, copies and stored models."""

import pickle
import warnings

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from crmml import tracking
from crmml.segments import PyramidSegmenter, RFMSegmenter, SegmentWarning, rfm_names
from crmml.testing.segment_adapter import legal_segmenters

from .customers import customers

#: One sentence of reason for each scikit-learn check that cannot hold.
EXPECTED_FAILURES = {}


@pytest.mark.filterwarnings("ignore::crmml.segments.SegmentWarning")  # their data are few and tied
@parametrize_with_checks(
    legal_segmenters(), expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(type(estimator).__name__, {})
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


SEGMENTERS = [
    RFMSegmenter(),
    RFMSegmenter({"recency": 4, "frequency": 3, "monetary": 2}, by="type"),
    RFMSegmenter(3, recency="days", names=rfm_names(3)),
    PyramidSegmenter(value="monetary_value"),
    PyramidSegmenter((0.01, 0.19, 0.3, 0.5), value="monetary_value", by="type", missing="own"),
]


@pytest.fixture(scope="module", params=SEGMENTERS, ids=lambda model: type(model).__name__)
def fitted(request):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SegmentWarning)
        return clone(request.param).fit(customers())


@pytest.mark.filterwarnings("ignore::crmml.segments.SegmentWarning")
def test_copies_predict_the_same(fitted):
    X, expected = customers(), fitted.predict(customers())
    copy = pickle.loads(pickle.dumps(fitted))
    assert (copy.predict(X) == expected).all()
    assert (clone(copy).fit(X).predict(X) == expected).all()
    assert (clone(fitted).fit_predict(X) == expected).all()
    assert len(pickle.dumps(fitted)) < 20_000  # aggregates only


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return tracking.local_uri(tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize("fitted", [SEGMENTERS[2], SEGMENTERS[4]], indirect=True, ids=["rfm", "pyramid"])
def test_a_stored_model_predicts_the_same(fitted, uri):
    with tracking.track("segments", uri=uri) as run:
        where = run.log_model(fitted, "segments", customers())
    loaded = tracking.load_model(where, uri=uri)
    assert (loaded.predict(customers()) == fitted.predict(customers())).all()
    pd.testing.assert_frame_equal(loaded.profile().table, fitted.profile().table)
    with tracking.tracking_at(uri):
        inputs = mlflow.models.get_model_info(where).signature.inputs.input_names()
    assert inputs == list(fitted.feature_names_in_)


@pytest.mark.filterwarnings("ignore::crmml.segments.SegmentWarning")
def test_columns_by_name_extras_ignored_parameters_untouched(fitted):
    X = customers()
    again = clone(fitted)
    before = str(again.get_params())
    again.fit(X[list(X.columns[::-1])].assign(extra="x"))
    assert str(again.get_params()) == before
    assert (again.predict(X) == fitted.predict(X)).all()


@pytest.mark.filterwarnings("ignore::crmml.segments.SegmentWarning")
def test_rows_in_another_order_and_weights_as_repetition(fitted):
    X = customers()
    expected = fitted.predict(X)
    order = np.random.default_rng(1).permutation(len(X))
    assert (clone(fitted).fit(X.iloc[order]).predict(X) == expected).all()
    weight = np.random.default_rng(2).integers(0, 4, len(X))
    weighted = clone(fitted).fit(X, sample_weight=weight)
    repeated = clone(fitted).fit(X.loc[X.index.repeat(weight)])
    assert (weighted.predict(X) == repeated.predict(X)).all()
    pd.testing.assert_frame_equal(weighted.profile().table, repeated.profile().table)


def test_set_output_pipeline_and_search():
    X = customers()
    model = RFMSegmenter(3).set_output(transform="pandas").fit(X)
    scores = model.transform(X)
    assert list(scores.columns) == ["recency_score", "frequency_score", "monetary_score"]
    assert scores.index.equals(X.index)
    pipe = make_pipeline(FunctionTransformer(), PyramidSegmenter((0.2, 0.8), value="monetary_value")).fit(X)
    assert set(pipe.predict(X)) == {"tier 1", "tier 2"}
    search = GridSearchCV(PyramidSegmenter(value="monetary_value"), {"shares": [(0.1, 0.9), (0.5, 0.5)]}, cv=3).fit(X)
    assert 0 < search.best_score_ <= 1
    assert search.best_params_["shares"] == (0.1, 0.9)  # the heavy tail is where the variance lies


def test_a_search_over_names_and_bins():
    search = GridSearchCV(RFMSegmenter(recency="days"), {"bins": [2, 3]}, cv=3).fit(customers())
    assert search.best_params_["bins"] in (2, 3)
