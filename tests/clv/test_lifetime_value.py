import warnings

import numpy as np
import pandas as pd
import pytest

from crmml import DataError, RulerError
from crmml.clv import BetaGeoCNBD, BetaGeoNBD, CustomerLifetimeValue, FrequencyGammaGamma, GammaGamma
from crmml.clv._intervals import product
from crmml.clv.lifetime_value import concentration
from crmml.datasets import load_cdnow_sample, make_transactions
from crmml.frames import collected, wrap
from crmml.frames.ruler import Ruler
from crmml.transactions import summarize

from .cdnow import cdnow_split


@pytest.fixture(scope="module")
def value():
    return CustomerLifetimeValue(
        BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y", annual_discount_rate=0.1, margin=0.3
    ).fit(cdnow_split())


def test_value_is_margin_times_spend_times_discounted_purchases(value):
    split = cdnow_split()
    purchases = value.transactions_.discounted_expected_transactions(split, 365.25 / 7, 0.1)
    np.testing.assert_allclose(value.predict(split), 0.3 * value.spend_.predict(split) * purchases, rtol=1e-12)
    assert (value.predict(split, 2) > value.predict(split)).all()


def test_the_table_on_every_engine(value, engine):
    split = cdnow_split().head(50)
    table = value.table(engine.frame(split))
    found = collected(wrap(table)).to_pandas().sort_values("customer_id", ignore_index=True)
    expected = value.table(split).sort_values("customer_id", ignore_index=True)
    assert list(found.columns) == ["customer_id", "probability_alive", "expected_purchases", "expected_spend", "clv"]
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-12)


def test_describe_says_how_value_is_concentrated(value):
    text = value.describe(cdnow_split())
    assert "Value over the next 1 year, discounted at 10.0% a year, at a margin of 30%" in text
    assert "the top 20 % (471) hold" in text


def test_a_summary_without_ruler_is_in_the_stated_unit():
    bare = pd.DataFrame(cdnow_split().to_dict("list"))
    weeks = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=52, unit="W", summary_unit="W").fit(bare)
    known = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=52, unit="W").fit(cdnow_split())
    np.testing.assert_allclose(weeks.predict(bare), known.predict(cdnow_split()), rtol=1e-10)
    years = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=52 * 7 / 365.25, unit="Y", summary_unit="W").fit(
        bare
    )
    np.testing.assert_allclose(years.predict(bare), weeks.predict(bare), rtol=1e-10)
    with pytest.warns(UserWarning, match="does not say what its times are counted in; they are taken to be in weeks"):
        CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=52, unit="W").fit(bare)
    with pytest.raises(RulerError):
        CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=52, unit="W", summary_unit="D").fit(cdnow_split())


def test_another_ruler_and_wrong_money_are_refused(value):
    days = cdnow_split().copy()
    days.attrs = Ruler(unit="D").to_metadata()
    with pytest.raises(RulerError):
        value.predict(days)
    with pytest.raises(DataError, match="monetary_value is negative in 1 of 2,357 rows"):
        value.predict(cdnow_split().assign(monetary_value=lambda d: d["monetary_value"].where(d.index != 5, -1.0)))


@pytest.mark.parametrize("wrong", [{"horizon": 0}, {"unit": "weeks"}, {"annual_discount_rate": -0.1}, {"margin": 0}])
def test_wrong_settings(wrong):
    arguments = {"horizon": 1, "unit": "Y", **wrong}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), **arguments).fit(cdnow_split())


def test_intervals_of_the_value_and_its_parts(value):
    head = cdnow_split().head(60)
    table = value.table(head, coverage=0.8, kind="mean")
    for name in ("probability_alive", "expected_purchases", "expected_spend", "clv"):
        inside = (table[f"{name}_lower"] <= table[name]) & (table[name] <= table[f"{name}_upper"])
        assert inside.mean() > 0.95
    wide = value.predict_interval(head, coverage=0.99)
    assert (wide[:, 0] <= table["clv_lower"]).all()
    assert (wide[:, 1] >= table["clv_upper"]).all()
    counts = value.predict_interval(head, "expected_purchases", kind="outcome")
    assert (counts == counts.round()).all()
    for wrong in ({"of": "clv"}, {"kind": "median"}, {"coverage": 0}):
        with pytest.raises(ValueError, match=r"must lie between 0 and 1|choose one of"):
            value.predict_interval(head, **wrong)


