import json
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from crmml.clv import CustomerLifetimeValue, ParetoNBD
from crmml.exceptions import DataError
from crmml.transactions import covariate_paths, summarize

from .. import ORACLES

BOTH = {"purchase_covariates": ("season", "promo"), "dropout_covariates": ("season", "promo")}
CLOCK = {"unit": "W", "observation_end": "2016-01-02"}
PLAIN = ("r", "alpha", "s", "beta")

pytestmark = pytest.mark.filterwarnings("ignore::crmml.exceptions.LogWarning")


@pytest.fixture(scope="module")
def oracle():
    return json.loads((ORACLES / "pnbd_dynamic.json").read_text())


@pytest.fixture(scope="module")
def log():
    table = pd.read_csv(ORACLES / "pnbd_dynamic_transactions.csv")
    return table.rename(columns={"id": "customer_id", "date": "timestamp"})


@pytest.fixture(scope="module")
def weeks():
    table = pd.read_csv(ORACLES / "pnbd_dynamic_covariates.csv")
    return table.rename(columns={"id": "customer_id", "week_start": "period_start"})


@pytest.fixture(scope="module")
def X(log):
    return summarize(log, **CLOCK)


@pytest.fixture(scope="module")
def paths(log, weeks):
    return covariate_paths(log, weeks, **CLOCK)


@pytest.fixture(scope="module")
def fitted(X, paths):
    return ParetoNBD(**BOTH).fit(X, covariate_paths=paths)


@pytest.fixture(scope="module")
def given_model(oracle):
    listed = oracle["parameters"]
    return ParetoNBD(**BOTH).set_fitted_params(
        **{name: listed[name] for name in PLAIN},
        coef_purchase={name[6:]: value for name, value in listed.items() if name.startswith("trans.")},
        coef_dropout={name[5:]: value for name, value in listed.items() if name.startswith("life.")},
    )


# ---- the reference ---------------------------------------------------------------------------------------------------


def test_fit_equals_the_reference(oracle, fitted):
    assert fitted.converged_
    assert fitted.path_covariates_ == ("season", "promo")
    optimum = oracle["own_check"]["independent_optimum"]
    assert fitted.log_likelihood_ == pytest.approx(oracle["loglik_total"], abs=1e-5)
    assert fitted.log_likelihood_ >= optimum["loglik"] - 1e-8
    table = fitted.summary()
    for listed, rel in ((oracle["parameters"], 1e-3), (optimum["parameters"], 1e-3)):
        for name, value in listed.items():
            ours = name.replace("life.", "dropout.").replace("trans.", "purchase.")
            assert table.loc[ours, "estimate"] == pytest.approx(value, rel=rel), name
    for name, value in oracle["se"].items():
        ours = name.replace("life.", "dropout.").replace("trans.", "purchase.")
        assert table.loc[ours, "std_error"] == pytest.approx(value, rel=1e-3), name


def test_values_at_the_listed_parameters(oracle, given_model, X, paths):
    total = given_model.score(X, covariate_paths=paths) * len(X)
    assert total == pytest.approx(oracle["own_check"]["loglik_independent"], abs=1e-9)
    expected = pd.DataFrame(oracle["customers"])
    rows = X.set_index("customer_id").loc[expected["id"]].reset_index()
    np.testing.assert_allclose(rows[["frequency", "recency", "T"]], expected[["x", "t_x", "T"]], rtol=1e-12)
    each = [given_model.score(rows.iloc[[i]], covariate_paths=paths) for i in range(len(rows))]
    np.testing.assert_allclose(each, expected["loglik"], rtol=1e-10)
    found = given_model.probability_alive(rows, covariate_paths=paths)
    np.testing.assert_allclose(found, expected["p_alive"], rtol=1e-8)
    np.testing.assert_allclose(
        given_model.predict(rows, 26, covariate_paths=paths), expected["cet_26_weeks"], rtol=1e-8
    )
    rate = np.expm1(oracle["discount_delta_per_week"] * 365.25 / 7)
    options = {"annual_discount_rate": rate, "unit": "W", "covariate_paths": paths}
    found = given_model.discounted_expected_transactions(rows, 26, **options)
    np.testing.assert_allclose(found, expected["dect_26_weeks"], rtol=1e-8)


