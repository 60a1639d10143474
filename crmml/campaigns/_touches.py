"""A long frame of touches, read into paths: every fault of it in one message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..amounts.windows import read_window
from ..checks import Faults, check_text
from ..typing import Frame, Window

SUBJECT = "the paths"


@dataclass(frozen=True, eq=False)
class Touches:
    """Touches path by path, each path in the order of its time.

    Attributes
    ----------
    channel : ndarray of str of shape (n_touches,)
    days : ndarray of shape (n_touches,) or None
        Days since 1970, where times are known.
    starts : ndarray of int of shape (n_paths,)
        Where each path begins.
    converted : ndarray of shape (n_paths,)
        0.0 or 1.0.
    value : ndarray of shape (n_paths,) or None
        Money of the conversion; 0 without.
    """

    channel: np.ndarray
    days: np.ndarray | None
    starts: np.ndarray
    converted: np.ndarray
    value: np.ndarray | None


@dataclass(frozen=True)
class TouchColumns:
    """Names of the columns of a frame of touches; see `ChannelPaths.from_touches`."""

    path_id: str = "path_id"
    channel: str = "channel"
    timestamp: str | None = None
    position: str | None = None
    converted: str = "converted"
    value: str | None = None

    @property
    def order(self) -> str | None:
        """What orders the touches."""
        return self.timestamp if self.timestamp is not None else self.position

    @property
    def needed(self) -> list[str]:
        """Columns that must be filled in every row."""
        return [name for name in (self.path_id, self.channel, self.order, self.converted) if name is not None]


def read_touches(touches: Frame, columns: TouchColumns, window: Window | None) -> Touches:
    """Return the touches, or one error with every fault.

    Rows with a fault are counted and left aside, with the rest of their path, so that what is wrong with other paths is found in
    the same reading.

    Raises
    ------
    DataError
    """
    faults = Faults(SUBJECT)
    for name in ("path_id", "channel", "converted"):
        faults.check(check_text, getattr(columns, name), name, meaning="it is the name of a column")
    faults.refuse()
    columns = _with_order(touches, columns, faults)
    stretch = None if window is None else faults.check(read_window, window)
    if window is not None and columns.timestamp is None:
        faults.add("window= needs times; name the column by timestamp=")
    names = [*columns.needed, *([columns.value] if columns.value else [])]
    table = faults.check(frames.to_columns, touches, names)
    if table is None or not len(table):
        faults.extend([] if table is None else ["there are no rows"])
        faults.refuse()
    assert table is not None
    table = table.reset_index(drop=True)
    broken = _lists_taken_out(table, faults) | _missing(table, columns, faults)
    table[columns.path_id], wrong = frames.alike(table[columns.path_id], columns.path_id)
    faults.extend(wrong)
    flag = pd.to_numeric(table[columns.converted], errors="coerce")
    odd = ~flag.isin((0, 1)) & table[columns.converted].notna()
    if odd.any():
        faults.add(f"{columns.converted} is neither 0 nor 1 in {int(odd.sum()):,} rows")
    days = _read_order(table, columns, stretch, faults)
    broken |= odd.to_numpy()
    if days is None:
        faults.refuse()
    assert days is not None
    broken |= np.isnan(days)
    broken |= _repeated(table[~broken], columns, len(table), faults)
    found = _by_path(table, columns, days, flag.to_numpy(dtype=float), broken, faults)
    faults.refuse()
    return found


def _with_order(touches: Frame, columns: TouchColumns, faults: Faults) -> TouchColumns:
    """The columns, with what orders the touches found by its usual name where none was given."""
    if columns.order is not None:
        return columns
    there = frames.wrap(touches).collect_schema().names()
    timestamp = "timestamp" if "timestamp" in there else None
    position = "position" if timestamp is None and "position" in there else None
    if timestamp is None and position is None:
        faults.add(
            "nothing orders the touches: name a column by timestamp= or position=; paths written as 'A > B' are read by "
            "ChannelPaths.from_compact"
        )
    return TouchColumns(columns.path_id, columns.channel, timestamp, position, columns.converted, columns.value)


def _lists_taken_out(table: pd.DataFrame, faults: Faults) -> np.ndarray:
    """Empty the cells that hold lists; which rows had one."""
    broken = np.zeros(len(table), dtype=bool)
    for name in list(table):
        lists = frames.unhashable(table[name])
        if lists.any():
            faults.add(f"{name} holds lists or their like in {int(lists.sum()):,} rows; give one value per row")
            table[name] = table[name].mask(lists)
            broken |= np.asarray(lists, dtype=bool)
    return broken


def _missing(table: pd.DataFrame, columns: TouchColumns, faults: Faults) -> np.ndarray:
    """Rows in which something that is needed is not there."""
    broken = np.zeros(len(table), dtype=bool)
    for name in columns.needed:
        empty = table[name].isna().to_numpy(dtype=bool)
        if empty.any() and not any(fault.startswith(f"{name} holds lists") for fault in faults.found):
            faults.add(
                f"{int(empty.sum()):,} of {len(table):,} rows have no {name}; fill them in or leave these paths out"
            )
        broken |= empty
    blank = (table[columns.channel].astype(str).str.strip() == "").to_numpy(dtype=bool)
    if blank.any():
        faults.add(f"{int(blank.sum()):,} rows have an empty {columns.channel}")
    return broken | blank


def _read_order(
    table: pd.DataFrame, columns: TouchColumns, window: tuple[pd.Timestamp, pd.Timestamp] | None, faults: Faults
) -> np.ndarray | None:
    """Days since 1970, or positions, NaN where they cannot be read; None where the whole column cannot."""
    name = columns.order
    if name is None:
        return None
    if columns.timestamp is None:
        order = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float)
        kind = "a number"
    else:
        moments = _read_moments(table[name], name, faults)
        if moments is None:
            return None
        order, clock = moments
        kind = "a time, written with the year first as in 2024-01-31,"
        if window is not None:
            faults.extend(_outside(clock, window))
    if wrong := int((np.isnan(order) & table[name].notna().to_numpy()).sum()):
        faults.add(f"{name} cannot be read as {kind} in {wrong:,} rows")
    return order


def _read_moments(column: pd.Series, name: str, faults: Faults) -> tuple[np.ndarray, np.ndarray] | None:
    """Days since 1970 of the instants, and of what the clocks showed; None where a unit or a zone is not known."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        faults.add(
            f"{name} holds numbers, whose unit is not known; give position= for an order alone, or make times of them by "
            "pd.to_datetime(..., unit=...)"
        )
        return None
    try:
        # of 03/04/2024 nobody can tell the month
        at = pd.to_datetime(column, errors="coerce", format="ISO8601")
    except ValueError:
        faults.add(f"{name} mixes time zones, or times with and without one; bring it to one zone")
        return None
    if at.dt.tz is None:
        return _days(at), _days(at)
    clock = at.dt.tz_localize(None)
    return _days(at.dt.tz_convert("UTC").dt.tz_localize(None)), _days(clock)  # clocks put back show an hour twice


