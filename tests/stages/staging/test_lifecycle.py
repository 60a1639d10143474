import datetime as dt
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from crmml import DataError
from crmml.clv import ModifiedBetaGeoNBD
from crmml.datasets import load_cdnow_sample, make_transactions
from crmml.exceptions import LogWarning
from crmml.stages import to_panel
from crmml.stages.models.panel import check_panel, count_transitions
from crmml.stages.staging.lifecycle import LifecycleStager


def days(*entries, customer="a", start="2024-01-01"):
    times = pd.Timestamp(start) + pd.to_timedelta(list(entries), unit="D")
    return pd.DataFrame({"customer_id": customer, "timestamp": times.astype("datetime64[us]")})


def stages_of(stager, log, **arguments):
    return stager.assign(log, **arguments)["stage"].tolist()


@pytest.fixture(scope="module")
def cdnow():
    return load_cdnow_sample()


@pytest.fixture(scope="module")
def simulated():
    model = ModifiedBetaGeoNBD().set_fitted_params(r=0.8, alpha=20.0, a=0.8, b=3.0)
    log = make_transactions(model, n_customers=120, T=np.linspace(100, 500, 120), unit="D", random_state=1)
    return log.assign(value=np.random.default_rng(0).gamma(2.0, 10.0, len(log)))


#: μ = 10 days, worth two gaps.
GIVEN = LifecycleStager("D", pooled=(10.0, 2.0))


def given_stager(log, **parameters):
    return clone(GIVEN).set_params(**parameters).fit(log)


# ---- the rules, by hand ---------------------------------------------------------------------------------------------


def test_one_purchase_is_explored_then_declines_then_breaks():
    log = days(0)
    found = stages_of(given_stager(log), log, observation_end="2024-02-20")
    assert found == ["exploration"] * 21 + ["decline"] * 20 + ["rupture"] * 10


def test_formation_stability_decline():
    log = days(0, 5, 10, 15, 20)
    found = stages_of(given_stager(log), log, observation_end="2024-03-05")
    # five purchases over 20 days; then m = (20 + 20) / (2 + 4) = 6.67 days
    assert found[:5] == ["exploration"] * 5
    assert found[5:20] == ["formation"] * 15
    assert found[20:34] == ["stability"] * 14
    assert found[34:47] == ["decline"] * 13
    assert set(found[47:]) == {"rupture"}


def test_stability_takes_tenure_and_steadiness():
    burst = days(0, 1, 2, 3, 4)
    assert stages_of(given_stager(burst), burst)[-1] == "formation"
    assert stages_of(given_stager(burst, stability_tenure=0.4), burst)[-1] == "stability"
    faster = days(0, 14, 28, 30, 32)
    # the mean gap is 8: (8 + 28) / 3 over (8 + 4) / 3 is 3
    assert stages_of(given_stager(faster), faster)[-1] == "formation"
    assert stages_of(given_stager(faster, growth_ratio=3.1), faster)[-1] == "stability"


def test_growth_in_money():
    log = days(0, 5, 10, 15, 20).assign(value=[1.0, 1.0, 1.0, 1.0, 1.0])
    assert stages_of(given_stager(log, value="value"), log)[-1] == "stability"
    richer = log.assign(value=[1.0, 1.0, 1.0, 20.0, 20.0])
    assert stages_of(given_stager(richer, value="value"), richer)[-1] == "formation"
    poorer = log.assign(value=[20.0, 20.0, 20.0, 0.5, 0.5])
    assert stages_of(given_stager(poorer, value="value", slowdown_ratio=2.0), poorer)[-1] == "decline"
    assert stages_of(given_stager(poorer, value="value", slowdown_ratio=None), poorer)[-1] == "stability"


def test_slowing_down_is_decline():
    log = days(0, 1, 2, 15, 28, 41)
    # of five gaps, 8.2 days on average, the last two are recent: (8.2 + 26) / 3 over (8.2 + 15) / 4 is 1.97
    assert stages_of(given_stager(log, slowdown_ratio=1.9), log)[-1] == "decline"
    assert stages_of(given_stager(log, slowdown_ratio=2.0), log)[-1] == "stability"
    assert stages_of(given_stager(log, slowdown_ratio=None), log)[-1] == "stability"


