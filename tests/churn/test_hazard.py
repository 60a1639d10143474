import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from crmml import DataError
from crmml.churn import HazardChurnClassifier
from crmml.exceptions import FeatureWarning
from crmml.metrics import concordance, integrated_brier_score, kaplan_meier

EXPECTED_FAILURES = {
    "check_classifiers_classes": "its labels 'one' and 'two' do not tell which is churn, so churned= is asked for",
    "check_sample_weight_equivalence_on_dense_data": (
        "inner folds of the calibration are drawn customer by customer, so one given twice is not one of weight two"
    ),
}


@pytest.mark.filterwarnings("ignore:Of the labels")  # 1 and 2, of which the checks say nothing
@parametrize_with_checks(
    [HazardChurnClassifier(LogisticRegression(), cv=2, random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def subscriptions(n=4000, seed=0, months=12):
    """Geometric lives with two rates, seen for a random time."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"contract": rng.choice(["month", "year"], n), "visits": rng.normal(size=n)})
    hazard = np.where(X["contract"] == "month", 0.2, 0.05)
    life, seen = rng.geometric(hazard), rng.integers(1, months + 1, n)
    return X, life <= seen, np.minimum(life, seen), hazard


@pytest.fixture(scope="module")
def fitted():
    X, event, duration, _ = subscriptions()
    return HazardChurnClassifier(LogisticRegression(), random_state=0).fit(X, event, duration=duration)


def test_hazards_are_those_of_the_process(fitted):
    new = pd.DataFrame({"contract": ["month", "year"], "visits": [0.0, 0.0]})
    hazard = fitted.predict_hazard(new)
    assert hazard.shape == (2, 12)
    np.testing.assert_allclose(hazard.mean(axis=1), [0.2, 0.05], atol=0.02)
    times = np.arange(1, 13)
    np.testing.assert_allclose(fitted.predict_survival(new, times), np.cumprod(1 - hazard, axis=1), rtol=1e-9)


def test_censoring_is_accounted_for():
    """Counting those lost from sight as stayers would double the survival found."""
    X, event, duration, hazard = subscriptions(8000, seed=1)
    model = HazardChurnClassifier(LogisticRegression(), random_state=0).fit(X, event, duration=duration)
    truth = ((1 - hazard) ** 6).mean()
    found = model.predict_survival(X, [6.0])[:, 0].mean()
    assert found == pytest.approx(truth, abs=0.02)
    assert found == pytest.approx(kaplan_meier(duration, event, [6])[1][0], abs=0.02)
    assert 1 - (event & (duration <= 6)).mean() > truth + 0.05


def test_remaining_life_and_memory_of_time_survived(fitted):
    new = pd.DataFrame({"contract": ["month", "year"], "visits": [0.0, 0.0]})
    grid = np.linspace(0, 12, 4001)
    area = np.trapezoid(fitted.predict_survival(new, grid), grid, axis=1)
    np.testing.assert_allclose(fitted.expected_remaining_life(new), area, rtol=1e-4)
    rest = fitted.expected_remaining_life(new, elapsed=[6.0, 12.0])
    assert rest[1] == 0
    part = np.trapezoid(fitted.predict_survival(new[:1], grid[:2001], elapsed=6.0), grid[:2001])
    assert rest[0] == pytest.approx(part, rel=1e-4)
    endless = fitted.expected_remaining_life(new, until=np.inf)
    # a constant hazard h per month leaves -1 / log(1 - h) months on average
    np.testing.assert_allclose(endless, -1 / np.log1p(-np.array([0.2, 0.05])), rtol=0.25)
    one = fitted.predict_survival(new, [3.0], elapsed=2.0) * fitted.predict_survival(new, [2.0])
    np.testing.assert_allclose(one, fitted.predict_survival(new, [5.0]), rtol=1e-9)


def test_beyond_what_was_seen_is_a_guess_and_says_so(fitted):
    new = pd.DataFrame({"contract": ["month"], "visits": [0.0]})
    with pytest.warns(FeatureWarning, match="Times reach 30, beyond the longest seen, 12"):
        late = fitted.predict_survival(new, [12.0, 30.0])
    assert 0 < late[0, 1] < late[0, 0]


def test_scores_better_than_one_curve_for_all(fitted):
    X, event, duration, hazard = subscriptions(3000, seed=2)
    times = np.arange(1, 12)
    own = integrated_brier_score(duration, event, fitted.predict_survival(X, times), times)
    _, common = kaplan_meier(duration, event, times)
    assert own < integrated_brier_score(duration, event, np.tile(common, (len(X), 1)), times)
    c = fitted.score(X, event, duration=duration)
    assert c == concordance(duration, event, fitted.predict_proba(X)[:, 1])
    assert abs(c - concordance(duration, event, hazard)) < 0.02


def test_default_stack_and_many_event_times():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"z": rng.normal(size=1500)})
    life, seen = rng.exponential(np.exp(-0.8 * X["z"]) * 10), rng.uniform(0, 30, 1500)
    model = HazardChurnClassifier(n_intervals=8, random_state=0).fit(X, life <= seen, duration=np.minimum(life, seen))
    assert model.edges_.size == 9
    assert model.score(X, life <= seen, duration=np.minimum(life, seen)) > 0.65
    truth = np.exp(-5.0 / (10 * np.exp(-0.8 * X["z"])))
    assert np.corrcoef(model.predict_survival(X, [5.0])[:, 0], truth)[0, 1] > 0.95
    assert np.isfinite(model.predict_survival(X, np.linspace(0, 20, 7))).all()
    assert "8 intervals" in model.describe()


def test_horizon_and_predictions(fitted):
    X, event, duration, _ = subscriptions(500)
    model = clone(fitted).set_params(horizon=3.0).fit(X, event, duration=duration)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p[:, 1], 1 - model.predict_survival(X, [3.0])[:, 0])
    assert set(model.predict(X)) <= {False, True}
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X[X.columns[::-1]]), p)


def test_on_every_engine(engine, fitted):
    X, _, _, _ = subscriptions(60)
    np.testing.assert_allclose(
        fitted.predict_survival(engine.frame(X), [2.0]), fitted.predict_survival(X, [2.0]), rtol=1e-12
    )


def test_faults():
    X, event, duration, _ = subscriptions(200)
    with pytest.raises(DataError, match="column 'tenure' is the duration itself"):
        HazardChurnClassifier(random_state=0).fit(X.assign(tenure=duration), event, duration=duration)
    with pytest.raises(DataError, match="1 of 200 durations is missing or not above 0"):
        HazardChurnClassifier(random_state=0).fit(X, event, duration=np.where(np.arange(200) == 3, 0, duration))
    with pytest.raises(DataError, match=r"it has shape \(3,\); \(200,\) is expected"):
        HazardChurnClassifier(random_state=0).fit(X, event, duration=duration[:3])
    with pytest.raises(DataError, match="all labels are"):
        HazardChurnClassifier(random_state=0).fit(X, np.zeros(200), duration=duration)
    model = HazardChurnClassifier(LogisticRegression(), random_state=0).fit(X, event, duration=duration)
    with pytest.raises(DataError, match="elapsed must be one number"):
        model.predict_survival(X, [1.0], elapsed=[1.0, 2.0])
    with pytest.raises(DataError, match="times must be one row"):
        model.predict_survival(X, [-1.0])
    with pytest.raises(ValueError, match="takes no weights"):
        model.score(X, event, sample_weight=np.arange(200))


def test_durations_of_no_unit_are_refused(fitted):
    X, event, duration, _ = subscriptions(200)
    model = HazardChurnClassifier(LogisticRegression(), cv=2, random_state=0)
    with pytest.raises(DataError, match=r"duration is not a number in \d+ of \d+ rows"):
        model.fit(X, event, duration=pd.to_timedelta(duration, unit="D"))
    with pytest.raises(DataError, match="time since start"):
        model.fit(X.assign(**{"time since start": 1.0}), event, duration=duration)


def test_the_label_of_churn_is_the_callers():
    X, event, duration, _ = subscriptions(600)
    y = np.where(event, "left", "stays")
    plain = HazardChurnClassifier(LogisticRegression(), cv=2, random_state=0)
    told = HazardChurnClassifier(LogisticRegression(), cv=2, churned="left", random_state=0)
    with pytest.raises(DataError, match="say churned='left' or churned='stays'"):
        plain.fit(X, y, duration=duration)
    told.fit(X, y, duration=duration)
    assert told.classes_.tolist() == ["stays", "left"]
    plain.fit(X, event, duration=duration)
    np.testing.assert_array_equal(told.predict_proba(X), plain.predict_proba(X))
    assert told.score(X, y, duration=duration) == plain.score(X, event, duration=duration)
