"""How a summary measures time: on a clock or plainly, and from when for customers of old."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import frames
from ..checks import DAYS_PER_UNIT, Faults, check_choice, check_count
from ..frames import expressions as ex
from ..typing import Frame
from .activity import activity_of
from .clock import Clock
from .entry import EntryPeriod, check_entry_days, find_entry_period
from .log import CUSTOMER
from .opening import PERIOD, purchase_periods

#: Name of the column that tells customers of old: the length of the entry period for them, 0 for new ones.
ENTRY_WINDOW = "entry_window"


@dataclass(frozen=True)
class TimingRequest:
    """A clock, and the days of an entry period: None where none was asked for, "auto" where the rule is to choose.

    Attributes
    ----------
    clock : Clock or None
    entry_period : int, "auto" or None
    """

    clock: Clock | None
    entry_period: Any

    @classmethod
    def read(cls, clock: Clock | None, entry_period: Any, period: str) -> TimingRequest:
        """Read the arguments, or refuse all that cannot be at once.

        Raises
        ------
        DataError
        """
        faults = Faults("how time is measured")
        if clock is not None and not isinstance(clock, Clock):
            faults.add(f"clock={clock!r} must be a Clock: Clock.from_curve, Clock.seasonal, or crmml.clv.learn_clock")
        if isinstance(entry_period, EntryPeriod):
            entry_period = entry_period.days
        if isinstance(entry_period, str):
            faults.check(check_choice, entry_period, "entry_period", ("auto",))
        elif entry_period is not None:
            faults.check(check_count, entry_period, "entry_period", most=100_000)
        learnt = clock.entry_days if isinstance(clock, Clock) and not clock.is_certain else None
        if entry_period is None:
            entry_period = learnt
        elif learnt is not None and entry_period != learnt:
            faults.add(
                f"entry_period={entry_period!r}, but the clock was learnt with {learnt} days; leave it out, or learn the clock with it"
            )
        if (clock is not None or entry_period) and period != "D":
            faults.add(f"a clock and an entry period count days, not period={period!r}; use period='D' with any unit")
        faults.refuse()
        return cls(clock, entry_period or 0)

    @property
    def is_plain(self) -> bool:
        """Whether time is plain and all customers are new."""
        return self.clock is None and not self.entry_period

    def on(self, frame: Any, native: Frame, end: dt.datetime) -> Timing:
        """Return the timing of a log that was checked: a wrapped frame with the working columns.

        Raises
        ------
        DataError
            When an entry period leaves nobody as new.
        """
        last = int(np.datetime64(end, "D").astype(np.int64))
        if self.entry_period == "auto":
            activity = activity_of(frame, native, False, end)
            return Timing(self.clock, find_entry_period(activity).days, int(activity.day.min()), last)
        firsts = first_days(frame)
        return Timing(self.clock, check_entry_days(self.entry_period, firsts), firsts[0], last)


@dataclass(frozen=True)
class Timing:
    """Time on a clock, or plain, of the days of a log.

    Attributes
    ----------
    clock : Clock or None
    entry_days : int
        Customers first seen in so many days from the log's first are of old: their time counts from its start.
    first, last : int
        First and last day of the log, counted from 1970-01-01.
    """

    clock: Clock | None
    entry_days: int
    first: int
    last: int

    def running(self) -> np.ndarray:
        """Time at the end of each day of the log, in days of the clock, 0 before its first."""
        if self.clock is None:
            return np.arange(1.0, self.last - self.first + 2)
        return self.clock.running(self.first, self.last)

    @property
    def window(self) -> float:
        """Length of the entry period, in days of the clock."""
        return float(self.running()[self.entry_days - 1]) if self.entry_days else 0.0

    @property
    def ruler_fields(self) -> dict[str, str | None]:
        """What a ruler remembers."""
        return {
            "clock": None if self.clock is None else self.clock.to_text(),
            "entry_period": str(self.entry_days) if self.entry_days else None,
        }

    def times_of(self, native: Frame, unit: str) -> Any:
        """A table of the log's days, as :data:`PERIOD`, and the time at the end of each, in ``unit``, in the log's engine."""
        table = {PERIOD: np.arange(self.first, self.last + 1), "__time": self.running() / DAYS_PER_UNIT[unit]}
        return frames.wrap(frames.from_columns(table, native))

    def columns(self, customers: Any, native: Frame, unit: str, has_value: bool, further: Sequence[Any] = ()) -> Any:
        """The summary of customers with __n, __first, __last and with a value __repeat, __total: on the clock, in ``unit``."""
        running, scale = self.running(), DAYS_PER_UNIT[unit]
        for name in ("first", "last"):
            known = self.times_of(native, unit).rename({PERIOD: f"__{name}", "__time": f"__{name}_time"})
            customers = customers.join(known, on=f"__{name}", how="left")
        old = ex.col("__first") < self.first + self.entry_days
        n = ex.col("__n").cast(ex.Int64)
        start = ex.when(old).then(ex.lit(0.0)).otherwise(ex.col("__first_time"))
        frequency = ex.when(old).then(n).otherwise(n - 1)
        columns = [
            ex.col(CUSTOMER).alias("customer_id"),
            frequency.alias("frequency"),
            (ex.col("__last_time") - start).alias("recency"),
            (ex.lit(float(running[-1] / scale)) - start).alias("T"),
        ]
        if has_value:
            total = ex.when(old).then(ex.col("__total")).otherwise(ex.col("__repeat"))
            repeats = ex.when(frequency > 0).then(frequency.cast(ex.Float64)).otherwise(ex.lit(1.0))
            columns.append((total / repeats).alias("monetary_value"))
        if self.entry_days:
            columns.append(ex.when(old).then(ex.lit(self.window / scale)).otherwise(ex.lit(0.0)).alias(ENTRY_WINDOW))
        return customers.select(*columns, *further)


def first_days(frame: Any) -> tuple[int, int, int]:
    """Earliest and latest day on which a customer was first seen, and the number of customers; computed in the engine."""
    firsts = purchase_periods(frames.optimised(frame), False, "D").group_by(CUSTOMER).agg(ex.col(PERIOD).min())
    seen = frames.collected(
        firsts.select(
            ex.col(PERIOD).min().alias("earliest"), ex.col(PERIOD).max().alias("latest"), ex.len().alias("customers")
        )
    )
    return int(seen["earliest"][0]), int(seen["latest"][0]), int(seen["customers"][0])