def test_win_back_begins_a_new_arc():
    log = days(0, 5, 10, 15, 20, 100, 104)
    found = stages_of(given_stager(log), log)
    assert found[99] == "rupture"
    assert found[100:104] == ["exploration"] * 4
    assert found[104] == "formation"
    stays = stages_of(given_stager(log, win_back=False), log)
    assert stays[:100] == found[:100]
    assert set(stays[100:]) == {"rupture"}
    assert given_stager(log, win_back=False).stages.absorbing == ("rupture",)


def test_back_from_decline():
    log = days(0, 5, 10, 15, 20, 40)
    found = stages_of(given_stager(log), log)
    assert found[39] == "decline"
    assert found[40] == "stability"


def test_late_is_what_is_late_for_the_customer():
    weekly, yearly = days(*range(0, 365, 7), customer="weekly"), days(0, 365, 730, 1095, customer="yearly")
    log = pd.concat([weekly, yearly])
    long = given_stager(log, period="M", pooled=(100.0, 1.0)).assign(log, observation_end="2027-03-31")
    stage = long.set_index(["customer_id", "period"])["stage"]
    assert stage["weekly", pd.Timestamp("2024-12-01")] == "stability"
    assert stage["weekly", pd.Timestamp("2025-01-01")] == "decline"
    assert stage["weekly", pd.Timestamp("2025-02-01")] == "rupture"
    assert stage["yearly", pd.Timestamp("2027-03-01")] == "formation"


# ---- an independent count -------------------------------------------------------------------------------------------


def loop(log, ends, mu, r):
    """Stages of one customer at some ends, with the default thresholds and amounts, in plain loops."""
    by_day = log.groupby(log["timestamp"].dt.normalize())["value"].sum().sort_index()
    found = []
    for end in ends:
        seen = by_day[by_day.index <= end]
        if not len(seen):
            continue
        gaps, m, arc = [], mu, [seen.index[0]]
        for before, now in zip(seen.index[:-1], seen.index[1:], strict=True):
            gap = (now - before).days
            if gap > 4 * m:
                arc = [now]
                continue
            gaps.append(gap)
            arc.append(now)
            m = (r * mu + sum(gaps)) / (r + len(gaps))
        lateness = (end - seen.index[-1]).days / m
        own = np.diff(np.array(arc, dtype="datetime64[D]")).astype(int).tolist()
        w = min(3, len(own) // 2)
        grown = 1.0
        if w:
            spent = seen[arc].tolist()
            for parts, n_parts, turn in ((own, len(own), -1), (spent, len(spent), 1)):
                mean = sum(parts) / n_parts
                older, latest = (mean + sum(parts[:-w])) / (1 + n_parts - w), (mean + sum(parts[-w:])) / (1 + w)
                grown *= (latest / older) ** turn
        if lateness > 4:
            stage = "rupture"
        elif lateness > 2 or (len(arc) >= 5 and grown <= 1 / 3):
            stage = "decline"
        elif len(arc) < 2:
            stage = "exploration"
        elif len(arc) >= 5 and (arc[-1] - arc[0]).days >= 2 * mu and grown < 2:
            stage = "stability"
        else:
            stage = "formation"
        found.append(stage)
    return found


@pytest.mark.parametrize(("period", "code"), [("D", "D"), ("W", "W-SUN"), ("M", "M"), ("Y", "Y")])
def test_against_plain_loops(simulated, period, code):
    log = simulated[simulated["customer_id"] % 4 == 0]
    if period == "D":
        log = log[log["customer_id"] > 100]
    stager = LifecycleStager(period, value="value").fit(simulated)
    result = stager.assign(log, observation_end="2025-12-31")
    mu, r = stager.pooled_interpurchase_time_, stager.pooled_strength_
    last = pd.Timestamp("2026-01-01")
    for customer, part in log.groupby("customer_id"):
        first = part["timestamp"].min().to_period(code)
        ends = [p.end_time.normalize() for p in pd.period_range(first, last, freq=code) if p.end_time < last]
        mine = result[result["customer_id"] == customer]
        assert mine["stage"].tolist() == loop(part, ends, mu, r)
        assert (mine["period"].dt.to_period(code).dt.end_time.dt.normalize() == ends).all()


# ---- the past stays as it was ---------------------------------------------------------------------------------------


def equal_past(stager, log, cuts):
    """Assert that no cut changes an earlier stage, nor leaves out a row of an assigned period; count the rows compared."""
    names, compared = ["customer_id", "period"], 0
    whole = stager.assign(log, include_incomplete=True).set_index(names)["stage"]
    for cut in cuts:
        try:
            part = stager.assign(log[log["timestamp"] <= cut]).set_index(names)["stage"]
        except DataError:  # no complete period
            continue
        expected = whole[whole.index.get_level_values("period") <= part.index.get_level_values("period").max()]
        pd.testing.assert_series_equal(part, expected)
        compared += len(part)
    return compared


#: None at midnight: a log of nothing but those would be one that knows days only.
moments = st.datetimes(dt.datetime(2023, 11, 1), dt.datetime(2024, 6, 30)).map(lambda t: t.replace(minute=t.minute | 1))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), moments, st.integers(0, 50)),
        min_size=2,
        max_size=12,
        unique_by=lambda row: (row[0], row[1]),
    ),
    period=st.sampled_from(["D", "W", "M", "Y"]),
    win_back=st.booleans(),
)
def test_no_truncation_changes_an_earlier_stage(rows, period, win_back):
    log = pd.DataFrame(rows, columns=["customer_id", "timestamp", "value"]).astype({"timestamp": "datetime64[us]"})
    stager = LifecycleStager(period, value="value", pooled=(9.0, 1.3), win_back=win_back).fit(log)
    equal_past(stager, log, np.sort(log["timestamp"].unique())[:-1])


