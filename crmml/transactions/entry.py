"""The start of a log: customers first seen in its first weeks are customers of old, whose first purchase was before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import DataError
from ..results import Result
from ..typing import Frame, Moment
from .activity import Activity, read_activity

#: Days of a block of first-time buyers, and days after the first purchase in which repeats are counted.
BLOCK, FOLLOWED = 28, 56
#: Longest entry period that the rule chooses, in blocks.
MOST_BLOCKS = 7
#: Customers that a block, and the later ones together, need to be compared.
LEAST_BLOCK, LEAST_LATER = 20, 50
#: Share of customers that must be left as new.
LEAST_NEW = 0.2
#: Standard errors beyond which a block buys more than the later ones.
BEYOND = 2.0


@dataclass(frozen=True)
class EntryPeriod(Result):
    """How long the first-time buyers of a log are in fact customers of old, and how that was told.

    A log begins one day, and its customers did not: those first seen in the first weeks bought before, are those who buy often,
    and are not to be taken for new. The rule: first-time buyers of four weeks, block after block, are compared with all later
    ones by their purchases in the eight weeks after the first; the entry period ends before the first block that does not buy
    more, by two standard errors of the difference. It needs 20 customers in a block and 50 later ones, leaves a fifth of the
    customers as new, and is at most 28 weeks.

    Parameters
    ----------
    days : int
        Length of the entry period, 0 where the first weeks look like later ones.
    n_customers, n_early : int
        Customers of the log, and those first seen in the entry period.
    table : DataFrame
        One row for each block: first_day, customers, repeats (mean purchase days in the eight weeks after the first), std_error, later
        (the same of all later blocks), excess (standard errors of the difference).
    """

    days: int
    n_customers: int
    n_early: int
    table: pd.DataFrame

    def describe(self) -> str:
        """Say whether the first weeks look unlike later ones, and whom that concerns."""
        if not self.days:
            return (
                f"The log's first weeks look like later ones: its {self.n_customers:,} customers are taken as acquired when they "
                "were first seen."
            )
        first = self.table.iloc[0]
        return (
            f"The log's first weeks look unlike later ones: who was first seen in its first {BLOCK} days bought again on "
            f"{first['repeats']:.2f} days in the {FOLLOWED // 7} weeks that followed, later customers on {first['later']:.2f}. "
            f"{self.n_early:,} of {self.n_customers:,} customers ({self.n_early / self.n_customers:.0%}), first seen in the first "
            f"{self.days} days, are taken for customers of old."
        )


def entry_period(
    log: Frame,
    *,
    customer_id: str = "customer_id",
    timestamp: str = "timestamp",
    observation_end: Moment | None = None,
) -> EntryPeriod:
    """Tell how long the first-time buyers of a log are customers of old.

    Parameters
    ----------
    log : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
    customer_id, timestamp : str
        Its columns.
    observation_end : str, date or datetime, default=None
        Last instant observed, inclusive; None takes the last purchase.

    Returns
    -------
    EntryPeriod
        Its ``days`` can be given to `summarize` as ``entry_period``.

    Raises
    ------
    DataError
        Naming every fault of the log.

    Examples
    --------
    >>> from crmml.datasets import load_cdnow_sample
    >>> entry_period(load_cdnow_sample()).days    # all of them were acquired in its first twelve weeks
    0
    """
    return find_entry_period(read_activity(log, customer_id, timestamp, None, observation_end))


def find_entry_period(activity: Activity) -> EntryPeriod:
    """Apply the rule of :class:`EntryPeriod` to purchase days."""
    first = activity.day[activity.offsets[:-1]]
    who = np.repeat(np.arange(first.size), np.diff(activity.offsets))
    age = activity.day - first[who]
    repeats = np.bincount(who[(age > 0) & (age <= FOLLOWED)], minlength=first.size)
    block = (first - first.min()) // BLOCK
    followed = first <= activity.end_day - FOLLOWED
    rows: list[dict[str, Any]] = []
    days = 0
    for number in range(MOST_BLOCKS):
        row = _compared(repeats[followed], block[followed], number)
        left = np.count_nonzero(block > number)
        if row is None or left < LEAST_NEW * first.size:
            break
        rows.append({"first_day": np.datetime64(int(first.min()) + BLOCK * number, "D"), **row})
        if row["excess"] <= BEYOND:
            break
        days = BLOCK * (number + 1)
    names = ["first_day", "customers", "repeats", "std_error", "later", "excess"]
    return EntryPeriod(
        days, first.size, int(np.count_nonzero(block < days // BLOCK)), pd.DataFrame(rows, columns=names)
    )


def _compared(repeats: np.ndarray, block: np.ndarray, number: int) -> dict[str, Any] | None:
    """A block beside the later ones; None where there are too few to compare."""
    own, later = repeats[block == number], repeats[block > number]
    if own.size < LEAST_BLOCK or later.size < LEAST_LATER:
        return None
    std_error = float(np.sqrt(own.var() / own.size))
    difference = float(np.sqrt(own.var() / own.size + later.var() / later.size))
    excess = float(own.mean() - later.mean())
    return {
        "customers": own.size,
        "repeats": float(own.mean()),
        "std_error": std_error,
        "later": float(later.mean()),
        "excess": excess / difference if difference else np.sign(excess) * np.inf,
    }


def check_entry_days(days: int, firsts: tuple[int, int, int]) -> int:
    """Return the length of an entry period, or refuse one that leaves nobody as new.

    Parameters
    ----------
    days : int
    firsts : tuple of int
        Earliest and latest day on which a customer was first seen, and the number of customers.

    Raises
    ------
    DataError
    """
    earliest, latest, n_customers = firsts
    if days and latest < earliest + days:
        raise DataError(
            [
                f"entry_period={days} days leaves none of {n_customers:,} customers as new: the last of them was first seen "
                f"{latest - earliest:,} days after the log's start; take a shorter one, or 0"
            ],
            "the entry period",
        )
    return days
