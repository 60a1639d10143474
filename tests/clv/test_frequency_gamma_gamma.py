import numpy as np
import pandas as pd
import pytest

from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, FrequencyGammaGamma, GammaGamma, likelihood_ratio_test
from crmml.datasets import make_transactions

from .cdnow import cdnow_split


def test_at_elasticity_zero_it_is_gamma_gamma():
    params = {"p": 6.25, "q": 3.74, "gamma": 15.45}
    nested, full = (
        GammaGamma().set_fitted_params(**params),
        FrequencyGammaGamma().set_fitted_params(**params, elasticity=0.0),
    )
    assert full.score(cdnow_split()) == pytest.approx(nested.score(cdnow_split()), rel=1e-14)
    np.testing.assert_allclose(full.predict(cdnow_split()), nested.predict(cdnow_split()), rtol=1e-14)


def test_the_elasticity_is_found_again():
    rng = np.random.default_rng(0)
    x = rng.geometric(0.25, 20_000)
    rate = rng.gamma(4.0, 1.0, x.size) / (20.0 * (1.0 + x) ** 0.4)
    mean = rng.gamma(5.0 * x) / rate / x
    X = pd.DataFrame({"frequency": x, "monetary_value": mean})
    model = FrequencyGammaGamma().fit(X)
    assert model.converged_
    assert model.elasticity_ == pytest.approx(0.4, abs=4 * np.sqrt(model.covariance_[3, 3]))
    assert model.params_["gamma"] == pytest.approx(20.0, rel=0.2)
    assert likelihood_ratio_test(GammaGamma().fit(X), model)["p_value"] < 1e-10
    predicted = model.predict(X)
    for count in (1, 4):
        assert predicted[x == count].mean() == pytest.approx(mean[x == count].mean(), rel=0.04)


def test_intervals_and_value():
    model = FrequencyGammaGamma().fit(cdnow_split())
    assert model.sample_posterior(random_state=0).ess > 2500
    interval, point = model.predict_interval(cdnow_split()), model.predict(cdnow_split())
    assert ((interval[:, 0] <= point) & (point <= interval[:, 1])).mean() > 0.98
    value = CustomerLifetimeValue(BetaGeoNBD(), "by_frequency", horizon=39, unit="W").fit(cdnow_split())
    assert type(value.spend_) is FrequencyGammaGamma
    head = cdnow_split().head(20)
    bounds = value.predict_interval(head)
    assert ((bounds[:, 0] < value.predict(head)) & (value.predict(head) < bounds[:, 1])).all()
    assert "elasticity" in value.describe()


def test_lifetimes_has_no_such_model():
    with pytest.raises(ValueError, match="lifetimes has no"):
        FrequencyGammaGamma().fit(cdnow_split()).to_lifetimes()


def test_simulated_amounts_follow_the_frequency():
    model = FrequencyGammaGamma().set_fitted_params(p=6.0, q=4.0, gamma=15.0, elasticity=0.5)
    counts = np.full(60_000, 3)
    for frequency, x in ((np.full(counts.size, 8), 8), (None, 3)):
        mean = model.simulate(counts, 0, frequency).mean()
        assert mean == pytest.approx(6 * 15 * (1 + x) ** 0.5 / 3, rel=0.02)  # p γ (1 + x)^κ / (q − 1)
    timing = BetaGeoNBD().set_fitted_params(r=0.8, alpha=6.0, a=0.8, b=3.0)
    log = make_transactions(timing, n_customers=40_000, T=40, unit="W", random_state=0, spend=model)
    by_customer = log.groupby("customer_id")["value"].agg(["size", "mean"])
    once = by_customer.loc[by_customer["size"] == 1, "mean"].mean()
    assert once == pytest.approx(6 * 15 / 3, rel=0.03)  # a customer without repeats has frequency 0
