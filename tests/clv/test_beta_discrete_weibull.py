import json

import numpy as np
import pandas as pd
import pytest

from crmml.clv import BetaDiscreteWeibull, ShiftedBetaGeometric, compare, likelihood_ratio_test

from .. import ORACLES
from .test_shifted_beta_geo import HIGH_END, LATER, REGULAR


@pytest.mark.parametrize(
    ("survivors", "params", "digits", "log_likelihood", "later"),
    [
        (REGULAR, {"alpha": 0.523, "beta": 0.894, "c": 1.196}, 3, -1401.383, [289, 262, 241, *LATER["regular"]]),
        (HIGH_END, {"alpha": 0.2593, "beta": 1.7226, "c": 1.5844}, 4, -1222.749, [551, 517, 491, *LATER["high end"]]),
    ],
)
def test_published_fits_to_four_renewals_and_what_came_later(survivors, params, digits, log_likelihood, later):
    model = BetaDiscreteWeibull().fit_survivors(survivors[:5])
    assert dict(model.params_) == pytest.approx(params, abs=0.51 * 10**-digits)
    assert model.log_likelihood_ == pytest.approx(log_likelihood, abs=5e-4)
    assert model.converged_
    expected = 1000 * model.survival(np.arange(5, 13))
    assert np.max(np.abs(expected / later - 1)) < 0.03


def test_against_the_reference_fits():
    reference = json.loads((ORACLES / "contractual.json").read_text())["models"]
    cohorts = pd.read_csv(ORACLES / "contractual_retention.csv")
    for cohort in ("sbg", "bdw"):
        for used in (7, 12):
            wanted = reference[f"BdW_cohort_{cohort}_{used}"]
            model = BetaDiscreteWeibull().fit_survivors(cohorts[f"cohort_{cohort}"].head(used + 1))
            assert model.log_likelihood_ == pytest.approx(wanted["loglik_total"], abs=1e-6)
            assert dict(model.params_) == pytest.approx(wanted["parameters"], rel=1e-4)
            assert model.summary()["std_error"].to_dict() == pytest.approx(wanted["se"], rel=1e-3)
            exact = BetaDiscreteWeibull().set_fitted_params(**wanted["parameters"])
            survival = next(value for name, value in wanted.items() if name.startswith("survival"))
            np.testing.assert_allclose(exact.survival(np.arange(len(survival))), survival, rtol=1e-10)


def test_with_c_1_it_is_the_shifted_beta_geometric():
    plain = ShiftedBetaGeometric().set_fitted_params(alpha=0.7, beta=1.9)
    general = BetaDiscreteWeibull().set_fitted_params(alpha=0.7, beta=1.9, c=1.0)
    X = [[0, 0], [3, 3], [2, 5], [9, 9]]
    np.testing.assert_allclose(general.survival(np.arange(20)), plain.survival(np.arange(20)), rtol=1e-13)
    np.testing.assert_allclose(general.predict(X, 300), plain.predict(X, 300), rtol=1e-9)
    np.testing.assert_allclose(
        general.discounted_residual_lifetime(X, 0.1, "M"), plain.discounted_residual_lifetime(X, 0.1, "M"), rtol=1e-8
    )
    assert general.score(X) == pytest.approx(plain.score(X), rel=1e-13)


def test_compare_and_likelihood_ratio():
    truth = BetaDiscreteWeibull().set_fitted_params(alpha=0.6, beta=2.0, c=1.6)
    X = truth.simulate(4000, 8, random_state=0)
    plain, general = ShiftedBetaGeometric().fit(X), BetaDiscreteWeibull().fit(X)
    table = compare([plain, general], X)
    assert table["model"].tolist() == ["BdW", "sBG"]
    assert table["log_likelihood"].tolist() == pytest.approx([general.log_likelihood_, plain.log_likelihood_])
    assert likelihood_ratio_test(plain, general)["p_value"] < 0.01
    for name, row in general.summary(0.99).iterrows():
        assert row["lower"] < truth.params_[name] < row["upper"]


def test_infinite_lifetimes_are_told():
    model = BetaDiscreteWeibull().set_fitted_params(alpha=0.5, beta=2.0, c=1.6)
    with pytest.warns(UserWarning, match="since alpha · c = 0.8 is at most 1"):
        assert np.isinf(model.residual_lifetime([[1, 1]])[0])
