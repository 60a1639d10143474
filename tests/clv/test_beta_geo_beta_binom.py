import json

import numpy as np
import pandas as pd
import pytest

from crmml.clv.beta_geo_beta_binom import BetaGeoBetaBinomial
from crmml.datasets import load_donations
from crmml.exceptions import DataError

from .. import ORACLES

PUBLISHED = {"alpha": 1.204, "beta": 0.750, "gamma": 0.657, "delta": 2.783}


@pytest.fixture(scope="module")
def donations():
    return load_donations()


@pytest.fixture(scope="module")
def fitted(donations):
    return BetaGeoBetaBinomial(horizon=5).fit(donations, sample_weight=donations["weight"])


def history(*rows):
    return pd.DataFrame(rows, columns=["frequency", "recency", "T"])


def test_published_fit_on_donations(fitted, donations):
    assert dict(fitted.params_) == pytest.approx(PUBLISHED, abs=1e-3)
    assert fitted.log_likelihood_ == pytest.approx(-33225.58, abs=5e-3)
    assert fitted.n_customers_ == 11_104
    assert fitted.converged_
    assert fitted.predict(donations) @ donations["weight"] == pytest.approx(12_884.2, abs=0.1)


def test_published_predictions_on_donations(fitted):
    """Printed at estimates that agree with these to four digits."""
    X = history((0, 0, 6), (4, 5, 6))
    np.testing.assert_allclose(fitted.predict(X, horizon=10), [0.1302169, 3.627858], rtol=5e-5)
    assert float(fitted.expected_purchases(10)) == pytest.approx(3.179805, rel=5e-5)
    regular = history(*((x, 6, 6) for x in (6, 5, 4, 3, 2, 1)))
    dert = fitted.discounted_residual_transactions(regular, annual_discount_rate=0.1, unit="Y")
    np.testing.assert_allclose(dert, [5.9098, 5.0894, 4.2690, 3.4486, 2.6282, 1.8078], rtol=5e-5)


def test_against_the_reference_fit():
    reference = json.loads((ORACLES / "bgbb.json").read_text())
    data = pd.read_csv(ORACLES / "bgbb.csv").rename(columns={"x": "frequency", "t_x": "recency", "n": "T"})
    model = BetaGeoBetaBinomial().fit(data)
    assert model.log_likelihood_ == pytest.approx(reference["loglik_total"], abs=1e-6)
    assert dict(model.params_) == pytest.approx(reference["parameters"], rel=1e-4)
    assert model.summary()["std_error"].to_dict() == pytest.approx(reference["se"], rel=1e-2)
    exact = BetaGeoBetaBinomial().set_fitted_params(**reference["parameters"])
    table = pd.DataFrame(reference["table"]).rename(columns={"x": "frequency", "t_x": "recency", "n": "T"})
    for found, name in (
        (exact.probability_alive(table, ahead=1), "p_alive_next"),
        (exact.predict(table, horizon=10), "cet_next_10"),
        (exact.discounted_residual_transactions(table, 0.1, unit="Y"), "dert_d0_1_per_opportunity"),
    ):
        np.testing.assert_allclose(found, table[name], rtol=1e-8)
    package = dict(zip(PUBLISHED, reference["package"]["par"], strict=True))  # the new customer's is printed at these
    new = BetaGeoBetaBinomial().set_fitted_params(**package).expected_purchases(10)
    assert float(new) == pytest.approx(reference["expected_new_customer_10"], rel=1e-8)


def test_discounting_counts_opportunities(fitted, donations):
    by_one = [fitted.predict(donations, horizon=h) for h in range(4)]
    steps = np.diff(by_one, axis=0)
    expected = sum(step / 1.1 ** (k + 1) for k, step in enumerate(steps))
    found = fitted.discounted_expected_transactions(donations, horizon=3, annual_discount_rate=0.1, unit="Y")
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(fitted.discounted_expected_transactions(donations, horizon=3), by_one[3], rtol=1e-12)


def test_what_is_no_whole_opportunity_is_refused():
    X = history((3, 2, 6), (1, 1.5, 6), (0, 0, 5.5), (0, 2, 6), (1, 7, 6), (1, 0, 6), (np.nan, 0, 6))
    with pytest.raises(DataError) as caught:
        BetaGeoBetaBinomial().fit(X)
    message = str(caught.value)
    for part in (
        "frequency is above recency in 2 of 7 rows (3 in row 0, 1 in row 5)",
        "recency is not a whole number in 1 of 7 rows (1.5 in row 1)",
        "T is not a whole number in 1 of 7 rows (5.5 in row 2)",
        "recency is above 0 though frequency is 0",
        "recency is later than T",
        "frequency is missing (NaN)",
    ):
        assert part in message


def test_horizons_are_whole(fitted, donations):
    for call in (
        lambda: fitted.predict(donations, horizon=1.5),
        lambda: fitted.probability_alive(donations, ahead=0.5),
        lambda: fitted.expected_purchases(2.5),
        lambda: fitted.discounted_expected_transactions(donations, 1.5, 0.1, "Y"),
    ):
        with pytest.raises(ValueError, match="whole numbers of opportunities"):
            call()


def test_there_are_no_covariates():
    with pytest.raises(TypeError, match="purchase_covariates"):
        BetaGeoBetaBinomial(purchase_covariates=("age",))
    assert BetaGeoBetaBinomial().get_params() == {"horizon": 1.0, "prior": "weak"}


def test_to_lifetimes_and_back(fitted, donations):
    theirs = fitted.to_lifetimes()
    np.testing.assert_allclose(
        theirs.conditional_expected_number_of_purchases_up_to_time(
            5, donations["frequency"], donations["recency"], donations["T"]
        ),
        fitted.predict(donations, horizon=5),
        rtol=1e-8,
    )
    back = BetaGeoBetaBinomial.from_lifetimes(theirs)
    assert dict(back.params_) == pytest.approx(dict(fitted.params_), rel=1e-12)


def test_next_purchase_and_intervals(fitted, donations):
    median = fitted.predict_next_purchase(donations)
    assert ((median >= 1) & (median == np.floor(median))).all()
    proba = fitted.predict_count_proba(donations, horizon=3, max_count=3)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(proba @ np.arange(4), fitted.predict(donations, horizon=3), rtol=1e-10)
    for of in ("predict", "probability_alive"):
        lower, upper = fitted.predict_interval(donations, of=of, horizon=5).T
        assert (lower <= upper).all()
    lower, upper = fitted.predict_interval(donations, kind="outcome", horizon=5).T
    assert ((lower >= 0) & (upper <= 5)).all()
    assert "At an opportunity 62% of customers buy" in fitted.describe()


def test_a_simulated_world_is_found_again(fitted):
    sample = fitted.simulate(20_000, 8, random_state=1)
    later = sample[sample["time"] > 0].groupby("customer_id")["time"]
    X = pd.DataFrame({"frequency": later.size(), "recency": later.max()}).reindex(range(20_000), fill_value=0)
    again = BetaGeoBetaBinomial().fit(X.assign(T=8))
    error = np.sqrt(np.diag(again.covariance_))
    assert (np.abs(again.theta_ - fitted.theta_) < 4 * error).all()
