import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from crmml import DataError
from crmml.clv import (
    BetaGeoBetaBinomial,
    BetaGeoNBD,
    CustomerLifetimeValue,
    GammaGamma,
    ModifiedBetaGeoNBD,
    ParetoNBD,
    learn_clock,
)
from crmml.datasets import load_cdnow_sample
from crmml.exceptions import RulerError
from crmml.transactions import Clock, split_calibration_holdout, summarize
from crmml.transactions.clock import LearntClock

END = "1997-09-30"


def bought_at(level, n=1500, weeks=52, seed=0, a=0.6, b=2.4):
    """A log of customers who come evenly, buy at rates of their own times level(week), and leave at purchases."""
    rng = np.random.default_rng(seed)
    m = np.repeat(level, 7)
    running = np.concatenate([[0.0], np.cumsum(m)])
    rows = []
    for customer in range(n):
        day = int(rng.integers(0, 7 * weeks))
        rate, leave = rng.gamma(0.8, 1 / 30.0), rng.beta(a, b)
        rows.append((customer, day))
        now = running[day + 1]
        while rng.random() >= leave:
            now += rng.exponential(1 / rate)
            if now >= running[-1]:
                break
            rows.append((customer, int(np.searchsorted(running, now, side="right")) - 1))
    frame = pd.DataFrame(rows, columns=["customer_id", "day"]).drop_duplicates()
    return pd.DataFrame(
        {
            "customer_id": frame["customer_id"],
            "timestamp": pd.Timestamp("2020-01-01") + pd.to_timedelta(frame["day"], "D"),
        }
    )


@pytest.fixture(scope="module")
def cdnow():
    log = load_cdnow_sample()
    return log[log["timestamp"] < "1997-10-01"]


@pytest.fixture(scope="module")
def clock(cdnow):
    return learn_clock(cdnow, unit="W", observation_end=END)


@pytest.fixture(scope="module")
def summary(cdnow, clock):
    return summarize(cdnow, value="value", unit="W", clock=clock, observation_end=END)


@pytest.fixture(scope="module")
def model(summary):
    return ModifiedBetaGeoNBD(horizon=39).fit(summary)


def test_a_known_season_is_exact():
    """On the clock that made the purchases the fit is as it would be without a season."""
    level = np.exp(0.8 * np.sin(np.arange(80) / 4))
    log = bought_at(level, weeks=80)
    curve = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=560), "multiplier": np.repeat(level, 7)})
    known = Clock.from_curve(curve)
    summary = summarize(log, unit="W", clock=known, observation_end=curve["day"].iloc[-1])
    fitted = ModifiedBetaGeoNBD().fit(summary)
    table = fitted.summary()
    for name, truth in {"r": 0.8, "alpha": 30 / 7, "a": 0.6, "b": 2.4}.items():
        assert abs(table.loc[name, "estimate"] - truth) < 3 * table.loc[name, "std_error"]


def test_a_curve_is_recovered():
    level = np.exp(0.35 * np.sin(np.arange(52) / 4))
    found = learn_clock(bought_at(level, n=3000), unit="W", observation_end="2020-12-29")
    learnt = found.multiplier(np.arange(found.last_day - 363, found.last_day + 1))[::7]
    wanted = level / np.mean(level[10:])
    inside = slice(10, 52)  # few have come before
    assert np.corrcoef(np.log(learnt[inside]), np.log(wanted[inside]))[0, 1] > 0.95
    assert np.sqrt(np.mean((learnt[inside] / np.mean(learnt[inside]) - wanted[inside]) ** 2)) < 0.12


def test_without_a_season_the_clock_hardly_moves():
    log = bought_at(np.ones(52), seed=3)
    found = learn_clock(log, unit="W", observation_end="2020-12-29")
    learnt = found.multiplier(np.arange(found.last_day - 363, found.last_day + 1))
    assert np.abs(learnt - 1).max() < 0.15
    plain = ModifiedBetaGeoNBD().fit(summarize(log, unit="W", observation_end="2020-12-29"))
    summary = summarize(log, unit="W", clock=found, observation_end="2020-12-29")
    moved = ModifiedBetaGeoNBD().fit(summary)
    assert moved.predict(summary, 26).sum() == pytest.approx(
        plain.predict(summarize(log, unit="W", observation_end="2020-12-29"), 26).sum(), rel=0.06
    )


