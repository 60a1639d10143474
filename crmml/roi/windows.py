"""A window of time: from a day on and before another, or for a length of the calendar."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd


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


def read_window(window: Any) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first day of a window and the day after its last.

    Parameters
    ----------
    window : (start, end)
        Days, in text the year first; ``end`` is exclusive, or a length of the calendar: "6M", "3Y".

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
    if isinstance(window, str) or np.ndim(window) != 1 or len(window) != 2:
        raise ValueError(
            f"window={window!r} must be two days, (start, end), the end exclusive or a length such as '3Y'."
        )
    try:
        start = _day(window[0])
        if isinstance(window[1], str) and (length := re.fullmatch(r"(\d+)([DWMY])", window[1].strip())):
            end = start + calendar_offset(int(length[1]), length[2])
        else:
            end = _day(window[1])
    except (ValueError, TypeError) as error:
        raise ValueError(f"window={window!r} holds what is no day ({error}).") from None
    if pd.isna(start) or pd.isna(end) or start.tz is not None or end.tz is not None or not start < end:
        raise ValueError(f"window={window!r} must have a start before its end, both days without a time zone.")
    return start.normalize(), end.normalize()


def _day(given: Any) -> pd.Timestamp:
    if isinstance(given, str) and not re.match(r"\s*\d{4}", given):  # 03/04/2024 is March to some and April to others
        raise ValueError(f"{given!r} does not begin with the year; write it as 2024-12-31")
    return pd.Timestamp(given)
