r"""Operational time: the calendar measured by how much is bought, so that a busy week is long and a quiet one short.

Purchases that happen at rate λ·m(t), with one curve m for all customers, happen at rate λ on the clock
:math:`M(t) = \int_0^t m(u)\,du` [1]_. A model whose customers leave at purchases only (BG/NBD, MBG/NBD, their regular-timing kin)
is therefore exactly itself when recency, T and horizons are measured on M: the factor :math:`\prod_j m(t_j)` of its likelihood
does not depend on its parameters.

References
----------
.. [1] Daley, D. J. and Vere-Jones, D. (2003), An Introduction to the Theory of Point Processes, volume I, 2nd edition,
   Springer, section 7.4 (the random time change of a point process).
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from .. import frames
from ..checks import DAYS_PER_UNIT, Faults, check_count, check_coverage, check_generator, check_number, check_unit
from ..exceptions import DataError
from ..inference.calendar_process import CalendarProcess
from ..results import Result
from ..typing import Frame, Moment, Seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Days ahead for which a learnt clock knows a curve; beyond, every day counts as one.
KNOWN_AHEAD = 5 * 365
#: Days that are looked through for a time on the clock, at most.
FARTHEST = 40_000
#: Bins of a forecast, at most: longer horizons are laid out in longer ones.
MOST_BINS = 120


class Clock(Result):
    """A curve of multipliers over the calendar; made by :meth:`from_curve`, :meth:`seasonal` or `crmml.clv.learn_clock`.

    Give it to `crmml.transactions.summarize`, whose recency and T then count on it; a model fitted on that summary remembers it
    and takes horizons in plain calendar time all the same.

    Examples
    --------
    >>> clock = Clock.seasonal(months={12: 1.8, 1: 0.6})
    >>> round(clock.elapsed("2024-11-30", 31), 6), round(clock.elapsed("2024-12-31", 31), 6)    # December, January
    (55.8, 18.6)
    """

    #: What the clock is called in its stored form.
    kind: ClassVar[str]
    #: Days at the start of the log whose first-time buyers are taken for customers of old; 0 where all are new.
    entry_days: int = 0

    # ---- ways to make one -------------------------------------------------------------------------------------------

    @classmethod
    def from_curve(cls, curve: Frame, *, day: str = "day", multiplier: str = "multiplier") -> KnownClock:
        """Make a clock of a curve that is known: one multiplier for each day, of the log and of the horizon.

        Parameters
        ----------
        curve : frame of any engine
            One row for each day, without gaps.
        day, multiplier : str
            Its columns: dates, and how much a day counts against a usual one, above 0 (2 is a day with twice the purchases).

        Raises
        ------
        DataError
            Naming, with their number, days that are missing, twice or no dates, and multipliers that are not above 0.
        """
        table = frames.to_columns(curve, [day, multiplier])
        faults = Faults("the curve")
        when = pd.to_datetime(table[day], errors="coerce", format="ISO8601")
        if wrong := int(when.isna().sum()):
            faults.add(f"column {day!r} has {wrong:,} entries that are no dates; write 2024-03-31")
        m = pd.to_numeric(table[multiplier], errors="coerce").to_numpy(dtype=float)
        if wrong := int(np.count_nonzero(~(np.isfinite(m) & (m > 0)))):
            faults.add(
                f"column {multiplier!r} has {wrong:,} of {m.size:,} entries that are not above 0; a day on which hardly anything is "
                "bought has a small multiplier, 0.01 say"
            )
        if not len(table):
            faults.add("it has no rows; give one row for each day")
        faults.refuse()
        days = when.dt.tz_localize(None).dt.normalize().to_numpy().astype("datetime64[D]").astype(np.int64)
        order = np.argsort(days, kind="stable")
        days, m = days[order], m[order]
        step = np.diff(days)
        if twice := int(np.count_nonzero(step == 0)):
            faults.add(
                f"{twice:,} days are there more than once, first {_text(days[1:][step == 0][0])}; give one row for each day"
            )
        if gaps := int((step[step > 1] - 1).sum()):
            faults.add(
                f"{gaps:,} days are missing, first {_text(days[:-1][step > 1][0] + 1)}; give every day from first to last"
            )
        faults.refuse()
        return KnownClock(int(days[0]), m)

    @classmethod
    def seasonal(
        cls, *, months: Mapping[int, float] | None = None, weekdays: Mapping[int, float] | None = None
    ) -> SeasonalClock:
        """Make a clock of a season that is known and repeats.

        Parameters
        ----------
        months : mapping of int to float, default=None
            Multiplier of months 1 to 12; one that is not named counts 1.
        weekdays : mapping of int to float, default=None
            Multiplier of weekdays, 0 (Monday) to 6; multiplied with that of the month.

        Raises
        ------
        DataError
            Naming every month or weekday that is none, and every multiplier that is not above 0.
        """
        faults = Faults("the season")
        tables = []
        for name, given, first, size in (("months", months, 1, 12), ("weekdays", weekdays, 0, 7)):
            table = np.ones(size)
            for key, value in (given or {}).items():
                place = faults.check(check_count, key, f"the key {key!r} of {name}", least=first, most=first + size - 1)
                factor = faults.check(check_number, value, f"{name}[{key!r}]", above=0)
                if place is not None and factor is not None:
                    table[place - first] = factor
            tables.append(table)
        faults.refuse()
        return SeasonalClock(*tables)

    @staticmethod
    def from_text(text: str) -> Clock:
        """Read a clock back from what :meth:`to_text` gave."""
        return _read(text)

    # ---- what a kind of clock knows ---------------------------------------------------------------------------------

    @abstractmethod
    def multiplier(self, day: np.ndarray) -> np.ndarray:
        """Return the multiplier of days counted from 1970-01-01.

        Raises
        ------
        DataError
            When the clock does not know some of them.
        """

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """Return what the clock is made of, in words and lists of numbers."""

    def _paths(self, start: int, days: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draws (n_draws, lengths) of operational days from the end of day ``start`` to ``days`` later."""
        return np.broadcast_to(self._spans(start, days), (n_draws, days.size))

    @property
    def is_certain(self) -> bool:
        """Whether nothing about the clock is uncertain."""
        return True

    # ---- what all clocks offer ----------------------------------------------------------------------------------------

    def elapsed(self, after: Moment, length: float, unit: str = "D") -> float:
        """Return the operational time from the end of a day to ``length`` later, in the same unit.

        Parameters
        ----------
        after : str, date or datetime
        length : float
            Calendar time, at least 0, in ``unit``.
        unit : {"h", "D", "W", "M", "Y"}, default="D"
        """
        days = check_number(length, "length", least=0) * DAYS_PER_UNIT[check_unit(unit)]
        return float(self._spans(_day(after), np.array([days]))[0]) / DAYS_PER_UNIT[unit]

    def draws(
        self, after: Moment, length: float, unit: str = "D", *, n_draws: int = 1000, random_state: Seed = None
    ) -> np.ndarray:
        """Draw the operational time from the end of a day to ``length`` later: the shock that is common to all customers.

        Parameters
        ----------
        after, length, unit
            As in :meth:`elapsed`.
        n_draws : int, default=1000
        random_state : int, Generator, RandomState or None

        Returns
        -------
        ndarray of shape (n_draws,)
            All alike where the clock is certain.
        """
        lengths = np.array([check_number(length, "length", least=0)])
        return self.paths(after, lengths, unit, n_draws=n_draws, random_state=random_state)[:, 0]

    def paths(
        self, after: Moment, lengths: np.ndarray, unit: str = "D", *, n_draws: int = 1000, random_state: Seed = None
    ) -> np.ndarray:
        """Draw the operational time to each of several lengths later, of one common future for each draw.

        Returns
        -------
        ndarray of shape (n_draws, n_lengths)
        """
        scale = DAYS_PER_UNIT[check_unit(unit)]
        rng = check_generator(random_state)
        number = check_count(n_draws, "n_draws", least=1)
        return self._paths(_day(after), np.asarray(lengths, dtype=float) * scale, number, rng) / scale

    def spans(self, after: Moment, lengths: np.ndarray, unit: str = "D") -> np.ndarray:
        """Return the operational time to each of several lengths later, as :meth:`elapsed` does to one."""
        scale = DAYS_PER_UNIT[check_unit(unit)]
        return self._spans(_day(after), np.asarray(lengths, dtype=float) * scale) / scale

    def lengths(self, after: Moment, spans: np.ndarray, unit: str = "D") -> np.ndarray:
        """Return the calendar time from the end of a day in which the clock moves by each of several spans; undoes `spans`."""
        scale = DAYS_PER_UNIT[check_unit(unit)]
        wanted = np.asarray(spans, dtype=float) * scale
        most = wanted[np.isfinite(wanted)].max(initial=0.0)
        start, ahead = _day(after), 64
        while True:
            time = np.concatenate([[0.0], self.running(start + 1, start + ahead)])
            if time[-1] >= most or ahead > FARTHEST:
                break
            ahead *= 2
        later = (wanted - time[-1]) / (time[-1] / ahead)  # at the mean pace of what was looked at
        return np.where(wanted <= time[-1], np.interp(wanted, time, np.arange(ahead + 1.0)), ahead + later) / scale

    def _spans(self, start: int, days: np.ndarray) -> np.ndarray:
        whole = np.floor(days).astype(np.int64)
        rest = days - whole
        longest = int(whole[-1] if days.size == 1 else whole.max()) + int(bool((rest > 0).any()))
        if not longest:
            return np.zeros(days.size)
        m = self.multiplier(np.arange(start + 1, start + longest + 1))
        cumulated = np.concatenate([[0.0], np.cumsum(m)])
        following = np.concatenate([m, [0.0]])
        return cumulated[whole] + np.where(rest > 0, rest * following[np.minimum(whole, m.size)], 0.0)

    def running(self, first: int, last: int) -> np.ndarray:
        """Return the clock's time at the end of each day from ``first`` to ``last``, days from 1970-01-01; 0 before the first."""
        return np.cumsum(self.multiplier(np.arange(first, last + 1)))

    def to_frame(self, start: Moment, end: Moment, *, coverage: float = 0.9) -> pd.DataFrame:  # type: ignore[override]
        """Return the multiplier of each day from ``start`` to ``end``, both inclusive, with its interval.

        Returns
        -------
        DataFrame
            day, multiplier, lower, upper: the ends equal the multiplier where the clock is certain or the day is past.
        """
        coverage = check_coverage(coverage)
        first, last = _day(start), _day(end)
        if last < first:
            raise DataError([f"end={end!r} is before start={start!r}"], "the days of a clock")
        day = np.arange(first, last + 1)
        m = self.multiplier(day)
        lower, upper = self._band(day, m, coverage)
        return pd.DataFrame(
            {
                "day": day.astype("datetime64[D]").astype("datetime64[us]"),
                "multiplier": m,
                "lower": lower,
                "upper": upper,
            }
        )

    def _band(self, day: np.ndarray, m: np.ndarray, coverage: float) -> tuple[np.ndarray, np.ndarray]:
        return m, m

    def plot(  # type: ignore[override]
        self, ax: Axes | None = None, *, start: Moment, end: Moment, coverage: float = 0.9
    ) -> Any:
        """Draw the multipliers from ``start`` to ``end``, with their interval.

        Returns
        -------
        ClockDisplay
        """
        from .clock_display import ClockDisplay

        return ClockDisplay(self.to_frame(start, end, coverage=coverage), coverage).plot(ax=ax)

    def to_text(self) -> str:
        """Return the clock as text, for a summary to carry and a model to keep."""
        return json.dumps({"kind": self.kind, "entry_days": self.entry_days, **self._state()}, separators=(",", ":"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Clock) and self.to_text() == other.to_text()

    def __hash__(self) -> int:
        return hash(self.to_text())

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.describe()}>"


