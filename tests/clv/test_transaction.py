import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from crmml import DataError, Ruler
from crmml.clv import BetaGeoNBD, GompertzNBD, ModifiedBetaGeoNBD, ParetoNBD

from .cdnow import cdnow_split

MODELS = [BetaGeoNBD, ModifiedBetaGeoNBD]
THETA = {"r": 0.25, "alpha": 4.4, "a": 0.8, "b": 2.4}
ROWS = [[0, 0.0, 38.9], [2, 30.4, 38.9], [7, 29.4, 38.9], [26, 30.9, 31.0]]


@pytest.fixture(params=MODELS, ids=lambda cls: cls.__name__)
def model(request):
    return request.param(horizon=10).set_fitted_params(ruler=Ruler(unit="W"), **THETA)


@pytest.fixture(scope="module", params=MODELS, ids=lambda cls: cls.__name__)
def fitted(request):
    return request.param(horizon=39).fit(cdnow_split())


def test_horizons(model):
    np.testing.assert_array_equal(model.predict(ROWS), model.predict(ROWS, 10.0))
    assert (model.predict(ROWS, 0.0) == 0).all()
    for wrong in (-1, np.nan, np.inf, "10"):
        with pytest.raises(ValueError, match="must be a finite number of at least 0"):
            model.predict(ROWS, wrong)


def test_probability_alive_falls_with_time(model):
    now, later, much_later = (model.probability_alive(ROWS, ahead) for ahead in (0.0, 10.0, 1000.0))
    assert (now > later).all()
    assert (later > much_later).all()
    assert (now <= 1).all()
    with pytest.raises(ValueError, match="ahead must be a finite number of at least 0"):
        model.probability_alive(ROWS, -1.0)


def test_counts(model):
    proba = model.predict_count_proba(ROWS, 20.0, 300)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-9)
    np.testing.assert_allclose(proba @ np.arange(301), model.predict(ROWS, 20.0), rtol=1e-8)
    with pytest.raises(ValueError, match="max_count"):
        model.predict_count_proba(ROWS, 20.0, -1)


def test_next_purchase(model):
    median, late = model.predict_next_purchase(ROWS), model.predict_next_purchase(ROWS, 0.9)
    assert (late > median).all()
    assert (np.diff(median) < 0).all()  # who bought more buys sooner
    assert (model.predict_next_purchase(ROWS, 0.0) == 0).all()
    with pytest.raises(ValueError, match="quantile"):
        model.predict_next_purchase(ROWS, 1.0)


def test_discounting(model):
    plain = model.discounted_expected_transactions(ROWS, 52)
    np.testing.assert_allclose(plain, model.predict(ROWS, 52))
    discounted = model.discounted_expected_transactions(ROWS, 52, 0.1)
    assert ((discounted < plain) & (discounted > plain / 1.1)).all()
    endless = model.discounted_residual_transactions(ROWS, 0.1)
    long = model.discounted_expected_transactions(ROWS, 52 * 400, 0.1)
    np.testing.assert_allclose(endless, long, rtol=1e-6)
    by_weeks = np.diff([model.predict(ROWS, h) for h in np.arange(0, 52.01, 0.25)], axis=0)
    middle = np.exp(-np.log(1.1) * (np.arange(0.125, 52, 0.25)) * 7 / 365.25)
    np.testing.assert_allclose(discounted, middle @ by_weeks, rtol=1e-5)
    with pytest.raises(ValueError, match="above 0"):
        model.discounted_residual_transactions(ROWS, 0.0)


def test_the_unit_must_be_known_for_a_rate():
    model = BetaGeoNBD().set_fitted_params(**THETA)
    with pytest.raises(ValueError, match="say unit="):
        model.discounted_residual_transactions(ROWS, 0.1)
    weeks = model.discounted_residual_transactions(ROWS, 0.1, unit="W")
    np.testing.assert_array_equal(
        weeks,
        BetaGeoNBD().set_fitted_params(ruler=Ruler(unit="W"), **THETA).discounted_residual_transactions(ROWS, 0.1),
    )
    with pytest.raises(ValueError, match="'W'"):
        BetaGeoNBD().set_fitted_params(ruler=Ruler(unit="W"), **THETA).discounted_residual_transactions(ROWS, 0.1, "D")


def test_new_customers(model):
    t = np.array([0.0, 13.0, 52.0])
    grown = model.expected_purchases(t)
    assert grown[0] == 0
    assert (np.diff(grown) > 0).all()
    assert model.count_proba(52.0, 500).sum() == pytest.approx(1, rel=1e-8)
    assert model.count_proba(52.0, 3).shape == (4,)


def test_simulated_customers_carry_their_model(model):
    log = model.simulate(20_000, 52.0, random_state=3)
    assert (log.groupby("customer_id")["time"].min() == 0).all()
    counts = log.groupby("customer_id").size() - 1
    assert counts.mean() == pytest.approx(float(model.expected_purchases(52.0)), abs=4 * counts.std() / np.sqrt(20_000))
    pd.testing.assert_frame_equal(log, model.simulate(20_000, 52.0, random_state=3))


