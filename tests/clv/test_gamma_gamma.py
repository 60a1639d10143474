import numpy as np
import pandas as pd
import pytest

from crmml.clv import GammaGamma

from .cdnow import cdnow_split

pytestmark = pytest.mark.filterwarnings("ignore:X does not have valid feature names")


@pytest.fixture(scope="module")
def spend():
    return GammaGamma().fit(cdnow_split())


def test_only_repeat_customers_inform(spend):
    split = cdnow_split()
    again = GammaGamma().fit(split[split["frequency"] > 0])
    assert spend.n_customers_ == 946
    assert dict(spend.params_) == pytest.approx(dict(again.params_), rel=1e-6)


def test_who_has_no_average_gets_the_populations(spend):
    p, q, gamma = spend.params_.values()
    assert spend.predict([[0, 0.0]])[0] == pytest.approx(p * gamma / (q - 1)) == pytest.approx(spend.mean_spend_)


def test_lifetimes_both_ways(spend):
    import warnings

    from lifetimes import GammaGammaFitter

    split = cdnow_split().query("frequency > 0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter = GammaGammaFitter().fit(split["frequency"], split["monetary_value"])
        theirs = fitter.conditional_expected_average_profit(split["frequency"], split["monetary_value"])
        model = GammaGamma.from_lifetimes(fitter)
        back = spend.to_lifetimes().predict(split["frequency"], split["monetary_value"])
    np.testing.assert_allclose(model.predict(split), theirs, rtol=1e-10)
    np.testing.assert_allclose(back, spend.predict(split), rtol=1e-10)


def test_recovery_from_simulation():
    truth = {"p": 5.0, "q": 4.0, "gamma": 20.0}
    model = GammaGamma().set_fitted_params(**truth)
    counts = np.random.default_rng(0).integers(1, 8, 20_000)
    amounts = model.simulate(counts, random_state=1)
    mean = np.bincount(np.repeat(np.arange(counts.size), counts), amounts) / counts
    table = GammaGamma().fit(np.column_stack([counts, mean])).summary()
    z = np.log(table["estimate"] / pd.Series(truth)) / (table["std_error"] / table["estimate"])
    assert (z.abs() < 4).all()


def test_worthless_purchases_are_left_out_with_a_warning(spend):
    split = cdnow_split().copy()
    split.loc[split.index[split["frequency"] > 0][:3], "monetary_value"] = 0.0
    with pytest.warns(UserWarning, match=r"worth 0 out of the fit \(3 of 2,357\)"):
        model = GammaGamma().fit(split)
    assert model.n_customers_ == 943


def test_an_infinite_mean_is_said():
    rng = np.random.default_rng(0)
    model = GammaGamma().set_fitted_params(p=2.0, q=0.6, gamma=5.0)
    mean = model.simulate(np.ones(3000, int), random_state=rng)
    with pytest.warns(UserWarning, match="at most 1"):
        fitted = GammaGamma().fit(np.column_stack([np.ones(3000), mean]))
    with pytest.raises(ValueError, match="expected spend of 1 of 1 customers is infinite"):
        fitted.predict([[0, 0.0]])


def test_intervals_of_the_mean_and_of_the_next_amount(spend):
    split = cdnow_split()
    mean, outcome = (spend.predict_interval(split, kind=kind) for kind in ("mean", "outcome"))
    point = spend.predict(split)
    assert ((mean[:, 0] <= point) & (point <= mean[:, 1])).mean() > 0.98
    assert ((outcome[:, 0] < mean[:, 0]) & (outcome[:, 1] > mean[:, 1])).all()
    held = split["frequency_holdout"] == 1  # one purchase: its amount is the outcome itself
    actual = split["monetary_value_holdout"]
    assert ((outcome[:, 0] <= actual) & (actual <= outcome[:, 1]))[held].mean() == pytest.approx(0.9, abs=0.06)
    np.testing.assert_array_equal(outcome, spend.predict_interval(split, kind="outcome"))
    for wrong in ({"coverage": 2}, {"kind": "both"}):
        with pytest.raises(ValueError, match=r"must lie between 0 and 1|choose one of 'mean', 'outcome'"):
            spend.predict_interval(split, **wrong)
