import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crmml import DataError
from crmml.amounts import Percent, Points
from crmml.evidence import Average, IndicatorDefinition, Share, indicators, sample_size_for_means
from crmml.inference import wilson_interval
from crmml.metrics import kaplan_meier

WINDOWS = {"before_window": ("2023-01-01", "2023-04-01"), "after_window": ("2024-01-01", "2024-03-31")}


def of(found, name, statistic=None):
    rows = found.table[found.table["indicator"] == name]
    return rows.iloc[0] if statistic is None else rows[rows["statistic"].str.startswith(statistic)].iloc[0]


def test_the_pharmaceutical_case_is_reproduced_and_what_is_missing_is_said():
    found = indicators(
        {"satisfaction": 75, "retention": 70, "repeat_visits": 65, "staff_minutes": 30},
        {"satisfaction": 88, "retention": 80, "repeat_visits": 78, "staff_minutes": 15},
        changes={"bed_turnover": Percent(15), "idle_equipment": Percent(-20)},
        unit="percent",
    )
    table = found.table.set_index("indicator")
    assert table["change"].dropna().to_dict() == {
        "satisfaction": 13, "retention": 10, "repeat_visits": 13, "staff_minutes": -15,
    }  # fmt: skip
    shares = ["satisfaction", "retention", "repeat_visits"]
    assert (table.loc[shares, "change_unit"] == "percentage points").all()
    assert table.loc["staff_minutes", "change_unit"] == "minutes per worker and day"
    assert (table["relative_unit"] == "%").all()
    relative = [100 * 13 / 75, 100 * 10 / 70, 20, -50, 15, -20]
    np.testing.assert_allclose(table["relative_change"], relative)
    assert table[["change_lower", "change_upper", "relative_lower", "before_lower", "before_n"]].isna().all().all()
    assert table.loc["retention", "n_needed"] == 294
    assert np.isnan(table.loc["staff_minutes", "n_needed"])
    for name in table.index:
        assert any(entry.startswith(f"{name}:") and "sample size" in entry for entry in found.missing)
    text = found.describe()
    assert (
        "Retention rose from 70 to 80 %: +10 percentage points (interval unknown), +14.3 % of the former level" in text
    )
    assert "294 cases per group verify it at 80% power" in text
    assert "Idle equipment fell: -20 % of the former level (interval unknown)." in text
    assert "not yet an effect" in text
    assert found.causal is False


def test_fractions_and_percent_are_the_same_figures():
    one = indicators({"retention": 0.70}, {"retention": 0.80}, targets={"retention": 0.75})
    two = indicators({"retention": 70}, {"retention": 80}, unit="percent", targets={"retention": 75})
    pd.testing.assert_frame_equal(one.table, two.table)
    assert of(one, "retention")["n_needed"] == 1251


def test_shares_have_wilsons_interval_and_newcombes_change():
    row = of(indicators({"win_rate": Share(48, 80)}, {"win_rate": Share(56, 70)}, coverage=0.95), "win_rate")
    lower, upper = wilson_interval(0.8, 70, coverage=0.95)
    assert (row["after_lower"], row["after_upper"]) == (pytest.approx(100 * lower), pytest.approx(100 * upper))
    assert (round(row["change_lower"], 2), round(row["change_upper"], 2)) == (5.24, 33.39)
    std_error = np.sqrt(1 / 56 - 1 / 70 + 1 / 48 - 1 / 80)
    ends = 100 * (np.exp(np.log(0.8 / 0.6) + np.array([-1, 1]) * stats.norm.ppf(0.975) * std_error) - 1)
    assert (row["relative_lower"], row["relative_upper"]) == (pytest.approx(ends[0]), pytest.approx(ends[1]))
    assert row["before_n"] == 80


def test_averages_by_welch_and_fieller():
    one, two = Average(30.0, 8.0, 25), Average(15.0, 5.0, 30)
    row = of(indicators({"staff_minutes": one}, {"staff_minutes": two}), "staff_minutes")
    test = stats.ttest_ind_from_stats(15, 5, 30, 30, 8, 25, equal_var=False)
    std_error = np.sqrt(64 / 25 + 25 / 30)
    df = std_error**4 / ((64 / 25) ** 2 / 24 + (25 / 30) ** 2 / 29)
    assert 2 * stats.t.sf(15 / std_error, df) == pytest.approx(test.pvalue)
    assert row["change_lower"] == pytest.approx(-15 - stats.t.ppf(0.95, df) * std_error)
    assert row["relative_change"] == -50
    assert row["relative_lower"] < -50 < row["relative_upper"]
    assert row["n_needed"] == sample_size_for_means(15.0, (8.0, 5.0)) == 5


