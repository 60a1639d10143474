import json

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from crmml.clv.gompertz import GompertzNBD
from crmml.clv.pareto import ParetoNBD

from .. import ORACLES
from .cdnow import cdnow_split

COVARIATES = {"purchase_covariates": ["income", "online"], "dropout_covariates": ["income", "online"]}
CASES = pytest.mark.parametrize(("case", "options"), [("ggomnbd_nocov", {}), ("ggomnbd_static", COVARIATES)])


@pytest.fixture(scope="module")
def oracle():
    return json.loads((ORACLES / "ggomnbd_static.json").read_text())


@pytest.fixture(scope="module")
def customers():
    table = pd.read_csv(ORACLES / "ggomnbd_static_customers.csv")
    return table.rename(columns={"x": "frequency", "t_x": "recency"})


@pytest.fixture(scope="module")
def given_models(oracle):
    def make(case, options):
        given = oracle["models"][case]["parameters"]
        return GompertzNBD(**options).set_fitted_params(
            **{name: given[name] for name in ("r", "alpha", "b", "s", "beta")},
            coef_purchase={n[6:]: v for n, v in given.items() if n.startswith("trans.")},
            coef_dropout={n[5:]: v for n, v in given.items() if n.startswith("life.")},
        )

    return make


def ours_of(name):
    """CLVTools' parameter names in ours."""
    return name.replace("life.", "dropout.").replace("trans.", "purchase.")


@CASES
def test_fit_equals_clvtools(oracle, customers, case, options):
    reference = oracle["models"][case]
    model = GompertzNBD(**options).fit(customers)
    assert model.converged_
    assert model.log_likelihood_ == pytest.approx(reference["loglik_total"], abs=1e-4)
    assert model.log_likelihood_ >= reference["own_check"]["loglik_independent"] - 1e-6
    table = model.summary()
    for name, value in reference["parameters"].items():
        assert table.loc[ours_of(name), "estimate"] == pytest.approx(value, rel=1e-3), name
        assert table.loc[ours_of(name), "std_error"] == pytest.approx(reference["se"][name], rel=1e-3), name


@CASES
def test_likelihood_and_predictions_at_the_listed_parameters(oracle, customers, given_models, case, options):
    model, reference = given_models(case, options), oracle["models"][case]
    total = model.score(customers) * len(customers)
    assert total == pytest.approx(reference["own_check"]["loglik_independent"], abs=1e-6)
    expected = pd.DataFrame(reference["customers"])
    X = customers.set_index("id").loc[expected["id"]]
    np.testing.assert_allclose(model.probability_alive(X), expected["p_alive"], rtol=1e-8)
    np.testing.assert_allclose(model.predict(X, 26), expected["cet_26_weeks"], rtol=1e-8)


def test_data_that_do_not_ask_for_a_growing_hazard_are_told_so():
    split = cdnow_split()
    with pytest.warns(ConvergenceWarning, match=r"no interior optimum .*b ran to .*does not grow with age.*Pareto/NBD"):
        model = GompertzNBD().fit(split)
    assert not model.converged_
    pareto = ParetoNBD().fit(split)
    assert model.log_likelihood_ == pytest.approx(pareto.log_likelihood_, abs=1e-4)
    assert model.params_["beta"] / model.params_["b"] == pytest.approx(pareto.params_["beta"], rel=1e-3)
    np.testing.assert_allclose(model.predict(split, 39), pareto.predict(split, 39), rtol=1e-3)
    with pytest.warns(ConvergenceWarning, match="no interior optimum"):
        table = model.summary()
    assert table.loc[["b", "beta"], "std_error"].isna().all()
    assert table.loc["s", "std_error"] == pytest.approx(pareto.summary().loc["s", "std_error"], rel=1e-2)


def test_few_customers_do_not_pass_for_an_optimum_either():
    """With few customers the likelihood is flat to rounding long before b reaches the edge of the search."""
    with pytest.warns(ConvergenceWarning, match="GompertzNBD found no interior optimum"):
        model = GompertzNBD().fit(cdnow_split().iloc[:200])
    assert not model.converged_


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_intervals_and_sampled_customers(oracle, customers, given_models):
    model = GompertzNBD().fit(customers)
    X = [[0, 0, 30], [4, 25, 38], [12, 10, 38]]
    lower, upper = model.predict_interval(X, horizon=39, n_draws=200).T
    assert (lower < model.predict(X, 39)).all()
    assert (model.predict(X, 39) < upper).all()
    log = given_models("ggomnbd_nocov", {}).simulate(3_000, 39.0, random_state=0)
    repeat = log.groupby("customer_id").size() - 1
    error = repeat.std() / np.sqrt(3_000)
    assert repeat.mean() == pytest.approx(float(model.expected_purchases(39.0)), abs=5 * error)
    assert "half of them within" in model.describe()
