import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
            assert np.isnan([row.active, row.retention, row.retention_low, row.value, row.cumulative_value]).all()


def test_unobserved_cells_are_missing_and_never_zero():
    log = load_cdnow_sample()
    table = cohorts(log, value="value")
    ages = table.groupby("cohort")["retention"].apply(lambda column: column.notna().sum())
    assert ages.tolist() == [18, 17, 16]
    assert (table.query("age == 0")["retention"] == 1).all()
    first = table.query("age == 1")
    low, high = wilson_interval(first["retention"], first["customers"])
    np.testing.assert_allclose(first["retention_low"], low)
    np.testing.assert_allclose(first["retention_high"], high)
    # nothing is lost: the cells hold every amount of complete periods
    assert table["value"].sum() == pytest.approx(log["value"].sum())
    assert table.groupby("cohort")["customers"].first().sum() == log["customer_id"].nunique()


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
    with pytest.raises(ValueError, match="period='h' is not for cohorts"):
        cohorts(log, period="h")
    with pytest.raises(ValueError, match="coverage=90"):
        cohorts(log, coverage=90)
    with pytest.raises(DataError, match="column 'when' is missing"):
        cohorts(log, timestamp="when")
