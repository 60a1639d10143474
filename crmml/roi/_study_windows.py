"""Windows of a study: a first and a last day, and what is unlike in two of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

#: A window may run past the last row by this share of its length before it counts as longer than the data.
SLACK = 0.1


class Window(NamedTuple):
    """First instant and the instant after the last day."""

    start: pd.Timestamp
    stop: pd.Timestamp

    @property
    def days(self) -> int:
        """Its length."""
        return (self.stop - self.start).days

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d} to {self.stop - pd.Timedelta(days=1):%Y-%m-%d}"


def read_window(window: Any, name: str) -> Window | None:
    """A first and a last day, both inclusive."""
    if window is None:
        return None
    try:
        first, last = (pd.Timestamp(day) for day in window)
        right = not (pd.isna(first) or pd.isna(last)) and first.normalize() <= last.normalize()
    except (TypeError, ValueError):
        right = False
    if not right or any(isinstance(day, (int, float)) for day in window):
        raise ValueError(f"{name}={window!r} must be a first and a last day, such as ('2024-01-01', '2024-03-31').")
    return Window(first.tz_localize(None).normalize(), last.tz_localize(None).normalize() + pd.Timedelta(days=1))


def window_notes(before: Window, after: Window) -> list[str]:
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


def days_without(moments: pd.Series, window: Window) -> int:
    """Days at the ends of the window without a row, where they are more than the slack."""
    first, last = moments.min().normalize(), moments.max().normalize()
    empty = (first - window.start).days + (window.stop - last).days - 1
    return empty if empty > max(1, SLACK * window.days) else 0