def test_the_interval_of_one_value_is_that_of_its_draws(value):
    """Rows computed one by one, from the same draws, without blocks or shared rows."""
    head = cdnow_split()[["frequency", "recency", "T", "monetary_value"]].head(8)
    bounds = value.predict_interval(head, coverage=0.9, n_draws=200)
    alone = np.vstack([value.predict_interval(head.iloc[[i]], coverage=0.9, n_draws=200) for i in range(8)])
    np.testing.assert_allclose(bounds, alone, rtol=1e-4)


@pytest.mark.parametrize("rate", [0.0, 0.15])
def test_intervals_of_the_money_to_come_hold_it(rate):
    """Simulated customers: 90 % intervals of next year's money hold it in at least about 90 % of cases."""
    timing = BetaGeoNBD().set_fitted_params(r=0.8, alpha=6.0, a=0.8, b=3.0)
    spend = GammaGamma().set_fitted_params(p=6.0, q=4.0, gamma=15.0)
    log = make_transactions(timing, n_customers=3000, T=80, unit="W", random_state=1, spend=spend)
    end = log["timestamp"].min() + pd.Timedelta(weeks=40)
    seen = log[log.groupby("customer_id")["timestamp"].transform("min") <= end]
    X = summarize(seen[seen["timestamp"] <= end], value="value", period="h", unit="W", observation_end=end)
    model = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=40, unit="W", annual_discount_rate=rate).fit(X)
    later = seen[seen["timestamp"] > end]
    weeks = (later["timestamp"] - end).dt.total_seconds() / 604800
    paid = later["value"] * (1 + rate) ** (-weeks * 7 / 365.25)
    money = paid.groupby(later["customer_id"]).sum().reindex(X["customer_id"], fill_value=0.0).to_numpy()
    bounds = model.predict_interval(X, kind="outcome", coverage=0.9)
    inside = (bounds[:, 0] <= money + 1e-9) & (money <= bounds[:, 1] + 1e-9)
    assert 0.88 <= inside.mean() <= 0.99  # above 0.9, for the many whose money is exactly nothing
    assert (money > bounds[:, 1]).mean() == pytest.approx(0.05, abs=0.015)
    narrow = model.predict_interval(X, kind="mean")
    assert (bounds[:, 1] - bounds[:, 0]).sum() > 3 * (narrow[:, 1] - narrow[:, 0]).sum()


# ---- money with a heavy tail, and money that does not vary -------------------------------------------------------------


def heavy():
    """A summary whose repeat buyers spend with a tail that has no mean, so that newcomers' expected spend is infinite."""
    log, rng = load_cdnow_sample(), np.random.default_rng(0)
    own = dict(zip(log["customer_id"].unique(), (rng.pareto(0.7, log["customer_id"].nunique()) + 1) * 1e5, strict=True))
    log["value"] = log["customer_id"].map(own) * rng.gamma(2, 0.5, len(log))
    return summarize(log, value="value", unit="W")


@pytest.fixture(scope="module")
def heavy_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y", annual_discount_rate=0.1).fit(
            heavy()
        )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_who_has_an_expectation_gets_it_and_the_others_are_infinite(heavy_fit):
    X = heavy()
    p, q, _ = heavy_fit.spend_.params_.values()
    endless = (p * X["frequency"] + q <= 1).to_numpy()
    assert 0 < endless.sum() < len(X)
    with pytest.warns(
        UserWarning, match=f"expected spend of {endless.sum():,} of {len(X):,} customers is infinite"
    ) as told:
        value = heavy_fit.predict(X)
    assert len(told) == 1
    np.testing.assert_array_equal(np.isinf(value), endless)
    own = X[~endless]
    own.attrs = X.attrs
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(heavy_fit.predict(own), value[~endless], rtol=1e-12)


def test_a_table_with_infinite_expectations_holds_no_nan_and_warns_once(heavy_fit):
    X = heavy()
    X = X.iloc[:400].assign(customer_id=range(400))
    X.attrs = heavy().attrs
    with pytest.warns(UserWarning, match="infinite") as told:
        table = heavy_fit.table(X, coverage=0.8, kind="mean")
    texts = [str(one.message) for one in told]
    assert len(texts) == len(set(texts))
    assert sum("customers is infinite" in text for text in texts) == 1
    assert not table.isna().any().any()
    for name in ("probability_alive", "expected_purchases", "expected_spend", "clv"):
        assert ((table[f"{name}_lower"] <= table[name]) & (table[name] <= table[f"{name}_upper"])).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not np.isnan(heavy_fit.predict_interval(X, kind="outcome")).any()


@pytest.mark.filterwarnings("ignore:GammaGamma")
def test_describe_counts_what_is_infinite_and_adds_up_the_rest(heavy_fit):
    X = heavy()
    value = heavy_fit.predict(X)
    words = heavy_fit.describe(X)
    finite = value[np.isfinite(value)]
    assert f"The expected value of {value.size - finite.size:,} of {value.size:,} customers is infinite" in words
    assert f"The {finite.size:,} customers with a finite value are worth {finite.sum():,.0f} together" in words
    assert " inf " not in words
    assert "nan" not in words


