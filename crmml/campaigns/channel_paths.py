"""Paths of channels that customers took, with or without a conversion at the end: one form for every attribution."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..exceptions import DataError
from ..typing import Frame, Window

_SUBJECT = "the paths"
#: More could not be drawn again one by one.
MOST_PATHS = 2.0**53


@dataclass(frozen=True, repr=False, eq=False)
class ChannelPaths:
    """Paths in compact form; made by `from_touches` or `from_compact`.

    Attributes
    ----------
    channels : tuple of str
        Sorted.
    sequences : tuple of tuple of int
        The different paths, as positions in ``channels``.
    sequence : ndarray of int of shape (n_rows,)
        Which of them each row is.
    converted : ndarray of shape (n_rows,)
        0.0 or 1.0.
    count : ndarray of shape (n_rows,)
        How many paths a row stands for.
    value : ndarray of shape (n_rows,) or None
        Money of each conversion; 0 without.
    days : tuple of ndarray or None
        Days from each touch to the last one of its row, where times are known.
    """

    channels: tuple[str, ...]
    sequences: tuple[tuple[int, ...], ...]
    sequence: np.ndarray
    converted: np.ndarray
    count: np.ndarray
    value: np.ndarray | None = None
    days: tuple[np.ndarray, ...] | None = None

    @property
    def n_paths(self) -> int:
        """Paths, with and without a conversion."""
        return int(self.count.sum())

    @property
    def n_conversions(self) -> int:
        """Paths that converted."""
        return int(self.count @ self.converted)

    def __repr__(self) -> str:
        return (
            f"ChannelPaths({self.n_paths:,} paths, {self.n_conversions:,} conversions, {len(self.channels)} channels)"
        )

    @classmethod
    def from_touches(
        cls,
        touches: Frame,
        *,
        path_id: str = "path_id",
        channel: str = "channel",
        timestamp: str | None = None,
        position: str | None = None,
        converted: str = "converted",
        value: str | None = None,
        window: Window | None = None,
    ) -> ChannelPaths:
        """Read a long frame, one row a touch.

        Parameters
        ----------
        touches : frame of any engine
        path_id, channel : str
        timestamp, position : str, default=None
            What orders the touches of a path: a date or time, or a number. Without either, a column of that name is looked for.
        converted : str, default="converted"
            0 or 1: 1 in the last row of a path that converted and 0 before, or 1 in all its rows. A touch after the conversion is
            refused: it belongs to a new path.
        value : str, default=None
            Money of the conversion, in the rows where converted is 1.
        window : (start, end), default=None
            Of the campaign, both inclusive; a bare date at the end stands for its whole day. Touches and conversions outside are
            refused.

        Raises
        ------
        DataError
            Naming every fault.
        """
        there = frames.wrap(touches).collect_schema().names()
        if timestamp is None and position is None:
            timestamp = "timestamp" if "timestamp" in there else None
            position = "position" if timestamp is None and "position" in there else None
            if timestamp is None and position is None:
                raise DataError(
                    ["nothing orders the touches: name a column by timestamp= or position=; paths written as 'A > B' are read by "
                     "ChannelPaths.from_compact"],
                    _SUBJECT,
                )  # fmt: skip
        order = timestamp if timestamp is not None else position
        assert order is not None
        names = [path_id, channel, order, converted, *([value] if value else [])]
        read = frames.to_columns(touches, names).reset_index(drop=True)
        if not len(read):
            raise DataError(["there are no rows"], _SUBJECT)
        if faults := [
            f"{name} holds lists or their like in {lists:,} rows; give one value a row"
            for name in names
            if (lists := int(frames.unhashable(read[name]).sum()))
        ]:
            raise DataError(faults, _SUBJECT)
        faults = [
            f"{missing:,} of {len(read):,} rows have no {name}; fill them in or leave these paths out"
            for name in (path_id, channel, order, converted)
            if (missing := int(read[name].isna().sum()))
        ]
        blank = int((read[channel].dropna().astype(str).str.strip() == "").sum())
        if blank:
            faults.append(f"{blank:,} rows have an empty {channel}")
        flag = pd.to_numeric(read[converted], errors="coerce")
        if wrong := int((~flag.isin((0, 1)) & read[converted].notna()).sum()):
            faults.append(f"{converted} is neither 0 nor 1 in {wrong:,} rows")
        if timestamp is not None and pd.api.types.is_numeric_dtype(read[order].dtype):
            faults.append(
                f"{order} holds numbers, whose unit is not known; give position= for an order alone, or make times of them by "
                "pd.to_datetime(..., unit=...)"
            )
            raise DataError(faults, _SUBJECT)
        if timestamp is not None:
            try:
                # of 03/04/2024 nobody can tell the month
                at = pd.to_datetime(read[order], errors="coerce", format="ISO8601")
            except ValueError:
                faults.append(f"{order} mixes time zones, or times with and without one; bring it to one zone")
                raise DataError(faults, _SUBJECT) from None
            clock = at
            if at.dt.tz is not None:
                clock = at.dt.tz_localize(None)
                at = at.dt.tz_convert("UTC").dt.tz_localize(None)  # clocks that are put back show an hour twice
            if window is not None:
                faults += _outside(_days(clock), timestamp, window)
            days = _days(at)
            bad = at.isna() & read[order].notna()
        else:
            days = pd.to_numeric(read[order], errors="coerce").to_numpy(dtype=float)
            bad = pd.Series(np.isnan(days)) & read[order].notna()
            if window is not None:
                faults += _outside(days, timestamp, window)
        if wrong := int(bad.sum()):
            kind = "a time, written with the year first as in 2024-01-31," if timestamp else "a number"
            faults.append(f"{order} cannot be read as {kind} in {wrong:,} rows")
        if doubles := int(read.duplicated([path_id, channel, order]).sum()):
            faults.append(f"{doubles:,} rows repeat another's {path_id}, {channel} and {order}; drop the copies")
        elif tied := int(read.duplicated([path_id, order]).sum()):
            faults.append(
                f"{tied:,} rows share {path_id} and {order} with another channel, so the order is unknown; number them"
            )
        if faults:
            raise DataError(faults, _SUBJECT)
        path = pd.factorize(read[path_id])[0]
        rows = np.lexsort((days, path))
        path, ones, days = path[rows], flag.to_numpy(dtype=float)[rows], days[rows]
        starts = np.flatnonzero(np.r_[True, path[1:] != path[:-1]])
        sums, lengths = np.add.reduceat(ones, starts), np.diff(np.r_[starts, len(path)])
        last = ones[starts + lengths - 1]
        if late := int(((sums > 0) & (last == 0)).sum()):
            faults.append(
                f"{late:,} paths have touches after their conversion; end the path there and give later touches a new {path_id}"
            )
        if several := int(((sums > 1) & (sums < lengths) & (last == 1)).sum()):
            faults.append(f"{several:,} paths convert more than once; give each conversion its own {path_id}")
        money = None
        if value is not None:
            amounts = pd.to_numeric(read[value], errors="coerce").to_numpy(dtype=float)[rows]
            paid = amounts[starts + lengths - 1]
            if missing := int((~np.isfinite(paid) & (last == 1)).sum()):
                faults.append(f"{missing:,} conversions have no {value}")
            if negative := int((paid[last == 1] < 0).sum()):
                faults.append(f"{negative:,} conversions have a negative {value}; take refunded ones out")
            money = np.where(last == 1, paid, 0.0)
        if faults:
            raise DataError(faults, _SUBJECT)
        names_of = read[channel].astype(str).str.strip()
        channels = tuple(sorted(names_of.unique()))
        code = pd.Categorical(names_of, categories=list(channels)).codes.astype(int)[rows]
        pieces = np.split(code, starts[1:])
        sequences, sequence = _unique([tuple(piece.tolist()) for piece in pieces])
        ages = None
        if timestamp is not None:
            ages = tuple(piece[-1] - piece for piece in np.split(days, starts[1:]))
        return cls(channels, sequences, sequence, last, np.ones(len(starts)), money, ages)

    @classmethod
    def from_compact(
        cls,
        paths: Any,
        *,
        path: str = "path",
        conversions: str = "conversions",
        nulls: str | None = None,
        value: str | None = None,
        separator: str = ">",
    ) -> ChannelPaths:
        """Read a frame with one row a path and the number of customers who took it.

        Parameters
        ----------
        paths : frame of any engine
        path : str, default="path"
            Text such as "A > B > C", or lists of channels.
        conversions : str, default="conversions"
            How many who took the path converted.
        nulls : str, default=None
            How many did not; None for a table of conversions only.
        value : str, default=None
            Money of the row's conversions together.
        separator : str, default=">"

        Raises
        ------
        DataError
            Naming every fault.

        Examples
        --------
        >>> ChannelPaths.from_compact(pd.DataFrame({"path": ["A > B", "B"], "conversions": [3, 1]}))
        ChannelPaths(4 paths, 4 conversions, 2 channels)
        """
        names = [path, conversions, *([nulls] if nulls else []), *([value] if value else [])]
        read = frames.to_columns(paths, names).reset_index(drop=True)
        if not len(read):
            raise DataError(["there are no rows"], _SUBJECT)
        steps = [_steps(cell, separator) for cell in read[path]]
        faults = []
        if empty := sum(not step or "" in step for step in steps):
            faults.append(
                f"{empty:,} of {len(read):,} rows have an empty path or an empty channel in it; write 'A > B', or lists of channels"
            )
        counts = {}
        for name in names[1:]:
            number = pd.to_numeric(read[name], errors="coerce").to_numpy(dtype=float)
            if read[name].dtype.kind in "mMc":  # moments would pass as their nanoseconds
                number = np.full(len(read), np.nan)
            whole = name == value
            bad = ~np.isfinite(number) | (number < 0) | (False if whole else number != np.rint(number))
            if not whole and not bad.any() and number.sum() > MOST_PATHS:
                faults.append(f"{name} add up to {number.sum():.3g}; at most {MOST_PATHS:.0g} paths can be counted")
            if bad.any():
                faults.append(
                    f"{name} is no {'amount' if whole else 'whole number'} of at least 0 in {int(bad.sum()):,} rows"
                )
            counts[name] = number
        if faults:
            raise DataError(faults, _SUBJECT)
        if value and (idle := int(((counts[conversions] == 0) & (counts[value] > 0)).sum())):
            raise DataError([f"{idle:,} rows have a {value} but no conversion"], _SUBJECT)
        channels = tuple(sorted({name for step in steps for name in step}))
        at = {name: i for i, name in enumerate(channels)}
        sequences, sequence = _unique([tuple(at[name] for name in step) for step in steps])
        won, lost = counts[conversions], counts[nulls] if nulls else np.zeros(len(read))
        worth = np.zeros(len(read))
        if value:
            worth = np.divide(counts[value], won, out=worth, where=won > 0)
        count = np.r_[won, lost]
        keep = count > 0
        flags = np.r_[np.ones(len(read)), np.zeros(len(read))]
        return cls(
            channels,
            sequences,
            np.r_[sequence, sequence][keep],
            flags[keep],
            count[keep],
            np.r_[worth, np.zeros(len(read))][keep] if value else None,
        )


def _unique(paths: list[tuple[int, ...]]) -> tuple[tuple[tuple[int, ...], ...], np.ndarray]:
    known: dict[tuple[int, ...], int] = {}
    return_rows = np.array([known.setdefault(path, len(known)) for path in paths], dtype=int)
    return tuple(known), return_rows


def _steps(cell: Any, separator: str) -> tuple[str, ...]:
    if isinstance(cell, str):
        return tuple(part.strip() for part in cell.split(separator))
    if cell is None or (np.ndim(cell) == 0 and not isinstance(cell, Iterable)):
        return ()
    return tuple("" if part is None else str(part).strip() for part in cell)


def _days(moments: pd.Series) -> np.ndarray:
    """Days since 1970, NaN where missing."""
    days = moments.to_numpy().astype("datetime64[us]").astype(np.int64) / 86_400_000_000
    return np.where(moments.isna(), np.nan, days)


def _outside(days: np.ndarray, timestamp: str | None, window: tuple[Any, Any]) -> list[str]:
    if timestamp is None:
        return ["window= needs times; name the column by timestamp="]
    try:
        start, end = (pd.to_datetime(moment, format="ISO8601") for moment in window)
        if not (isinstance(start, pd.Timestamp) and isinstance(end, pd.Timestamp)):
            raise TypeError
    except (TypeError, ValueError):
        return [f"window={window!r} is not two moments, the year first, such as ('2024-01-01', '2024-03-31')"]
    if start.tzinfo is not None or end.tzinfo is not None:
        return [f"window={window!r} has a time zone; touches are taken by the clock of theirs, so leave it away"]
    if end == end.normalize():
        end = end + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)
    day = [moment.to_datetime64().astype("datetime64[us]").astype(np.int64) / 86_400_000_000 for moment in (start, end)]
    if start > end:
        return [f"the window ends ({end}) before it starts ({start})"]
    early, late = int((days < day[0]).sum()), int((days > day[1]).sum())
    if not early + late:
        return []
    return [
        f"{early:,} events lie before the window and {late:,} after it ({start} to {end}); take them out, or widen the window"
    ]
