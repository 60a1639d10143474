"""Windows of a study, from a day on and before another, and what is unlike in two of them."""

from __future__ import annotations

from numbers import Number
from typing import Any, NamedTuple

import pandas as pd

from ..amounts.windows import read_window as read_days
from ..typing import Window

#: A window may run past the last row by this share of its length before it counts as longer than the data.
SLACK = 0.1


class StudyWindow(NamedTuple):
    """First instant and the instant after the last day; in words it runs from the first to the last day."""

    start: pd.Timestamp
    stop: pd.Timestamp

    @property
    def days(self) -> int:
        """Its length."""
        return (self.stop - self.start).days

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d} to {self.stop - pd.Timedelta(days=1):%Y-%m-%d}"


def read_window(window: Window | None, name: str) -> StudyWindow | None:
    """A start and an end, which is exclusive or a length of the calendar, as :func:`crmml.amounts.windows.read_window` reads them."""
    if window is None:
        return None
    try:
        if any(isinstance(day, Number) for day in window):
            raise ValueError("numbers are no days")
        return StudyWindow(*read_days(window))
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}={window!r} must be two days without a time zone, (start, end), the end exclusive or a length: the first quarter "
            "is ('2024-01-01', '2024-04-01') or ('2024-01-01', '3M')."
        ) from None


def window_notes(before: Any, after: Any) -> list[str]:
    """What is unlike in two windows: their lengths, their season; that they overlap."""
    notes = []
    if before.stop > after.start:
        notes.append(
            f"the window before ({before}) does not end before that after ({after}) begins; take windows apart"
        )
    if abs(before.days - after.days) > 0.03 * max(before.days, after.days):
        notes.append(f"the windows are of unequal length, {before.days} and {after.days} days; take equal ones")
    shift = abs((after.start - before.start).days % 365.25)
    whole = all(window.days > 360 and abs((window.days + 3) % 365.25 - 3) < 3 for window in (before, after))
    if min(shift, 365.25 - shift) > 15 and not whole:
        notes.append("the windows lie in different seasons of the year; take the same months of the year before")
    return notes


def days_without(moments: pd.Series, window: StudyWindow) -> int:
    """Days at the ends of the window without a row, where they are more than the slack."""
    first, last = moments.min().normalize(), moments.max().normalize()
    empty = (first - window.start).days + (window.stop - last).days - 1
    return empty if empty > max(1, SLACK * window.days) else 0