def test_plain_fit_of_the_same_log(oracle, X):
    fit = ParetoNBD().fit(X)
    assert fit.log_likelihood_ == pytest.approx(oracle["no_covariates"]["loglik"], abs=1e-5)


# ---- the models that it contains -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def constant(X, paths):
    """Covariates that never change, as paths and as columns of X."""
    rng = np.random.default_rng(4)
    z = X[["customer_id"]].assign(season=rng.normal(1, 1, len(X)), promo=rng.normal(size=len(X)))
    return X.merge(z), paths.drop(columns=["season", "promo"]).merge(z)


def agree(first, second, X, one, other, rtol=1e-9):
    for name, arguments in (
        ("predict", {"horizon": 20}),
        ("probability_alive", {"ahead": 0.0}),
        ("probability_alive", {"ahead": 9.0}),
        ("predict_count_proba", {"horizon": 20, "max_count": 6}),
        ("discounted_expected_transactions", {"horizon": 20, "annual_discount_rate": 0.2, "unit": "W"}),
        ("score", {}),
    ):
        found, expected = getattr(first, name)(X, **arguments, **one), getattr(second, name)(X, **arguments, **other)
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-13, err_msg=name)


def test_equals_static_covariates_where_they_are_constant(given_model, constant):
    X, paths = constant
    agree(given_model, given_model, X, {"covariate_paths": paths}, {})


def test_fit_equals_that_with_static_covariates(constant):
    X, paths = constant
    options = {**BOTH, "equal_effects": ("promo",), "l2_penalty": 0.5}
    moving, static = ParetoNBD(**options).fit(X, covariate_paths=paths), ParetoNBD(**options).fit(X)
    assert moving.n_parameters_ == static.n_parameters_ == 7
    assert static.path_covariates_ == ()
    assert moving.log_likelihood_ == pytest.approx(static.log_likelihood_, abs=1e-8)
    np.testing.assert_allclose(moving.theta_, static.theta_, atol=1e-5)
    np.testing.assert_allclose(moving.covariance_, static.covariance_, rtol=1e-3, atol=1e-6)


def test_equals_the_plain_model_where_they_are_zero(given_model, X, paths):
    plain = ParetoNBD().set_fitted_params(**{name: given_model.params_[name] for name in PLAIN})
    agree(given_model, plain, X, {"covariate_paths": paths.assign(season=0.0, promo=0.0)}, {})


def test_constant_covariates_stand_beside_those_that_change(given_model, constant, paths):
    X, still = constant
    mixed = still.assign(season=paths["season"])
    beside = mixed.drop(columns="promo")
    agree(given_model, given_model, X, {"covariate_paths": mixed}, {"covariate_paths": beside})
    fit = ParetoNBD(**BOTH).fit(X, covariate_paths=beside)
    assert fit.path_covariates_ == ("season",)
    assert fit.log_likelihood_ == pytest.approx(
        ParetoNBD(**BOTH).fit(X, covariate_paths=mixed).log_likelihood_, abs=1e-7
    )


# ---- predictions -----------------------------------------------------------------------------------------------------