def test_the_clock_speaks_every_unit_and_knows_no_order(cdnow, clock):
    days = learn_clock(cdnow.sample(frac=1.0, random_state=0), unit="D", observation_end=END)
    assert isinstance(clock, LearntClock)
    assert clock.entry_days == 0
    assert days.elapsed(END, 39, "W") == pytest.approx(clock.elapsed(END, 39, "W"), rel=1e-3)
    np.testing.assert_array_equal(days.counts, clock.counts)


def test_the_total_holds_what_came(model, summary):
    total = model.total_interval(summary)
    assert list(total) == ["expected", "lower", "upper"]
    assert total.index.tolist() == ["total"]
    row = total.iloc[0]
    assert row["expected"] == pytest.approx(model.predict(summary).sum())
    assert row["lower"] < 1882 < row["upper"]
    mean = model.total_interval(summary, kind="mean").iloc[0]
    assert mean["upper"] - mean["lower"] < row["upper"] - row["lower"]
    half = model.total_interval(summary, coverage=0.5).iloc[0]
    assert half["upper"] - half["lower"] < 0.6 * (row["upper"] - row["lower"])


def test_groups_share_the_shock_and_add_up(model, summary):
    month = np.where(summary["T"] > summary["T"].median(), "early", "late")
    groups = model.total_interval(summary, by=pd.Series(month, name="cohort"))
    assert groups.index.tolist() == ["early", "late"]
    assert groups.index.name == "cohort"
    total = model.total_interval(summary).iloc[0]
    assert groups["expected"].sum() == pytest.approx(total["expected"])
    widths = (groups["upper"] - groups["lower"]).sum()
    assert widths < 1.5 * (total["upper"] - total["lower"])  # they rise and fall together: hardly wider than the total
    named = model.total_interval(summary.assign(cohort=month), by="cohort")
    pd.testing.assert_frame_equal(named, groups)


def test_wrong_groups_are_refused(model, summary):
    with pytest.raises(DataError, match=r"there are 2 labels for 2,357 customers"):
        model.total_interval(summary, by=["a", "b"])
    with pytest.raises(DataError, match=r"the group is missing for 1 of 2,357 customers"):
        model.total_interval(summary, by=np.array([None, *["a"] * 2356], dtype=object))
    with pytest.raises(DataError, match="cohort"):
        model.total_interval(summary, by="cohort")


def test_totals_without_a_clock_have_parameters_and_luck_in_them(cdnow):
    summary = summarize(cdnow, unit="W", observation_end=END)
    plain = BetaGeoNBD().fit(summary)
    mean, outcome = (plain.total_interval(summary, 39, kind=kind).iloc[0] for kind in ("mean", "outcome"))
    draws = plain._draws(1000)
    rows = summary[["frequency", "recency", "T"]].to_numpy(float)
    totals = [
        plain.numerics.conditional_expectation(plain._rows(rows), 39.0, plain._layout().theta(draw, rows)).sum()
        for draw in draws[:300]
    ]
    lower, upper = np.quantile(totals, [0.05, 0.95])
    assert mean["lower"] == pytest.approx(lower, rel=0.01)
    assert mean["upper"] == pytest.approx(upper, rel=0.01)
    p = plain.predict_count_proba(summary, 39, 200)
    count = np.arange(201)
    luck = np.sqrt((p @ count**2 - (p @ count) ** 2).sum())
    spread = np.sqrt(np.std(totals) ** 2 + luck**2)
    assert (outcome["upper"] - outcome["lower"]) / 3.29 == pytest.approx(spread, rel=0.05)


def test_horizons_are_of_the_calendar_and_shocks_in_every_interval(model, summary, clock):
    time = clock.elapsed(END, 39, "W")
    rows = summary[["frequency", "recency", "T"]].to_numpy(float)
    straight = model.numerics.conditional_expectation(model._rows(rows), time, model._theta(rows), **model._options())
    np.testing.assert_allclose(model.predict(summary), straight)
    certain = ModifiedBetaGeoNBD(horizon=39).fit(rows)
    for kind in ("mean", "outcome"):
        wide = np.diff(model.predict_interval(summary, kind=kind), axis=1).mean()
        narrow = np.diff(certain.predict_interval(rows, kind=kind, horizon=time), axis=1).mean()
        assert wide > narrow * (1.5 if kind == "mean" else 0.999)
    alive = model.probability_alive(summary, 39)
    np.testing.assert_allclose(alive, certain.probability_alive(rows, time))
    proba = model.predict_count_proba(summary, 39, 5)
    np.testing.assert_allclose(proba, certain.predict_count_proba(rows, time, 5))
    when = model.predict_next_purchase(summary)
    np.testing.assert_allclose(clock.spans(END, when, "W"), certain.predict_next_purchase(rows), rtol=1e-6)