def test_recovery_from_simulation(model):
    n, T = 20_000, 60.0
    log = model.simulate(n, T, random_state=5)
    x = log.groupby("customer_id").size() - 1
    again = type(model)().fit(np.column_stack([x, log.groupby("customer_id")["time"].max(), np.full(n, T)]))
    table = again.summary()
    z = (np.log(table["estimate"]) - np.log(pd.Series(THETA))) / (table["std_error"] / table["estimate"])
    assert (z.abs() < 4).all()


def test_intervals_of_the_mean_hold_the_prediction(fitted):
    X = cdnow_split().head(40)
    for of, arguments in (
        ("predict", {}),
        ("probability_alive", {"ahead": 5.0}),
        ("discounted_residual_transactions", {"annual_discount_rate": 0.1}),
    ):
        interval = fitted.predict_interval(X, of, n_draws=400, **arguments)
        method = getattr(fitted, of)
        point = method(X, **arguments)
        inside = (interval[:, 0] - 1e-12 <= point) & (point <= interval[:, 1] + 1e-12)
        assert inside.mean() > 0.95
    narrow, wide = (fitted.predict_interval(X, coverage=c, n_draws=400) for c in (0.5, 0.95))
    assert (narrow[:, 1] - narrow[:, 0] <= wide[:, 1] - wide[:, 0]).all()


def test_intervals_of_the_outcome_hold_at_least_their_coverage(fitted):
    split = cdnow_split()
    interval = fitted.predict_interval(split, horizon=39, coverage=0.9, kind="outcome")
    assert (interval == np.round(interval)).all()
    actual = split["frequency_holdout"]
    assert ((interval[:, 0] <= actual) & (actual <= interval[:, 1])).mean() > 0.88


def test_wrong_interval_arguments(fitted):
    X = cdnow_split().head(2)
    for wrong in ({"coverage": 1.5}, {"kind": "median"}, {"of": "fit"}, {"of": "probability_alive", "kind": "outcome"}):
        with pytest.raises(ValueError, match=next(iter({str(v) for v in wrong.values()})) + "|outcome"):
            fitted.predict_interval(X, **wrong)


def test_covariates_are_found_again():
    rng = np.random.default_rng(0)
    n, T = 8000, 60.0
    z = pd.DataFrame({"hospital": rng.integers(0, 2, n).astype(float), "age": rng.normal(40, 10, n)})
    truth = BetaGeoNBD(purchase_covariates=["hospital", "age"], dropout_covariates=["hospital"])
    truth.set_fitted_params(
        coef_purchase={"hospital": 0.7, "age": 0.02}, coef_dropout={"hospital": 0.5}, r=1.0, alpha=15.0, a=1.0, b=3.0
    )
    log = truth.simulate(n, T, random_state=1, covariates=z)
    by_customer = log.groupby("customer_id")["time"]
    X = z.assign(frequency=by_customer.size() - 1, recency=by_customer.max(), T=T)
    model = BetaGeoNBD(purchase_covariates=["hospital", "age"], dropout_covariates=["hospital"]).fit(X)
    assert model.converged_
    error = np.sqrt(np.diag(model.covariance_))[4:]
    found = np.array([*model.coef_purchase_.values(), *model.coef_dropout_.values()])
    assert (np.abs(found - [0.7, 0.02, 0.5]) < 4 * error).all()
    assert list(model.coef_purchase_) == ["hospital", "age"]
    bare = BetaGeoNBD().fit(X)
    assert model.log_likelihood_ > bare.log_likelihood_ + 20
    penalised = BetaGeoNBD(
        purchase_covariates=["hospital", "age"], dropout_covariates=["hospital"], l2_penalty=1e9
    ).fit(X)
    assert abs(penalised.coef_purchase_["age"]) < 1e-3
    assert penalised.log_likelihood_ == pytest.approx(bare.log_likelihood_, abs=0.5)


def test_equal_effects_and_missing_covariates():
    X = cdnow_split().assign(z=np.tile([0.0, 1.0], 1179)[:2357])
    model = ModifiedBetaGeoNBD(purchase_covariates=["z"], dropout_covariates=["z"], equal_effects=["z"]).fit(X)
    assert model.coef_purchase_["z"] == pytest.approx(model.coef_dropout_["z"])
    assert model.n_parameters_ == 5
    with pytest.raises(DataError, match="z is missing"):
        model.expected_purchases(52)
    with pytest.raises(DataError, match="column 'z' is missing"):
        model.predict(cdnow_split())
    with pytest.raises(DataError, match="covariate z is missing or infinite in 1 of"):
        model.fit(X.assign(z=X["z"].where(X.index > 0)))


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(*[st.floats(-3, 3).map(np.exp)] * 4),
    st.integers(0, 60),
    st.floats(0, 1),
    st.floats(0.1, 400),
)
def test_no_illegal_answer_for_legal_input(theta, x, share, T):
    model = BetaGeoNBD().set_fitted_params(ruler=Ruler(unit="D"), **dict(zip(THETA, theta, strict=True)))
    row = [[x, share * T if x else 0.0, T]]
    values = [
        model.predict(row, 90.0),
        model.probability_alive(row, 30.0),
        model.predict_next_purchase(row, 0.01),
        model.discounted_residual_transactions(row, 0.1),
        model.predict_count_proba(row, 10.0, 5).ravel(),
    ]
    assert all(np.isfinite(value).all() and (value >= 0).all() for value in values)