def test_predictions_meet_simulation():
    """Customers of all kinds live through the path, weighted by the likelihood of one history given their rates and lives."""
    edges, promo = np.array([0.0, 5.0, 9.0, 12.0, 17.0, 30.0]), np.array([0, 1, 0, 2, -1])
    path = pd.DataFrame(
        {"customer_id": 1, "start": edges[:-1], "end": edges[1:], "purchases": [2, 1, 0, 0, 0], "promo": promo}
    )
    X = pd.DataFrame({"customer_id": [1], "frequency": [3], "recency": [6.0], "T": [10.0]})
    model = ParetoNBD(purchase_covariates=["promo"], dropout_covariates=["promo"]).set_fitted_params(
        r=1.2, alpha=4.0, s=1.5, beta=12.0, coef_purchase={"promo": 0.5}, coef_dropout={"promo": 0.8}
    )
    rng, n = np.random.default_rng(7), 400_000
    rate, leaving = rng.gamma(1.2, 1 / 4.0, n), rng.gamma(1.5, 1 / 12.0, n)
    A, B = (np.append(0, np.cumsum(np.exp(effect * promo) * np.diff(edges))) for effect in (0.5, 0.8))
    gone = np.interp(rng.exponential(size=n) / leaving, B, edges, right=np.inf)

    def lived(t):
        return np.interp(np.minimum(t, gone), edges, A)

    weight = rate**3 * np.exp(-rate * lived(10.0)) * (gone > 6)
    future = rng.poisson(rate * (lived(25.0) - lived(10.0)))

    def meets(seen, expected):
        mean = np.average(seen, weights=weight)
        error = np.sqrt(np.sum((weight * (seen - mean)) ** 2)) / weight.sum()
        assert abs(mean - expected) < 4 * error
        assert error < 0.02 * expected

    meets(future, model.predict(X, 15, covariate_paths=path)[0])
    meets(gone > 10, model.probability_alive(X, covariate_paths=path)[0])
    meets(gone > 14, model.probability_alive(X, 4, covariate_paths=path)[0])
    for count, proba in enumerate(model.predict_count_proba(X, 15, 3, covariate_paths=path)[0]):
        meets(future == count, proba)


def test_future_path_decides(given_model, X, paths):
    T = paths.merge(X[["customer_id", "T"]])["T"]
    promoted = paths.assign(promo=np.where(paths["start"] >= T, 1, paths["promo"]))
    none = paths.assign(promo=np.where(paths["start"] >= T, 0, paths["promo"]))
    more, fewer = (given_model.predict(X, 26, covariate_paths=one) for one in (promoted, none))
    assert (more > 1.5 * fewer).all()
    np.testing.assert_array_equal(
        given_model.probability_alive(X, covariate_paths=promoted),
        given_model.probability_alive(X, covariate_paths=none),
    )


def test_intervals_and_posterior(fitted, X, paths):
    model = pickle.loads(pickle.dumps(fitted))
    assert not {"_bound", "numerics"} & set(vars(model))
    few = X.iloc[:12]
    model = ParetoNBD(**BOTH).fit(X.iloc[:120], covariate_paths=paths)
    posterior = model.sample_posterior(200, random_state=0)
    assert list(posterior.draws) == [*PLAIN, "purchase.season", "purchase.promo", "dropout.season", "dropout.promo"]
    for of, method, ahead in (
        ("predict", model.predict(few, 26, covariate_paths=paths), {"horizon": 26}),
        ("probability_alive", model.probability_alive(few, 3, covariate_paths=paths), {"ahead": 3.0}),
    ):
        bounds = model.predict_interval(few, of, n_draws=100, covariate_paths=paths, **ahead)
        assert ((bounds[:, 0] <= method) & (method <= bounds[:, 1]) & (bounds[:, 0] < bounds[:, 1])).all()
    outcome = model.predict_interval(few, horizon=26, kind="outcome", n_draws=100, covariate_paths=paths)
    assert (outcome == np.floor(outcome)).all()
    assert (outcome[:, 0] <= outcome[:, 1]).all()
    with pytest.raises(ValueError, match="of="):
        model.predict_interval(few, "predict_next_purchase", covariate_paths=paths)


def test_draws_are_made_of_the_data_and_kept(X, paths):
    model = ParetoNBD(purchase_covariates=["promo"]).fit(X.iloc[:60], covariate_paths=paths)
    first = model.predict_interval(X.iloc[100:103], horizon=5, n_draws=100, covariate_paths=paths)
    assert model.posterior_draws_ is not None
    again = model.predict_interval(X.iloc[100:103], horizon=5, n_draws=100, covariate_paths=paths)
    np.testing.assert_array_equal(first, again)


# ---- the estimator ---------------------------------------------------------------------------------------------------