def _days(moments: pd.Series) -> np.ndarray:
    """Days since 1970, NaN where missing."""
    days = moments.to_numpy().astype("datetime64[us]").astype(np.int64) / 86_400_000_000
    return np.where(moments.isna(), np.nan, days)


def _outside(days: np.ndarray, window: tuple[pd.Timestamp, pd.Timestamp]) -> list[str]:
    start, end = _days(pd.Series(window))
    early, late = int((days < start).sum()), int((days >= end).sum())
    if not early + late:
        return []
    return [
        f"{early:,} events lie before the window and {late:,} after it (from {window[0]:%Y-%m-%d}, before {window[1]:%Y-%m-%d}); "
        "take them out, or widen the window, whose end is exclusive"
    ]


def _repeated(table: pd.DataFrame, columns: TouchColumns, n: int, faults: Faults) -> np.ndarray:
    """Rows whose place in their path cannot be told, of all n."""
    key = [columns.path_id, columns.order]
    if doubles := int(table.duplicated([columns.path_id, columns.channel, columns.order]).sum()):
        faults.add(
            f"{doubles:,} rows repeat another's {columns.path_id}, {columns.channel} and {columns.order}; drop the copies"
        )
    elif tied := int(table.duplicated(key).sum()):
        faults.add(
            f"{tied:,} rows share {columns.path_id} and {columns.order} with another channel, so the order is unknown; number them"
        )
    broken = np.zeros(n, dtype=bool)
    broken[table.index[table.duplicated(key, keep=False)]] = True
    return broken


def _by_path(
    table: pd.DataFrame, columns: TouchColumns, days: np.ndarray, flag: np.ndarray, broken: np.ndarray, faults: Faults
) -> Touches:
    """Paths without a broken row, put in order; what is wrong with their conversions is noted."""
    path = pd.factorize(table[columns.path_id])[0]
    whole = np.flatnonzero(~np.isin(path, path[broken]))
    rows = whole[np.lexsort((days[whole], path[whole]))]
    code, ones = path[rows], flag[rows]
    starts = np.flatnonzero(np.r_[True, code[1:] != code[:-1]]) if len(rows) else np.zeros(0, dtype=np.int64)
    lengths = np.diff(np.r_[starts, len(rows)])
    sums = np.add.reduceat(ones, starts) if len(rows) else np.zeros(0)
    last = ones[starts + lengths - 1]
    if late := int(((sums > 0) & (last == 0)).sum()):
        faults.add(
            f"{late:,} paths have touches after their conversion; end the path there and give later touches a new "
            f"{columns.path_id}"
        )
    if several := int(((sums > 1) & (sums < lengths) & (last == 1)).sum()):
        faults.add(f"{several:,} paths convert more than once; give each conversion its own {columns.path_id}")
    money = None
    if columns.value:
        money = _money_of(table[columns.value].iloc[rows[starts + lengths - 1]], last == 1, columns.value, faults)
    names = table[columns.channel].astype(str).str.strip().to_numpy()[rows]
    return Touches(names, None if columns.timestamp is None else days[rows], starts, last, money)


def _money_of(paid: Any, converted: np.ndarray, name: str, faults: Faults) -> np.ndarray:
    """Money of each path that converted, 0 for the others."""
    amounts = pd.to_numeric(paid, errors="coerce").to_numpy(dtype=float)
    if missing := int((~np.isfinite(amounts) & converted).sum()):
        faults.add(f"{missing:,} conversions have no {name}")
    if negative := int((amounts[converted] < 0).sum()):
        faults.add(f"{negative:,} conversions have a negative {name}; take refunded ones out")
    return np.where(converted, amounts, 0.0)
