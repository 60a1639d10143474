"""From a transaction log of any engine to purchase days in arrays, the customers' periods, and a frame like the log's.

The engine reduces the log to one row per customer and day; numpy does the rest, and the result goes back to the engine.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import UNIT_WORDS
from ..exceptions import DataError
from ..typing import Frame, Moment
from .log import CUSTOMER, codes_of
from .opening import end_text, open_log, purchase_periods

#: Lengths of a period: days, weeks from Monday, calendar months and years.
PERIODS = ("D", "W", "M", "Y")


@dataclass(frozen=True)
class Activity:
    """Distinct purchase days, sorted by customer and day.

    Attributes
    ----------
    native : frame
        The log as it was given.
    ids : Series of the engine
        One identifier a customer, in their order.
    offsets : ndarray of int, shape (n_customers + 1,)
    day : ndarray of int, shape (n_events,)
        Days since 1970-01-01.
    value : ndarray of shape (n_events,) or None
        Total of the day.
    end : datetime
        Last instant observed, inclusive.
    """

    native: Any
    ids: Any
    offsets: np.ndarray
    day: np.ndarray
    value: np.ndarray | None
    end: dt.datetime

    @property
    def end_day(self) -> int:
        """The day of the end."""
        return int(np.datetime64(self.end, "D").astype(np.int64))


@dataclass(frozen=True)
class Grid:
    """One row for each customer and period, from that of the first purchase to the last one assigned.

    Attributes
    ----------
    customer : ndarray of int
        Position of the customer.
    first_day, last_day : ndarray of int
        Of the period; the last one is cut at the end of observation where an incomplete period is wanted.
    event : ndarray of int
        The customer's last purchase up to the period's end.
    n_events : ndarray of int
        Purchase days within the period.
    """

    customer: np.ndarray
    first_day: np.ndarray
    last_day: np.ndarray
    event: np.ndarray
    n_events: np.ndarray


def read_activity(
    log: Frame, customer_id: str, timestamp: str, value: str | None, observation_end: Moment | None = None
) -> Activity:
    """Read a log's distinct purchase days."""
    read, end = open_log(log, customer_id, timestamp, value, observation_end)
    return activity_of(read.frame, log, read.has_value, end)


def activity_of(frame: Any, native: Frame, has_value: bool, end: dt.datetime) -> Activity:
    """Purchase days of a log that was checked: a wrapped frame with the working columns."""
    days = frames.collected(purchase_periods(frames.optimised(frame), has_value, "D"))
    ids = days[CUSTOMER]
    who, n = codes_of(ids)
    names = [name for name in days.columns if name != CUSTOMER]
    day = days[names[0]].to_numpy().astype(np.int64)
    order = np.lexsort((day, who))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(who, minlength=n))]).astype(np.int64)
    total = days[names[1]].to_numpy().astype(np.float64)[order] if has_value else None
    return Activity(native, ids[order[offsets[:-1]]], offsets, day[order], total, end)


def last_period(first: int, end: dt.datetime, period: str, include_incomplete: bool) -> int:
    """Number of the last period to assign.

    Raises
    ------
    DataError
        When no period is complete.
    """
    if include_incomplete:
        return frames.index_of(pd.Timestamp(end), period)
    complete = frames.last_complete(end, period)
    if complete < int(frames.period_of(np.asarray([first]), period)[0]):
        raise DataError(
            [
                f"none of its {UNIT_WORDS[period]} is complete: it runs from {np.datetime64(first, 'D')} to {end_text(end)}; give "
                "an observation_end that closes one, a shorter period, or include_incomplete=True for the present state"
            ],
            "the transaction log",
        )
    return complete


def make_grid(activity: Activity, period: str, include_incomplete: bool) -> Grid:
    """Lay out the customers' periods; purchases after the last period are left out."""
    last = last_period(int(activity.day.min()), activity.end, period, include_incomplete)
    at = frames.period_of(activity.day, period)
    n = activity.offsets.size - 1
    first = at[activity.offsets[:-1]]
    length = np.maximum(last - first + 1, 0)
    begin = np.cumsum(length) - length
    # 32 bits: a million customers over three years of months are 36 million rows
    customer = np.repeat(np.arange(n, dtype=np.int32), length)
    number = np.arange(customer.size) - np.repeat(begin - first, length)
    who = np.repeat(np.arange(n), np.diff(activity.offsets))
    used = at <= last
    n_events = np.bincount((begin[who] + at - first[who])[used], minlength=customer.size).astype(np.int32)
    event = np.flatnonzero(used)[np.cumsum(n_events) - 1]
    lowest = int(first.min())
    first_days = frames.first_day_of(np.arange(lowest, max(last, lowest) + 2), period).astype(np.int32)
    number -= lowest
    last_day = (first_days - 1)[number + 1]
    if include_incomplete:
        last_day = np.minimum(last_day, np.int32(activity.end_day))
    return Grid(customer, first_days[number], last_day, event, n_events)


def to_log_engine(native: Frame, ids: Any, first_day: np.ndarray, names: Sequence[str], codes: np.ndarray) -> Any:
    """A frame customer_id, period, stage in the engine of the log."""
    return frames.labelled_days(ids, first_day, names, codes, native, ("customer_id", "period", "stage"))