def test_order_of_rows_engine_and_index_do_not_matter(given_model, X, paths):
    import polars as pl

    expected = given_model.predict(X, 10, covariate_paths=paths)
    mixed = X.sample(frac=1, random_state=1)
    found = given_model.predict(mixed, 10, covariate_paths=paths.sample(frac=1, random_state=2))
    np.testing.assert_allclose(found, expected[mixed.index], rtol=1e-12)
    lazy = given_model.predict(pl.from_pandas(X), 10, covariate_paths=pl.from_pandas(paths).lazy())
    np.testing.assert_array_equal(lazy, expected)


def test_weights_stand_for_customers(X, paths):
    some = X.iloc[:80]
    twice = ParetoNBD(purchase_covariates=["promo"]).fit(pd.concat([some, some]), covariate_paths=paths)
    weighed = ParetoNBD(purchase_covariates=["promo"]).fit(some, sample_weight=np.full(80, 2.0), covariate_paths=paths)
    assert twice.log_likelihood_ == pytest.approx(weighed.log_likelihood_, rel=1e-12)
    np.testing.assert_allclose(twice.theta_, weighed.theta_, atol=1e-6)


def test_a_refused_fit_changes_nothing(fitted, X, paths):
    model = clone(fitted).fit(X, covariate_paths=paths)
    before = dict(vars(model))
    with pytest.raises(DataError):
        model.fit(X, covariate_paths=paths.iloc[:10])
    assert vars(model) == before
    model.set_fitted_params(
        **dict.fromkeys(PLAIN, 1.0), coef_purchase=model.coef_purchase_, coef_dropout=model.coef_dropout_
    )
    assert model.path_covariates_ == ()


def test_a_fit_without_an_optimum_warns_where_it_was_called(X, paths):
    model = ParetoNBD(purchase_covariates=["promo"])
    for options in ({"covariate_paths": paths.assign(promo=1.0)}, {}):
        with pytest.warns(ConvergenceWarning) as caught:
            model.fit(X.assign(promo=1.0), **options)
        assert caught[0].filename == __file__
        assert not model.converged_
        assert np.isfinite(model.log_likelihood_)


def test_a_model_of_paths_asks_for_them(fitted, X):
    for call in (
        lambda: fitted.predict(X, 5),
        lambda: fitted.predict_next_purchase(X),
        lambda: fitted.discounted_residual_transactions(X, 0.1),
        lambda: fitted.score(X),
        lambda: fitted.predict_interval(X),
    ):
        with pytest.raises(DataError, match="fitted on paths of 'season', 'promo'"):
            call()
    assert "Pareto/NBD fitted on 300 customers" in fitted.describe()
    assert fitted.expected_purchases(10, {"season": 0, "promo": 1}) > fitted.expected_purchases(
        10, {"season": 0, "promo": 0}
    )


def test_value_of_a_model_of_paths_is_refused_in_words(X, fitted):
    from crmml.clv import GammaGamma

    spend = GammaGamma().set_fitted_params(p=6.0, q=4.0, gamma=15.0)
    value = CustomerLifetimeValue(fitted, spend, horizon=5, unit="W")
    with pytest.raises(ValueError, match=r"paths|season"):
        value.fit(X.assign(monetary_value=10.0)).predict(X.assign(monetary_value=10.0))


# ---- bad input -------------------------------------------------------------------------------------------------------


def faults_of(model, X, paths, horizon=5):
    with pytest.raises(DataError) as caught:
        model.predict(X, horizon, covariate_paths=paths)
    text = "\n".join(caught.value.faults)
    assert "D0" not in text  # nobody is named
    return text


