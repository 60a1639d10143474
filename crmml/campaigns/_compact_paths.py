"""A frame with one row per path and numbers of customers, read: every fault of it in one message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults, check_text
from ..typing import Frame
from ._touches import SUBJECT

#: More could not be drawn again one by one.
MOST_PATHS = 2.0**53


@dataclass(frozen=True, eq=False)
class CompactPaths:
    """Paths with how many took them.

    Attributes
    ----------
    steps : list of tuple of str
        Channels of each row.
    won, lost : ndarray of shape (n_rows,)
        Customers who converted, and who did not.
    money : ndarray of shape (n_rows,) or None
        Of the row's conversions together.
    """

    steps: list[tuple[str, ...]]
    won: np.ndarray
    lost: np.ndarray
    money: np.ndarray | None


def read_compact(
    paths: Frame, *, path: str, conversions: str, nulls: str | None, value: str | None, separator: str
) -> CompactPaths:
    """Return the paths, or one error with every fault; arguments as in `ChannelPaths.from_compact`.

    Raises
    ------
    DataError
    """
    faults = Faults(SUBJECT)
    for name, column in (("path", path), ("conversions", conversions), ("separator", separator)):
        faults.check(check_text, column, name)
    faults.refuse()
    names = [path, conversions, *([nulls] if nulls else []), *([value] if value else [])]
    table = frames.to_columns(paths, names).reset_index(drop=True)
    if not len(table):
        faults.add("there are no rows")
    steps = [_steps(cell, separator) for cell in table[path]]
    if empty := sum(not step or "" in step for step in steps):
        faults.add(
            f"{empty:,} of {len(table):,} rows have an empty path or an empty channel in it; write 'A > B', or lists of channels"
        )
    won = _read_numbers(table[conversions], conversions, faults)
    lost = _read_numbers(table[nulls], nulls, faults) if nulls else np.zeros(len(table))
    money = _read_numbers(table[value], value, faults, whole=False) if value else None
    if money is not None and (idle := int(((won == 0) & (money > 0)).sum())):
        faults.add(f"{idle:,} rows have a {value} but no conversion")
    faults.refuse()
    return CompactPaths(steps, won, lost, money)


def _read_numbers(column: pd.Series, name: str, faults: Faults, *, whole: bool = True) -> np.ndarray:
    """Whole numbers of paths, or money; NaN where there is none."""
    number = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    if column.dtype.kind in "mMc":  # moments would pass as their nanoseconds
        number = np.full(len(column), np.nan)
    bad = ~np.isfinite(number) | (number < 0)
    if whole:
        bad |= number != np.rint(number)
    if bad.any():
        kind = "a whole number" if whole else "an amount"
        faults.add(f"{name} is not {kind} of at least 0 in {int(bad.sum()):,} rows")
    elif whole and number.sum() > MOST_PATHS:
        faults.add(f"{name} add up to {number.sum():.3g}; at most {MOST_PATHS:.0g} paths can be counted")
    return number


def _steps(cell: Any, separator: str) -> tuple[str, ...]:
    if isinstance(cell, str):
        return tuple(part.strip() for part in cell.split(separator))
    if cell is None or (np.ndim(cell) == 0 and not isinstance(cell, Iterable)):
        return ()
    return tuple("" if part is None else str(part).strip() for part in cell)
