import datetime

import numpy as np
import pandas as pd
import pytest

from crmml.amounts.windows import calendar_offset, read_day, read_window


def test_lengths_are_of_the_calendar():
    assert read_window(("2024-01-01", "2024-07-01")) == read_window(["2024-01-01", "6M"])
    assert read_window(("2024-02-29", "1Y"))[1] == pd.Timestamp("2025-02-28")
    assert read_window((pd.Timestamp("2024-01-01"), "10D"))[1] == pd.Timestamp("2024-01-11")
    assert pd.Timestamp("2024-01-01") + calendar_offset(2, "W") == pd.Timestamp("2024-01-15")


@pytest.mark.parametrize(
    "wrong",
    [
        "2024-01-01",
        ("2024-01-01",),
        None,
        ("2024-01-02", "2024-01-01"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01", "0M"),
        ("2024-01-01", None),
        ("x", "3Y"),
        (2024, 2025),
        ("2024-01-01 00:00", "2024-01-01 12:00"),
        ("2024-01-01", "1.5Y"),
        ("2024-01-01", "99999Y"),
        ("2024", "2025"),
        ("01/04/2024", "3Y"),
        ("2024-01-01", "1.4.2024"),
        ("2024-01-01T00:00Z", "2025-01-01T00:00Z"),
    ],
)
def test_no_window(wrong):
    with pytest.raises(ValueError, match="window="):
        read_window(wrong)


@pytest.mark.parametrize(
    "day",
    [
        "2024-01-31",
        "2024/1/31",
        "20240131",
        " 2024-01-31T23:30",
        datetime.date(2024, 1, 31),
        np.datetime64("2024-01-31T05"),
    ],
)
def test_a_day(day):
    assert read_day(day) == pd.Timestamp("2024-01-31")


@pytest.mark.parametrize(
    ("day", "message"),
    [
        ("03/04/2024", "does not begin with the year"),
        ("2024-12", "does not say which day"),
        ("today", "is not a day"),
        ("2023-02-29", "is not a day"),
        (20240131, "is a number, not a day"),
        (np.datetime64("NaT"), "is not a day"),
        (None, "is not a day"),
        ("0204-01-31", "outside the years 1900 to 2200"),
        (pd.Timestamp("2024-01-31", tz="UTC"), "has a time zone"),
    ],
)
def test_no_day(day, message):
    with pytest.raises(ValueError, match=message):
        read_day(day)