class KnownClock(Clock):
    """A curve that is known day by day.

    Parameters
    ----------
    first_day : int
        Days from 1970-01-01.
    multipliers : ndarray of shape (n_days,)
    """

    kind = "known"

    def __init__(self, first_day: int, multipliers: np.ndarray):
        self.first_day = first_day
        self.multipliers = multipliers

    def multiplier(self, day: np.ndarray) -> np.ndarray:
        """Return the multiplier of days counted from 1970-01-01."""
        place = day - self.first_day
        outside = (place < 0) | (place >= self.multipliers.size)
        if outside.any():
            last = self.first_day + self.multipliers.size - 1
            raise DataError(
                [
                    f"it runs from {_text(self.first_day)} to {_text(last)} and lacks {int(outside.sum()):,} days of those needed, "
                    f"{_text(day[outside][0])} to {_text(day[outside][-1])}; give a multiplier for each day of the log and of the "
                    "horizon, or take a shorter horizon"
                ],
                "the curve of the clock",
            )
        return self.multipliers[place]

    def _state(self) -> dict[str, Any]:
        return {"first_day": self.first_day, "multipliers": self.multipliers.tolist()}

    def describe(self) -> str:
        """Say from when to when the curve runs, and between which multipliers."""
        last = self.first_day + self.multipliers.size - 1
        return (
            f"A known curve from {_text(self.first_day)} to {_text(last)}: a day counts between {self.multipliers.min():.3g} and "
            f"{self.multipliers.max():.3g}, {self.multipliers.mean():.3g} on average."
        )