def test_concentration_of_infinite_values():
    assert "median customer is worth 3" in concentration(np.array([np.inf, 3.0, 1.0]))
    assert "median customer is among them" in concentration(np.array([np.inf, np.inf, 1.0]))
    assert concentration(np.array([np.inf])).endswith("median customer is among them.")


def test_nothing_bought_is_worth_nothing_however_infinite_the_spend():
    model = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="W", summary_unit="W")
    np.testing.assert_array_equal(product(np.array([np.inf, np.inf, 2.0]), np.array([0.0, 1.0, 3.0])), [0, np.inf, 6])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(heavy())
        model.transactions_.set_fitted_params(r=1e-300, alpha=1e300, a=1.0, b=1.0, ruler=model.ruler_)
        X = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [10.0], "monetary_value": [0.0]})
        assert np.isinf(model.spend_.predict(X)).all()
        assert model.predict(X).tolist() == [0.0]


def test_constant_spend_through_the_whole_table():
    X = heavy()
    attrs = X.attrs
    X = X.iloc[:300].assign(monetary_value=lambda f: np.where(f["frequency"] > 0, 9.99, 0.0))
    X.attrs = attrs
    with pytest.warns(UserWarning, match="taken to be that amount for everybody"):
        model = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y").fit(X)
    table = model.table(X, coverage=0.9, kind="mean")
    assert (table[["expected_spend", "expected_spend_lower", "expected_spend_upper"]] == 9.99).all().all()
    np.testing.assert_allclose(table["clv"], 9.99 * table["expected_purchases"], rtol=1e-9)
    np.testing.assert_allclose(table["clv_upper"], 9.99 * table["expected_purchases_upper"], rtol=1e-3)
    assert "that amount for everybody" in model.describe(X)


def test_columns_that_the_models_read_are_handed_on():
    log = load_cdnow_sample().query("value > 0")
    summary = summarize(log, value="value", unit="W", extra=["litt", "mean_purchase"])
    summary["z"] = np.random.default_rng(0).normal(size=len(summary))
    summary["unread"] = 1.0
    regular = CustomerLifetimeValue(BetaGeoCNBD(), GammaGamma(), horizon=1, unit="Y").fit(summary)
    assert regular.further_columns_ == ("litt",)
    assert regular.transactions_.k_ == BetaGeoCNBD().fit(summary).k_
    covariates = CustomerLifetimeValue(BetaGeoNBD(purchase_covariates=["z"]), GammaGamma(), horizon=1, unit="Y")
    covariates.fit(summary)
    alone = BetaGeoNBD(purchase_covariates=["z"]).fit(summary)
    assert covariates.transactions_.coef_purchase_ == alone.coef_purchase_
    table = covariates.table(summary, coverage=0.9)
    np.testing.assert_allclose(table["expected_purchases"], alone.predict(summary, 365.25 / 7))
    assert list(covariates.feature_names_in_) == ["frequency", "recency", "T", "monetary_value", "z"]
    array = summary[list(covariates.feature_names_in_)].to_numpy()
    with pytest.warns(UserWarning, match="valid feature names"):
        np.testing.assert_allclose(covariates.predict(array), covariates.predict(summary))
    with pytest.raises(DataError, match="'z'"):
        covariates.predict(summary.drop(columns="z"))


def test_the_first_purchase_counts_where_it_is_asked_to():
    log = load_cdnow_sample().query("value > 0")
    summary = summarize(log, value="value", unit="W", extra=["mean_purchase"])
    every = GammaGamma(purchases="all").fit(summary)
    by_hand = GammaGamma().fit(
        pd.DataFrame({"frequency": summary["frequency"] + 1, "monetary_value": summary["mean_purchase"]})
    )
    assert every.params_ == by_hand.params_
    assert every.n_customers_ > GammaGamma().fit(summary).n_customers_
    value = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(purchases="all"), horizon=1, unit="Y").fit(summary)
    assert value.further_columns_ == ("mean_purchase",)
    once = summary["frequency"] == 0
    assert value.table(summary)["expected_spend"][once].nunique() > 100  # each has an amount of the own
    inside = value.predict_interval(summary)
    assert (inside[:, 0] <= value.predict(summary)).all()
    frequency = FrequencyGammaGamma(purchases="all").fit(summary)
    assert frequency.log_likelihood_ >= every.log_likelihood_ - 1e-6