# ---- raw data ------------------------------------------------------------------------------------------------------


def visits(first, seed):
    rng = np.random.default_rng(seed)
    day = pd.Timestamp(first) + pd.to_timedelta(np.r_[0, 89, rng.integers(0, 90, 198)], unit="D")
    return pd.DataFrame({"customer_id": rng.integers(0, 90, 200), "timestamp": day})


def tickets(first, rate, seed):
    rng = np.random.default_rng(seed)
    opened = pd.Timestamp(first) + pd.to_timedelta(np.r_[0.0, 89.0, rng.uniform(0, 89, 148)], unit="D").round("min")
    responded = opened + pd.to_timedelta(rng.exponential(4, 150), unit="h").round("s")
    closed = responded + pd.to_timedelta(rng.exponential(rate, 150), unit="h").round("s")
    end = pd.Timestamp(first) + pd.Timedelta(days=90)
    frame = pd.DataFrame({"opened": opened, "responded": responded, "closed": closed})
    for name in ("responded", "closed"):
        frame[name] = frame[name].where(frame[name] < end)
    return frame


def deals(first, seed):
    rng = np.random.default_rng(seed)
    closed = pd.Timestamp(first) + pd.to_timedelta(np.r_[0, 89, rng.integers(0, 90, 58)], unit="D")
    opened = closed - pd.to_timedelta(rng.integers(1, 60, 60), unit="D")
    return pd.DataFrame(
        {"opened": opened, "closed": closed, "won": rng.integers(0, 2, 60), "amount": rng.gamma(2, 500, 60)}
    )


def raw(first, seed, speed=60.0):
    rng = np.random.default_rng(seed + 50)
    used = rng.uniform(2, 8, 40)
    return {
        "surveys": pd.DataFrame({"satisfied": rng.integers(0, 2, 70)}),
        "customers": pd.DataFrame({"kept": rng.random(80) < 0.7}),
        "visits": visits(first, seed),
        "staff": pd.DataFrame({"worker_id": np.repeat(np.arange(8), 5), "minutes": rng.normal(30, 5, 40)}),
        "equipment": pd.DataFrame({"asset_id": np.repeat(np.arange(10), 4), "used": used, "available": 10.0}),
        "deals": deals(first, seed),
        "leads": pd.DataFrame({"leads": rng.poisson(20, 13), "cost": rng.gamma(9, 100, 13)}),
        "tickets": tickets(first, speed, seed),
    }


def test_raw_data_by_hand():
    before, after = raw("2023-01-01", 1), raw("2024-01-01", 2)
    found = indicators(before, after, random_state=0, currency="EUR", **WINDOWS)
    assert set(found.table["indicator"]) == {
        "satisfaction", "retention", "repeat_visits", "staff_minutes", "utilisation", "sales_cycle", "deal_size", "win_rate",
        "leads", "lead_acquisition_cost", "response_time", "closing_time",
    }  # fmt: skip
    assert of(found, "satisfaction")["before"] == pytest.approx(100 * before["surveys"]["satisfied"].mean())
    assert of(found, "retention")["before"] == pytest.approx(100 * before["customers"]["kept"].mean())
    days = before["visits"].groupby("customer_id")["timestamp"].nunique()
    assert of(found, "repeat_visits")["before"] == pytest.approx(100 * (days > 1).mean())
    worker = before["staff"].groupby("worker_id")["minutes"].mean()
    lower, upper = stats.t.interval(0.9, 7, worker.mean(), worker.std() / np.sqrt(8))
    row = of(found, "staff_minutes")
    assert (row["before_n"], row["before_lower"], row["before_upper"]) == (
        8,
        pytest.approx(lower),
        pytest.approx(upper),
    )
    won = before["deals"][before["deals"]["won"] == 1]
    assert of(found, "win_rate")["before"] == pytest.approx(100 * len(won) / 60)
    assert of(found, "deal_size")["before"] == pytest.approx(won["amount"].mean())
    assert of(found, "deal_size")["level_unit"] == "EUR per deal won"
    assert of(found, "sales_cycle")["before"] == pytest.approx((won["closed"] - won["opened"]).dt.days.mean())
    leads = before["leads"]
    assert of(found, "leads")["before"] == pytest.approx(leads["leads"].mean())
    row = of(found, "lead_acquisition_cost")
    cost = leads["cost"].sum() / leads["leads"].sum()
    residual = leads["cost"] - cost * leads["leads"]
    std_error = np.sqrt(residual.var() * 13) / leads["leads"].sum()
    assert row["before"] == pytest.approx(cost)
    assert row["before_upper"] - row["before"] == pytest.approx(stats.t.ppf(0.95, 12) * std_error)
    row = of(found, "utilisation")
    assert row["before"] == pytest.approx(10 * before["equipment"]["used"].mean())
    assert row["change_unit"] == "percentage points"
    idle = of(
        indicators({"idle_equipment": before["equipment"]}, {"idle_equipment": after["equipment"]}), "idle_equipment"
    )
    assert idle["before"] == pytest.approx(100 - row["before"])
    assert idle["change"] == pytest.approx(-row["change"])