def test_discounting_is_by_the_calendar(model, summary, clock):
    flat = model.discounted_expected_transactions(summary, 52)
    np.testing.assert_allclose(flat, model.predict(summary, 52), rtol=1e-9)
    rate = model.discounted_expected_transactions(summary, 52, 0.2)
    delta = np.log(1.2) * 7 / 365.25
    weeks = np.arange(0, 52.01, 0.25)
    rows = summary[["frequency", "recency", "T"]].to_numpy(float)[:20]
    grown = np.stack(
        [
            model.numerics.conditional_expectation(model._rows(rows), t, model._theta(rows), **model._options())
            for t in clock.spans(END, weeks, "W")
        ]
    )
    by_hand = (np.exp(-delta * (weeks[1:] + weeks[:-1]) / 2)[:, None] * np.diff(grown, axis=0)).sum(axis=0)
    np.testing.assert_allclose(rate[:20], by_hand, rtol=1e-4)
    assert (model.discounted_residual_transactions(summary, 0.2) >= rate - 1e-9).all()


def test_value_on_a_clock_carries_the_shock(summary):
    value = CustomerLifetimeValue(ModifiedBetaGeoNBD(), GammaGamma(), horizon=39, unit="W").fit(summary)
    frame = pd.DataFrame(summary.to_numpy(), columns=list(summary))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = CustomerLifetimeValue(ModifiedBetaGeoNBD(), GammaGamma(), horizon=39, unit="W").fit(frame)
    shaken, still = (model.draws(X, kind="mean").sum(axis=1) for model, X in ((value, summary), (plain, frame)))
    assert shaken.std() / shaken.mean() > 1.5 * still.std() / still.mean()
    table = value.table(summary, coverage=0.9)
    assert np.isfinite(table.select_dtypes("number")).all().all()


def test_another_clock_and_plain_time_are_refused(model, summary, cdnow):
    plain = summarize(cdnow, unit="W", observation_end=END)
    with pytest.raises(RulerError, match="plain time in the summary but on a clock in the fitted model"):
        model.predict(plain)
    other = summarize(cdnow, unit="W", observation_end=END, clock=Clock.seasonal())
    with pytest.raises(RulerError, match="another one"):
        model.predict(other)
    with pytest.raises(RulerError, match="on a clock in the summary"):
        ModifiedBetaGeoNBD().fit(plain).predict(summary)


@pytest.mark.parametrize("unfit", [BetaGeoBetaBinomial])
def test_models_that_take_no_clock_say_so(unfit, summary):
    with pytest.raises(DataError, match="takes no summary made on a clock"):
        unfit().fit(summary)


def test_a_clock_needs_a_log_of_some_length(cdnow):
    with pytest.raises(DataError, match="it spans 3 weeks and a curve needs 8"):
        learn_clock(cdnow[cdnow["timestamp"] < "1997-01-20"], unit="W", observation_end="1997-01-20")
    with pytest.raises(ValueError, match="yearly"):
        learn_clock(cdnow, unit="W", yearly="no")


# ---- customers of old ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def begun():
    """Customers who came for six years, seen in the last two of them."""
    from tests.transactions.test_entry import standing_base

    return standing_base(n=2500)


