"""The calendar as whole numbers: the index of the period that a moment falls in, on every engine and in arrays."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd

from ..typing import Moment

MICROSECONDS_PER_DAY = 86_400_000_000

#: Engines whose timestamps can be read as an integer; the others build the day from year and day of year.
_TIMESTAMP_ENGINES = {nw.Implementation.PANDAS, nw.Implementation.POLARS, nw.Implementation.PYARROW}

#: numpy's name of a period of the calendar, and the index of the one that 1970-01-01 falls in.
_CALENDAR = {"M": ("datetime64[M]", 1970 * 12), "Y": ("datetime64[Y]", 1970)}


def period_index(time: nw.Expr, period: str, frame: nw.DataFrame | nw.LazyFrame) -> nw.Expr:
    """Integer index of the period that a wall-clock time falls in; consecutive periods differ by one.

    Days count from 1970-01-01, weeks begin on Monday, months and years are those of the calendar. Where the engine
    has no integer timestamps the day is built from year and day of year.

    Parameters
    ----------
    time : narwhals expression of a naive Date or Datetime column
    period : {"h", "D", "W", "M", "Y"}
    frame : narwhals frame
        That the expression is for.
    """
    if period == "Y":
        return time.dt.year().cast(nw.Int64)
    if period == "M":
        return time.dt.year().cast(nw.Int64) * 12 + time.dt.month().cast(nw.Int64) - 1
    if frame.implementation in _TIMESTAMP_ENGINES:
        micro = time.dt.timestamp("us")
        if period == "h":
            return micro // (MICROSECONDS_PER_DAY // 24)
        day = micro // MICROSECONDS_PER_DAY
    else:
        y = time.dt.year().cast(nw.Int64) - 1
        leaps = y // 4 - y // 100 + y // 400
        day = (y - 1969) * 365 + leaps - 477 + time.dt.ordinal_day().cast(nw.Int64) - 1
        if period == "h":
            return day * 24 + time.dt.hour().cast(nw.Int64)
    return (day + 3) // 7 if period == "W" else day


def index_of(moment: pd.Timestamp, period: str) -> int:
    """The same index for one naive moment."""
    day = (moment.normalize() - pd.Timestamp(0)).days
    if period == "h":
        return day * 24 + moment.hour
    return int(period_of(np.asarray([day]), period)[0])


def period_of(day: np.ndarray, period: str) -> np.ndarray:
    """The same index for days counted from 1970-01-01.

    Parameters
    ----------
    day : ndarray of int
    period : {"D", "W", "M", "Y"}
    """
    if period in _CALENDAR:
        kind, epoch = _CALENDAR[period]
        return day.astype("datetime64[D]").astype(kind).astype(np.int64) + epoch
    return (day + 3) // 7 if period == "W" else day


def first_day_of(index: np.ndarray, period: str) -> np.ndarray:
    """First day, counted from 1970-01-01, of each period."""
    if period in _CALENDAR:
        kind, epoch = _CALENDAR[period]
        return (index - epoch).astype(kind).astype("datetime64[D]").astype(np.int64)
    return index * 7 - 3 if period == "W" else index


def last_complete(end: Moment, period: str) -> int:
    """Index of the last period that is over with the instant ``end``, inclusive."""
    return index_of(pd.Timestamp(end) + pd.Timedelta(microseconds=1), period) - 1
