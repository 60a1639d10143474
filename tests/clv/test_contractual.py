"""What all contractual models share: input, limits, intervals, totals, posterior, storage."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from crmml import DataError
from crmml.clv import BetaDiscreteWeibull, ExponentialGamma, ShiftedBetaGeometric
from crmml.frames.ruler import Ruler

MODELS = [
    ShiftedBetaGeometric(),
    BetaDiscreteWeibull(),
    ExponentialGamma(),
]
PARAMS = {
    "ShiftedBetaGeometric": {"alpha": 0.8, "beta": 3.0},
    "BetaDiscreteWeibull": {"alpha": 0.6, "beta": 2.5, "c": 1.4},
    "ExponentialGamma": {"r": 0.9, "alpha": 6.0},
}
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]


def fresh(model):
    return type(model)()


def truth_of(model):
    return fresh(model).set_fitted_params(**PARAMS[type(model).__name__])


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: type(model).__name__)
def model(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(model):
    return fresh(model).fit(truth_of(model).simulate(2000, 8, random_state=0))


def customers(*rows):
    return pd.DataFrame(rows, columns=["recency", "T"])


def rows_of(counts):
    """One row for each customer of a cohort."""
    last = len(counts) - 1
    left = np.repeat(np.arange(last), -np.diff(counts))
    return pd.DataFrame({"recency": np.append(left, np.full(counts[-1], last)), "T": last})


# ---- rows and counts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS[:2], ids=lambda model: type(model).__name__)
def test_rows_and_counts_are_one_likelihood(model):
    by_rows, by_counts = fresh(model).fit(rows_of(HIGH_END)), fresh(model).fit_survivors(HIGH_END)
    assert by_rows.log_likelihood_ == pytest.approx(by_counts.log_likelihood_, rel=1e-13)
    assert dict(by_rows.params_) == pytest.approx(dict(by_counts.params_), rel=1e-8)
    survival = by_counts.survival(np.arange(8))
    by_hand = -np.diff(HIGH_END) @ np.log(-np.diff(survival)) + HIGH_END[-1] * np.log(survival[-1])
    assert by_counts.log_likelihood_ == pytest.approx(by_hand, rel=1e-12)
    assert by_counts.score(rows_of(HIGH_END)) * 1000 == pytest.approx(by_counts.log_likelihood_, rel=1e-12)


def test_staggered_cohorts_share_their_parameters(model):
    cohorts = {"2021": [1000, 820, 700, 640], "2022": [800, 668, 571], "2023": [1200, 984]}
    together = fresh(model).fit_survivors(cohorts)
    listed = fresh(model).fit_survivors(list(cohorts.values()))
    assert together.params_ == listed.params_
    assert together.n_customers_ == 3000
    if model._discrete:
        pooled = pd.concat([rows_of(counts) for counts in cohorts.values()])
        assert fresh(model).fit(pooled).log_likelihood_ == pytest.approx(together.log_likelihood_, rel=1e-12)


def test_a_customer_not_yet_observed_says_nothing(model):
    X = truth_of(model).simulate(500, 6, random_state=0)
    more = pd.concat([X, X.head(50).assign(recency=0.0, T=0.0)])
    assert fresh(model).fit(more).log_likelihood_ == fresh(model).fit(X).log_likelihood_


# ---- bad input -----------------------------------------------------------------------------------------------------------


def test_every_fault_of_the_counts_in_one_message(model):
    with pytest.raises(DataError) as caught:
        fresh(model).fit_survivors(
            {"a": [100, 80, 90, 70, 75], "b": [100, -5], "c": [100, 50.5], "d": [0, 0], "e": [7], "f": [10, np.nan]}
        )
    message = str(caught.value)
    assert "cohort a grows 2 times (80 to 90 at renewal 2, 70 to 75 at renewal 4)" in message
    assert "cohort b: the counts must be whole numbers of at least 0; it is -5" in message
    assert "cohort c: the counts must be whole numbers of at least 0; it is 50.5" in message
    assert "cohort d starts with nobody" in message
    assert "cohort e has 1 counts" in message
    assert "cohort f" in message
    assert "6 faults" in message
    for nothing in ([], {}):
        with pytest.raises(DataError):
            fresh(model).fit_survivors(nothing)


def test_every_fault_of_the_rows_in_one_message(model):
    X = pd.DataFrame({"recency": [3.0, -1.0, 2.5, np.nan, 1.0], "T": [2.0, 4.0, 5.0, 5.0, np.inf]})
    with pytest.raises(DataError) as caught:
        fresh(model).fit(X)
    message = str(caught.value)
    assert "recency is later than T in 1 of 5 rows (3 in row 0)" in message
    assert "recency is negative in 1 of 5 rows (-1 in row 1)" in message
    assert "recency is missing (NaN) in 1 of 5 rows" in message
    assert "T is infinite in 1 of 5 rows" in message
    assert ("recency is not a whole number in 1 of 5 rows (2.5 in row 2)" in message) == model._discrete


def test_covariates_that_miss_are_named(model):
    with_covariates = type(model)(dropout_covariates=["plan", "age"])
    X = truth_of(model).simulate(50, 5, random_state=0)
    with pytest.raises(DataError, match="plan"):
        with_covariates.fit(X.assign(age=1.0))
    with pytest.raises(DataError, match="covariate plan is missing or infinite in 2 of 50 rows"):
        with_covariates.fit(X.assign(age=1.0, plan=[np.nan, np.inf, *range(48)]))
    with pytest.raises(DataError) as caught:
        with_covariates.fit_survivors([[10, 8], [10, 7]], covariates={"age": [1.0, 2.0, 3.0]})
    assert "plan is missing" in str(caught.value)
    assert "age has shape (3,) and must have (2,)" in str(caught.value)
    with pytest.raises(ValueError, match="'T' cannot be a covariate"):
        type(model)(dropout_covariates=["T"]).fit(X)
    known = type(model)(dropout_covariates=["plan"]).set_fitted_params(
        **PARAMS[type(model).__name__], coef_dropout={"plan": 0.1}
    )
    with pytest.raises(DataError, match="plan is missing"):
        known.survival(3)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([200] * 5, "none of 200 customers left within the time observed: the likeliest is that nobody ever does"),
        ([200, 0, 0, 0, 0], "all of 200 customers left at once: the likeliest is that everybody always does"),
    ],
)
def test_limits_are_refused_in_words(model, counts, words):
    with pytest.raises(DataError, match=words):
        fresh(model).fit_survivors(counts)
    with pytest.raises(DataError, match=words):
        fresh(model).fit(rows_of(counts))
    some = pd.concat([rows_of(counts), customers((1, 4), (4, 4))])
    with pytest.raises(DataError, match=words):
        fresh(model).fit(some, sample_weight=[1] * 200 + [0, 0])


def test_a_limit_within_the_model_is_named():
    """Retention that falls: customers who do not differ fit best."""
    with pytest.warns(ConvergenceWarning, match="all customers leave with one probability"):
        limit = ShiftedBetaGeometric().fit_survivors([1000, 900, 800, 700, 600, 500])
    assert not limit.converged_
    assert float(limit.survival(1)) == pytest.approx(0.873, abs=0.01)
    assert "NOT converged" in limit.describe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interval = limit.total_interval([[5, 5]] * 500, 3)
    assert interval["lower"].item() < 500 * float(limit.survival(3)) < interval["upper"].item()


@pytest.mark.parametrize("model", MODELS[:2], ids=lambda model: type(model).__name__)
def test_too_few_renewals_for_the_parameters_are_refused(model):
    most = len(model.parameter_names) - 1
    with pytest.raises(DataError, match=f"T is at most {most}, so that survival is known at {most} renewals"):
        fresh(model).fit_survivors([100, 80, 70][: most + 1])
    fresh(model).fit_survivors([1000, 631, 468, 382][: most + 2])


def test_wrong_arguments_are_refused(fitted):
    X = customers((3, 3))
    with pytest.raises(ValueError, match="horizon"):
        fitted.predict(X, -1)
    with pytest.raises(ValueError, match="ahead"):
        fitted.predict_survival(X, -1)
    with pytest.raises(ValueError, match="for 90 %"):
        fitted.predict_interval(X, coverage=90)
    with pytest.raises(ValueError, match="no outcome to be observed"):
        fitted.predict_interval(X, "predict_survival", kind="outcome")
    with pytest.raises(ValueError, match="must be above 0"):
        fitted.discounted_residual_lifetime(X, 0.0, "M")
    with pytest.raises(ValueError, match="no unit of time"):
        fitted.residual_value(X, margin_per_period=10, annual_discount_rate=0.1)
    with pytest.raises(ValueError, match="margin_per_period"):
        fitted.residual_value(X, margin_per_period=0, annual_discount_rate=0.1, unit="M")
    with pytest.raises(ValueError, match="t must be"):
        fitted.retention_rate(0)
    if fitted._discrete:
        with pytest.raises(ValueError, match="whole number"):
            fitted.predict(X, 2.5)
    with pytest.raises(DataError, match="there are 2 labels for 1 customer"):
        fitted.total_interval(X, 3, by=["a", "b"])
    with pytest.raises(DataError, match="missing for 1 of 2 customers"):
        fitted.total_interval(customers((3, 3), (1, 3)), 3, by=["a", None])


# ---- predictions ---------------------------------------------------------------------------------------------------------


def test_customers_who_left_have_nothing_to_come(fitted):
    gone = customers((2, 5))
    for found in (
        fitted.predict(gone, 9),
        fitted.predict_survival(gone, 0),
        fitted.residual_lifetime(gone),
        fitted.residual_value(gone, margin_per_period=10, annual_discount_rate=0.1, unit="Y"),
        fitted.retention_elasticity(gone, 0.1, "Y"),
        *fitted.predict_interval(gone, kind="outcome"),
    ):
        assert not np.any(found)


def test_value_is_margin_times_discounted_lifetime(fitted):
    X = pd.DataFrame({"recency": [4, 0, 8], "T": [4, 0, 8]})
    lifetime = fitted.discounted_residual_lifetime(X, 0.1, "M")
    value = fitted.residual_value(X, margin_per_period=25, annual_discount_rate=0.1, unit="M")
    np.testing.assert_allclose(value, 25 * lifetime)
    assert (np.diff(lifetime[[1, 0, 2]]) > 0).all()  # who has stayed longer stays longer
    delta, ahead = np.log(1.1) / 12, np.arange(1, 5000)
    if fitted._discrete:
        assert lifetime[1] == pytest.approx(np.exp(-delta * ahead) @ fitted.survival(ahead), rel=1e-6)


def test_a_unit_of_the_rows_is_remembered(model):
    X = truth_of(model).simulate(500, 8, random_state=0)
    X.attrs = Ruler(unit="M").to_metadata()
    known = fresh(model).fit(X)
    np.testing.assert_array_equal(
        known.discounted_residual_lifetime(X, 0.1), known.discounted_residual_lifetime(X, 0.1, "M")
    )
    with pytest.raises(ValueError, match="unit='Y', but the model was fitted on a summary in 'M'"):
        known.discounted_residual_lifetime(X, 0.1, "Y")


# ---- uncertainty ---------------------------------------------------------------------------------------------------------


def test_intervals_hold_their_estimates(fitted):
    X = truth_of(fitted).simulate(60, 8, random_state=3)
    money = {"annual_discount_rate": 0.1, "unit": "Y"}
    for of, found, more in (
        ("predict", fitted.predict(X, 4), {"horizon": 4}),
        ("predict_survival", fitted.predict_survival(X, 2), {"ahead": 2}),
        ("discounted_residual_lifetime", fitted.discounted_residual_lifetime(X, **money), money),
        ("residual_value", fitted.residual_value(X, margin_per_period=9, **money), {**money, "margin_per_period": 9}),
    ):
        wide, narrow = (fitted.predict_interval(X, of, coverage=c, **more) for c in (0.95, 0.5))
        assert ((wide[:, 0] <= found) & (found <= wide[:, 1])).all()
        assert ((wide[:, 0] <= narrow[:, 0]) & (narrow[:, 1] <= wide[:, 1])).all()
    assert fitted.predict_interval(X, "residual_lifetime").shape == (60, 2)


def test_outcomes_hold_what_comes(model):
    """Of customers alive after 6, the renewals (or time) within 5 more lie inside as often as stated, or more where whole."""
    longer = truth_of(model).simulate(6000, 11, random_state=5)
    X = longer.assign(recency=np.minimum(longer["recency"], 6.0), T=6.0)
    fitted = fresh(model).fit(X)
    alive = longer["recency"].to_numpy() >= 6
    later = longer["recency"].to_numpy()[alive] - 6
    for coverage in (0.5, 0.8):
        bounds = fitted.predict_interval(X[alive], horizon=5, kind="outcome", coverage=coverage)
        inside = ((bounds[:, 0] <= later) & (later <= bounds[:, 1])).mean()
        assert inside > coverage - 0.03
    z = 1 / 1.1
    value = fitted.predict_interval(
        X[alive].head(1), "residual_value", kind="outcome", annual_discount_rate=0.1, unit="Y"
    )
    ends = fitted.predict_interval(X[alive].head(1), "residual_lifetime", kind="outcome")
    length = 1 / z - 1 if model._discrete else np.log(1.1)
    np.testing.assert_allclose(value, (1 - z**ends) / length)


def test_totals_are_those_of_groups(fitted):
    X = truth_of(fitted).simulate(900, 8, random_state=3).assign(plan=np.tile(["basic", "gold", "none"], 300))
    X.loc[X["plan"] == "none", "recency"] = 0.0
    total, groups = fitted.total_interval(X, 4), fitted.total_interval(X, 4, by="plan")
    assert list(total.columns) == ["expected", "lower", "upper"]
    assert total.index.tolist() == ["total"]
    assert groups.index.tolist() == ["basic", "gold", "none"]
    assert groups.loc["none"].tolist() == [0, 0, 0]
    assert groups["expected"].sum() == pytest.approx(total.loc["total", "expected"])
    assert fitted.predict_survival(X, 4).sum() == pytest.approx(total.loc["total", "expected"])
    assert (groups["lower"] <= groups["expected"]).all()
    assert (groups["expected"] <= groups["upper"]).all()
    pd.testing.assert_frame_equal(fitted.total_interval(X, 4), total)
    pd.testing.assert_frame_equal(fitted.total_interval(X, 4, by=X["plan"].rename("plan")).rename_axis("plan"), groups)
    mean = fitted.total_interval(X, 4, kind="mean")
    assert (mean["upper"] - mean["lower"]).item() < (total["upper"] - total["lower"]).item()
    with pytest.raises(DataError, match="names a column, and X is an array"):
        truth_of(fitted).total_interval([[3, 3]], 4, by="plan")


def test_totals_hold_as_often_as_stated(model):
    """Over 120 cohorts of 300 customers, the number left after four more renewals lies inside its 90 % interval."""
    inside, rng = [], np.random.default_rng(2)
    for _ in range(120):
        longer = truth_of(model).simulate(300, 9, random_state=rng)
        X = longer.assign(recency=np.minimum(longer["recency"], 5.0), T=5.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the prior, where 300 customers tell c poorly
            bounds = fresh(model).fit(X).total_interval(X, 4, n_draws=400).loc["total"]
        inside.append(bounds["lower"] <= (longer["recency"] >= 9).sum() <= bounds["upper"])
    assert 0.82 <= np.mean(inside) <= 0.98


def test_posterior_survives_storage(fitted):
    X = customers((8, 8), (3, 8))
    interval = fitted.predict_interval(X, horizon=4)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_interval(X, horizon=4), interval)


def test_parameters_can_be_given(model):
    params = PARAMS[type(model).__name__]
    known = fresh(model).set_fitted_params(**params)
    assert dict(known.params_) == pytest.approx(params)
    assert "with given parameters" in known.describe()
    with pytest.raises(DataError, match="gamma is not a parameter"):
        fresh(model).set_fitted_params(**params, gamma=1)
    with pytest.raises(ValueError, match="neither posterior draws nor a covariance"):
        known.total_interval([[1, 1]], 2)
    refitted = known.fit(known.simulate(500, 8, random_state=0))
    assert refitted.n_customers_ == 500


def test_words_tell_how_customers_stay(fitted):
    words = fitted.describe()
    assert "fitted on 2,000 customers" in words
    assert f"{float(fitted.retention_rate(1)):.1%} of new customers" in words
    assert "Half of them have left after" in words
    loyal = truth_of(fitted)
    loyal.theta_[0] = np.log(1e-4)
    assert "More than half stay for 1,000,000" in loyal.describe()
