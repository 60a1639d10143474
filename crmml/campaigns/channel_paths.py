"""Paths of channels that customers took, with or without a conversion at the end: one form for every attribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..typing import Frame, Window
from ._compact_paths import read_compact
from ._touches import TouchColumns, read_touches


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
        """Read a long frame, one row per touch.

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
            Days of the campaign; the end is exclusive, or a length such as "6M". Touches and conversions outside are refused, by
            what their own clocks show.

        Raises
        ------
        DataError
            Naming every fault.
        """
        columns = TouchColumns(path_id, channel, timestamp, position, converted, value)
        read = read_touches(touches, columns, window)
        channels = tuple(sorted(set(read.channel)))
        code = pd.Categorical(read.channel, categories=list(channels)).codes.astype(int)
        cuts = read.starts[1:]
        sequences, sequence = _unique([tuple(piece.tolist()) for piece in np.split(code, cuts)])
        ages = None
        if read.days is not None:
            ages = tuple(piece[-1] - piece for piece in np.split(read.days, cuts))
        return cls(channels, sequences, sequence, read.converted, np.ones(len(read.starts)), read.value, ages)

    @classmethod
    def from_compact(
        cls,
        paths: Frame,
        *,
        path: str = "path",
        conversions: str = "conversions",
        nulls: str | None = None,
        value: str | None = None,
        separator: str = ">",
    ) -> ChannelPaths:
        """Read a frame with one row per path and the number of customers who took it.

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
        read = read_compact(paths, path=path, conversions=conversions, nulls=nulls, value=value, separator=separator)
        channels = tuple(sorted({name for step in read.steps for name in step}))
        at = {name: i for i, name in enumerate(channels)}
        sequences, sequence = _unique([tuple(at[name] for name in step) for step in read.steps])
        none = np.zeros(len(sequence))
        count = np.r_[read.won, read.lost]
        keep = count > 0
        worth = None
        if read.money is not None:
            worth = np.r_[np.divide(read.money, read.won, out=none.copy(), where=read.won > 0), none][keep]
        converted = np.r_[np.ones(len(sequence)), none]
        return cls(channels, sequences, np.r_[sequence, sequence][keep], converted[keep], count[keep], worth)


def _unique(paths: list[tuple[int, ...]]) -> tuple[tuple[tuple[int, ...], ...], np.ndarray]:
    known: dict[tuple[int, ...], int] = {}
    return_rows = np.array([known.setdefault(path, len(known)) for path in paths], dtype=int)
    return tuple(known), return_rows
