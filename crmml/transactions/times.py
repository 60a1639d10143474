"""Lengths of time and moments as users write them."""

from __future__ import annotations

import datetime as dt
import re
from typing import TypeAlias

import numpy as np
import pandas as pd

from ..checks import DAYS_PER_UNIT, UNIT_WORDS
from ..exceptions import DataError
from ..typing import Moment
from .opening import as_moment

#: A length of time: a number in the unit that stands beside it, a timedelta, or text such as "90D".
Length: TypeAlias = float | str | dt.timedelta | np.timedelta64 | pd.Timedelta
#: A length of time as text: every number with its unit, or a clock's "1 days 02:00:00".
_WITH_UNIT = re.compile(
    r"\s*((\d+(\.\d+)?|\.\d+)\s*(W|D|[Dd]ays?|h|[Hh]ours?|min|minutes?|s|seconds?)\s*)+(\d+:\d+:\d+)?\s*"
)


def to_timedelta(length: Length, unit: str, name: str) -> pd.Timedelta:
    """A length of time above 0: a number in ``unit``, a timedelta, or text such as "90D".

    Raises
    ------
    ValueError
        When it is none of these.
    """
    try:
        if isinstance(length, (int, float, np.integer, np.floating)) and not isinstance(length, (bool, np.timedelta64)):
            span = pd.Timedelta(days=float(length) * DAYS_PER_UNIT[unit]).round("us")
        elif isinstance(length, str) and not _WITH_UNIT.fullmatch(length):
            raise ValueError(
                length
            )  # pandas would read a bare number as nanoseconds and "m", for many a month, as minutes
        else:
            span = pd.Timedelta(length)
        if not pd.isna(span) and span > pd.Timedelta(0):
            return span
    except (ValueError, TypeError, OverflowError):
        pass
    raise ValueError(
        f"{name}={length!r} must be a length of time above 0: a number of {UNIT_WORDS[unit]} (unit={unit!r}), a timedelta, or "
        "text such as '90D'."
    )


def to_moment(cutoff: Moment) -> pd.Timestamp:
    """A date, datetime or ISO 8601 text as a moment on the log's own clock; a bare date is its midnight.

    Raises
    ------
    DataError
        When it is none of these, carries a time zone, or is of a year that cannot be counted.
    """
    moment = as_moment(cutoff, "a cutoff")
    if moment.tzinfo is not None:
        raise DataError([f"{cutoff!r} carries a time zone; write it on the clock of the log, without one"], "a cutoff")
    return moment


def moment_text(moment: pd.Timestamp) -> str:
    """The moment in ISO 8601, the bare date where it is midnight."""
    return f"{moment:%Y-%m-%d}" if moment == moment.normalize() else f"{moment:%Y-%m-%d %H:%M:%S}"
