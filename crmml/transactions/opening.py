"""A log opened: checked, cut at the end of observation, and reduced to the periods in which customers bought."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import UNIT_WORDS
from ..exceptions import DataError, LogWarning, warn
from ..frames import expressions as ex
from ..typing import Frame, Moment
from .log import (
    CUSTOMER,
    TIME,
    VALUE,
    YEARS,
    Log,
    late_faults,
    look,
    missing_faults,
    negative_faults,
    raise_if,
    read_columns,
    warn_notes,
)

PERIOD = "__period"
#: Text that stands for a moment.
ISO_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?")


def purchase_periods(frame: Any, has_value: bool, period: str) -> Any:
    """One row for each customer and period with a purchase, with the period's total."""
    index = frames.period_index(ex.col(TIME), period, frame).alias(PERIOD)
    if not has_value:
        return frame.select(ex.col(CUSTOMER), index).unique()
    picked = frame.select(ex.col(CUSTOMER), index, ex.col(VALUE))
    return picked.group_by(CUSTOMER, PERIOD).agg(ex.col(VALUE).sum())


def check_log(
    read: Log, seen: dict[str, Any], end: dt.datetime | None, customer_id: str, timestamp: str, value: str | None
) -> dt.datetime:
    """Refuse a log with faults, all of them in one message; return the end of observation."""
    faults = read.faults + missing_faults(seen, customer_id, timestamp, value)
    if end is None:
        faults += late_faults(seen, timestamp)
    faults += negative_faults(seen, value)
    if end is not None and seen.get("first") is not None and naive(seen["first"]) > end:
        faults.append(
            f"the observation end {end_text(end)} is before the first purchase, {naive(seen['first']):%Y-%m-%d}; give a later end"
        )
    raise_if(faults)
    return end if end is not None else naive(seen["last"])


def warn_late(seen: dict[str, Any], end: dt.datetime) -> None:
    """Warn with the number of transactions after the observation end, if there are any."""
    if seen.get("late"):
        warn(
            f"{seen['late']:,} of {seen['rows']:,} transactions are after the observation end {end_text(end)} and are left out.",
            LogWarning,
        )


def warn_merged(frame: Frame, period: str) -> None:
    """Warn with the number of purchase days that a period coarser than a day merges with another."""
    days = frames.collected(purchase_periods(frame, False, "D").select(ex.len().alias("n")))["n"][0]
    kept = frames.collected(purchase_periods(frame, False, period).select(ex.len().alias("n")))["n"][0]
    if days > kept:
        warn(
            f"period={period!r} merges {days - kept:,} of {days:,} days with a purchase into another of the same customer; "
            f"use period='D' with unit={period!r} to keep them and still count time in {UNIT_WORDS[period]}.",
            LogWarning,
        )


def as_moment(given: Moment, subject: str) -> pd.Timestamp:
    """A date, datetime or ISO 8601 text as a moment in microseconds, within the years that can be counted.

    Raises
    ------
    DataError
        When it is none of these, or in another year.
    """
    moment: Any = pd.NaT
    if isinstance(given, (dt.date, np.datetime64)) or (isinstance(given, str) and ISO_MOMENT.fullmatch(given.strip())):
        try:
            moment = pd.Timestamp(given)
        except ValueError:
            moment = pd.NaT
    if pd.isna(moment):
        raise DataError([f"{given!r} cannot be read as a date; write 2024-03-31 or 2024-03-31 17:45"], subject)
    if not YEARS[0] <= moment.year <= YEARS[1]:
        raise DataError(
            [
                f"{str(given)!r} is outside the years {YEARS[0]} to {YEARS[1]}; give the real one, not one that stands for an "
                "unknown date"
            ],
            subject,
        )
    return moment.as_unit("us")


def inclusive_end(moment: Moment) -> dt.datetime:
    """The last instant of observation: a bare date, or a moment at midnight, stands for its whole day.

    Raises
    ------
    DataError
        When it is no moment, or text that is not ISO 8601.
    """
    end = as_moment(moment, "the end of a period")
    if end.tzinfo is not None:
        end = end.tz_localize(None)
    if end == end.normalize():
        end = end + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)
    return end.to_pydatetime()


def end_text(end: dt.datetime) -> str:
    """ISO 8601 of an end of observation: the bare date where it is the whole day."""
    return end.date().isoformat() if end.time() == dt.time(23, 59, 59, 999999) else end.isoformat(sep=" ")


def naive(moment: Moment) -> dt.datetime:
    """A moment that an engine gave, as a naive datetime."""
    if not isinstance(moment, dt.datetime):
        moment = pd.Timestamp(moment).to_pydatetime()
    elif isinstance(moment, pd.Timestamp):
        moment = moment.to_pydatetime(warn=False)
    return moment.replace(tzinfo=None)


def open_log(
    log: Frame, customer_id: str, timestamp: str, value: str | None, observation_end: Moment | None
) -> tuple[Log, dt.datetime]:
    """Check a log as :func:`crmml.transactions.summarize` does, drop what is after the end, and find the end.

    Without an end it is the last event: its whole day where the log knows days only, else that instant.
    """
    read = read_columns(log, customer_id, timestamp, value)
    end = None if observation_end is None else inclusive_end(observation_end)
    extra = {}
    if not read.faults:
        clock = ex.col(TIME).dt.hour() + ex.col(TIME).dt.minute() + ex.col(TIME).dt.second()
        extra["timed"] = (clock > 0).cast(ex.Int64).sum()
        if end is not None:
            extra["late"] = (ex.col(TIME) > ex.lit(end)).cast(ex.Int64).sum()
    seen = look(read, customer_id, timestamp, value, **extra)
    end = check_log(read, seen, end, customer_id, timestamp, value)
    if observation_end is None and not seen.get("timed"):
        end = inclusive_end(end.replace(hour=0, minute=0, second=0, microsecond=0))
    warn_notes(read)
    if seen.get("late"):
        warn_late(seen, end)
        read.frame = read.frame.filter(ex.col(TIME) <= ex.lit(end))
    return read, end