def test_the_truncated_likelihood_is_that_of_its_parts(begun):
    summary = summarize(begun, unit="W", entry_period=56)
    model = ModifiedBetaGeoNBD().fit(summary)
    assert model.has_entry_
    assert [name for name in model.summary().index if name.startswith("old.")] == [
        "old.r",
        "old.alpha",
        "old.a",
        "old.b",
    ]
    old = summary["entry_window"] > 0
    estimates = model.summary()["estimate"]
    new = [model.params_[name] for name in model.parameter_names]
    theirs = [value * np.exp(estimates[f"old.{name}"]) for name, value in zip(model.parameter_names, new, strict=True)]
    rows = summary[["frequency", "recency", "T"]].to_numpy(float)

    def log_likelihood(rows, theta):
        return model.numerics.log_likelihood(
            model._rows(np.column_stack([rows, np.zeros((len(rows), 2))])), theta, **model._options()
        )

    none = np.exp(log_likelihood(np.array([[0.0, 0.0, 8.0]]), theirs)[0])
    total = log_likelihood(rows[~old], new).sum() + (log_likelihood(rows[old], theirs) - np.log1p(-none)).sum()
    assert model.log_likelihood_ == pytest.approx(total, rel=1e-9)
    assert model.score(summary) * len(summary) == pytest.approx(total, rel=1e-9)


def test_its_gradient_is_that_of_finite_differences(begun):
    summary = summarize(begun, unit="W", entry_period=56)
    model = ModifiedBetaGeoNBD().fit(summary)
    data = model._data
    objective = model._objective(data.layout, data.matrix, data.columns, data.weight)
    at = data.optimum.theta + 0.1
    step = 1e-5
    numeric = [(objective(at + step * e)[0] - objective(at - step * e)[0]) / (2 * step) for e in np.eye(at.size)]
    np.testing.assert_allclose(objective(at)[1], numeric, rtol=1e-5, atol=1e-3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_customers_of_old_are_forecast_from_the_log_s_start():
    from tests.transactions.test_entry import standing_base

    log, cut = standing_base(n=6000), pd.Timestamp("2020-12-31")
    past = log[log["timestamp"] <= cut]
    summary = summarize(past, unit="W", entry_period=56, observation_end=cut)
    old = summary["entry_window"] > 0
    assert 0.2 < old.mean() < 0.5
    model = ParetoNBD().fit(summary)  # whose customers leave in time, as these do
    came = log[log["timestamp"] > cut]["customer_id"].isin(summary["customer_id"][old]).sum()
    assert model.predict(summary[old], 52).sum() == pytest.approx(came, rel=0.1)


def test_models_that_cannot_tell_them_say_so(begun):
    summary = summarize(begun, unit="W", entry_period=56)
    with pytest.raises(DataError, match="cannot tell customers of old"):
        BetaGeoBetaBinomial().fit(summary)
    for model in (BetaGeoNBD(), ParetoNBD()):
        fitted = clone(model).fit(summary)
        assert np.isfinite(fitted.predict(summary, 26)).all()


def test_faults_of_the_column_are_named(begun):
    summary = summarize(begun, unit="W", entry_period=56)
    bad = summary.copy()
    bad.loc[bad.index[:3], "entry_window"] = [np.nan, -1.0, 3.0]
    with pytest.raises(DataError, match=r"entry_window' is missing, infinite or below 0 in 2 rows"):
        ModifiedBetaGeoNBD().fit(bad)
    bad = summary.copy()
    bad.loc[bad["entry_window"].idxmax(), "entry_window"] = 5.0
    with pytest.raises(DataError, match="several lengths"):
        ModifiedBetaGeoNBD().fit(bad)
    fitted = ModifiedBetaGeoNBD().fit(summary)
    with pytest.raises((DataError, RulerError), match=r"entry"):
        fitted.predict(summarize(begun, unit="W"))
    assert np.isfinite(fitted.expected_purchases(10.0))


def test_words_tell_of_clock_and_customers_of_old(begun, model):
    said = model.describe()
    assert "Times are on a learnt clock" in said
    assert "unlike later ones" not in said
    old = ModifiedBetaGeoNBD().fit(summarize(begun, unit="W", entry_period=56)).describe()
    assert "first seen in the log's first 56 days, which look unlike later ones" in old
    with pytest.raises(ValueError, match="lifetimes knows no clock"):
        model.to_lifetimes()


def test_the_holdout_is_summarised_on_the_clock(cdnow, clock):
    log = load_cdnow_sample()
    split = split_calibration_holdout(log, calibration_end=END, unit="W", clock=clock)
    made = summarize(cdnow, unit="W", observation_end=END, clock=clock)
    pd.testing.assert_frame_equal(split[list(made)], made)
    assert split["duration_holdout"].iloc[0] == 39
    assert split["frequency_holdout"].sum() == 1882
