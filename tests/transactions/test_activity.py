import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml.exceptions import DataError, LogWarning
from crmml.frames import first_day_of, index_of, period_of
from crmml.transactions.activity import last_period, make_grid, read_activity

CODES = {"D": "D", "W": "W-SUN", "M": "M", "Y": "Y"}


@given(day=st.integers(-30_000, 60_000), period=st.sampled_from(list(CODES)))
def test_periods_are_those_of_the_calendar(day, period):
    moment = pd.Timestamp(0) + pd.Timedelta(days=day)
    number = period_of(np.array([day]), period)
    first, after = first_day_of(number, period)[0], first_day_of(number + 1, period)[0]
    theirs = moment.to_period(CODES[period])
    assert pd.Timestamp(0) + pd.Timedelta(days=int(first)) == theirs.start_time
    assert pd.Timestamp(0) + pd.Timedelta(days=int(after)) == (theirs + 1).start_time
    assert number[0] == index_of(moment, period)


@pytest.mark.parametrize(
    ("end", "complete"),
    [
        (dt.datetime(2024, 2, 29, 23, 59, 59, 999999), "2024-02"),
        (dt.datetime(2024, 2, 29, 12), "2024-01"),
        (dt.datetime(2024, 2, 28, 23, 59, 59, 999999), "2024-01"),
    ],
)
def test_the_last_complete_period(end, complete):
    first = int(np.datetime64("2023-11-11", "D").astype(int))
    assert last_period(first, end, "M", False) == index_of(pd.Timestamp(complete), "M")
    assert last_period(first, end, "M", True) == index_of(pd.Timestamp("2024-02"), "M")
    with pytest.raises(DataError, match="none of its years is complete"):
        last_period(int(np.datetime64("2024-01-01", "D").astype(int)), end, "Y", False)


def test_activity_and_grid(engine):
    log = pd.DataFrame(
        {
            "who": [2, 1, 1, 1, 2, 3],
            "when": pd.to_datetime(
                ["2024-01-31", "2024-01-02 10:00", "2024-01-02 11:00", "2024-03-05", "2024-04-02", "2024-04-09"],
                format="ISO8601",
            ),
            "paid": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        }
    )
    activity = read_activity(engine.frame(log), "who", "when", "paid")
    assert activity.ids.to_list() == [1, 2, 3]
    assert activity.offsets.tolist() == [0, 2, 4, 5]
    assert activity.value.tolist() == [5.0, 4.0, 1.0, 5.0, 6.0]
    assert (activity.day - activity.day[0]).tolist() == [0, 63, 29, 91, 98]
    grid = make_grid(activity, "M", False)
    assert grid.customer.tolist() == [0, 0, 0, 1, 1, 1]
    assert grid.event.tolist() == [0, 0, 1, 2, 2, 2]
    assert grid.n_events.tolist() == [1, 0, 1, 1, 0, 0]
    now = make_grid(activity, "M", True)
    assert now.event.tolist() == [0, 0, 1, 1, 2, 2, 2, 3, 4]
    assert (now.last_day == activity.end_day).sum() == 3


def test_identifiers_of_several_kinds():
    log = pd.DataFrame({"customer_id": [1, "a", 1], "timestamp": ["2024-01-01", "2024-01-02", "2024-01-03"]})
    with pytest.warns(LogWarning, match=r"mixes numbers \(2 rows\) and text \(1 rows\)"):
        activity = read_activity(log, "customer_id", "timestamp", None)
    assert activity.ids.to_list() == ["1", "a"]
    assert activity.offsets.tolist() == [0, 2, 3]
