"""Opening a log for work day by day: checked, cut at the end of observation, and the end found."""

from __future__ import annotations

import datetime as dt
import warnings
from typing import Any

import narwhals as nw

from ..exceptions import LogWarning
from ._log import TIME, Log, look, read_log
from .summary import check_log, end_text, inclusive_end


def open_log(
    log: Any, customer_id: str, timestamp: str, value: str | None, observation_end: Any, stacklevel: int = 5
) -> tuple[Log, dt.datetime]:
    """Check a log as :func:`crmml.transactions.summarize` does, drop what is after the end, and find the end.

    Without an end it is the last event: its whole day where the log knows days only, else that instant.
    """
    read = read_log(log, customer_id, timestamp, value)
    end = None if observation_end is None else inclusive_end(observation_end)
    extra = {}
    if not read.faults:
        clock = nw.col(TIME).dt.hour() + nw.col(TIME).dt.minute() + nw.col(TIME).dt.second()
        extra["timed"] = (clock > 0).cast(nw.Int64).sum()
        if end is not None:
            extra["late"] = (nw.col(TIME) > nw.lit(end)).cast(nw.Int64).sum()
    seen = look(read, customer_id, timestamp, value, **extra)
    end = check_log(read, seen, end, customer_id, timestamp, value)
    if observation_end is None and not seen.get("timed"):
        end = inclusive_end(end.replace(hour=0, minute=0, second=0, microsecond=0))
    if seen.get("late"):
        warnings.warn(
            f"{seen['late']:,} of {seen['rows']:,} transactions are after the observation end {end_text(end)} and are left out.",
            LogWarning,
            stacklevel=stacklevel,
        )
        read.frame = read.frame.filter(nw.col(TIME) <= nw.lit(end))
    return read, end
