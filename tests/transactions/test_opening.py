import datetime as dt

import pandas as pd
import pytest

from crmml import DataError
from crmml.exceptions import LogWarning
from crmml.transactions.opening import as_moment, end_text, inclusive_end, open_log

LOG = pd.DataFrame({"who": [1, 1, 2], "when": pd.to_datetime(["2024-01-01", "2024-01-03", "2024-02-01"])})


def test_a_bare_date_is_its_whole_day():
    end = inclusive_end("2024-03-31")
    assert end == dt.datetime(2024, 3, 31, 23, 59, 59, 999999)
    assert end_text(end) == "2024-03-31"
    assert end_text(inclusive_end("2024-03-31 17:45")) == "2024-03-31 17:45:00"


@pytest.mark.parametrize("text", ["31.03.2024", "soon", "2024-13-01", "1492-01-01"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(DataError):
        as_moment(text, "the end")


def test_a_log_of_days_ends_with_its_last_day_and_what_is_later_is_left_out():
    read, end = open_log(LOG, "who", "when", None, None)
    assert end_text(end) == "2024-02-01"
    assert len(read.frame) == 3
    with pytest.warns(LogWarning, match="1 of 3 transactions are after"):
        read, end = open_log(LOG, "who", "when", None, "2024-01-15")
    assert len(read.frame) == 2
    assert end_text(end) == "2024-01-15"