def test_a_ticket_closed_without_a_response_waits_no_longer():
    before, after = tickets("2023-01-01", 9.0, 3), tickets("2024-01-01", 9.0, 4)
    is_silent = np.arange(150) % 5 == 0
    silent = before.assign(
        responded=before["responded"].mask(is_silent),
        closed=before["closed"].mask(is_silent, before["opened"] + pd.Timedelta(hours=1)),
    )
    row = of(indicators({"tickets": silent}, {"tickets": after}, random_state=0, **WINDOWS), "response_time", "median")
    end = pd.Timestamp("2023-04-01")
    until = silent["responded"].fillna(silent["closed"]).fillna(end)
    hours = (until - silent["opened"]).dt.total_seconds() / 3600
    at, survival = kaplan_meier(hours, silent["responded"].notna())
    assert row["before"] == pytest.approx(at[survival <= 0.5][0])
    unknown = indicators({"tickets": silent.drop(columns="closed")}, {"tickets": after}, random_state=0, **WINDOWS)
    # when they were closed is not said, so that they wait to the end
    assert of(unknown, "response_time", "median")["before"] > row["before"]


def test_open_tickets_are_censored_at_the_end_of_the_window():
    before, after = tickets("2023-01-01", 900.0, 3), tickets("2024-01-01", 300.0, 4)
    assert before["closed"].isna().mean() > 0.2
    found = indicators({"tickets": before}, {"tickets": after}, random_state=0, **WINDOWS)
    row = of(found, "closing_time", "median")
    end = pd.Timestamp("2023-04-01")
    hours = (before["closed"].fillna(end) - before["opened"]).dt.total_seconds() / 3600
    at, survival = kaplan_meier(hours, before["closed"].notna())
    assert row["before"] == pytest.approx(at[survival <= 0.5][0])
    assert row["before"] > hours[before["closed"].notna()].median()
    assert row["level_unit"] == row["change_unit"] == "hours"
    assert row["change_lower"] < row["change"] < row["change_upper"] < 0
    mean = of(found, "closing_time", "mean up to")
    assert mean["change_upper"] < 0
    assert mean["before_lower"] < mean["before"] < mean["before_upper"]
    # closed after the window is open at its end
    late = before.assign(closed=before["closed"].fillna(pd.Timestamp("2023-07-01")))
    again = indicators({"tickets": late}, {"tickets": after}, random_state=0, **WINDOWS)
    pd.testing.assert_frame_equal(again.table, found.table)
    days = indicators({"tickets": before}, {"tickets": after}, random_state=0, duration_unit="D", **WINDOWS)
    assert of(days, "closing_time")["before"] == pytest.approx(row["before"] / 24)
    assert of(days, "closing_time")["level_unit"] == "days"


def test_on_every_engine(engine):
    before, after = raw("2023-01-01", 1), raw("2024-01-01", 2)
    wanted = indicators(before, after, random_state=0, n_resamples=99, **WINDOWS)
    frames = [{name: engine.frame(frame) for name, frame in side.items()} for side in (before, after)]
    found = indicators(*frames, random_state=0, n_resamples=99, **WINDOWS)
    pd.testing.assert_frame_equal(found.table, wanted.table)
    shuffled = [
        {name: frame.sample(frac=1, random_state=3) for name, frame in side.items()} for side in (before, after)
    ]
    pd.testing.assert_frame_equal(indicators(*shuffled, random_state=0, n_resamples=99, **WINDOWS).table, wanted.table)


