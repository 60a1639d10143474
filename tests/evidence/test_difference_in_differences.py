import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmml import DataError
from crmml.evidence import EventStudyDisplay, difference_in_differences
from crmml.evidence._staggered import NEVER, Errors, errors_of, group_time
from crmml.exceptions import EvidenceWarning

NAMES = {"unit_id": "customer_id", "time": "month", "outcome": "spend"}


def panel(starts, n_periods, effect=lambda t, g: 1.0 * (t >= g), noise=1.0, seed=0, trend=0.7):
    """Units with effects of their own, a common trend, and effects of treatment; ``starts`` holds each unit's start or NaN."""
    rng = np.random.default_rng(seed)
    starts = np.asarray(starts, dtype=float)
    level, n = rng.normal(10, 3, len(starts)), len(starts)
    t = np.arange(n_periods)
    begun = np.where(np.isnan(starts), np.inf, starts)[:, None]
    lift = np.where(t >= begun, effect(t[None, :], np.where(np.isinf(begun), 0, begun)), 0.0)
    y = level[:, None] + trend * t + lift + noise * rng.normal(size=(n, n_periods))
    return pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(n), n_periods),
            "month": np.tile(t, n),
            "spend": y.ravel(),
            "start": np.repeat(starts, n_periods),
        }
    )


def estimate(data, **options):
    return difference_in_differences(data, **(NAMES | {"treated_from": "start", "random_state": 0} | options))


def wide(data):
    return data.pivot_table(index="customer_id", columns="month", values="spend").to_numpy()


# ---- two groups, two periods ---------------------------------------------------------------------------------------


def test_two_by_two_is_the_difference_of_differences_and_welchs_test():
    data = panel([1.0] * 25 + [np.nan] * 35, 2)
    change = np.diff(wide(data))[:, 0]
    found = estimate(data)
    assert found.att == pytest.approx(change[:25].mean() - change[25:].mean(), rel=1e-12)
    test = stats.ttest_ind(change[:25], change[25:], equal_var=False)
    interval = test.confidence_interval(0.9)
    assert (found.p_value, found.degrees_of_freedom) == (
        pytest.approx(test.pvalue, rel=1e-9),
        pytest.approx(test.df, rel=1e-9),
    )
    assert (found.lower, found.upper) == (
        pytest.approx(interval.low, rel=1e-9),
        pytest.approx(interval.high, rel=1e-9),
    )
    assert found.causal
    assert np.isnan(found.pretrend_p_value)
    assert "one period before treatment only" in found.describe()


def test_two_by_two_is_least_squares_with_bias_reduced_clustered_errors():
    data = panel([1.0] * 12 + [np.nan] * 19, 2)
    y = data["spend"].to_numpy()
    treated, post = data["start"].notna().to_numpy(float), data["month"].to_numpy(float)
    X = np.column_stack([np.ones(len(y)), treated, post, treated * post])
    bread = np.linalg.inv(X.T @ X)
    beta = bread @ X.T @ y
    residual = y - X @ beta
    plain = reduced = np.zeros((4, 4))
    for unit in np.unique(data["customer_id"]):
        rows = (data["customer_id"] == unit).to_numpy()
        Xc, e = X[rows], residual[rows]
        values, vectors = np.linalg.eigh(np.eye(2) - Xc @ bread @ Xc.T)
        adjusted = vectors @ np.diag(values**-0.5) @ vectors.T @ e
        plain = plain + np.outer(Xc.T @ e, Xc.T @ e)
        reduced = reduced + np.outer(Xc.T @ adjusted, Xc.T @ adjusted)
    found = estimate(data)
    assert found.att == pytest.approx(beta[3], rel=1e-10)
    assert found.std_error == pytest.approx(np.sqrt((bread @ reduced @ bread)[3, 3]), rel=1e-10)
    # without the reduction each group's part is smaller by (n - 1) / n
    change = np.diff(wide(data))[:, 0]
    wanted = change[:12].var() / 12 + change[12:].var() / 19
    assert (bread @ plain @ bread)[3, 3] == pytest.approx(wanted, rel=1e-10)


