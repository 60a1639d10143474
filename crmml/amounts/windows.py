"""A window of time: from a day on and before another, or for a length of the calendar."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import shown
from ..typing import Day, Window

#: A day in text, whatever time follows; of 03/04/2024 nobody can tell the month.
_DAY = re.compile(r"\s*(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{8})(?!\d)")
_LENGTH = re.compile(r"(\d+)([DWMY])")

#: Years that a day may lie in; others are slips of the pen.
_YEARS = (1900, 2200)


def calendar_offset(count: int, unit: str) -> pd.DateOffset:
    """Return a length of the calendar, in {"D", "W", "M", "Y"}; a month from 31 January ends with February.

    Examples
    --------
    >>> print((pd.Timestamp("2024-01-31") + calendar_offset(1, "M")).date())
    2024-02-29
    """
    if unit == "D":
        return pd.DateOffset(days=count)
    if unit == "W":
        return pd.DateOffset(weeks=count)
    return pd.DateOffset(months=count) if unit == "M" else pd.DateOffset(years=count)


def read_day(value: Day) -> pd.Timestamp:
    """Return a day.

    Parameters
    ----------
    value : str, date, datetime, Timestamp or datetime64
        A text has year, month and day in this order.

    Raises
    ------
    ValueError
        Saying what is wrong with it.

    Examples
    --------
    >>> print(read_day("2024-01-31").date())
    2024-01-31
    """
    return _instant(value).normalize()


def _instant(value: Any) -> pd.Timestamp:
    """A day with the time of day that was given with it."""
    cure = "write it as in '2024-01-31'"
    if isinstance(value, bool | int | float | np.number):
        raise ValueError(f"{value!r} is a number, not a day; {cure}")
    if isinstance(value, str) and not _DAY.match(value):
        if not re.search(r"\d", value):
            raise ValueError(f"{shown(value)} is not a day; {cure}")
        order = (
            "does not say which day"
            if re.match(r"\s*\d{4}([-/.]?\d{1,2})?\s*$", value)
            else "does not begin with the year"
        )
        raise ValueError(f"{shown(value)} {order}; {cure}")
    try:
        day = pd.Timestamp(value)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"{shown(value)} is not a day; {cure}") from None
    if pd.isna(day):
        raise ValueError(f"{shown(value)} is not a day; {cure}")
    if day.tz is not None:
        raise ValueError(f"{shown(str(value))} has a time zone; give the day on its own clock")
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise ValueError(f"{day:%Y-%m-%d} lies outside the years {_YEARS[0]} to {_YEARS[1]}; {cure}")
    return day


def read_window(window: Window) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first day of a window and the day after its last.

    Parameters
    ----------
    window : (start, end)
        Days without a time of day, in text the year first; ``end`` is exclusive, or a length of the calendar: "6M", "3Y".

    Raises
    ------
    ValueError
        When it is none.

    Examples
    --------
    >>> start, end = read_window(("2024-01-01", "3Y"))
    >>> print(end.date())
    2027-01-01
    """
    pair: Any = window
    if isinstance(window, str) or np.ndim(pair) != 1 or len(window) != 2:
        raise ValueError(
            f"window={shown(window)} must be two days, (start, end), the end exclusive or a length such as '3Y'."
        )
    try:
        start = _instant(window[0])
        if isinstance(window[1], str) and (length := _LENGTH.fullmatch(window[1].strip())):
            end = read_day(start + calendar_offset(int(length[1]), length[2]))
        else:
            end = _instant(window[1])
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"window={shown(window, 80)} is not made of days ({error}). The end may also be a length: a whole number with D, W, M "
            "or Y, '18M' for a year and a half."
        ) from None
    for name, moment in (("start", start), ("end", end)):
        if moment != moment.normalize():  # the window would silently begin or end at midnight instead
            raise ValueError(
                f"window={shown(window, 120)} has a time of day in its {name}; a window is of whole days, so give the day alone, "
                "the end being exclusive."
            )
    if not start < end:
        raise ValueError(f"window={shown(window, 120)} must have a start before its end, a day at least.")
    return start, end
