import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma, spend_frequency_correlation

from .cdnow import cdnow_split


def correlated(strength, n=3000, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.geometric(0.2, n)
    return pd.DataFrame({"frequency": x, "monetary_value": np.exp(strength * np.log(x) + rng.normal(3, 0.5, n))})


def test_cdnow_is_not_called_dependent():
    found = spend_frequency_correlation(cdnow_split())
    assert found.n_customers == 946
    assert found.correlation == pytest.approx(0.2063, abs=1e-4)
    assert 0.14 < found.lower < found.correlation < found.upper < 0.27
    assert "not strong" in found.describe()


def test_the_interval_covers():
    inside = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        z = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 80)
        data = pd.DataFrame({"frequency": np.argsort(np.argsort(z[:, 0])) + 1, "monetary_value": np.exp(z[:, 1])})
        found = spend_frequency_correlation(data, 0.9)
        inside += found.lower <= 6 / np.pi * np.arcsin(0.25) <= found.upper  # Spearman's rho of a normal with r = 0.5
    assert 252 <= inside <= 288  # 270 +- 3.5 binomial standard deviations


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("strength", "word"), [(0.6, "more"), (-0.6, "less")])
def test_strong_dependence_is_warned_of(strength, word):
    found = spend_frequency_correlation(correlated(strength))
    assert found.noteworthy
    assert f"spend {word} at a time" in found.describe()
    data = correlated(strength).assign(recency=10.0, T=20.0)
    model = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="W", summary_unit="W")
    with pytest.warns(UserWarning, match="use spend='by_frequency'"):
        model.fit(data.head(1500))


def test_degenerate_bases():
    same = pd.DataFrame({"frequency": [2] * 20, "monetary_value": np.arange(1.0, 21)})
    assert spend_frequency_correlation(same).correlation == 0.0
    perfect = pd.DataFrame({"frequency": np.arange(1, 21), "monetary_value": np.arange(1.0, 21)})
    assert spend_frequency_correlation(perfect).lower == pytest.approx(1.0)
    with pytest.raises(DataError, match="at least 10 are needed"):
        spend_frequency_correlation(same.head(5))
    with pytest.raises(DataError, match="is missing"):
        spend_frequency_correlation(same.assign(frequency=np.nan))
    with pytest.raises(ValueError, match="coverage"):
        spend_frequency_correlation(same, coverage=2)