@settings(max_examples=15, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 120)), min_size=2, max_size=12, unique=True),
    period=st.sampled_from(["D", "W", "M"]),
)
def test_no_truncation_of_a_log_of_days_changes_an_earlier_stage(rows, period):
    log = pd.concat([days(day, customer=customer) for customer, day in rows], ignore_index=True)
    stager = LifecycleStager(period, pooled=(9.0, 1.3)).fit(log)
    equal_past(stager, log, np.sort(log["timestamp"].unique())[:-1])


def test_cdnow_and_a_simulated_log_keep_their_past(cdnow, simulated):
    for log, arguments in ((cdnow, {}), (simulated, {"value": "value"})):
        stager = LifecycleStager(**arguments).fit(log)
        times = np.sort(log["timestamp"].unique())
        assert equal_past(stager, log, times[:: len(times) // 12]) > 1000


# ---- what is learnt -------------------------------------------------------------------------------------------------


def test_cdnow(cdnow):
    stager = LifecycleStager().fit(cdnow)
    assert (stager.n_customers_, stager.n_gaps_) == (2357, 4339)
    assert stager.converged_
    assert stager.unit_ == "D"
    assert stager.observation_end_ == "1998-06-30"
    assert 90 < stager.pooled_interpurchase_time_ < 110
    assert 0.5 < stager.pooled_strength_ < 0.8
    said = stager.describe()
    for words in ("2,357 customers", "every 97.7 days", "36%", "begins again with exploration"):
        assert words in said
    long = stager.assign(cdnow)
    assert long["period"].max() == pd.Timestamp("1998-06-01")
    last = long[long["period"] == "1998-06-01"]["stage"].value_counts(normalize=True)
    assert last["rupture"] > 0.5
    assert 0.02 < last["stability"] < 0.15
    X, _ = to_panel(long, stager.stages)
    assert check_panel(X, stager.stages) == []
    counts = count_transitions(X, 5)
    assert counts[4, 0] > 0
    assert counts[0, 3] > counts[0, 1]
    names = stager.thresholds_.set_index("threshold")["value"]
    assert names["rupture_lateness"] == 4.0


def test_customers_order_and_names_change_nothing(cdnow):
    stager = LifecycleStager().fit(cdnow)
    text = cdnow.assign(customer_id="c" + cdnow["customer_id"].astype(str).str.zfill(6)).sample(frac=1, random_state=0)
    again = LifecycleStager().fit(text)
    assert again.pooled_interpurchase_time_ == stager.pooled_interpurchase_time_
    assert again.assign(text)["stage"].tolist() == stager.assign(cdnow)["stage"].tolist()
    assert again.assign(text)["customer_id"].iloc[0] == "c000004"


def test_kinds_of_identifiers(cdnow):
    log = cdnow.head(900)
    stager = LifecycleStager().fit(log)
    expected = stager.assign(log)
    shuffled = log.sample(frac=1, random_state=1)
    for kind in ("Int64", "float64", "category"):
        found = stager.assign(shuffled.astype({"customer_id": kind}))
        assert found["customer_id"].dtype == ("Int64" if kind == "Int64" else "int64")  # whole numbers are told as such
        assert found["customer_id"].astype("int64").tolist() == expected["customer_id"].tolist()
        assert found["stage"].tolist() == expected["stage"].tolist()


def test_purchases_on_one_day_are_one():
    log = pd.concat([days(0, 5, 10, 40), days(5.25, 10.5, 10.75)])
    once = days(0, 5, 10, 40)
    a, b = LifecycleStager("D").fit(once), LifecycleStager("D").fit(log)
    assert a.pooled_interpurchase_time_ == b.pooled_interpurchase_time_
    assert stages_of(a, once) == stages_of(b, log, observation_end="2024-02-10")


def test_nobody_came_back():
    log = pd.concat([days(0, customer="a"), days(3, 3, customer="b")])
    with pytest.raises(DataError, match="none of its 2 customers bought on two different days"):
        LifecycleStager().fit(log)
    assert set(stages_of(given_stager(log), log)) == {"exploration"}


def test_it_is_an_estimator(cdnow):
    stager = LifecycleStager("W", decline_lateness=1.5)
    assert clone(stager).get_params() == stager.get_params()
    with pytest.raises(NotFittedError):
        stager.assign(cdnow)
    stager.fit(cdnow)
    again = pickle.loads(pickle.dumps(stager))
    pd.testing.assert_frame_equal(again.assign(cdnow), stager.assign(cdnow))
    assert not any("customer_id" in str(type(entry)) for entry in vars(stager).values())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"decline_lateness": 5.0}, "rupture_lateness=4 must be above decline_lateness=5"),
        ({"formation_purchases": 5}, "stability_purchases=5 must be above formation_purchases=5"),
        ({"growth_ratio": 1.0}, "'growth_ratio' parameter"),
        ({"period": "Q"}, "'period' parameter"),
        ({"pooled": (1.0,)}, "must be two numbers above 0"),
        ({"pooled": (1.0, -2.0)}, "must be two numbers above 0"),
    ],
)
def test_wrong_parameters(cdnow, parameters, message):
    with pytest.raises(ValueError, match=message):
        LifecycleStager(**parameters).fit(cdnow)