def test_sources_in_part_and_columns_by_other_names():
    before, after = deals("2023-01-01", 1), deals("2024-01-01", 2)
    names = {"won": "is_won", "amount": "value_eur"}
    found = indicators({"deals": before.rename(columns=names)}, {"deals": after.rename(columns=names)}, columns=names)
    assert len(found.table) == 3
    part = indicators({"deals": before.drop(columns="amount")}, {"deals": after})
    assert set(part.table["indicator"]) == {"win_rate", "sales_cycle"}
    assert any("deal_size: not in the deals before" in entry for entry in part.missing)
    scores = pd.DataFrame({"score": [1, 4, 5, 3]})
    found = indicators({"surveys": scores}, {"surveys": scores}, satisfied_from=4)
    assert of(found, "satisfaction")["before"] == 50
    assert "did not change" in found.describe()


def test_definitions_of_ones_own():
    own = IndicatorDefinition("complaints", "Complaints", "rate", "orders with one", "orders", "window", "%", "lower")
    found = indicators({"complaints": Share(9, 100)}, {"complaints": Share(4, 100)}, definitions=[own])
    assert found.definitions["complaints"] is own
    assert of(found, "complaints")["change"] == pytest.approx(-5)


@given(st.integers(1, 500), st.integers(1, 500), st.data())
def test_every_share_gives_a_row(n1, n2, data):
    one, two = Share(data.draw(st.integers(0, n1)), n1), Share(data.draw(st.integers(0, n2)), n2)
    found = indicators({"retention": one}, {"retention": two})
    row = of(found, "retention")
    assert row["change_lower"] <= row["change"] + 1e-9
    assert row["change"] <= row["change_upper"] + 1e-9
    if np.isnan(row["relative_lower"]):
        assert any(entry.startswith("retention:") for entry in found.missing)
    assert np.isnan(row["n_needed"]) == (one.rate == two.rate)
    assert found.describe()


# ---- refusals ------------------------------------------------------------------------------------------------------


def faults(before=None, after=None, **options):
    with pytest.raises(DataError) as caught:
        indicators(before, after, **options)
    return " | ".join(caught.value.faults)


def test_percent_and_fractions_are_never_mixed_up():
    assert "75 is above 1 where a fraction is meant; give 0.75, or unit='percent'" in faults(
        {"retention": 75}, {"retention": 0.8}
    )
    assert "120 is a rate above 100 %" in faults({"retention": 120}, {"retention": 0.8})
    assert "120 % is above 100 %" in faults({"retention": 70}, {"retention": 120}, unit="percent")
    assert "no rate is above 0.8, as of fractions" in faults({"retention": 0.7}, {"retention": 0.8}, unit="percent")
    assert "below 0" in faults({"retention": -0.7}, {"retention": 0.8})
    assert "is a change, not a level" in faults({"retention": 0.7}, {"retention": Points(10)})
    assert "neither in points nor in percent; give Percent(15)" in faults(changes={"bed_turnover": 15})
    assert "has no percentage points" in faults(changes={"bed_turnover": Points(15)})
    assert "if percent is meant, give Percent" in faults(changes={"retention": Points(130)})
    assert "target: 80 is above 1" in faults({"retention": 0.7}, {"retention": 0.7}, targets={"retention": 80})
    assert "give 0.55, or unit='percent'" in faults(
        {"utilisation": Average(55, 10, 20)}, {"utilisation": Average(0.6, 0.1, 20)}
    )


def test_every_fault_is_named():
    text = faults(
        {"retention": 0.7, "loyalty": 0.5, "win_rate": Average(1.0, 1.0, 5)}, {"satisfaction": 0.5, "win_rate": "x"}
    )
    for part in (
        "retention is given before but not after",
        "satisfaction is given after but not before",
        "'loyalty' is no indicator",
        "an Average is given for a rate",
        "win_rate after: str is no measurement",
    ):
        assert part in text
    assert "nothing is given" in faults()
    assert "stands for raw data" in faults({"deals": 3}, {"deals": 4})
    assert "give one" in faults({"retention": 0.7}, {"retention": 0.8}, changes={"retention": Points(10)})
    assert "a Share is given for a mean" in faults({"staff_minutes": Share(1, 2)}, {"staff_minutes": 3})
    assert "raw data are not known" in faults({"bed_turnover": pd.DataFrame({"x": [1]})}, {"bed_turnover": 3})
    assert "has a target but no level" in faults({"retention": 0.7}, {"retention": 0.8}, targets={"win_rate": 0.5})
    assert "minutes per worker and day is below 0" in faults({"staff_minutes": -3}, {"staff_minutes": 3})


