import datetime as dt

import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.transactions.times import moment_text, to_moment, to_timedelta


@pytest.mark.parametrize(
    ("length", "unit", "days"),
    [
        (90, "D", 90),
        (2, "W", 14),
        (1, "M", 365.25 / 12),
        (6, "h", 0.25),
        ("90D", "W", 90),
        (dt.timedelta(hours=12), "Y", 0.5),
        (np.timedelta64(3, "D"), "D", 3),
        (np.float64(1.5), "D", 1.5),
    ],
)
def test_lengths(length, unit, days):
    assert to_timedelta(length, unit, "horizon") == pd.Timedelta(days=days).round("us")


@pytest.mark.parametrize("length", [0, -3, np.nan, np.inf, True, "soon", "90", "1m", None, pd.NaT])
def test_lengths_that_are_none(length):
    with pytest.raises(ValueError, match=r"embargo=.* must be a length of time above 0: a number of weeks"):
        to_timedelta(length, "W", "embargo")


def test_moments():
    for moment in ("2024-03-31", dt.date(2024, 3, 31), dt.datetime(2024, 3, 31), np.datetime64("2024-03-31")):
        assert to_moment(moment) == pd.Timestamp("2024-03-31")
        assert moment_text(to_moment(moment)) == "2024-03-31"
    assert moment_text(to_moment("2024-03-31 17:45")) == "2024-03-31 17:45:00"
    with pytest.raises(DataError, match="carries a time zone"):
        to_moment(pd.Timestamp("2024-03-31 17:45", tz="Asia/Tokyo"))
    for wrong in (20240331, "31.3.2024", None, "2024-02-30", pd.NaT):
        with pytest.raises(DataError, match="cannot be read as a date"):
            to_moment(wrong)
