import json

import numpy as np
import pandas as pd
import pytest

from crmml.clv import ShiftedBetaGeometric

from .. import ORACLES

#: Fader & Hardie (2007): survivors through seven renewals, and through five more.
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
LATER = {"regular": [223, 207, 194, 183, 173], "high end": [468, 445, 427, 409, 394]}


@pytest.mark.parametrize(
    ("survivors", "alpha", "beta", "log_likelihood", "later"),
    [
        (REGULAR, 0.7041, 1.1820, -1680.265, LATER["regular"]),
        (HIGH_END, 0.6681, 3.8061, -1611.158, LATER["high end"]),
    ],
)
def test_published_fits_and_what_came_later(survivors, alpha, beta, log_likelihood, later):
    model = ShiftedBetaGeometric().fit_survivors(survivors)
    assert dict(model.params_) == pytest.approx({"alpha": alpha, "beta": beta}, abs=5.1e-5)
    assert model.log_likelihood_ == pytest.approx(log_likelihood, abs=5e-4)
    assert model.converged_
    assert model.n_customers_ == 1000
    expected = 1000 * model.survival(np.arange(8, 13))
    assert np.max(np.abs(expected / later - 1)) < 0.09  # as the literature found: a few percent low at the end


def test_against_the_reference_fits():
    reference = json.loads((ORACLES / "contractual.json").read_text())["models"]
    cohorts = pd.read_csv(ORACLES / "contractual_retention.csv")
    for cohort in ("sbg", "bdw"):
        for used in (7, 12):
            wanted = reference[f"sBG_cohort_{cohort}_{used}"]
            model = ShiftedBetaGeometric().fit_survivors(cohorts[f"cohort_{cohort}"].head(used + 1))
            assert model.log_likelihood_ == pytest.approx(wanted["loglik_total"], abs=1e-6)
            assert dict(model.params_) == pytest.approx(wanted["parameters"], rel=1e-4)
            assert model.summary()["std_error"].to_dict() == pytest.approx(wanted["se"], rel=1e-3)
            exact = ShiftedBetaGeometric().set_fitted_params(**wanted["parameters"])
            survival = next(value for name, value in wanted.items() if name.startswith("survival"))
            np.testing.assert_allclose(exact.survival(np.arange(len(survival))), survival, rtol=1e-10)
            retention = next(value for name, value in wanted.items() if name.startswith("retention"))
            np.testing.assert_allclose(exact.retention_rate(np.arange(1, len(survival))), retention, rtol=1e-10)
            now = float(exact.discounted_residual_lifetime([[0, 0], [used, used]], 0.1, "Y")[0])
            later = float(exact.discounted_residual_lifetime([[used, used]], 0.1, "Y")[0])
            assert 1 + now == pytest.approx(wanted["discounted_expected_lifetime_d0_1"], rel=1e-8)
            residual = wanted["discounted_expected_residual_lifetime_after_T_renewals_d0_1"]
            assert later == pytest.approx(residual, rel=1e-8)


def test_retention_rates():
    model = ShiftedBetaGeometric().set_fitted_params(alpha=0.7, beta=1.2)
    t = np.arange(1.0, 9)
    np.testing.assert_allclose(model.retention_rate(t), (1.2 + t - 1) / (0.7 + 1.2 + t - 1), rtol=1e-13)


def test_residual_lifetime_without_discount():
    loyal = ShiftedBetaGeometric().set_fitted_params(alpha=1.5, beta=3.0)
    np.testing.assert_allclose(loyal.residual_lifetime([[0, 0], [4, 4], [2, 4]]), [6.0, 14.0, 0.0])
    endless = ShiftedBetaGeometric().set_fitted_params(alpha=0.7, beta=1.2)
    with pytest.warns(UserWarning, match="2 of 3 customers is infinite, since alpha = 0.7 is at most 1"):
        assert endless.residual_lifetime([[0, 0], [4, 4], [2, 4]]).tolist() == [np.inf, np.inf, 0.0]


def test_unlike_customers_are_worth_more_and_more_elastic_than_one_rate_says():
    """The perils of ignoring heterogeneity: with the retention rate of all as everybody's own, both are too low."""
    model = ShiftedBetaGeometric().set_fitted_params(alpha=0.2, beta=0.8)
    new, z = [[0, 0]], 1 / 1.1
    rate = float(model.retention_rate(1))
    assert model.discounted_residual_lifetime(new, 0.1, "Y")[0] > 1.2 * rate * z / (1 - rate * z)
    assert model.retention_elasticity(new, 0.1, "Y")[0] > 1.2 / (1 - rate * z)
    assert model.retention_elasticity([[2, 5]], 0.1, "Y")[0] == 0


def test_a_covariate_multiplies_the_odds_of_leaving():
    truth = ShiftedBetaGeometric(dropout_covariates=["promotion"])
    truth.set_fitted_params(alpha=0.9, beta=3.0, coef_dropout={"promotion": 0.8})
    first = [float(1 - truth.retention_rate(1, {"promotion": z})) for z in (0.0, 1.0)]
    odds = [p / (1 - p) for p in first]
    assert odds[1] / odds[0] == pytest.approx(np.exp(0.8))
    z = np.tile([0.0, 1.0], 4000)
    customers = truth.simulate(8000, 8, random_state=0, covariates={"promotion": z})
    model = ShiftedBetaGeometric(dropout_covariates=["promotion"]).fit(customers)
    row = model.summary().loc["dropout.promotion"]
    assert abs(row["estimate"] - 0.8) < 3 * row["std_error"]
    cohorts = {name: [(part["recency"] >= t).sum() for t in range(9)] for name, part in customers.groupby("promotion")}
    grouped = ShiftedBetaGeometric(dropout_covariates=["promotion"]).fit_survivors(
        cohorts, covariates={"promotion": [0.0, 1.0]}
    )
    assert grouped.coef_dropout_["promotion"] == pytest.approx(model.coef_dropout_["promotion"], rel=1e-6)
    assert model.predict(customers.head(2)).shape == (2,)
