"""Faults of a log that every reader of logs finds alike."""

import datetime as dt
import warnings

import pandas as pd
import pytest

from crmml import DataError
from crmml.exceptions import LogWarning
from crmml.segments import key_accounts
from crmml.transactions import clean, cohorts, split_calibration_holdout, summarize

READERS = {
    "summarize": lambda log, **end: summarize(log, unit="D", **end),
    "cohorts": lambda log, **end: cohorts(log, **end),
    "holdout": lambda log, **end: split_calibration_holdout(log, calibration_end="2024-04-01", unit="D", **end),
}


def log_with(last):
    times = [dt.datetime(2024, 1, 1), dt.datetime(2024, 2, 1), dt.datetime(2024, 3, 1), last]
    return pd.DataFrame({"customer_id": [1, 1, 2, 2], "timestamp": pd.Series(times, dtype="datetime64[us]")})


@pytest.mark.parametrize("reader", READERS)
def test_placeholders_of_unknown_dates(engine, reader):
    read = READERS[reader]
    late = engine.frame(log_with(dt.datetime(9999, 12, 31)))
    with pytest.raises(
        DataError, match=r"ends with 9999-12-31, outside the years 1678 to 2261; .* with observation_end="
    ):
        read(late)
    with pytest.warns(LogWarning, match="1 of 4 transactions are after the observation end"):
        left = read(late, observation_end="2024-12-31")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LogWarning)
        alone = read(engine.frame(log_with(dt.datetime(2025, 1, 1))), observation_end="2024-12-31")
    pd.testing.assert_frame_equal(engine.pandas(left), engine.pandas(alone), check_dtype=False)
    with pytest.raises(DataError, match="begins with 1600-01-01, outside the years 1678 to 2261"):
        read(engine.frame(log_with(dt.datetime(1600, 1, 1))))


def test_cleaning_refuses_what_no_end_can_leave_out():
    assert len(clean(log_with(dt.datetime(9999, 12, 31)))[0]) == 4
    for nulls in ("raise", "drop"):
        with pytest.raises(DataError, match="begins with 0001-01-01"):
            clean(log_with(dt.datetime(1, 1, 1)), nulls=nulls)


@pytest.mark.parametrize("read", [*READERS.values(), clean, lambda log: key_accounts(log, unit="D")])
def test_identifiers_that_are_lists(read):
    log = log_with(dt.datetime(2024, 5, 1)).assign(customer_id=[[1], [1], [2], [2]])
    with pytest.raises(DataError, match="column 'customer_id' holds lists or their like"):
        read(log)