def test_what_is_wrong_is_named_and_counted(given_model, X, paths):
    def wrong(spoilt, horizon=5):
        return faults_of(given_model, X, spoilt, horizon)

    assert "2 of 300 customers have no path" in wrong(paths[~paths["customer_id"].isin(["D001", "D002"])])
    assert "300 of 300 customers do not reach 60 beyond T, the shortest" in wrong(paths, 60)
    cut = paths.merge(X[["customer_id", "T"]])
    assert "the paths of 300 of 300 customers end before T" in wrong(cut[cut["end"] < cut["T"] - 1])
    assert "periods are left out in 2 places of 2 customers" in wrong(paths.drop(index=[3, 120]))
    assert "2 of 22" in wrong(pd.concat([paths, paths.iloc[:2]]))
    assert "do not start at 0" in wrong(paths[paths["start"] > 0])
    assert "column 'promo' is missing or infinite in 1 of" in wrong(
        paths.assign(promo=paths["promo"].where(paths.index > 0))
    )
    assert "column 'season' is missing or infinite in" in wrong(paths.assign(season=np.inf))
    assert "another number of purchases on their path than their frequency" in wrong(paths.assign(purchases=0))
    assert "after their recency" in faults_of(given_model, X.assign(recency=X["recency"] / 2), paths)
    assert "column 'purchases' is no count" in wrong(paths.assign(purchases=0.5))
    assert "end where they start or before" in wrong(paths.assign(end=paths["start"]))
    assert "none of the covariates 'season', 'promo'" in wrong(paths[["customer_id", "start", "end", "purchases"]])
    assert "column 'purchases' is missing" in wrong(paths.drop(columns="purchases"))
    assert "is not a number" in wrong(paths.assign(promo="yes"))
    assert "not a frame" in wrong(paths.to_numpy())
    assert "they are empty" in wrong(paths.iloc[:0])


def test_what_cannot_go_together_is_refused(given_model, X, paths, log, weeks):
    with pytest.raises(DataError, match="names no covariates"):
        ParetoNBD().fit(X, covariate_paths=paths)
    with pytest.raises(DataError, match="it is an array"):
        given_model.predict(X[["frequency", "recency", "T"]].to_numpy(), 5, covariate_paths=paths)
    with pytest.raises(DataError, match="customer_id"):
        given_model.predict(X.drop(columns="customer_id"), 5, covariate_paths=paths)
    with pytest.raises(DataError, match="season"):  # neither on the paths nor in X
        given_model.predict(X, 5, covariate_paths=paths.drop(columns="season"))
    daily = covariate_paths(log, weeks, unit="D", observation_end="2016-01-02")
    with pytest.raises(ValueError, match="unit is 'D' in the covariate paths"):
        ParetoNBD(**BOTH).fit(X, covariate_paths=daily)
    nan = X.assign(season=np.nan)
    with pytest.raises(DataError, match="covariate season is missing or infinite in 300"):
        given_model.predict(nan, 5, covariate_paths=paths.drop(columns="season"))


def test_customers_of_the_last_day_and_purchases_at_the_very_end():
    X = pd.DataFrame(
        {"customer_id": [1, 2, 3], "frequency": [0, 1, 2], "recency": [0.0, 4.0, 0.5], "T": [0.0, 4.0, 6.0]}
    )
    paths = pd.DataFrame({"customer_id": [1, 2, 2, 3], "start": [0.0, 0, 4, 0], "end": [7.0, 4, 9, 20]})
    paths = paths.assign(purchases=[0, 0, 1, 2], promo=[1.0, 0.0, 2.0, -1.0])
    model = ParetoNBD(purchase_covariates=["promo"], dropout_covariates=["promo"])
    model.set_fitted_params(
        r=1.0, alpha=3.0, s=0.7, beta=9.0, coef_purchase={"promo": 0.3}, coef_dropout={"promo": 0.2}
    )
    assert np.isfinite(model.score(X, covariate_paths=paths))
    alive = model.probability_alive(X, covariate_paths=paths)
    assert alive[:2].tolist() == [1.0, 1.0]
    assert 0 < alive[2] < 1
    assert (model.predict(X, 5, covariate_paths=paths) > 0).all()
    assert model.predict(X, 0, covariate_paths=paths).tolist() == [0, 0, 0]
    # what the last purchase, at the start of a period, takes is that period's covariate
    moved = model.score(X.iloc[[1]], covariate_paths=paths.assign(promo=[1.0, 0.0, 3.0, -1.0]))
    assert moved - model.score(X.iloc[[1]], covariate_paths=paths) == pytest.approx(0.3)
