import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from crmml import DataError, tracking
from crmml.campaigns import SLearner, TLearner, TransformedOutcome, XLearner
from crmml.datasets import make_campaign
from crmml.exceptions import FeatureWarning
from crmml.metrics import qini_score

FEATURES = ["recency", "orders", "newsletter"]
LEARNERS = [
    SLearner(random_state=0),
    TLearner(random_state=0),
    XLearner(random_state=0),
    TransformedOutcome(random_state=0),
]


@pytest.fixture(scope="module")
def data():
    return make_campaign(800, effect=0.1, baseline=0.3, random_state=0)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"treatment": lambda d: d["treatment"] * 0}, "all 800 rows are of arm 0"),
        ({"treatment": lambda d: d["treatment"].astype(float).where(d.index > 4)}, "missing in 5 of 800"),
        ({"treatment": lambda d: d["treatment"] + 1}, "cannot be told"),
        ({"outcome": lambda d: d["outcome"].astype(float).where(d.index > 4)}, "y is missing in 5 of 800 rows"),
        ({"outcome": lambda d: d["outcome"].map({0: "no", 1: "yes"})}, "y is not a number in 800 of 800 rows"),
        ({"outcome": lambda d: d["outcome"].replace(1, np.inf)}, "y is infinite"),
        ({"outcome": lambda d: d["outcome"].to_numpy()[:10]}, r"y has shape \(10,\); \(800,\) is expected"),
        ({"propensity": lambda d: d["newsletter"]}, "that of arm 1 is 0 or 1 in 800 of 800 rows"),
        ({"X": lambda d: d[[*FEATURES, "outcome"]]}, "column 'outcome' equals the outcome in every row"),
        ({"X": lambda d: d[FEATURES].assign(sent=d["treatment"].map({0: "n", 1: "y"}))}, "column 'sent' tells the arm"),
        ({"X": lambda d: d[FEATURES].assign(recency=np.inf)}, "infinite"),
        ({"X": lambda d: pd.DataFrame({"empty": [None] * 800})}, "no column is left"),
    ],
)
def test_bad_input_is_refused(learner, change, said, data):
    given = {"X": data[FEATURES], "outcome": data["outcome"], "treatment": data["treatment"], "propensity": None}
    given |= {name: make(data) for name, make in change.items()}
    with pytest.raises(DataError, match=said):
        learner.fit(given["X"], given["outcome"], treatment=given["treatment"], propensity=given["propensity"])


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda e: type(e).__name__)
def test_other_columns_at_prediction_are_refused(learner, data):
    model = learner.fit(data[FEATURES], data["outcome"], treatment=data["treatment"])
    with pytest.raises(DataError, match=r"column 'recency' is missing; there are .*; did you mean 'recencies'"):
        model.predict(data[FEATURES].rename(columns={"recency": "recencies"}))
    with (
        pytest.warns(UserWarning, match="does not have valid feature names"),
        pytest.raises(ValueError, match=r"2 features, but .* is expecting 3 features"),
    ):
        model.predict(data[FEATURES].to_numpy()[:, :2])


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda e: type(e).__name__)
def test_text_dates_and_missing_values_are_taken(learner):
    data = make_campaign(1500, effect=0.1, baseline=0.3, random_state=0)
    rng = np.random.default_rng(0)
    X = data[FEATURES].assign(
        channel=rng.choice(["web", "shop", None], len(data)),
        since=pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, len(data)), unit="D"),
        orders=data["orders"].astype(float).where(rng.random(len(data)) > 0.1),
    )
    found = learner.fit(X, data["outcome"], treatment=data["treatment"]).predict(X)
    assert np.isfinite(found).all()


def test_a_given_estimator_gets_numbers_as_they_are_and_text_encoded(data):
    X, y, w = data[FEATURES], data["outcome"], data["treatment"]
    plain = TLearner(LogisticRegression(max_iter=1000), random_state=0).fit(X, y, treatment=w)
    assert type(plain.models_["outcome"][0]) is LogisticRegression
    text = X.assign(channel=np.where(X["recency"] > 5, "web", "shop"))
    encoded = TLearner(LogisticRegression(max_iter=1000), random_state=0).fit(text, y, treatment=w)
    assert encoded.models_["outcome"][0].steps[0][0] == "columns"


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda e: type(e).__name__)
def test_no_rows_have_no_uplift(learner, data):
    model = learner.fit(data[FEATURES], data["outcome"], treatment=data["treatment"])
    assert model.predict(data.head(0)).shape == (0,)


def test_a_classifier_without_probabilities_is_refused(data):
    with pytest.raises(TypeError, match="has no predict_proba; put it into a CalibratedClassifierCV"):
        TLearner(LinearSVC(), random_state=0).fit(data[FEATURES], data["outcome"], treatment=data["treatment"])


