import json
import pickle
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from crmml.clv import BetaGeoNBD, ModifiedBetaGeoNBD
from crmml.clv.beta_geo_cnbd import BetaGeoCNBD
from crmml.datasets import load_cdnow_sample
from crmml.exceptions import DataError
from crmml.transactions import summarize

from .. import ORACLES
from .cdnow import cdnow_split

MODELS = pytest.mark.parametrize(("name", "modified"), [("bgcnbd", False), ("mbgcnbd", True)])
PARAMETERS = ("r", "alpha", "a", "b")


@lru_cache(maxsize=1)
def oracle():
    return json.loads((ORACLES / "regular_timing.json").read_text())


@lru_cache(maxsize=1)
def summary():
    log = pd.read_csv(ORACLES / "regular_timing_cnbd_transactions.csv", parse_dates=["date"]).drop_duplicates()
    log = log[log["date"] <= oracle()["estimation_end"]].sort_values(["id", "date"])
    log["litt"] = np.log(log.groupby("id")["date"].diff().dt.days / 7)
    by = log.groupby("id")
    first, last = by["date"].min(), by["date"].max()
    return pd.DataFrame(
        {
            "frequency": by.size() - 1,
            "recency": (last - first).dt.days / 7,
            "T": (pd.Timestamp(oracle()["estimation_end"]) - first).dt.days / 7,
            "litt": by["litt"].sum(),
        }
    )


@lru_cache(maxsize=2)
def chosen(modified):
    return BetaGeoCNBD(horizon=26, modified=modified).fit(summary())


@MODELS
def test_k_is_chosen_and_the_fit_is_the_reference(name, modified):
    reference, model = oracle()["cnbd"][name], chosen(modified)
    assert model.k_ == model.params_["k"] == oracle()["cnbd"]["chosen_k"] == 3
    assert model.log_likelihood_ == pytest.approx(reference["loglik"], abs=1e-5)
    assert {p: model.params_[p] for p in PARAMETERS} == pytest.approx({p: reference[p] for p in PARAMETERS}, rel=1e-4)
    assert model.summary()["std_error"].to_dict() == pytest.approx(reference["se_hessian"], rel=1e-2)
    assert model.aic_ == pytest.approx(8 - 2 * reference["loglik"], abs=2e-5)
    assert list(model.log_likelihood_by_k_) == [1, 2, 3, 4]  # the likelihood falls at 4
    for k, value in model.log_likelihood_by_k_.items():
        assert value == pytest.approx(reference["loglik_by_k_own"][str(k)], abs=1e-4)


@MODELS
def test_predictions_at_the_reference_parameters(name, modified):
    """P(alive) to 1e-8; expectations within 4 standard errors of an exact simulation, 400,000 draws."""
    reference = oracle()["cnbd"][name]
    model = BetaGeoCNBD(horizon=26, modified=modified).set_fitted_params(**reference["package_parameters"])
    known = pd.DataFrame(reference["customers"])
    X = summary().loc[known["id"]]
    np.testing.assert_allclose(X[["frequency", "recency", "T"]], known[["x", "t_x", "T"]], rtol=1e-12)
    np.testing.assert_allclose(model.probability_alive(X), known["p_alive"], rtol=1e-8)
    away = (model.predict(X) - known["cet26_exact_monte_carlo"]) / known["cet26_monte_carlo_se"]
    assert np.abs(away).max() < 4
    total = model.score(summary()) * len(summary())
    assert total == pytest.approx(reference["loglik_at_package_parameters"], abs=1e-5)


def test_each_customers_likelihood_with_its_constant():
    for name, modified in (("bgcnbd", False), ("mbgcnbd", True)):
        reference = oracle()["cnbd"][name]
        model = BetaGeoCNBD(modified=modified).set_fitted_params(k=3, **{p: reference[p] for p in PARAMETERS})
        for customer in reference["customers"]:
            assert model.score(summary().loc[[customer["id"]]]) == pytest.approx(customer["loglik"], abs=1e-5)


def test_a_given_k_needs_no_log_gaps_and_fits_the_same():
    X = summary()
    bare, model = BetaGeoCNBD(k=3).fit(X[["frequency", "recency", "T"]]), BetaGeoCNBD(k=3).fit(X)
    np.testing.assert_allclose(bare.theta_, model.theta_, rtol=1e-8)
    constant = 2 * X["litt"].sum()
    assert model.log_likelihood_ - bare.log_likelihood_ == pytest.approx(constant, abs=1e-6)
    np.testing.assert_allclose(bare.predict(X, 26), model.predict(X.drop(columns="litt"), 26), rtol=1e-8)
    by_array = BetaGeoCNBD().fit(X[["frequency", "recency", "T", "litt"]].to_numpy())
    assert by_array.log_likelihood_ == pytest.approx(model.log_likelihood_, abs=1e-6)
    np.testing.assert_allclose(
        by_array.predict(X[["frequency", "recency", "T"]].to_numpy()), model.predict(X), rtol=1e-6
    )


def test_one_phase_is_the_beta_geometric_model():
    X = cdnow_split()
    for modified, peer in ((False, BetaGeoNBD), (True, ModifiedBetaGeoNBD)):
        theirs = peer(39).fit(X)
        fitted = BetaGeoCNBD(39, k=1, modified=modified).fit(X)
        assert fitted.log_likelihood_ == pytest.approx(theirs.log_likelihood_, rel=1e-13)
        np.testing.assert_allclose(fitted.theta_, theirs.theta_, rtol=1e-9)
        given = BetaGeoCNBD(39, k=1, modified=modified).set_fitted_params(**theirs.params_, ruler=theirs.ruler_)
        np.testing.assert_array_equal(given.predict(X), theirs.predict(X))
        np.testing.assert_array_equal(given.probability_alive(X, 5), theirs.probability_alive(X, 5))
    one = BetaGeoCNBD(k=1).fit(summary())
    assert one.log_likelihood_ == pytest.approx(oracle()["cnbd"]["bgnbd"]["loglik"], abs=1e-5)