# ---- periods --------------------------------------------------------------------------------------------------------


def test_only_complete_periods():
    log = days(0, 20, 40)
    stager = given_stager(log, period=None)
    assert stager.assign(log)["period"].tolist() == [pd.Timestamp("2024-01-01")]
    now = stager.assign(log, include_incomplete=True)
    assert now["period"].tolist() == [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")]
    assert len(stager.assign(log, observation_end="2024-02-29")) == 2
    assert len(stager.assign(log, observation_end="2024-02-29 23:00")) == 1
    assert len(stager.assign(log, observation_end="2024-02-28")) == 1


def test_the_last_day_of_a_log_with_times_is_not_whole():
    log = days(0, 20, 30)
    assert len(given_stager(log, period="M").assign(log)) == 1
    timed = log.assign(timestamp=log["timestamp"] + pd.Timedelta("9h"))
    with pytest.raises(DataError, match="none of its months is complete"):
        given_stager(timed, period="M").assign(timed)
    assert len(given_stager(timed, period="M").assign(timed, observation_end="2024-01-31")) == 1


def test_a_customer_of_the_incomplete_period_has_no_row_yet():
    log = pd.concat([days(0, 10, customer="a"), days(33, customer="b")])
    stager = given_stager(log, period="M")
    assert set(stager.assign(log)["customer_id"]) == {"a"}
    assert set(stager.assign(log, include_incomplete=True)["customer_id"]) == {"a", "b"}


def test_the_period_is_named_once(cdnow):
    stager = LifecycleStager().fit(cdnow)
    assert stager.assign(cdnow, period="W")["period"].dt.day_of_week.eq(0).all()
    with pytest.raises(ValueError, match="name it once"):
        LifecycleStager("M").fit(cdnow).assign(cdnow, period="W")
    with pytest.raises(ValueError, match="is not known; choose one of 'D'"):
        stager.assign(cdnow, period="h")


def test_what_is_after_the_end_is_left_out_and_counted(cdnow):
    with pytest.warns(LogWarning, match=r"of 6,919 transactions are after the observation end 1997-12-31"):
        stager = LifecycleStager().fit(cdnow, observation_end="1997-12-31")
    before = cdnow[cdnow["timestamp"] <= "1997-12-31"]
    again = LifecycleStager().fit(before, observation_end="1997-12-31")
    assert again.pooled_interpurchase_time_ == stager.pooled_interpurchase_time_
    with pytest.warns(LogWarning, match="are left out"):
        long = stager.assign(cdnow, observation_end="1997-12-31")
    assert long["period"].max() == pd.Timestamp("1997-12-01")


# ---- engines --------------------------------------------------------------------------------------------------------


def test_every_engine_gives_the_same_in_its_own_kind(engine, simulated):
    log = simulated[simulated["customer_id"] < 40].assign(
        customer_id=lambda f: "c" + f["customer_id"].astype(str).str.zfill(3)
    )
    expected_stager = LifecycleStager(value="value").fit(log)
    expected = expected_stager.assign(log)
    frame = engine.frame(log)
    stager = LifecycleStager(value="value").fit(frame)
    assert stager.pooled_interpurchase_time_ == expected_stager.pooled_interpurchase_time_
    result = stager.assign(frame)
    assert engine.owns(result)
    table = engine.pandas(result)
    assert list(table.columns) == ["customer_id", "period", "stage"]
    table["period"] = pd.to_datetime(table["period"]).astype("datetime64[us]")
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)
    X, ids = to_panel(result, stager.stages)
    Y, others = to_panel(expected, stager.stages)
    np.testing.assert_array_equal(X, Y)
    assert ids.tolist() == others.tolist()