def test_named_arms_and_text_through_mlflow_and_back(tmp_path):
    data = make_campaign(600, arms=("call", "letter"), effect=0.1, random_state=0)
    X = data[FEATURES].assign(channel=np.where(data["recency"] > 4, "web", "shop"))
    uri = tracking.local_uri(tmp_path)
    model = XLearner(random_state=0).fit(X, data["outcome"].astype(bool), treatment=data["treatment"].astype("string"))
    with tracking.track("uplift", uri=uri) as run:
        model_uri = run.log_model(model, "uplift", X.head())
    loaded = tracking.load_model(model_uri, uri=uri)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.arms_.tolist() == ["call", "letter"]
    assert loaded.control_ == "control"


def test_the_identifier_is_no_feature(data):
    with_id = data[FEATURES].assign(customer_id=np.arange(len(data)) + 7_000_000)
    model = TLearner(random_state=0).fit(with_id, data["outcome"], treatment=data["treatment"])
    assert model.feature_names_in_.tolist() == FEATURES
    table = model.table(with_id)
    assert list(table) == ["customer_id", "uplift"]
    assert table["customer_id"].tolist() == with_id["customer_id"].tolist()
    np.testing.assert_array_equal(table["uplift"], model.predict(data))


def test_columns_left_out_are_told(data):
    X = data[FEATURES].assign(Notes=np.nan)
    with pytest.warns(FeatureWarning, match="column 'Notes' is missing in all rows and is left out"):
        TLearner(random_state=0).fit(X, data["outcome"], treatment=data["treatment"])


def test_any_engine(engine, data):
    part = data.head(200)
    wanted = TLearner(LinearRegression(), random_state=0).fit(
        part[FEATURES], part["outcome"], treatment=part["treatment"]
    )
    frame = engine.frame(part[FEATURES].assign(customer_id=np.arange(200)))
    model = TLearner(LinearRegression(), n_resamples=3, random_state=0)
    model.fit(frame, part["outcome"], treatment=part["treatment"])
    np.testing.assert_allclose(model.predict(frame), wanted.predict(part), atol=1e-12)
    table = model.table(frame)
    if engine.is_eager:
        assert engine.owns(table)
        assert list(engine.pandas(table)) == ["customer_id", "uplift", "uplift_std", "uplift_lower", "uplift_upper"]


def test_columns_of_outcome_and_treatment_of_another_engine(data):
    pl = pytest.importorskip("polars")
    frame = pl.from_pandas(data)
    model = TLearner(LinearRegression(), random_state=0).fit(
        frame.select(FEATURES), frame["outcome"], treatment=frame["treatment"]
    )
    wanted = TLearner(LinearRegression(), random_state=0).fit(
        data[FEATURES], data["outcome"], treatment=data["treatment"]
    )
    np.testing.assert_array_equal(model.predict(frame), wanted.predict(data))


def test_rows_of_weight_zero_are_not_there(data):
    X, y, w = data[FEATURES], data["outcome"].astype(float), data["treatment"]
    weight = np.ones(len(data))
    weight[::3] = 0
    found = XLearner(random_state=0).fit(X, y, treatment=w, propensity=0.5, sample_weight=weight)
    kept = weight > 0
    wanted = XLearner(random_state=0).fit(
        X[kept], y[kept], treatment=w[kept], propensity=0.5, sample_weight=weight[kept]
    )
    np.testing.assert_array_equal(found.predict(X), wanted.predict(X))
    with pytest.raises(DataError, match="an arm has 0 rows with weights above 0"):
        TLearner(random_state=0).fit(X, y, treatment=w, sample_weight=(w == 0).astype(float))


def test_score_is_the_qini_of_each_arm_against_control():
    data = make_campaign(1500, arms=("a", "b"), effect=0.1, random_state=0)
    model = TLearner(random_state=0).fit(data[FEATURES], data["outcome"], treatment=data["treatment"])
    uplift, wanted = model.predict(data), []
    for k, arm in enumerate(("a", "b")):
        rows = data["treatment"].isin(["control", arm])
        arm_rows = data["outcome"][rows], uplift[rows, k], data["treatment"][rows] == arm
        wanted.append(qini_score(*arm_rows, ties="line"))
    given = data[FEATURES], data["outcome"]
    assert model.score(*given, treatment=data["treatment"]) == pytest.approx(np.mean(wanted), rel=1e-12)
    rows = data["treatment"] != "b"
    found = model.score(given[0][rows], given[1][rows], treatment=data["treatment"][rows])
    assert found == pytest.approx(wanted[0], rel=1e-12)
    with pytest.raises(DataError, match="enable_metadata_routing"):
        model.score(*given)
    with pytest.raises(DataError, match="arm 'c' was not there at fit"):
        model.score(*given, treatment=data["treatment"].replace("b", "c"))