def test_what_the_log_gaps_cannot_be_is_refused():
    X = summary()
    with pytest.raises(DataError, match="litt is missing"):
        BetaGeoCNBD().fit(X.drop(columns="litt"))
    in_days = X.assign(litt=X["litt"] + X["frequency"] * np.log(7))
    with pytest.raises(DataError, match="must be in the unit of recency and T"):
        BetaGeoCNBD().fit(in_days)
    with pytest.raises(DataError, match="is not 0 though frequency is 0"):
        BetaGeoCNBD().fit(X.assign(litt=np.where(X["frequency"] == 0, -1.0, X["litt"])))
    with pytest.raises(DataError, match="litt is missing \\(NaN\\)"):
        BetaGeoCNBD(k=2).fit(X.assign(litt=np.nan))
    with pytest.raises(ValueError, match="'k' parameter"):
        BetaGeoCNBD(k=0).fit(X)


def test_given_parameters():
    values = {"r": 1.0, "alpha": 2.0, "a": 0.5, "b": 2.0}
    model = BetaGeoCNBD().set_fitted_params(k=4, **values)
    assert dict(model.params_) == pytest.approx({"k": 4, **values})
    again = BetaGeoCNBD(k=4).set_fitted_params(**model.params_)
    assert again.k_ == 4
    for make in (
        lambda: BetaGeoCNBD().set_fitted_params(**values),
        lambda: BetaGeoCNBD(k=2).set_fitted_params(k=3, **values),
    ):
        with pytest.raises(DataError, match="must be"):
            make()


def test_everything_a_transaction_model_offers():
    model, X = chosen(True), summary().iloc[:40]
    mean = model.predict(X)
    proba = model.predict_count_proba(X, max_count=60)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(proba @ np.arange(61), mean, rtol=1e-4)
    assert (model.predict_next_purchase(X) > 0).all()
    assert (model.probability_alive(X, ahead=26) < model.probability_alive(X)).all()
    lower, upper = model.predict_interval(X, n_draws=100).T
    assert ((lower <= mean) & (mean <= upper)).all()
    lower, upper = model.predict_interval(X, kind="outcome").T
    assert (lower <= upper).all()
    residual = model.discounted_residual_transactions(X, annual_discount_rate=0.2, unit="W")
    assert (residual >= model.discounted_expected_transactions(X, 26, 0.2, "W") - 1e-9).all()
    assert "vary by 58% of their mean" in model.describe()


def test_covariates_act_on_the_purchase_rate():
    rng = np.random.default_rng(3)
    z = rng.integers(0, 2, 3000).astype(float)
    truth = BetaGeoCNBD(k=2, purchase_covariates=("z",))
    truth.set_fitted_params(r=1.5, alpha=6.0, a=0.8, b=3.0, coef_purchase={"z": 0.7})
    log = truth.simulate(3000, 60.0, random_state=5, covariates=pd.DataFrame({"z": z}))
    time = log.groupby("customer_id")["time"]
    X = pd.DataFrame({"frequency": time.size() - 1, "recency": time.max(), "T": 60.0, "z": z})
    model = BetaGeoCNBD(k=2, purchase_covariates=("z",)).fit(X)
    error = np.sqrt(np.diag(model.covariance_))
    assert (np.abs(model.theta_ - truth.theta_) < 4 * error).all()


def test_survives_pickling_and_cloning():
    model, X = chosen(False), summary()
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    assert back.log_likelihood_by_k_ == model.log_likelihood_by_k_
    assert clone(BetaGeoCNBD(5, k=2, modified=True)).get_params()["k"] == 2


def test_weights_stand_for_repeated_rows():
    X = summary()
    twice, weighted = (
        BetaGeoCNBD(k=2).fit(pd.concat([X, X])),
        BetaGeoCNBD(k=2).fit(X, sample_weight=np.full(len(X), 2.0)),
    )
    assert weighted.log_likelihood_ == pytest.approx(twice.log_likelihood_, rel=1e-12)
    np.testing.assert_allclose(weighted.theta_, twice.theta_, rtol=1e-7)


def test_only_the_chosen_k_complains():
    X = pd.DataFrame(
        {"frequency": [2, 2, 2], "recency": [4.0, 4.0, 4.0], "T": [6.0, 6.0, 6.0], "litt": 2 * np.log(2.0)}
    )
    with pytest.warns(ConvergenceWarning) as record:
        model = BetaGeoCNBD().fit(X)
    assert len(record) == 1
    assert not model.converged_
    assert len(model.log_likelihood_by_k_) > 1


@pytest.mark.parametrize("modified", [False, True])
def test_cdnow_chooses_one_phase(modified):
    """As BTYDplus finds: purchases of music are no more regular than a Poisson process."""
    log = load_cdnow_sample().query("timestamp <= '1997-09-30'").drop_duplicates(["customer_id", "timestamp"])
    log = log.sort_values(["customer_id", "timestamp"])
    gaps = log.groupby("customer_id")["timestamp"].diff().dt.days / 7
    litt = np.log(gaps).groupby(log["customer_id"]).sum()
    summary = summarize(log, unit="W", observation_end="1997-09-30")
    model = BetaGeoCNBD(modified=modified).fit(summary.assign(litt=litt.to_numpy()))
    assert model.k_ == 1
    assert model.log_likelihood_ == pytest.approx(-9582.1357 if modified else -9582.4292, abs=1e-3)
