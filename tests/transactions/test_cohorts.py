import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.inference import wilson_interval
from crmml.transactions import cohorts


def orders(rows):
    return pd.DataFrame(rows, columns=["customer_id", "timestamp", "value"]).assign(
        timestamp=lambda d: pd.to_datetime(d["timestamp"])
    )


@pytest.mark.parametrize("period", ["D", "W", "M", "Y"])
def test_on_every_engine(engine, period):
    log = load_cdnow_sample().query("customer_id < 3000")[["customer_id", "timestamp", "value"]]
    wanted = cohorts(log, period=period, value="value")
    result = cohorts(engine.frame(log), period=period, value="value")
    assert engine.owns(result)
    found = engine.pandas(result)
    found["cohort"] = found["cohort"].astype("datetime64[us]")
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 400), st.floats(0, 50)), min_size=1, max_size=30),
    st.integers(430, 490),
)
def test_cell_by_cell(rows, last):
    origin = pd.Timestamp("2023-01-01")
    log = orders([(k, origin + pd.Timedelta(days=day), value) for k, day, value in rows])
    end = origin + pd.Timedelta(days=last)
    table = cohorts(log, value="value", observation_end=end)
    month = log["timestamp"].dt.to_period("M")
    first = month.groupby(log["customer_id"]).transform("min")
    for row in table.itertuples():
        start = pd.Period(row.cohort, "M")
        inside = first == start
        here = inside & (month == start + row.age)
        assert row.customers == log.loc[inside, "customer_id"].nunique()
        if (start + row.age).end_time.normalize() <= end:
            assert row.active == log.loc[here, "customer_id"].nunique()
            assert row.value == pytest.approx(log.loc[here, "value"].sum())
            so_far = log.loc[inside & (month <= start + row.age), "value"].sum()
            assert row.cumulative_value == pytest.approx(so_far / row.customers)
        else:
            assert np.isnan([row.active, row.retention, row.retention_lower, row.value, row.cumulative_value]).all()


def test_unobserved_cells_are_missing_and_never_zero():
    log = load_cdnow_sample()
    table = cohorts(log, value="value")
    ages = table.groupby("cohort")["retention"].apply(lambda column: column.notna().sum())
    assert ages.tolist() == [18, 17, 16]
    assert (table.query("age == 0")["retention"] == 1).all()
    first = table.query("age == 1")
    lower, upper = wilson_interval(first["retention"], first["customers"])
    np.testing.assert_allclose(first["retention_lower"], lower)
    np.testing.assert_allclose(first["retention_upper"], upper)
    # nothing is lost: the cells hold every amount of complete periods
    assert table["value"].sum() == pytest.approx(log["value"].sum())
    assert table.groupby("cohort")["customers"].first().sum() == log["customer_id"].nunique()


def test_intervals_of_value_are_those_of_the_customers_means():
    log = load_cdnow_sample()
    table = cohorts(log, value="value", coverage=0.8)
    month = log["timestamp"].dt.to_period("M")
    first = month.groupby(log["customer_id"]).transform("min")
    everyone = pd.Index(log.loc[first == first.min(), "customer_id"].unique())
    for age in (0, 1, 7):
        row = table.query("age == @age").iloc[0]
        for name, months in (("value", month == first + age), ("cumulative_value", month <= first + age)):
            paid = log[months].groupby("customer_id")["value"].sum().reindex(everyone, fill_value=0.0)
            lower, upper = stats.t.interval(0.8, len(paid) - 1, paid.mean(), stats.sem(paid))
            factor = len(paid) if name == "value" else 1
            assert row[f"{name}_lower"] == pytest.approx(factor * lower, rel=1e-9)
            assert row[f"{name}_upper"] == pytest.approx(factor * upper, rel=1e-9)


def test_what_is_certain_and_what_nothing_tells():
    log = orders([(k, "2024-01-05", 1.0 + k) for k in range(9)] + [(0, "2024-03-03", 5.0)])
    table = cohorts(log, value="value", observation_end="2024-03-31").set_index("age")
    assert table.loc[0, ["retention_lower", "retention", "retention_upper"]].tolist() == [1.0, 1.0, 1.0]
    # nobody came in February: the share is bounded, the amount is not
    assert table.loc[1, ["active", "retention", "value", "retention_lower"]].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert 0 < table.loc[1, "retention_upper"] < 0.3
    assert table.loc[1, ["value_lower", "value_upper"]].isna().all()
    assert table.loc[2, ["value_lower", "value_upper"]].notna().all()
    bounds = ["cumulative_value", "cumulative_value_lower", "cumulative_value_upper"]
    assert table.loc[1, bounds].tolist() == table.loc[0, bounds].tolist()


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
@pytest.mark.parametrize("period", ["D", "W", "M", "Y"])
def test_times_with_a_zone_count_by_their_own_clock(engine, zone, period):
    if engine.name in ("duckdb", "spark"):
        pytest.skip("shows them by the clock of its session")
    log = orders([(1, "2023-12-31 23:30", 1.0), (1, "2024-01-01 00:30", 2.0), (2, "2023-12-31 00:30", 4.0)])
    zoned = log.assign(timestamp=log["timestamp"].dt.tz_localize(zone))
    wanted = cohorts(log, period=period, value="value", observation_end="2024-12-31")
    found = engine.pandas(cohorts(engine.frame(zoned), period=period, value="value", observation_end="2024-12-31"))
    found["cohort"] = found["cohort"].astype(wanted["cohort"].dtype)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


def test_bounds_of_value_stop_at_zero():
    log = orders([(k, "2024-01-05", 1.0) for k in range(9)] + [(0, "2024-02-03", 5.0), (1, "2024-02-28", 0.1)])
    assert cohorts(log, value="value", observation_end="2024-02-29")["value_lower"].min() == 0.0
    alone = cohorts(log.query("customer_id == 0"), value="value", observation_end="2024-02-29")
    assert alone[["value_lower", "cumulative_value_upper"]].isna().all(axis=None)


def test_a_period_seen_in_part_is_missing():
    log = orders([(1, "2024-01-05", 1.0), (1, "2024-02-03", 2.0), (2, "2024-02-10", 3.0)])
    table = cohorts(log, value="value", observation_end="2024-02-15")
    assert table["cohort"].tolist() == [pd.Timestamp("2024-01-01")]
    assert table["age"].tolist() == [0]
    whole = cohorts(log, value="value", observation_end="2024-02-29")
    assert whole["active"].tolist()[:3] == [1.0, 1.0, 1.0]
    with pytest.raises(DataError, match="no period of 'M' is complete"):
        cohorts(log[log["timestamp"] > "2024-02-01"], observation_end="2024-02-15")


def test_faults():
    log = orders([(1, "2024-01-05", 1.0)])
    with pytest.raises(ValueError, match="period='h' is not known; choose one of 'D', 'W', 'M', 'Y'"):
        cohorts(log, period="h")
    with pytest.raises(ValueError, match="coverage='90%' must lie"):
        cohorts(log, coverage="90%")
    with pytest.raises(ValueError, match="coverage=90"):
        cohorts(log, coverage=90)
    with pytest.raises(DataError, match="column 'when' is missing"):
        cohorts(log, timestamp="when")
