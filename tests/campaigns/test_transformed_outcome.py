import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import StratifiedKFold

from crmml import DataError
from crmml.campaigns import TransformedOutcome
from crmml.datasets import make_campaign

FEATURES = ["recency", "orders", "newsletter"]


def test_regression_of_the_transformed_outcome():
    data = make_campaign(900, propensity=lambda X: 0.2 + 0.5 * X["newsletter"], random_state=0)
    X, y, w = data[FEATURES], data["outcome"], data["treatment"]
    e = 0.2 + 0.5 * data["newsletter"]
    z = y * (w - e) / (e * (1 - e))
    model = TransformedOutcome(LinearRegression(), random_state=0).fit(X, y, treatment=w, propensity=e)
    np.testing.assert_allclose(model.predict(X), LinearRegression().fit(X, z).predict(X), atol=1e-12)


def test_classification_of_the_transformed_class():
    data = make_campaign(900, propensity=0.25, random_state=0)
    X, y, w = data[FEATURES], data["outcome"], data["treatment"]
    base = LogisticRegression(solver="newton-cholesky", tol=1e-12)
    weight = np.where(w == 1, 1 / 0.25, 1 / 0.75)
    by_hand = LogisticRegression(solver="newton-cholesky", tol=1e-12)
    by_hand.fit(X, y == w, sample_weight=weight / weight.mean())
    model = TransformedOutcome(base, random_state=0).fit(X, y, treatment=w, propensity=0.25)
    np.testing.assert_allclose(model.predict(X), 2 * by_hand.predict_proba(X)[:, 1] - 1, atol=1e-12)


def test_the_class_needs_outcomes_of_zero_and_one():
    data = make_campaign(200, outcome="continuous", random_state=0)
    with pytest.raises(DataError, match="take a regressor"):
        TransformedOutcome(LogisticRegression(), random_state=0).fit(
            data[FEATURES], data["outcome"], treatment=data["treatment"]
        )


def test_taking_off_what_was_expected_leaves_the_mean_and_not_the_noise():
    data = make_campaign(1200, outcome="continuous", effect=1.0, random_state=0)
    X, y, w = data[FEATURES], data["outcome"], data["treatment"]
    model = TransformedOutcome(LinearRegression(), outcome_estimator=LinearRegression(), random_state=5)
    model.fit(X, y, treatment=w, propensity=0.5)
    seed = np.random.RandomState(5).randint(2**31 - 1)
    off = np.zeros(len(y))
    for fit, rest in StratifiedKFold(5, shuffle=True, random_state=seed).split(X, w):
        off[rest] = LinearRegression().fit(X.iloc[fit], y.iloc[fit]).predict(X.iloc[rest])
    z = (y - off) * (w - 0.5) / 0.25
    np.testing.assert_allclose(model.predict(X), LinearRegression().fit(X, z).predict(X), atol=1e-10)
    assert z.mean() == pytest.approx(1.0, abs=0.2)
    assert z.std() < (y * (w - 0.5) / 0.25).std() / 5


def test_several_arms_use_their_own_customers_and_the_controls():
    data = make_campaign(1500, arms=2, random_state=0)
    X, y, arm = data[FEATURES], data["outcome"], data["treatment"]
    shares = {0: 0.36, 1: 0.34, 2: 0.3}
    found = (
        TransformedOutcome(LinearRegression(), random_state=0).fit(X, y, treatment=arm, propensity=shares).predict(X)
    )
    for k in (1, 2):
        rows, e = arm.isin([0, k]), shares[k] / (shares[0] + shares[k])
        z = y[rows] * ((arm[rows] == k) - e) / (e * (1 - e))
        np.testing.assert_allclose(found[:, k - 1], LinearRegression().fit(X[rows], z).predict(X), atol=1e-12)


def test_the_default_takes_off_what_was_expected():
    """Amounts far from 0 make the plain transformed outcome useless."""
    kinds = {"outcome": "continuous", "effect": 1.0, "noise": 2.0, "baseline": 50.0}
    data = make_campaign(3000, random_state=0, **kinds)
    new, truth = make_campaign(3000, random_state=1, return_truth=True, **kinds)
    given = data[FEATURES], data["outcome"]
    default = TransformedOutcome(random_state=0).fit(*given, treatment=data["treatment"], propensity=0.5)
    plain = TransformedOutcome(LinearRegression(), random_state=0).fit(
        *given, treatment=data["treatment"], propensity=0.5
    )
    error = [np.mean((model.predict(new) - truth) ** 2) for model in (default, plain)]
    assert error[0] < error[1] / 3