@pytest.mark.parametrize("kind", ["dates", "text", "zone"])
def test_kinds_of_time(engine, kind, simulated):
    if kind == "zone" and engine.name in ("duckdb", "spark"):
        pytest.skip("a session's own zone replaces that of the column in these engines")
    log = simulated[simulated["customer_id"] < 30][["customer_id", "timestamp"]]
    log = log.assign(timestamp=log["timestamp"].dt.floor("s"))
    expected = LifecycleStager("M").fit(log).assign(log, observation_end="2025-05-31")["stage"].tolist()
    other = {
        "dates": lambda t: t.dt.date,
        "text": lambda t: t.dt.strftime("%Y-%m-%d %H:%M:%S"),
        "zone": lambda t: t.dt.tz_localize("Asia/Shanghai"),
    }[kind]
    frame = engine.frame(log.assign(timestamp=other(log["timestamp"])))
    stager = LifecycleStager("M").fit(frame)
    assert engine.pandas(stager.assign(frame, observation_end="2025-05-31"))["stage"].tolist() == expected


def test_faults_come_at_once(engine):
    log = days(0, 5, 10).assign(value=[1.0, -2.0, 3.0], customer_id=["a", None, "a"])
    with pytest.raises(DataError) as caught:
        LifecycleStager(value="value").fit(engine.frame(log))
    assert len(caught.value.faults) == 2
    assert "'customer_id' is missing in 1 of 3 rows" in str(caught.value)
    assert "crmml.transactions.clean" in str(caught.value)


def test_an_empty_log(engine):
    log = days(0, 5)
    frame = engine.frame(log).filter("customer_id = 'z'") if engine.name == "spark" else engine.frame(log.iloc[:0])
    with pytest.raises(DataError, match="the log is empty"):
        LifecycleStager().fit(frame)
    with pytest.raises(DataError, match="the log is empty"):
        given_stager(log).assign(frame)


def test_a_log_is_not_changed(cdnow):
    log = cdnow.head(300)
    before = log.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LifecycleStager(value="value").fit(log).assign(log)
    pd.testing.assert_frame_equal(log, before)
