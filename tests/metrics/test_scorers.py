import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate

from crmml import DataError
from crmml.metrics import expected_calibration_error, expected_maximum_profit, get_scorer, profit_gain, scorers


def data(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(400, 3))
    return X, np.where(rng.random(400) < 1 / (1 + np.exp(1 - X[:, 0])), "yes", "no")


def test_in_cross_validation_with_labels_of_text():
    X, y = data()
    out = cross_validate(LogisticRegression(), X, y, cv=3, scoring=scorers(clv=500.0))
    assert {"test_expected_maximum_profit", "test_profit_gain", "test_neg_expected_calibration_error"} <= set(out)
    assert all(np.isfinite(values).all() for values in out.values())
    assert (out["test_profit_gain"] <= out["test_expected_maximum_profit"]).all()


def test_scores_are_the_metrics_with_costs():
    X, y = data()
    model = LogisticRegression().fit(X, y)
    p = model.predict_proba(X)[:, 1]
    named = scorers("expected_maximum_profit", "neg_expected_calibration_error", clv=900.0)
    assert named["expected_maximum_profit"](model, X, y) == expected_maximum_profit(y, p, clv=900.0)
    assert named["profit_gain"](model, X, y) == profit_gain(y, p, clv=900.0)
    assert named["neg_expected_calibration_error"](model, X, y) == -expected_calibration_error(y, p)


def test_in_a_grid_search():
    X, y = data()
    search = GridSearchCV(LogisticRegression(), {"C": [1e-4, 1.0]}, scoring=get_scorer("profit_gain"), cv=3).fit(X, y)
    assert search.best_score_ > 0
    value = np.exp(X[:, 0])
    assert get_scorer("normalized_gini")(LinearRegression().fit(X, value), X, value) > 0.9


def test_unknown_name():
    with pytest.raises(DataError, match="'emp' is not known; there are average_precision"):
        get_scorer("emp")


def test_the_label_of_churn_is_the_callers():
    X, y = data()
    model, text = LogisticRegression().fit(X, y), np.where(y == "yes", "Churn", "No Churn")
    other = LogisticRegression().fit(X, text)  # whose second class is that of the loyal
    names = (
        "expected_maximum_profit",
        "roc_auc",
        "neg_log_loss",
        "neg_brier_score",
        "average_precision",
        "top_decile_lift",
    )
    named, plain = scorers(*names, churned="Churn", clv=900.0), scorers(*names, clv=900.0)
    for name in names:
        assert named[name](other, X, text) == pytest.approx(plain[name](model, X, y), rel=1e-3)
        with pytest.raises(DataError, match="say churned='Churn' or churned='No Churn'"):
            plain[name](other, X, text)
    with pytest.raises(DataError, match="'qini' takes no labels of churn; leave churned= out"):
        get_scorer("qini", churned="Churn")