def test_clusters_coarser_than_units():
    rng = np.random.default_rng(4)
    data = panel([1.0] * 40 + [np.nan] * 40, 2, noise=0.3)
    data["branch"] = data["customer_id"] // 8
    data["spend"] += data["month"] * rng.normal(0, 1, 10)[data["branch"]]
    with pytest.warns(EvidenceWarning, match="10 clusters"):
        found = estimate(data, cluster="branch")
    change = pd.Series(np.diff(wide(data))[:, 0]).groupby(np.arange(80) // 8).mean()
    test = stats.ttest_ind(change[:5], change[5:], equal_var=False)
    assert found.p_value == pytest.approx(test.pvalue, rel=1e-9)
    assert found.n_clusters == 10
    assert found.std_error > 2 * estimate(data).std_error
    # clusters that cross the groups
    data["region"] = data["customer_id"] % 25
    crossed = estimate(data, cluster="region")
    assert crossed.degrees_of_freedom == 24
    with pytest.raises(DataError, match="one cluster each"):
        estimate(data.assign(whole=(data["customer_id"] >= 40).astype(int)), cluster="whole")


def test_a_group_within_one_cluster_is_refused():
    data = panel([1.0] * 40 + [np.nan] * 40, 3)
    unit = data["customer_id"]
    # with all units in one cluster the residuals add up to 0, and with them the error
    with pytest.raises(DataError, match=r"2 of 2 groups .* one cluster each"):
        estimate(data.assign(branch=1), cluster="branch")
    # clusters cross the groups, but the treated group lies within one of them
    with pytest.raises(DataError, match=r"1 of 2 groups .* one cluster each"):
        estimate(data.assign(branch=np.where(unit < 45, 0, unit)), cluster="branch")


# ---- staggered starts ----------------------------------------------------------------------------------------------


def growing(t, g):
    return (1.0 + 2.0 * (t - g)) * (1 + (g == 2))


def test_heterogeneous_effects_are_exact_without_noise():
    starts = [2.0] * 8 + [4.0] * 6 + [np.nan] * 6
    data = panel(starts, 7, growing, noise=0.0)
    found = estimate(data, aggregate="simple")
    cells = found.group_time
    wanted = np.where(cells["after"], growing(cells["period"], cells["group"]), 0.0)
    np.testing.assert_allclose(cells["att"], wanted, atol=1e-10)
    early, late = growing(np.arange(2, 7), 2), growing(np.arange(4, 7), 4)
    assert found.att == pytest.approx((8 * early.sum() + 6 * late.sum()) / (40 + 18))
    by_group = estimate(data)
    assert by_group.att == pytest.approx((8 * early.mean() + 6 * late.mean()) / 14)
    np.testing.assert_allclose(by_group.by_group["att"], [early.mean(), late.mean()])
    event = estimate(data, aggregate="event")
    exposure = [(8 * early[e] + 6 * late[e]) / 14 if e < 3 else early[e] for e in range(5)]
    study = event.event_study.set_index("relative_period")["att"]
    np.testing.assert_allclose(study[range(5)], exposure)
    np.testing.assert_allclose(study[range(-4, 0)], 0, atol=1e-10)
    assert event.att == pytest.approx(np.mean(exposure))


def two_way_fixed_effects(data):
    units, periods = data["customer_id"].nunique(), data["month"].nunique()
    treated = (data["month"] >= data["start"]).to_numpy(float)
    X = np.column_stack([treated, np.eye(units)[data["customer_id"]], np.eye(periods)[data["month"]]])
    return np.linalg.lstsq(X, data["spend"].to_numpy(), rcond=None)[0][0]


def test_two_way_fixed_effects_have_the_wrong_sign_where_this_has_not():
    # everybody is treated in the end and effects grow: units treated early are bad controls for those treated late
    data = panel([1.0] * 10 + [5.0] * 10, 10, lambda t, g: 1.0 + 2.0 * (t - g), noise=0.0)
    found = estimate(data)
    assert two_way_fixed_effects(data) < 0 < found.att
    # the early group is known until the late one starts: effects 1, 3, 5, 7
    assert found.att == pytest.approx(4.0)
    assert found.n_unidentified == 10  # both groups in periods 5 to 9
    # with effects that are all alike the two agree
    same = panel([1.0] * 10 + [5.0] * 10, 10, noise=0.0)
    assert two_way_fixed_effects(same) == pytest.approx(1.0)
    assert estimate(same).att == pytest.approx(1.0)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_group_time_effects_by_brute_force(data):
    n_periods, anticipation = data.draw(st.integers(3, 6)), data.draw(st.integers(0, 1))
    control = data.draw(st.sampled_from(["never", "not_yet"]))
    choices = [float(g) for g in range(1 + anticipation, n_periods)] + [np.nan]
    starts = [*data.draw(st.lists(st.sampled_from(choices), min_size=20, max_size=30)), np.nan, np.nan]
    starts += [g for g in choices if starts.count(g) == 1]  # a group needs two units
    frame = panel(starts, n_periods, seed=data.draw(st.integers(0, 99)))
    if np.isnan(starts).all():
        return
    found = estimate(frame, control=control, anticipation=anticipation)
    Y, g_of = wide(frame), np.where(np.isnan(starts), np.inf, starts)
    for row in found.group_time.itertuples():
        base = int(row.group) - 1 - anticipation
        change = Y[:, int(row.period)] - Y[:, base]
        last = max(row.period, base) + anticipation
        free = np.isinf(g_of) if control == "never" else (g_of > last) & (g_of != row.group)
        assert row.att == pytest.approx(change[g_of == row.group].mean() - change[free].mean(), abs=1e-10)
        own = change[g_of == row.group].var(ddof=1) / (g_of == row.group).sum()
        if control == "never":
            assert row.std_error == pytest.approx(np.sqrt(own + change[free].var(ddof=1) / free.sum()), rel=1e-8)


def test_anticipation_moves_the_base():
    data = panel([3.0] * 10 + [np.nan] * 10, 6, lambda t, g: 2.0 + 0 * t, noise=0.0)
    early = (data["month"] == 2) & data["start"].notna()
    data.loc[early, "spend"] += 5.0
    assert estimate(data).att == pytest.approx(-3.0)
    found = estimate(data, anticipation=1)
    assert found.att == pytest.approx(2.0)
    assert found.event_study.set_index("relative_period")["att"][-1] == pytest.approx(5.0)


# ---- intervals and tests keep their promises -----------------------------------------------------------------------


def simulated(seed, starts, effect):
    rng = np.random.default_rng([seed, 1])  # a stream apart from the panel's
    noise = np.cumsum(rng.normal(0, 0.6, (len(starts), 6)), axis=1).ravel()  # outcomes of a unit are alike over time
    data = panel(starts, 6, lambda t, g: effect * (1 + t - g), noise=0.5, seed=seed)
    return data.assign(spend=data["spend"] + noise)


STARTS = [2.0] * 12 + [4.0] * 12 + [np.nan] * 16


def test_coverage_and_size():
    # true average by group: mean of 1..4 and of 1, 2
    hits = uniform = rejected = trend = 0
    for seed in range(200):
        found = estimate(simulated(seed, STARTS, 1.0))
        hits += found.lower <= (2.5 + 1.5) / 2 <= found.upper
        study = found.event_study.dropna()
        wanted = np.maximum(study["relative_period"] + 1, 0)
        uniform += ((study["lower_uniform"] <= wanted) & (wanted <= study["upper_uniform"])).all()
        null = estimate(simulated(1000 + seed, STARTS, 0.0), n_resamples=99)
        rejected += null.p_value < 0.05
        trend += null.pretrend_p_value < 0.05
    lower, upper = stats.binom.ppf([0.0005, 0.9995], 200, 0.9)
    assert lower <= hits <= upper
    assert lower <= uniform <= upper
    lower, upper = stats.binom.ppf([0.0005, 0.9995], 200, 0.05)
    assert lower <= rejected <= upper
    assert lower <= trend <= upper


def test_trends_that_differ_before_are_seen():
    data = panel([4.0] * 20 + [np.nan] * 20, 7)
    drifting = data.assign(spend=data["spend"] + 0.6 * data["month"] * data["start"].notna())
    found = estimate(drifting)
    assert found.pretrend_p_value < 1e-3
    assert "moved differently" in found.describe()
    assert "no proof" in found.describe()
    assert estimate(data).pretrend_p_value > 0.05


def test_uniform_bands_are_wider_and_the_same_for_one_seed():
    data = panel([2.0] * 15 + [4.0] * 15 + [np.nan] * 15, 8)
    study = estimate(data, random_state=3).event_study
    pd.testing.assert_frame_equal(study, estimate(data, random_state=3).event_study)
    rows = study.dropna()
    assert (rows["lower_uniform"] < rows["lower"]).all()
    assert (rows["upper_uniform"] > rows["upper"]).all()
    assert study["att"].isna().sum() == 0
    assert study.loc[study["relative_period"] == -1, "lower"].isna().all()


# ---- input ---------------------------------------------------------------------------------------------------------


def test_on_every_engine(engine):
    data = panel([2.0] * 8 + [3.0] * 8 + [np.nan] * 8, 5)
    day = np.array(["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01"], dtype="datetime64[us]")
    start = np.array(
        [np.datetime64("NaT") if np.isnan(g) else day[int(g)] for g in data["start"]], dtype="datetime64[us]"
    )
    dated = data.assign(month=day[data["month"]], start=start, note="x")
    wanted = estimate(data)
    found = estimate(engine.frame(dated.sample(frac=1, random_state=1)))
    for name in ("att", "std_error", "lower", "upper", "p_value", "pretrend_p_value"):
        assert getattr(found, name) == pytest.approx(getattr(wanted, name), rel=1e-9)
    assert found.by_group["group"].tolist() == [pd.Timestamp("2024-03-01"), pd.Timestamp("2024-04-01")]


def test_forms_of_time_and_treatment():
    data = panel([2.0] * 15 + [np.nan] * 15, 4)
    wanted = estimate(data)
    status = data.assign(on=(data["month"] >= data["start"]).astype(int))
    assert estimate(status, treated_from=None, treated="on").att == wanted.att
    text = data.assign(
        month=[f"2024-0{m + 1}" for m in data["month"]],
        start=[None if np.isnan(g) else "2024-03" for g in data["start"]],
    )
    assert estimate(text).att == wanted.att
    dates = data.assign(
        month=[dt.date(2024, m + 1, 1) for m in data["month"]],
        start=[None if np.isnan(g) else dt.date(2024, 3, 1) for g in data["start"]],
    )
    assert estimate(dates).att == wanted.att
    assert estimate(data.astype({"month": "category", "start": "category"})).att == wanted.att
    assert estimate(text.astype({"month": "category", "start": "category"})).att == wanted.att
    # a start after the last period is never, within the data
    assert estimate(data.assign(start=data["start"].fillna(99))).att == wanted.att


def faults(data, **options):
    with pytest.raises(DataError) as caught:
        estimate(data, **options)
    return caught.value.faults


def test_units_treated_from_the_start_are_left_out_and_counted():
    data = panel([0.0] * 3 + [2.0] * 15 + [np.nan] * 15, 4)
    with pytest.warns(EvidenceWarning, match="3 units treated from the first period on"):
        found = estimate(data)
    assert (found.n_always_treated, found.n_units) == (3, 30)
    assert "3 treated from the first period on" in found.describe()
    assert found.att == estimate(data[data["customer_id"] >= 3]).att


@pytest.mark.parametrize("never", [-1, -99, 0, 1900, -np.inf])
def test_never_written_as_a_time_long_ago_is_refused(never):
    data = panel([2.0] * 15 + [np.nan] * 15, 4)
    data = data.assign(month=data["month"] + 2022, start=data["start"] + 2022)
    wanted = estimate(data)
    (fault,) = faults(data.assign(start=data["start"].fillna(never)))
    assert f"column 'start' is {never:g} for 15 units, before the first period 2022; leave it missing" in fault
    for after in (np.inf, 9999):
        assert estimate(data.assign(start=data["start"].fillna(after))).att == wanted.att


def test_never_written_as_a_date_long_ago_is_refused(engine):
    data = panel([2.0] * 15 + [np.nan] * 15, 4)
    day = pd.Timestamp("2024-01-01")
    data = data.assign(
        month=day + pd.to_timedelta(data["month"], unit="D"), start=day + pd.to_timedelta(data["start"], unit="D")
    )
    early = data["start"].fillna(pd.Timestamp("1900-01-01")).mask(data["customer_id"] == 29, pd.Timestamp("1970-01-01"))
    (fault,) = faults(engine.frame(data.assign(start=early)))
    assert "is 1900-01-01 for 14 units, 1970-01-01 for 1 unit, before the first period 2024-01-01" in fault
    assert estimate(
        engine.frame(data.assign(start=data["start"].fillna(pd.Timestamp("2199-01-01"))))
    ).att == pytest.approx(estimate(data).att)


def test_units_treated_before_the_panel_are_left_out_where_that_is_said():
    data = panel([0.0] * 3 + [2.0] * 15 + [np.nan] * 15, 4)
    earlier = data.assign(start=data["start"].where(data["start"] != 0, -1))
    assert "is -1 for 3 units, before the first period 0" in faults(earlier)[0]
    with pytest.warns(EvidenceWarning, match="3 units treated from the first period on"):
        found = estimate(earlier, treated_before="drop")
    assert found.att == estimate(data[data["customer_id"] >= 3]).att
    with pytest.raises(DataError, match="treated_before='keep' is not known"):
        estimate(data, treated_before="keep")


def test_units_that_lack_a_period():
    data = panel([2.0] * 15 + [np.nan] * 15, 4)
    holes = data.drop(index=[1, 2, 130 - 50])
    (fault,) = faults(holes)
    assert "2 of 30 units lack a row in some of the 4 periods (3 rows in all)" in fault
    with pytest.warns(EvidenceWarning, match="2 units lacking a period"):
        found = estimate(holes, unbalanced="drop")
    assert found.n_incomplete == 2
    assert found.att == estimate(data[~data["customer_id"].isin([0, 20])]).att


def test_every_fault_is_named():
    data = panel([2.0] * 15 + [np.nan] * 15, 4)
    assert "repeat a unit and period" in faults(pd.concat([data, data.head(2)]))[0]
    assert "is not a number in 120 of 120 rows" in faults(data.assign(spend="much"))[0]
    assert "missing in 1 of 120" in faults(data.assign(spend=data["spend"].where(data.index > 0)))[0]
    assert "no period before" in faults(panel([0.0] * 15 + [np.nan] * 15, 4))[0]
    group = data.assign(on=data["start"].notna().astype(int))
    assert "tells the group and not the periods" in faults(group, treated_from=None, treated="on")[0]
    later = data.assign(month=data["month"] + 1, start=(data["start"] + 1).fillna(0))
    assert "column 'start' is 0 for 15 units, before the first period 1; leave it missing" in faults(later)[0]
    assert "treated group is empty" in faults(panel([np.nan] * 30, 4))[0]
    assert "control group is empty" in faults(panel([2.0] * 30, 4))[0]
    assert "is one unit" in faults(panel([2.0] + [np.nan] * 30, 4))[0]
    assert "have no period before anticipation" in faults(panel([1.0] * 15 + [np.nan] * 15, 4), anticipation=1)[0]
    assert "lies between two periods for 15 units" in faults(data.assign(start=data["start"] - 0.5))[0]
    assert "changes within 15 units" in faults(data.assign(start=data["start"] + (data["month"] == 3)))[0]
    on = (data["month"] >= data["start"]).astype(int).where(data["month"] != 3, 0)
    assert "turns off again in 15 units" in faults(data.assign(on=on), treated_from=None, treated="on")[0]
    assert "neither 0 nor 1 in 120" in faults(data.assign(on=2), treated_from=None, treated="on")[0]
    assert "1 after it" not in faults(data, window=(0, 3))[0]
    assert "30 of 120 rows are outside the window (0 before it, 30 after it)" in faults(data, window=(0, 3))[0]
    assert "longer than the data" in faults(data, window=(0, 6))[0]
    assert estimate(data, window=(0, 4)).att == estimate(data).att
    assert (
        "is not a first period and an end"
        in faults(
            data.assign(month=pd.Timestamp("2024-01-01") + pd.to_timedelta(data["month"], unit="D")),
            window=("01/02/2024", "05/02/2024"),
        )[0]
    )
    assert "holds lists or their like in 120 of 120" in faults(data.assign(customer_id=[[1]] * 120))[0]
    assert "is not a number in 120 of 120" in faults(data.assign(spend=data["spend"] + 1j))[0]
    assert "holds complex numbers" in faults(data.assign(month=data["month"] + 1j))[0]
    assert "'spend' is there more than once" in faults(pd.concat([data, data[["spend"]]], axis=1))[0]
    assert "one period only" in faults(data[data["month"] == 0])[0]
    assert "of two kinds" in faults(data.assign(start=pd.Timestamp("2024-01-01")))[0]
    assert "column 'spent' is missing" in faults(data, outcome="spent")[0]
    assert "no rows" in faults(data.head(0))[0]
    both = data.assign(spend=["x"] * 120, month=[None] * 120)
    assert len(faults(both)) == 2
    changing = data.assign(branch=data["month"])
    assert "changes within 30 units; a unit must stay" in faults(changing, cluster="branch")[0]


def test_no_identifier_in_messages():
    data = panel([2.0] * 15 + [np.nan] * 15, 4).assign(customer_id=lambda d: "secret-" + d["customer_id"].astype(str))
    assert "secret" not in "".join(faults(data.drop(index=3)))
    assert "secret" not in estimate(data).describe() + repr(estimate(data))


def test_arguments():
    data = panel([2.0] * 15 + [np.nan] * 15, 4)
    for options, text in (
        ({"treated_from": None}, "either treated_from"),
        ({"control": "all"}, "control='all'"),
        ({"aggregate": "mean"}, "aggregate='mean'"),
        ({"anticipation": -1}, "anticipation=-1"),
        ({"unbalanced": "fill"}, "unbalanced='fill'"),
        ({"coverage": 90}, "coverage=90"),
        ({"n_resamples": 5}, "n_resamples=5"),
    ):
        with pytest.raises(ValueError, match=text):
            estimate(data, **options)
    with pytest.raises(ValueError, match="control='never' leaves no control"):
        estimate(panel([2.0] * 15 + [3.0] * 15, 4), control="never")
    with pytest.warns(EvidenceWarning, match="fewer than 20"):
        estimate(panel([2.0] * 5 + [np.nan] * 5, 4))


def test_no_interval_without_noise():
    data = panel([2.0] * 10 + [np.nan] * 10, 4, noise=0.0, trend=0.0)
    data["spend"] = (data["month"] >= data["start"]).astype(float)
    found = estimate(data)
    assert found.att == 1
    assert np.isnan([found.lower, found.upper, found.p_value]).all()
    assert np.isnan(found.event_study["upper_uniform"]).all()
    assert "(interval unknown, for within the groups nothing varies)" in found.describe()


def test_movement_before_treatment_is_seen_no_more_often_than_promised_with_small_cohorts():
    """200 panels without any movement: a test at 5 % rejects 2 to 20 of them with a probability of 0.998."""
    rejected = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        start = np.repeat([3.0, 4.0, np.nan], [5, 10, 30])
        noise = np.where(start == 3, 3.0, 1.0)
        data = panel(start, 6, effect=lambda t, g: 0.0 * t, noise=0.0, trend=0.0)
        data["spend"] = rng.normal(size=len(data)) * np.repeat(noise, 6)
        rejected += estimate(data, n_resamples=99).pretrend_p_value < 0.05
    assert 2 <= rejected <= 20
    few = panel([3.0] * 3 + [np.nan] * 30, 6)
    found = estimate(few)
    assert np.isnan(found.pretrend_p_value)
    assert "cannot be tested: there are too few units" in found.describe()


def test_the_uniform_critical_value_is_that_of_the_largest_of_students_ts():
    """Two uncorrelated contrasts whose spread has few degrees of freedom in common."""
    df, n = 4.0, 2
    errors = Errors(np.zeros(n), np.ones(n), np.full(n, df), np.eye(n), np.zeros(n, dtype=int))
    found = errors.uniform_critical(0.9, 200_000, np.random.RandomState(0))
    rng = np.random.default_rng(1)
    largest = np.abs(rng.standard_normal((400_000, n))).max(axis=1) / np.sqrt(rng.chisquare(df, 400_000) / df)
    assert found == pytest.approx(np.quantile(largest, 0.9), rel=0.01)


def test_the_joint_test_is_that_of_krishnamoorthy_and_yu():
    """Two groups of unequal size and spread: Hotelling's statistic and degrees of freedom by plain matrices."""
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(9, 4)) * [1, 2, 3, 1], rng.normal(size=(14, 4))
    first = np.repeat([3, NEVER], [9, 14])
    layout = group_time(first, 4, "never", 0)
    before = layout.time < layout.group - 1
    found = errors_of(np.concatenate([one, two]), first, layout.cohorts, layout.contrast[before])
    moved = [side[:, :2] - side[:, [2]] for side in (one, two)]  # from the base period, the last before treatment
    parts = [np.cov(side.T) / len(side) for side in moved]
    whole = np.linalg.inv(sum(parts))
    gap = moved[0].mean(axis=0) - moved[1].mean(axis=0)
    spread = 0.0
    for part, side in zip(parts, moved, strict=True):
        share = part @ whole
        spread += (np.trace(share @ share) + np.trace(share) ** 2) / (len(side) - 1)
    df, wald = (2 + 4) / spread, gap @ whole @ gap
    wanted = stats.f.sf(wald * (df - 1) / (2 * df), 2, df - 1)
    assert found.joint_p_value() == pytest.approx((wald, wanted, 2), rel=1e-9)
    alone = errors_of(np.concatenate([one, two]), first, layout.cohorts, layout.contrast[before][:1])
    assert alone.joint_p_value()[1] == pytest.approx(alone.p_value()[0], rel=1e-9)