class SeasonalClock(Clock):
    """A season that is known and repeats: multipliers by month, and by weekday.

    Parameters
    ----------
    months : ndarray of shape (12,)
    weekdays : ndarray of shape (7,)
    """

    kind = "seasonal"

    def __init__(self, months: np.ndarray, weekdays: np.ndarray):
        self.months = months
        self.weekdays = weekdays

    def multiplier(self, day: np.ndarray) -> np.ndarray:
        """Return the multiplier of days counted from 1970-01-01."""
        month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
        return self.months[month] * self.weekdays[(day + 3) % 7]

    def _state(self) -> dict[str, Any]:
        return {"months": self.months.tolist(), "weekdays": self.weekdays.tolist()}

    def describe(self) -> str:
        """Say between which multipliers the months and the weekdays lie."""
        return (
            f"A known season: months count between {self.months.min():.3g} and {self.months.max():.3g}, weekdays between "
            f"{self.weekdays.min():.3g} and {self.weekdays.max():.3g}."
        )


class LearntClock(Clock):
    """A curve learnt from a log, with what it does not know of the time to come.

    Past days have the mean of what was learnt; days to come the expectation, which draws spread around.

    Parameters
    ----------
    last_day : int
        Last day of the log that it was learnt from, counted from 1970-01-01.
    bin_days : int
        Length of its bins, the last of which ends with ``last_day``.
    counts, expected : ndarray of shape (n_bins,)
        Purchases of each bin, and what the model expected of an ordinary one.
    yearly : bool
        Whether a year repeats.
    entry_days : int
        Days at the start of the log whose first-time buyers were taken for customers of old.
    """

    kind = "learnt"

    def __init__(
        self, last_day: int, bin_days: int, counts: np.ndarray, expected: np.ndarray, yearly: bool, entry_days: int = 0
    ):
        self.last_day = last_day
        self.bin_days = bin_days
        self.counts = counts
        self.expected = expected
        self.yearly = yearly
        self.entry_days = entry_days

    @property
    def is_certain(self) -> bool:
        """Whether nothing about the clock is uncertain: never."""
        return False

    @cached_property
    def process(self) -> CalendarProcess:
        """The posterior of the curve; its days count from the last day of the log."""
        n = self.counts.size
        middle = (np.arange(n) - n + 0.5) * self.bin_days
        return CalendarProcess(middle, self.counts, self.expected, self.yearly)

    @cached_property
    def _past(self) -> np.ndarray:
        return np.exp(self.process.past())

    @cached_property
    def _ahead(self) -> np.ndarray:
        bins = KNOWN_AHEAD // self.bin_days
        return np.exp(self.process.mean((np.arange(bins) + 0.5) * self.bin_days))

    def multiplier(self, day: np.ndarray) -> np.ndarray:
        """Return the multiplier of days counted from 1970-01-01: 1 before the log and more than five years after it."""
        place = (day - self.last_day - 1) // self.bin_days
        if not place.size:
            return np.ones(0)
        n = self.counts.size
        result = np.ones(day.size)
        past = (place < 0) & (place >= -n)
        result[past] = self._past[place[past] + n]
        if (place >= 0).any():
            ahead = (place >= 0) & (place < self._ahead.size)
            result[ahead] = self._ahead[place[ahead]]
        return result

    def _paths(self, start: int, days: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draws of operational days: the past as learnt, the time to come drawn in bins, the far future as it is expected."""
        skip = max(self.last_day - start, 0)
        begin = float(max(start - self.last_day, 0))  # where the span begins, in days after the log
        ends = np.maximum(days - skip, 0.0) + begin
        known = min(float(ends.max()), float(KNOWN_AHEAD))
        result = np.broadcast_to(self._spans(start, np.minimum(days, float(skip))), (n_draws, days.size)).copy()
        if known > begin:
            step = self.bin_days * max(1, int(np.ceil((known - begin) / self.bin_days / MOST_BINS)))
            edges = begin + step * np.arange(int(np.ceil((known - begin) / step)) + 1)
            level = np.exp(self.process.draws((edges[:-1] + edges[1:]) / 2, n_draws, rng))
            covered = np.clip(np.minimum(ends, known)[:, None] - edges[:-1], 0.0, step)
            result += level @ covered.T
        return result + np.maximum(ends - max(known, begin), 0.0)

    def _band(self, day: np.ndarray, m: np.ndarray, coverage: float) -> tuple[np.ndarray, np.ndarray]:
        place = (day - self.last_day - 1) // self.bin_days
        lower, upper = m.copy(), m.copy()
        ahead = (place >= 0) & (place < KNOWN_AHEAD // self.bin_days)
        if ahead.any():
            bins, code = np.unique(place[ahead], return_inverse=True)
            drawn = np.exp(self.process.draws((bins + 0.5) * self.bin_days, 2000, np.random.default_rng(0)))
            ends = np.quantile(drawn, [(1 - coverage) / 2, (1 + coverage) / 2], axis=0)
            lower[ahead], upper[ahead] = ends[0][code], ends[1][code]
        return lower, upper

    def _state(self) -> dict[str, Any]:
        return {
            "last_day": self.last_day,
            "bin_days": self.bin_days,
            "counts": self.counts.tolist(),
            "expected": [float(f"{value:.10g}") for value in self.expected],
            "yearly": self.yearly,
        }

    def describe(self) -> str:
        """Say what was learnt: how busy and quiet it was, how much of that is a year that repeats, and how sure it is."""
        parts = self.process.hyperparameters()
        span = self.counts.size * self.bin_days
        first = self.last_day - span + 1
        busiest, quietest = int(self._past.argmax()), int(self._past.argmin())
        seasons = span / 365.25
        year = (
            f"a year that repeats {parts.yearly:.0%}"
            + ("" if seasons >= 2 else f" (less than two seasons were seen, {seasons:.1f}: it rests on its prior)")
            if self.yearly
            else "no year that repeats"
        )
        entry = (
            f" Customers first seen in its first {self.entry_days} days are taken for customers of old."
            if self.entry_days
            else ""
        )
        return (
            f"A curve learnt from {self.counts.sum():,.0f} purchases in {self.counts.size} bins of {self.bin_days} days, "
            f"{_text(first)} to {_text(self.last_day)}. The busiest bin began on {_text(first + busiest * self.bin_days)} "
            f"({self._past[busiest]:.2f} times an ordinary one), the quietest on {_text(first + quietest * self.bin_days)} "
            f"({self._past[quietest]:.2f}). Typical swings: {year}, short memory {parts.short:.0%} fading over "
            f"{parts.memory:.0f} days, single bins {parts.noise:.0%}.{entry}"
        )


#: The kinds of clock by their names.
KINDS: dict[str, type[Clock]] = {kind.kind: kind for kind in (KnownClock, SeasonalClock, LearntClock)}


@lru_cache(maxsize=16)
def _read(text: str) -> Clock:
    state = json.loads(text)
    kind = KINDS[state.pop("kind")]
    entry_days = state.pop("entry_days")
    clock = kind(
        **{name: np.array(value, dtype=float) if isinstance(value, list) else value for name, value in state.items()}
    )
    clock.entry_days = entry_days
    return clock


def _day(moment: Moment) -> int:
    """The day of a moment, counted from 1970-01-01."""
    stamp = pd.Timestamp(moment)
    if pd.isna(stamp):
        raise DataError([f"{moment!r} cannot be read as a date; write 2024-03-31"], "a day of the calendar")
    return int(stamp.tz_localize(None).to_datetime64().astype("datetime64[D]").astype(np.int64))


def _text(day: int) -> str:
    return str(np.datetime64(int(day), "D"))