def test_faults_of_raw_data():
    before, after = raw("2023-01-01", 1), raw("2024-01-01", 2)

    def spoiled(source, **options):
        columns = options.pop("columns")
        return faults({source: before[source].assign(**columns)}, {source: after[source]}, **(WINDOWS | options))

    assert "is neither 0 nor 1 in 70 of 70" in spoiled("surveys", columns={"satisfied": 5})
    assert "is not a number in 40 of 40" in spoiled("staff", columns={"minutes": "many"})
    assert "above the 1,440 minutes of a day" in spoiled("staff", columns={"minutes": 1500.0})
    assert "a rate above 100 %" in spoiled("equipment", columns={"used": 11.0})
    assert "is below 0 in 13 of 13" in spoiled("leads", columns={"cost": -1.0})
    assert "denominators add up to 0" in spoiled("leads", columns={"leads": 0})
    moved = before["visits"]["timestamp"] + pd.Timedelta(days=40)
    assert "is outside the window 2023-01-01 to 2023-03-31" in spoiled("visits", columns={"timestamp": moved})
    assert "is longer than the data" in spoiled("visits", columns={}, before_window=("2023-01-01", "1Y"))
    assert "holds numbers; give dates" in spoiled("visits", columns={"timestamp": 3})
    assert "close before they open" in spoiled(
        "deals", columns={"opened": before["deals"]["closed"] + pd.Timedelta(days=3)}
    )
    assert "none of the cases is over" in spoiled("tickets", columns={"closed": pd.NaT, "responded": pd.NaT})
    assert "state before_window and after_window" in faults(
        {"tickets": before["tickets"]}, {"tickets": after["tickets"]}
    )
    empty = faults({"surveys": before["surveys"].head(0)}, {"surveys": after["surveys"]})
    assert "satisfaction before: there are 0 cases, the group is empty" in empty
    assert "column 'kept' is missing" in faults({"customers": before["surveys"]}, {"customers": after["customers"]})


def test_windows_that_are_unlike_are_said():
    found = indicators(
        {"retention": 0.7},
        {"retention": 0.8},
        before_window=("2023-01-01", "3M"),
        after_window=("2023-06-01", "2023-08-01"),
    )
    assert "unequal length" in " ".join(found.missing)
    assert "different seasons" in found.describe()
    assert (found.before_window, found.after_window) == ("2023-01-01 to 2023-03-31", "2023-06-01 to 2023-07-31")


def test_the_end_of_a_window_is_exclusive():
    def visits(last):
        days = pd.date_range("2023-01-01", last, freq="D")
        return {"visits": pd.DataFrame({"customer_id": np.arange(len(days)) % 30, "timestamp": days})}

    before, after = visits("2023-03-31"), {"repeat_visits": 0.5}
    by_end = indicators(before, after, before_window=("2023-01-01", "2023-04-01"))
    by_length = indicators(before, after, before_window=("2023-01-01", "3M"))
    pd.testing.assert_frame_equal(by_end.table, by_length.table)
    assert by_end.before_window == by_length.before_window == "2023-01-01 to 2023-03-31"
    assert "(0 before it, 1 after it); leave these rows out, or change the window, whose end is exclusive" in faults(
        visits("2023-04-01"), after, before_window=("2023-01-01", "2023-04-01")
    )


def in_zones(frame, opened, others):
    zones = {name: opened if name == "opened" else others for name in frame}
    return frame.assign(**{name: frame[name].dt.tz_localize("UTC").dt.tz_convert(zone) for name, zone in zones.items()})


@pytest.mark.parametrize("zones", [("UTC", "Asia/Shanghai"), ("UTC", "America/New_York")])
def test_hours_between_two_time_zones_are_hours_that_went_by(zones):
    before, after = (raw(first, seed)["tickets"] for first, seed in (("2023-01-01", 1), ("2024-01-01", 2)))
    wanted = indicators({"tickets": before}, {"tickets": after}, random_state=0, **WINDOWS)
    found = indicators(
        {"tickets": in_zones(before, *zones)}, {"tickets": in_zones(after, *zones)}, random_state=0, **WINDOWS
    )
    pd.testing.assert_frame_equal(found.table, wanted.table)


