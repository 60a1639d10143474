import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crmml import DataError
from crmml.stages import CovariateMarkovStageModel, MarginalEffect, MarkovStageModel, StageSpace

SPACE = StageSpace(("low", "high", "gone"), rupture="gone", absorbing=("gone",))


def simulated(n=3000, T=10, seed=0):
    """A visit keeps customers: log odds of rupture fall by 1, of high they rise by 0.7; size acts on high alone."""
    rng = np.random.default_rng(seed)
    size, visit = rng.normal(size=n), rng.integers(0, 2, (n, T)).astype(float)
    X = np.zeros((n, T))
    X[:, 0] = rng.integers(0, 2, n)
    for t in range(T - 1):
        now = X[:, t].astype(int)
        eta = np.column_stack([np.where(now == 0, 1, 0), -0.2 + 0.7 * visit[:, t] + 0.5 * size, -0.8 - visit[:, t]])
        moved = (eta + rng.gumbel(size=eta.shape)).argmax(axis=1)
        X[:, t + 1] = np.where(now == 2, 2, moved)
    return X, {"size": size, "visit": visit}


def proba(now, size, visit):
    eta = np.array([1.0 if now == 0 else 0.0, -0.2 + 0.7 * visit + 0.5 * size, -0.8 - visit])
    return np.exp(eta) / np.exp(eta).sum()


@pytest.fixture(scope="module")
def data():
    return simulated()


@pytest.fixture(scope="module")
def fitted(data):
    X, covariates = data
    return CovariateMarkovStageModel(SPACE, period="M").fit(X, covariates=covariates)


def test_the_probabilities_are_found(fitted):
    for now in (0, 1):
        for size, visit in ((0.0, 0.0), (1.0, 1.0)):
            chain = fitted.chain({"size": size, "visit": visit})
            np.testing.assert_allclose(chain.P[now], proba(now, size, visit), atol=0.03)
    assert (
        fitted.chain({"size": 0, "visit": 1}).hitting_time()[0]
        > fitted.chain({"size": 0, "visit": 0}).hitting_time()[0]
    )
    assert "covariates: size, visit" in fitted.describe()


def test_rows_are_the_bare_classifiers(fitted, data):
    X, covariates = data
    who, when = np.nonzero(X[:, :-1] == 1)
    Z = np.column_stack([covariates["size"][who], covariates["visit"][who, when]])
    bare = LogisticRegression(C=np.inf, max_iter=1000).fit(Z, X[who, when + 1])
    np.testing.assert_allclose(fitted.classifiers_["high"].coef_, bare.coef_)
    total, T = 0.0, X.shape[1]
    every = {"size": np.repeat(covariates["size"], T), "visit": covariates["visit"].ravel()}
    P = fitted.transition_matrices(every).reshape(len(X), T, 3, 3)
    for a in range(len(X)):
        for t in range(T - 1):
            total += np.log(P[a, t, int(X[a, t]), int(X[a, t + 1])])
    assert fitted.log_likelihood_ == pytest.approx(total)
    assert fitted.score(X, covariates=covariates) == pytest.approx(fitted.log_likelihood_ / len(X))


def test_without_covariates_it_is_the_plain_chain(data):
    X, _ = data
    plain, same = MarkovStageModel(SPACE).fit(X), CovariateMarkovStageModel(SPACE).fit(X)
    np.testing.assert_allclose(same.chain_.P, plain.chain_.P, rtol=1e-12)
    assert same.log_likelihood_ == pytest.approx(plain.log_likelihood_, rel=1e-12)
    np.testing.assert_allclose(same.predict_proba(X[:5], 4), plain.predict_proba(X[:5], 4))


def test_prediction_uses_the_last_observed_period(fitted):
    X = np.array([[0.0, 1.0, np.nan], [0.0, np.nan, np.nan]])
    visit = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    found = fitted.predict_proba(X, covariates={"visit": visit, "size": [0.5, -0.5]})
    np.testing.assert_allclose(found[0], fitted.chain({"size": 0.5, "visit": 1}).P[1])
    np.testing.assert_allclose(found[1], fitted.chain({"size": -0.5, "visit": 1}).P[0])
    two = fitted.predict_proba(X, 2, covariates={"visit": visit, "size": [0.5, -0.5]})
    np.testing.assert_allclose(two[0], fitted.chain({"size": 0.5, "visit": 1}).step(2)[1])
    own = fitted.rupture_probability(X, 6, covariates={"visit": visit, "size": [0.5, -0.5]})
    assert own[0] == pytest.approx(fitted.chain({"size": 0.5, "visit": 1}).rupture_probability(6)[1])