def test_a_window_of_dates_has_its_end_exclusive_or_is_a_length():
    data = panel([2.0] * 15 + [np.nan] * 15, 4)
    for name in ("month", "start"):
        data[name] = pd.Timestamp("2024-01-01") + pd.to_timedelta(31 * data[name], unit="D")
    plain = estimate(data).att
    assert estimate(data, window=("2024-01-01", "2024-04-04")).att == plain
    assert estimate(data, window=("2024-01-01", "4M")).att == plain
    with pytest.raises(DataError, match="30 after it"):
        estimate(data, window=("2024-01-01", "2024-04-03"))
    with pytest.raises(DataError, match="longer than the data"):
        estimate(data, window=("2024-01-01", "6M"))


def test_an_effect_is_a_frame_a_picture_and_html():
    found = estimate(panel([2.0] * 15 + [np.nan] * 15, 4))
    pd.testing.assert_frame_equal(found.to_frame(), found.event_study)
    display = found.plot()
    assert isinstance(display, EventStudyDisplay)
    assert display.ax_.get_ylabel() == "Effect on spend"
    assert "If the assumptions below hold" in found._repr_html_()


def test_every_fault_of_the_arguments_is_named_at_once():
    data = panel([1.0] * 5 + [np.nan] * 5, 2)
    with pytest.raises(DataError, match="4 faults found") as caught:
        estimate(data, coverage=90, control="all", anticipation=-1, n_resamples=9)
    for fault in ("write 0.9 for 90 %", "control='all'", "anticipation=-1", "n_resamples=9"):
        assert fault in str(caught.value)
