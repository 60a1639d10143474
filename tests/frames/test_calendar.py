import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml.frames import expressions as ex
from crmml.frames.calendar import first_day_of, index_of, last_complete, period_index, period_of

DAYS = st.integers(-30_000, 60_000)


@pytest.mark.parametrize("period", ["h", "D", "W", "M", "Y"])
def test_every_engine_gives_the_index_of_one_moment(engine, period):
    moments = pd.Series(
        pd.to_datetime(["1969-12-31 23:00", "1970-01-01 00:00", "2000-02-29 12:30", "2024-12-30 01:59"])
    )
    frame = ex.from_native(engine.frame({"at": moments, "row": range(4)}))
    found = frame.select("row", index=period_index(ex.col("at"), period, frame))
    found = found.collect() if isinstance(found, ex.LazyFrame) else found
    wanted = [index_of(moment, period) for moment in moments]
    assert found.sort("row")["index"].to_list() == wanted


@given(DAYS, st.sampled_from(["D", "W", "M", "Y"]))
def test_a_day_lies_in_its_period_and_not_in_the_next(day, period):
    index = period_of(np.array([day]), period)
    assert first_day_of(index, period)[0] <= day < first_day_of(index + 1, period)[0]


@given(st.integers(-1000, 3000))
def test_weeks_begin_on_monday(index):
    assert pd.Timestamp("1970-01-01") + pd.Timedelta(days=int(first_day_of(np.array([index]), "W")[0])) == (
        pd.Timestamp("1969-12-29") + pd.Timedelta(weeks=index)
    )


def test_a_period_is_complete_with_its_last_instant():
    assert last_complete("2024-03-31 23:59:59.999999", "M") == index_of(pd.Timestamp("2024-03-15"), "M")
    assert last_complete("2024-03-31 23:59:59", "M") == index_of(pd.Timestamp("2024-02-15"), "M")