def test_the_effect_of_an_action(data):
    X, covariates = simulated(800, 8, seed=3)
    model = CovariateMarkovStageModel(SPACE).fit(X, covariates=covariates)
    found = model.marginal_effect(X, "visit", covariates=covariates, n_resamples=60, random_state=0)
    last = X[:, -1].astype(int)
    true = [proba(s, z, 1)[2] - proba(s, z, 0)[2] for s, z in zip(last, covariates["size"], strict=True) if s < 2]
    assert found.lower < np.mean(true) < found.upper < 0
    assert set(found.by_stage["stage"]) == {"low", "high"}
    assert "lowers the probability of rupture within 1 period" in found.describe()
    again = model.marginal_effect(X, "visit", covariates=covariates, n_resamples=60, random_state=0, n_jobs=2)
    assert again.lower == found.lower
    with pytest.raises(ValueError, match="is none; the covariates are size, visit"):
        model.marginal_effect(X, "call", covariates=covariates)
    with pytest.raises(ValueError, match="n_resamples"):
        model.marginal_effect(X, "visit", covariates=covariates, n_resamples=2)


def test_actions_as_categories(data):
    X, covariates = data
    action = np.where(covariates["visit"] == 1, "visit", "nothing").astype(object)
    model = CovariateMarkovStageModel(SPACE, categorical=["action"]).fit(X, covariates={"action": action})
    numeric = CovariateMarkovStageModel(SPACE).fit(X, covariates={"visit": covariates["visit"]})
    np.testing.assert_allclose(model.chain({"action": "visit"}).P, numeric.chain({"visit": 1}).P, rtol=1e-6)
    with pytest.raises(DataError, match="'action' has 'letter', never seen at fit"):
        model.chain({"action": "letter"})


def test_any_classifier_and_missing_covariates(data):
    X, covariates = data
    holes = {"size": np.where(covariates["size"] > 1.5, np.nan, covariates["size"]), "visit": covariates["visit"]}
    with pytest.raises(DataError, match="a covariate is missing at"):
        CovariateMarkovStageModel(SPACE).fit(X, covariates=holes)
    X, holes = X[:300], {name: values[:300] for name, values in holes.items()}
    trees = HistGradientBoostingClassifier(max_iter=5, random_state=0)
    model = CovariateMarkovStageModel(SPACE, classifier=trees).fit(X, covariates=holes)
    np.testing.assert_allclose(
        model.predict_proba(X[:20], covariates={k: v[:20] for k, v in holes.items()}).sum(axis=1), 1
    )
    scaled = make_pipeline(StandardScaler(), LogisticRegression())
    table = pd.DataFrame({"size": covariates["size"][:300]})
    piped = CovariateMarkovStageModel(SPACE, classifier=scaled).fit(X, covariates=table)
    assert piped.covariate_names_ == ("size",)


def test_wrong_covariates(data):
    X, covariates = data
    with pytest.raises(DataError) as caught:
        CovariateMarkovStageModel(SPACE).fit(X, covariates={"a": np.zeros(3), "b": np.full(len(X), "x")})
    assert "'a' has the shape (3,)" in str(caught.value)
    assert "'b' has values that are not numbers" in str(caught.value)
    model = CovariateMarkovStageModel(SPACE).fit(X, covariates=covariates)
    with pytest.raises(DataError, match="'visit' is missing"):
        model.predict_proba(X, covariates={"size": covariates["size"]})
    with pytest.raises(DataError, match="categorical names 'c'"):
        CovariateMarkovStageModel(SPACE, categorical=["c"]).fit(X, covariates=covariates)
    with pytest.raises(DataError, match="no move was observed from 'high'"):
        CovariateMarkovStageModel(SPACE).fit([[0, 0, 2], [0, 2, 2]])
    one_way = CovariateMarkovStageModel(SPACE, unvisited="stay").fit([[0, 0, 2], [0, 2, 2]])
    assert one_way.chain_.P[1, 1] == 1


def test_words():
    table = pd.DataFrame({"stage": ["on"], "effect": [-0.02], "lower": [-0.03], "upper": [-0.01]})
    sure = MarginalEffect("visit", (0, 1), 6, -0.02, -0.03, -0.01, 0.9, table).describe()
    assert "lowers the probability of rupture within 6 periods by 2.00 percentage points" in sure
    assert "-3.00 to -1.00" in sure
    assert "holds 0" not in sure
    unsure = MarginalEffect("visit", (0, 1), 1, 0.01, -0.03, 0.05, 0.9, table).describe()
    assert "raises the probability of rupture within 1 period by" in unsure
    assert "The interval holds 0" in unsure
