import numpy as np
import pytest

from crmml import DataError
from crmml.clv import BetaGeoNBD, GammaGamma, ModifiedBetaGeoNBD, compare, likelihood_ratio_test

from .cdnow import cdnow_split


def test_compare_on_cdnow():
    split = cdnow_split()
    bg, mbg = BetaGeoNBD().fit(split), ModifiedBetaGeoNBD().fit(split)
    table = compare([bg, mbg], split)
    assert table["model"].tolist() == ["MBG/NBD", "BG/NBD"]
    assert table["aic"].tolist() == pytest.approx([mbg.aic_, bg.aic_], rel=1e-10)
    assert table["bic"].tolist() == pytest.approx([mbg.bic_, bg.bic_], rel=1e-10)
    assert table["aic_weight"].sum() == pytest.approx(1)
    assert table["aic_weight"][1] / table["aic_weight"][0] == pytest.approx(np.exp((mbg.aic_ - bg.aic_) / 2))
    with pytest.raises(DataError, match="models of different data"):
        compare([bg, GammaGamma().fit(split)], split)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # small bases may have no optimum
def test_the_likelihood_ratio_test_keeps_its_size():
    """200 noise covariates on the same customers: about one in twenty is significant at 5 %."""
    truth = BetaGeoNBD().set_fitted_params(r=0.8, alpha=8.0, a=0.8, b=2.4)
    rejected, runs = 0, 200
    for seed in range(runs):
        by_customer = truth.simulate(250, 40.0, random_state=seed).groupby("customer_id")["time"]
        noise = np.random.default_rng(seed).normal(size=250)
        X = by_customer.max().to_frame("recency").assign(frequency=by_customer.size() - 1, T=40.0, noise=noise)
        restricted, full = BetaGeoNBD().fit(X), BetaGeoNBD(purchase_covariates=["noise"]).fit(X)
        test = likelihood_ratio_test(restricted, full)
        assert test["degrees_of_freedom"] == 1
        rejected += test["p_value"] < 0.05
    assert 2 <= rejected <= 21  # binomial(200, 0.05): both ends beyond one in 500


def test_what_cannot_be_tested():
    split = cdnow_split()
    bg = BetaGeoNBD().fit(split)
    with pytest.raises(ValueError, match="has no more parameters"):
        likelihood_ratio_test(bg, ModifiedBetaGeoNBD().fit(split))
    X = split.assign(z=np.arange(2357.0))
    with pytest.raises(ValueError, match="customers; fit both to the same"):
        likelihood_ratio_test(bg, BetaGeoNBD(purchase_covariates=["z"]).fit(X.head(1000)))