def test_describe(fitted):
    text = fitted.describe()
    assert "fitted on 2,357 customers" in text
    assert "within a year (52.18 weeks)" in text


def test_intervals_of_the_next_purchase():
    model = BetaGeoNBD().fit(cdnow_split())
    X = cdnow_split().head(40)
    median = model.predict_next_purchase(X)
    mean = model.predict_interval(X, of="predict_next_purchase")
    assert ((mean[:, 0] < median) & (median < mean[:, 1])).all()
    late = model.predict_interval(X, of="predict_next_purchase", quantile=0.9)
    assert (late[:, 1] > mean[:, 1]).all()
    outcome = model.predict_interval(X, of="predict_next_purchase", kind="outcome", coverage=0.8)
    # the parameters are known so well that the outcome is nearly the model's own 10 % and 90 % points
    bought = X["frequency"].to_numpy() > 0  # the times of the others run to thousands of weeks
    for side, quantile in enumerate((0.1, 0.9)):
        np.testing.assert_allclose(outcome[bought, side], model.predict_next_purchase(X, quantile)[bought], rtol=0.1)
    with pytest.raises(ValueError, match="has no outcome"):
        model.predict_interval(X, of="probability_alive", kind="outcome")
    with pytest.raises(ValueError, match="quantile"):
        model.predict_interval(X, of="predict_next_purchase", quantile=1)


# ---- data without an interior optimum ----------------------------------------------------------------------------------


def alike():
    """Customers who all buy at one rate and never leave."""
    rng = np.random.default_rng(0)
    T = rng.uniform(20, 40, 300)
    x = rng.poisson(0.3 * T).astype(float)
    summary = pd.DataFrame({"frequency": x, "recency": np.where(x > 0, T * rng.beta(np.maximum(x, 1), 1), 0.0), "T": T})
    summary.attrs = Ruler(unit="W").to_metadata()
    return summary


@pytest.mark.parametrize("model", [BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD, GompertzNBD])
def test_a_fit_without_interior_optimum_says_so_wherever_it_answers(model):
    X = alike()
    with pytest.warns(ConvergenceWarning, match="found no interior optimum"):
        fitted = model(horizon=10).fit(X)
    assert not fitted.converged_
    words = fitted.describe()
    assert "NOT converged" in words
    assert fitted.convergence_message_ in words
    assert " inf" not in words
    for of, estimate in {"predict": fitted.predict(X), "probability_alive": fitted.probability_alive(X)}.items():
        with pytest.warns(ConvergenceWarning, match="follow the prior where the data do not tell") as told:
            bounds = fitted.predict_interval(X, of)
        assert len(told) == 1
        assert ((bounds[:, 0] <= estimate) & (estimate <= bounds[:, 1])).all()
    stored = pickle.loads(pickle.dumps(fitted))
    with pytest.warns(ConvergenceWarning, match="follow the prior"):
        np.testing.assert_array_equal(stored.predict_interval(X), fitted_interval(fitted, X))
    with pytest.warns(ConvergenceWarning, match="follow the prior"):
        fitted.sample_posterior(500, random_state=0)


def fitted_interval(model, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.predict_interval(X)


def test_a_converged_fit_says_nothing_and_its_intervals_hold_the_estimate():
    X = cdnow_split()
    fitted = BetaGeoNBD().fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bounds = fitted.predict_interval(X, horizon=39.0)
    estimate = fitted.predict(X, 39.0)
    assert ((bounds[:, 0] <= estimate) & (estimate <= bounds[:, 1])).all()
    assert fitted.convergence_message_.startswith("optimum found")
    assert fitted.convergence_message_ not in fitted.describe()


def test_given_parameters_forget_the_fit_before_them():
    X = cdnow_split()
    model = BetaGeoNBD().fit(X)
    model.sample_posterior(200, random_state=0)
    model.set_fitted_params(r=0.25, alpha=4.0, a=0.8, b=2.5)
    assert not hasattr(model, "feature_names_in_")
    with pytest.raises(ValueError, match="neither posterior draws nor a covariance"):
        model.predict_interval(X)
    before = dict(model.params_)
    with pytest.raises(DataError, match="b is missing"):
        model.set_fitted_params(r=9.0, alpha=9.0, a=9.0)
    assert dict(model.params_) == before
