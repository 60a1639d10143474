import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from crmml import DataError
from crmml.clv import BetaGeoNBD, GammaGamma

from .cdnow import cdnow_split


@pytest.fixture(scope="module")
def bg():
    return BetaGeoNBD(horizon=39).fit(cdnow_split())


def test_summary_carries_errors_by_the_delta_method(bg):
    table = bg.summary(coverage=0.9)
    estimate = np.array(list(bg.params_.values()))
    np.testing.assert_allclose(table["std_error"], estimate * np.sqrt(np.diag(bg.covariance_)), rtol=1e-12)
    np.testing.assert_allclose(np.log(table["upper"] / table["estimate"]), np.log(table["estimate"] / table["lower"]))
    assert (table["lower"] < table["estimate"]).all()


def test_information_criteria(bg):
    assert bg.aic_ == pytest.approx(8 - 2 * bg.log_likelihood_)
    assert bg.bic_ == pytest.approx(4 * np.log(2357) - 2 * bg.log_likelihood_)
    assert (bg.n_customers_, bg.n_parameters_, bg.converged_) == (2357.0, 4, True)


def test_params_are_read_only(bg):
    with pytest.raises(TypeError):
        bg.params_["r"] = 1.0


def test_the_fit_does_not_depend_on_the_unit_of_time(bg):
    days = cdnow_split()[["frequency", "recency", "T"]] * [1, 7, 7]
    other = BetaGeoNBD().fit(days)
    assert other.params_["alpha"] == pytest.approx(7 * bg.params_["alpha"], rel=1e-5)
    assert other.params_["a"] == pytest.approx(bg.params_["a"], rel=1e-5)
    shift = cdnow_split()["frequency"].sum() * np.log(7)
    assert other.log_likelihood_ == pytest.approx(bg.log_likelihood_ - shift, abs=1e-6)


def test_a_large_base_starts_from_a_sample_and_ends_at_the_same_optimum(bg, monkeypatch):
    from crmml.clv import base

    monkeypatch.setattr(base, "SAMPLE_ABOVE", 100)
    again = BetaGeoNBD().fit(cdnow_split())
    np.testing.assert_allclose(list(again.params_.values()), list(bg.params_.values()), rtol=1e-5)


def test_given_parameters():
    model = BetaGeoNBD().set_fitted_params(r=0.25, alpha=4.0, a=0.8, b=2.5)
    assert model.predict([[2, 10.0, 30.0]], 10).shape == (1,)
    assert np.isnan(model.log_likelihood_)
    with pytest.raises(DataError) as caught:
        BetaGeoNBD().set_fitted_params(r=-1.0, alpha=4.0, beta=2.0)
    assert len(caught.value.faults) == 4
    with pytest.raises(ValueError, match="neither posterior draws nor a covariance"):
        model.predict_interval([[2, 10.0, 30.0]])


def test_nobody_ever_leaves_is_named_as_what_it_is():
    """Simulated without dropout: a runs to 0, and the warning says so."""
    rng = np.random.default_rng(0)
    rate, T = rng.gamma(2.0, 0.1, 300), np.full(300, 50.0)
    x = rng.poisson(rate * T)
    recency = np.array([T[i] * rng.random(x[i]).max() if x[i] else 0.0 for i in range(300)])
    with pytest.warns(ConvergenceWarning, match=r"a ran to .*nobody leaves, the NBD model"):
        model = BetaGeoNBD().fit(np.column_stack([x, recency, T]))
    assert not model.converged_
    assert "NOT converged" in model.describe()


@pytest.mark.parametrize("model", [BetaGeoNBD(), GammaGamma()])
def test_posterior(model):
    model.fit(cdnow_split())
    posterior = model.sample_posterior(4000, random_state=1)
    assert posterior.ess >= 3000
    assert posterior.pareto_k < 0.5
    z = (posterior.draws.median() - pd.Series(model.params_)) / model.summary()["std_error"]
    assert (z.abs() < 0.6).all()
    again = model.sample_posterior(4000, random_state=1)
    pd.testing.assert_frame_equal(posterior.draws, again.draws)


def test_priors():
    data = cdnow_split().head(300)
    firm = BetaGeoNBD(prior={"r": (0.5, 0.01)}).fit(data).sample_posterior(1000, random_state=0)
    assert firm.draws["r"].median() == pytest.approx(0.5, rel=0.02)
    with pytest.raises(ValueError, match="no proper prior"):
        BetaGeoNBD(prior=None).fit(data).sample_posterior()
    with pytest.raises(ValueError, match="give \\(median > 0"):
        BetaGeoNBD(prior={"x": (1, 1)}).fit(data).sample_posterior()


def test_a_stored_model_keeps_draws_but_no_customer(bg):
    model = BetaGeoNBD().fit(cdnow_split())
    bare = pickle.loads(pickle.dumps(model))
    with pytest.raises(ValueError, match="carries no data"):
        bare.sample_posterior()
    with pytest.warns(UserWarning, match="normal approximation"):
        rough = bare.predict_interval(cdnow_split().head(3), horizon=39)
    model.sample_posterior(random_state=0)
    stored = pickle.dumps(model)
    assert len(stored) < 100_000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact = pickle.loads(stored).predict_interval(cdnow_split().head(3), horizon=39)
    np.testing.assert_allclose(rough, exact, rtol=0.1)


def test_unfitted_and_too_small():
    with pytest.raises(NotFittedError):
        BetaGeoNBD().predict([[1, 1, 2]])
    with pytest.raises(ValueError, match="needs at least 2"):
        BetaGeoNBD().fit([[1.0, 1.0, 2.0]])
    with pytest.raises(ValueError, match="exactly these 3 columns"):
        BetaGeoNBD().fit(np.zeros((5, 4)))
