import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from crmml import DataError
from crmml.campaigns import TLearner
from crmml.datasets import make_campaign

from .. import ORACLES

FEATURES = ["recency", "orders", "average_order", "tenure", "newsletter"]
ESTIMATORS = {
    "logistic": LogisticRegression(solver="newton-cholesky", tol=1e-12),
    "tree": DecisionTreeClassifier(max_depth=4, min_samples_leaf=20, random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=30, random_state=0),
}


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_equals_two_models_of_scikit_uplift(name):
    """On the rows and with the estimators that uplift_two_models.json states, values by scikit-uplift 0.5.1."""
    wanted = json.loads((ORACLES / "uplift_two_models.json").read_text())
    rows = pd.read_csv(ORACLES / "uplift_two_models.csv")
    model = TLearner(ESTIMATORS[name], random_state=0).fit(rows[FEATURES], rows["outcome"], treatment=rows["treatment"])
    np.testing.assert_allclose(model.predict(rows[FEATURES]), wanted["uplift"][name], rtol=0, atol=wanted["tolerance"])


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_is_the_difference_of_models_fitted_apart(outcome):
    data = make_campaign(900, arms=("a", "b"), effect=0.1, outcome=outcome, random_state=0)
    X, y, arm = data[FEATURES], data["outcome"], data["treatment"]
    base = LogisticRegression(max_iter=1000) if outcome == "binary" else LinearRegression()
    parts = {k: clone(base).fit(X[arm == k], y[arm == k]) for k in ("control", "a", "b")}
    mean = {k: m.predict_proba(X)[:, 1] if outcome == "binary" else m.predict(X) for k, m in parts.items()}
    found = TLearner(base, random_state=0).fit(X, y, treatment=arm).predict(X)
    wanted = np.column_stack([mean["a"] - mean["control"], mean["b"] - mean["control"]])
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def test_a_regressor_may_take_zeros_and_ones():
    data = make_campaign(600, random_state=0)
    X, y, w = data[FEATURES], data["outcome"], data["treatment"]
    model = TLearner(LinearRegression(), random_state=0).fit(X, y, treatment=w)
    wanted = LinearRegression().fit(X[w == 1], y[w == 1]).predict(X) - LinearRegression().fit(
        X[w == 0], y[w == 0]
    ).predict(X)
    np.testing.assert_allclose(model.predict(X), wanted, atol=1e-12)
    assert model.outcome_ == "binary"


def test_weights_are_repetition():
    data = make_campaign(400, random_state=0)
    weight = np.random.default_rng(0).integers(0, 3, len(data))
    base = LogisticRegression(solver="newton-cholesky", tol=1e-12)
    weighted = TLearner(base, random_state=0).fit(
        data[FEATURES], data["outcome"], treatment=data["treatment"], sample_weight=weight.astype(float)
    )
    more = data.loc[data.index.repeat(weight)]
    repeated = TLearner(base, random_state=0).fit(more[FEATURES], more["outcome"], treatment=more["treatment"])
    np.testing.assert_allclose(weighted.predict(data), repeated.predict(data), atol=1e-8)


def test_a_classifier_is_refused_for_amounts():
    data = make_campaign(100, outcome="continuous", random_state=0)
    with pytest.raises(DataError, match="estimator is a classifier, which needs 0 and 1"):
        TLearner(LogisticRegression(), random_state=0).fit(data[FEATURES], data["outcome"], treatment=data["treatment"])


def test_an_arm_without_events_is_refused():
    data = make_campaign(200, random_state=0)
    y = data["outcome"].where(data["treatment"] == 0, 0)
    with pytest.raises(DataError, match="outcomes of arm 1 are 0; a classifier needs both 0 and 1: take a regressor"):
        TLearner(random_state=0).fit(data[FEATURES], y, treatment=data["treatment"])


def test_finds_effects_that_are_there():
    kinds = {"effect": 0.1, "baseline": 0.3}
    data = make_campaign(20_000, random_state=0, **kinds)
    new, truth = make_campaign(5_000, random_state=1, return_truth=True, **kinds)
    model = TLearner(random_state=0).fit(data[FEATURES], data["outcome"], treatment=data["treatment"])
    assert np.corrcoef(model.predict(new), truth)[0, 1] > 0.85
    assert model.predict(new).mean() == pytest.approx(0.1, abs=0.02)