def test_hours_over_a_change_of_the_clocks():
    opened = pd.to_datetime(["2023-03-01 12:00", "2023-03-25 23:00", "2023-03-31 12:00"]).tz_localize("Europe/Berlin")
    tickets = pd.DataFrame({"opened": opened, "closed": opened + pd.Timedelta(hours=5)})
    options = {"before_window": ("2023-03-01", "1M"), "after_window": ("2023-03-01", "1M"), "random_state": 0}
    row = of(indicators({"closing_time": tickets}, {"closing_time": tickets}, **options), "closing_time", "median")
    assert row["before"] == row["after"] == 5.0


def test_time_zones_that_cannot_be_told_apart_are_refused():
    before, after = (raw(first, seed)["tickets"] for first, seed in (("2023-01-01", 1), ("2024-01-01", 2)))
    half = before.assign(closed=before["closed"].dt.tz_localize("UTC"))
    assert "column 'closed' has a time zone and 'opened' has none; give both alike" in faults(
        {"tickets": half}, {"tickets": after}, **WINDOWS
    )
    text = before["opened"].dt.strftime("%Y-%m-%dT%H:%M:%S") + np.where(np.arange(len(before)) % 2, "+01:00", "+02:00")
    assert "column 'opened' mixes time zones" in faults(
        {"tickets": before.assign(opened=text)}, {"tickets": after}, **WINDOWS
    )


def test_first_calls_that_go_wrong_are_told_the_cure():
    frame = raw("2023-01-01", 1)["tickets"]
    assert "before is a frame; give a mapping" in faults(frame, {"tickets": frame})
    assert "after is of type list; give a mapping" in faults({"retention": 0.5}, [0.5])
    score = pd.DataFrame({"score": [1, 5, 4, 2]})
    assert "satisfied_from=4" in faults({"surveys": score}, {"surveys": score})
    deal = pd.DataFrame({"opened": ["2023-01-01"], "closed": [None], "won": [0], "amount": [0]})
    assert "leave out what is still open" in faults({"deals": deal}, {"deals": deal})
    assert "-30 minutes per worker and day is below 0" in faults(
        {"staff_minutes": Average(-30, 8, 25)}, {"staff_minutes": Average(15, 8, 25)}
    )
    mixed = faults({"retention": 70, "utilisation": 0.5}, {"retention": 80, "utilisation": 0.6}, unit="percent")
    assert mixed.startswith("utilisation: unit='percent', but no rate is above 0.6, as of fractions; give 60 for 60 %")


def test_an_indicator_of_ones_own_may_be_negative():
    own = IndicatorDefinition(
        "nps", "Net promoter score", "mean", "promoters less detractors", "answers", "the window", "points", "higher"
    )
    found = indicators({"nps": -10}, {"nps": Average(5, 60, 400)}, definitions=[own])
    assert of(found, "nps")["change"] == 15


def test_arguments():
    for options, text in (
        ({"unit": "%"}, "unit='%'"),
        ({"coverage": 90}, "coverage=90"),
        ({"power": 80}, "power=80"),
        ({"significance": 5}, "significance=5"),
        ({"n_resamples": 9}, "n_resamples=9"),
        ({"duration_unit": "min"}, "duration_unit='min'"),
    ):
        with pytest.raises(ValueError, match=text):
            indicators({"retention": 0.7}, {"retention": 0.8}, **options)


def test_averages_without_spread_have_no_interval():
    found = indicators({"staff_minutes": Average(30, 0, 25)}, {"staff_minutes": Average(15, 0, 25)})
    assert "interval unknown" in found.describe()
    assert "staff_minutes: interval unknown: no case differs from another" in found.missing
    assert np.isnan(found.table["n_needed"].iloc[0])


def test_a_table_is_a_frame_a_picture_and_html():
    found = indicators({"retention": Share(140, 200)}, {"retention": Share(160, 200)})
    pd.testing.assert_frame_equal(found.to_frame(), found.table)
    assert found.plot().table["panel"].tolist() == ["points", "percent"]
    assert "Retention rose from 70 to 80 %" in found._repr_html_()


def test_every_fault_of_the_arguments_is_named_at_once():
    with pytest.raises(DataError, match="4 faults found") as caught:
        indicators({}, {}, unit="%", coverage=90, power=80, significance=5)
    for fault in ("unit='%'", "write 0.9 for 90 %", "write 0.8 for 80 %", "write 0.05 for 5 %"):
        assert fault in str(caught.value)