# ---- uncertainty ----------------------------------------------------------------------------------------------------


def test_without_a_bootstrap_nothing_is_made_up(data):
    model = TLearner(random_state=0).fit(data[FEATURES], data["outcome"], treatment=data["treatment"])
    for ask in (model.predict_interval, model.predict_std, model.sample):
        with pytest.raises(
            DataError, match="n_resamples=0, so nothing is known of its uncertainty; fit it with n_resamples"
        ):
            ask(data)
    assert "Uncertainty was not computed" in model.describe()


def test_draws_standard_errors_and_intervals_agree():
    data = make_campaign(600, arms=2, effect=0.1, random_state=0)
    model = TLearner(n_resamples=20, random_state=0).fit(data[FEATURES], data["outcome"], treatment=data["treatment"])
    draws, std, interval = model.sample(data), model.predict_std(data), model.predict_interval(data, coverage=0.8)
    assert draws.shape == (20, 600, 2)
    assert interval.shape == (600, 2, 2)
    np.testing.assert_allclose(draws.mean(axis=0), model.predict(data), atol=1e-12)
    np.testing.assert_allclose(draws.std(axis=0, ddof=1), std)
    np.testing.assert_allclose(interval.mean(axis=-1), model.predict(data), atol=1e-12)
    np.testing.assert_allclose(np.ptp(interval, axis=-1), 2 * 1.2815515655 * std, rtol=1e-9)
    again = model.sample(data, 50, random_state=1)
    assert again.shape == (50, 600, 2)
    np.testing.assert_array_equal(again, model.sample(data, 50, random_state=1))
    assert {row.tobytes() for row in again} <= {row.tobytes() for row in draws}
    with pytest.raises(ValueError, match=r"coverage=90 must lie between 0 and 1; write 0\.9"):
        model.predict_interval(data, coverage=90)


def test_same_seed_same_draws_whatever_n_jobs(data):
    given = data[FEATURES], data["outcome"]
    one = TLearner(n_resamples=4, random_state=3).fit(*given, treatment=data["treatment"])
    two = TLearner(n_resamples=4, random_state=3, n_jobs=2).fit(*given, treatment=data["treatment"])
    np.testing.assert_array_equal(one.sample(data), two.sample(data))


def test_intervals_cover_the_truth_where_the_model_is_right():
    """A linear model of linear outcomes: 90 % intervals of 20 customers, 30 campaigns."""

    def effect(X):
        return 0.5 - 0.1 * X["recency"] + X["newsletter"]

    def baseline(X):
        return 5 + 0.2 * X["recency"]

    kinds = {"effect": effect, "baseline": baseline, "outcome": "continuous", "noise": 3.0}
    new, truth = make_campaign(20, random_state=999, return_truth=True, **kinds)
    covered = []
    for seed in range(30):
        data = make_campaign(400, random_state=seed, **kinds)
        model = TLearner(LinearRegression(), n_resamples=20, random_state=0).fit(
            data[FEATURES], data["outcome"], treatment=data["treatment"]
        )
        interval = model.predict_interval(new)
        covered.append(((interval[:, 0] <= truth) & (truth <= interval[:, 1])).mean())
    # customers of one campaign err together, so the mean of 30 campaigns has a standard error of about 0.02
    assert 0.84 < np.mean(covered) < 0.96


@settings(max_examples=12, deadline=None)
@given(
    st.integers(120, 250),
    st.sampled_from([1, 2, 3]),
    st.floats(0.15, 0.3),
    st.integers(0, 1000),
    st.sampled_from([SLearner, TLearner, TransformedOutcome]),
)
def test_a_shift_and_a_scale_of_amounts_carry_over(n, n_arms, share, seed, kind):
    """Outcomes in cents are worth a hundred times the uplift; arms renamed are the same arms."""
    data = make_campaign(
        n * (n_arms + 1), arms=n_arms, propensity=[share] * n_arms, outcome="continuous", effect=1.0, random_state=seed
    )
    X, y, arm = data[FEATURES], data["outcome"], data["treatment"]
    shares = dict.fromkeys(range(1, n_arms + 1), share)
    plain = kind(LinearRegression()).fit(X, y, treatment=arm, propensity=shares).predict(X)
    cents = kind(LinearRegression()).fit(X, 100 * y, treatment=arm, propensity=shares).predict(X)
    np.testing.assert_allclose(cents, 100 * plain, rtol=1e-6, atol=1e-6)
    named = arm.map(lambda k: "none" if k == 0 else f"arm {k}")
    shares = {f"arm {k}": share for k in range(1, n_arms + 1)}
    again = kind(LinearRegression()).fit(X, y, treatment=named, propensity=shares).predict(X)
    np.testing.assert_allclose(again, plain, atol=1e-10)


