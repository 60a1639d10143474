import datetime as dt
import time

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml.amounts.text_days import read_text_days


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-31",
        "2024/1/31",
        "20240131",
        "2024-01-31 17:45",
        "31/01/2024",
        "31.1.2024",
        "01/31/2024",
        "31-01-2024 00:00:00",
        "31 Jan 2024",
        "31-Jan-2024",
        "31. January 2024",
        "January 31, 2024",
        "Jan 31 2024",
    ],
)
def test_a_day_that_can_be_read_in_one_way(text):
    read = read_text_days([text])
    assert (read.faults, read.unread) == ((), {})
    assert read.values == {text: pd.Timestamp("2024-01-31")}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Total", "'Total' is not a day"),
        ("31/02/2024", "does not begin with the year"),
        ("31/01/24", "has a year of two digits"),
        ("2024-01", "does not say which day"),
        ("31 Foo 2024", "does not begin with the year"),
        ("31/01/1024", "does not begin with the year"),
    ],
)
def test_what_is_not_a_day(text, why):
    read = read_text_days([text])
    assert read.values == {}
    assert why in read.unread[text]


def test_the_whole_column_decides_the_order():
    assert read_text_days(["01/02/2024", "13/02/2024"]).values["01/02/2024"] == pd.Timestamp("2024-02-01")
    assert read_text_days(["01/02/2024", "02/13/2024"]).values["01/02/2024"] == pd.Timestamp("2024-01-02")
    assert read_text_days(["01/02/2024"], True).values["01/02/2024"] == pd.Timestamp("2024-02-01")
    assert read_text_days(["05/05/2024"]).values["05/05/2024"] == pd.Timestamp("2024-05-05")
    assert read_text_days(["13/02/2024"], False).unread == {
        "13/02/2024": "'13/02/2024' is not a day with the month first"
    }


def test_both_readings_are_told_where_both_fit():
    read = read_text_days(["01/02/2024", "03/04/2024"])
    assert read.values == {}
    assert read.faults == (
        "2 values can be read in two ways ('01/02/2024' is 2024-02-01 with the day first and 2024-01-02 with the month first); "
        "say day_first=True or day_first=False",
    )


def test_orders_that_are_mixed_are_told():
    (fault,) = read_text_days(["13/02/2024", "02/13/2024"]).faults
    assert "days first in 1 row ('13/02/2024') and months first in 1 row ('02/13/2024') are mixed" in fault


def test_a_long_cell_takes_no_time_and_is_shortened():
    start = time.perf_counter()
    read = read_text_days(["1/" * 500_000, " " * 1_000_000 + "x", "2024-01-31" * 100_000])
    assert time.perf_counter() - start < 1
    assert len(read.unread) == 3
    assert all(len(why) < 120 for why in read.unread.values())


@given(
    st.lists(st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)), min_size=1, max_size=20),
    st.sampled_from(["%d/%m/%Y", "%m/%d/%Y"]),
)
def test_days_are_read_back_or_refused(days, order):
    read = read_text_days([day.strftime(order) for day in days])
    if read.faults:
        assert all(day.day <= 12 for day in days)
    else:
        assert [read.values[day.strftime(order)].date() for day in days] == days
