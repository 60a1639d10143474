import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from crmml import DataError
from crmml.clv import BetaGeoNBD, ExponentialGamma, ShiftedBetaGeometric
from crmml.scoring.predictions import columns_needed, scores_of

from ..clv.cdnow import cdnow_split


def test_a_transaction_model_alone():
    model = BetaGeoNBD(horizon=39).fit(cdnow_split())
    scores = scores_of(model, cdnow_split())
    assert list(scores.columns) == ["customer_id", "probability_alive", "expected_purchases"]
    np.testing.assert_array_equal(scores["expected_purchases"], model.predict(cdnow_split()))
    assert columns_needed(model, ["T", "x", "recency", "frequency", "id"], ["id"]) == [
        "id",
        "frequency",
        "recency",
        "T",
    ]
    with pytest.raises(DataError, match="column 'T' is missing"):
        columns_needed(model, ["recency", "frequency"], [])


def test_a_contractual_model():
    model = ShiftedBetaGeometric(horizon=4).set_fitted_params(alpha=0.7, beta=2.0)
    X = pd.DataFrame({"customer_id": [7, 8], "recency": [3, 1], "T": [3, 3]})
    scores = scores_of(model, X)
    assert list(scores.columns) == ["customer_id", "survival", "expected_renewals"]
    np.testing.assert_array_equal(scores["survival"], model.predict_survival(X, 4))
    np.testing.assert_array_equal(scores["expected_renewals"], model.predict(X))
    continuous = ExponentialGamma(horizon=2.5).set_fitted_params(r=1.0, alpha=9.0)
    assert list(scores_of(continuous, X, []).columns) == ["survival", "expected_time"]


def test_any_other_estimator():
    X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]})
    assert list(scores_of(LinearRegression().fit(X, X["a"]), X).columns) == ["prediction"]
    classifier = LogisticRegression().fit(X, [0, 0, 1, 1])
    np.testing.assert_array_equal(scores_of(classifier, X)["probability"], classifier.predict_proba(X)[:, 1])


def test_an_array_model_reads_all_columns():
    model = LinearRegression().fit(np.zeros((3, 1)), np.zeros(3))
    assert columns_needed(model, ["a", "b"], ["b"]) == ["a", "b"]