def test_rows_in_another_order_are_refused(data):
    shuffled = data["outcome"].sample(frac=1, random_state=0)
    with pytest.raises(DataError, match="y has the row labels of X in another order"):
        TLearner(random_state=0).fit(data[FEATURES], shuffled, treatment=data["treatment"])
    model = TLearner(LogisticRegression(), random_state=0).fit(
        data[FEATURES], data["outcome"], treatment=data["treatment"]
    )
    with pytest.raises(DataError, match="y has the row labels of X in another order"):
        model.score(data[FEATURES], shuffled, treatment=data["treatment"])
    with pytest.raises(ValueError, match="coverage=90 must lie between 0 and 1"):
        model.table(data[FEATURES], coverage=90)


def test_equal_predictions_score_nothing_in_any_order():
    data = make_campaign(600, effect=0.1, baseline=0.3, random_state=0)
    data = data.sort_values("outcome", ascending=False, ignore_index=True)
    X = pd.DataFrame({"flat": np.arange(600) % 2})
    model = SLearner(LogisticRegression(), random_state=0).fit(X, data["outcome"], treatment=data["treatment"])
    same = X.assign(flat=1)
    for rows in (np.arange(600), np.arange(600)[::-1]):
        found = model.score(same, data["outcome"].to_numpy()[rows], treatment=data["treatment"].to_numpy()[rows])
        assert abs(found) < 1 / 600


@pytest.mark.parametrize("kind", ["datetime64[s]", "timedelta64[s]", "complex"])
def test_outcomes_that_are_no_amounts(kind):
    data = make_campaign(200, random_state=0)
    with pytest.raises(DataError, match=r"y is not a number in 200 of 200 rows .*; write 0 and 1, or an amount"):
        TLearner(random_state=0).fit(
            data[FEATURES], data["outcome"].to_numpy().astype(kind), treatment=data["treatment"]
        )


@pytest.mark.parametrize("column", ["orders", "outcome", "treatment"])
def test_columns_of_lists_are_refused(column):
    data = make_campaign(200, random_state=0)
    data[column] = [[value] for value in data[column]]
    with pytest.raises(DataError, match=r"lists or the|is not a number in 200 of 200 rows \(another kind\); write"):
        TLearner(random_state=0).fit(data[FEATURES], data["outcome"], treatment=data["treatment"])


@pytest.mark.parametrize("learner", [TLearner(random_state=0), TransformedOutcome(random_state=0)])
def test_propensities_that_the_arms_contradict(learner):
    data = make_campaign(600, propensity=0.2, random_state=0)
    given = data[FEATURES], data["outcome"]
    with pytest.raises(
        DataError, match=r"arm 1 should have 80\.0% of the customers and has \d+\.\d%, \d+ standard errors away"
    ):
        learner.fit(*given, treatment=data["treatment"], propensity=0.8)
    learner.fit(*given, treatment=data["treatment"], propensity=0.2)
    weight = np.where(data["treatment"] == 1, 4.0, 1.0)  # restores halves
    learner.fit(*given, treatment=data["treatment"], propensity=0.5, sample_weight=weight)


def test_no_interval_where_no_outcome_differs():
    data = make_campaign(200, random_state=0)
    found = TLearner(random_state=0).fit(data[FEATURES], np.zeros(200), treatment=data["treatment"])
    assert "by +0 (interval unknown, for no outcome differs)" in found.describe()


def test_a_customer_number_is_no_feature():
    data = make_campaign(200, random_state=0).assign(customer_number=np.arange(200) + 100_000)
    X = data[["customer_number", *FEATURES]]
    model = TLearner(random_state=0).fit(X, data["outcome"], treatment=data["treatment"])
    assert model.feature_names_in_.tolist() == FEATURES
    assert list(model.table(X)) == ["customer_number", "uplift"]


def test_the_average_effect_and_its_error_by_hand():
    data = make_campaign(500, outcome="continuous", noise=3.0, random_state=0)
    found = (
        TLearner(random_state=0).fit(data[FEATURES], data["outcome"], treatment=data["treatment"]).average_effect_[0]
    )
    control, treated = (data["outcome"][data["treatment"] == arm].to_numpy() for arm in (0, 1))
    wanted = [treated.mean() - control.mean(), np.sqrt(treated.var() / treated.size + control.var() / control.size)]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
