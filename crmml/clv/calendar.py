r"""A clock learnt from a log: what was bought in each week against what a model without a calendar expected of it.

The model is fitted on plain time, and expects for each bin of the calendar the repeat purchases of the customers who were there,

.. math:: e_k = \sum_i \bigl(E[X(M(t_{k+1}) - M(b_i))] - E[X(M(t_k) - M(b_i))]\bigr) / m_k,

with b_i the customer's first purchase, t_k the bin's ends and M the clock so far, at first plain time. What was bought beside e_k
gives the curve m of a Gaussian process (:mod:`crmml.inference.calendar_process`); the model is fitted again on the clock that it
makes, and so on until the curve rests. Customers of old, first seen in the log's entry period, are expected to buy as their own
likelihood has it, given that they bought at least once within that period (:mod:`crmml.transactions.entry`).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ..checks import DAYS_PER_UNIT, check_flag, check_unit
from ..exceptions import DataError
from ..frames.ruler import Ruler
from ..transactions.activity import Activity, read_activity
from ..transactions.clock import LearntClock
from ..transactions.entry import check_entry_days, find_entry_period
from ..transactions.timing import ENTRY_WINDOW, TimingRequest
from ..typing import Estimator, Frame, Moment
from .modified_beta_geo import ModifiedBetaGeoNBD
from .numerics.rows import Rows

#: Bins of a curve, at most: longer logs have bins of more weeks.
MOST_BINS = 160
#: Rounds of fitting on the clock so far and learning it anew, and the change of its logarithm at which it rests.
MOST_ROUNDS, AT_REST = 8, 0.01
#: Weeks that a log must span for a curve to be learnt, and repeat purchases it must hold.
LEAST_WEEKS, LEAST_PURCHASES = 8, 50


def learn_clock(
    log: Frame,
    model: Estimator | None = None,
    *,
    unit: str,
    customer_id: str = "customer_id",
    timestamp: str = "timestamp",
    observation_end: Moment | None = None,
    yearly: bool = True,
    entry_period: int | str = "auto",
) -> LearntClock:
    """Learn how busy each week was, beside what a model of customers explains, and how sure that is of weeks to come.

    Parameters
    ----------
    log : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
        One row per transaction.
    model : transaction model, default=None
        What expects the purchases: a clone of it is fitted. None takes `ModifiedBetaGeoNBD`. It must take a clock, and has no
        covariates.
    unit : {"h", "D", "W", "M", "Y"}
        The unit that the summary will have; the clock itself knows every unit.
    customer_id, timestamp : str
        The log's columns.
    observation_end : str, date or datetime, default=None
        Last instant observed, inclusive; None takes the last purchase.
    yearly : bool, default=True
        Whether a year may repeat. With less than two years seen its size rests on the prior, and the forecast is wide.
    entry_period : int or "auto", default="auto"
        Days at the start of the log whose first-time buyers are customers of old, as `summarize` has it.

    Returns
    -------
    Clock
        For ``summarize(log, unit=unit, clock=clock)``.

    Raises
    ------
    DataError
        Naming every fault of the log; a log of less than eight weeks or 50 repeat purchases.

    Examples
    --------
    >>> from crmml.clv import ModifiedBetaGeoNBD, learn_clock
    >>> from crmml.datasets import load_cdnow_sample
    >>> from crmml.transactions import summarize
    >>> log = load_cdnow_sample().query("timestamp < '1997-10-01'")
    >>> clock = learn_clock(log, unit="W", observation_end="1997-09-30")
    >>> summary = summarize(log, unit="W", clock=clock, observation_end="1997-09-30")
    >>> model = ModifiedBetaGeoNBD().fit(summary)
    >>> total = model.total_interval(summary, 39).loc["total"]    # 1,882 were seen in the 39 weeks that followed
    >>> bool(total["lower"] < 1882 < total["upper"])
    True
    """
    check_unit(unit)
    check_flag(yearly, "yearly")
    asked = TimingRequest.read(None, entry_period, "D")
    activity = read_activity(log, customer_id, timestamp, None, observation_end)
    purchases = Purchases.of(activity, asked.entry_period)
    template = ModifiedBetaGeoNBD() if model is None else model
    return purchases.learn(template, unit, yearly)


@dataclass(frozen=True)
class Purchases:
    """Purchase days of a log as counts: who was first seen when, and how much was bought in each bin.

    Attributes
    ----------
    last : int
        Last day observed, counted from the log's first day.
    origin : int
        The log's first day, counted from 1970-01-01.
    entry_days : int
    first, latest, n : ndarray of shape (n_customers,)
        Day of the first and of the last purchase, and purchase days, of each customer.
    edges : ndarray of shape (n_bins + 1,)
        Last day before each bin, and the last day observed.
    counts : ndarray of shape (n_bins,)
        Repeat purchases of each bin; of customers of old all purchases.
    """

    last: int
    origin: int
    entry_days: int
    first: np.ndarray
    latest: np.ndarray
    n: np.ndarray
    edges: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, activity: Activity, entry_period: Any) -> Purchases:
        """Count the purchases of a log.

        Raises
        ------
        DataError
            When there is too little of them to learn a curve from, or nobody is new.
        """
        first = activity.day[activity.offsets[:-1]]
        origin = int(first.min())
        if entry_period == "auto":
            entry = find_entry_period(activity).days
        else:
            entry = check_entry_days(entry_period, (origin, int(first.max()), first.size))
        last = activity.end_day - origin
        weeks = -(-(last + 1) // 7)
        size = 7 * max(1, -(-weeks // MOST_BINS))
        n_bins = -(-(last + 1) // size)
        edges = last - size * np.arange(n_bins, -1, -1)
        who = np.repeat(np.arange(first.size), np.diff(activity.offsets))
        day, begun = activity.day - origin, first[who] - origin
        counted = day[(day > begun) | (begun < entry)]
        counts = np.bincount(np.searchsorted(edges, counted, side="left") - 1, minlength=n_bins).astype(float)
        _refuse_little(weeks, int(counts.sum()))
        latest = activity.day[activity.offsets[1:] - 1] - origin
        return cls(last, origin, entry, first - origin, latest, np.diff(activity.offsets), edges, counts)

    @property
    def bin_days(self) -> int:
        """Length of a bin."""
        return int(self.edges[1] - self.edges[0])

    def learn(self, template: Estimator, unit: str, yearly: bool) -> LearntClock:
        """Fit and learn in turn until the curve rests."""
        level = np.zeros(self.counts.size)
        clock = None
        for _ in range(MOST_ROUNDS):
            expected = self.expected(template, level, unit)
            clock = LearntClock(self.origin + self.last, self.bin_days, self.counts, expected, yearly, self.entry_days)
            curve = clock.process.past()
            curve -= np.log(self.counts.sum() / (self.counts @ np.exp(-curve)))  # an ordinary purchase has multiplier 1
            change, level = float(np.abs(curve - level).max()), curve
            if change < AT_REST:
                break
        assert clock is not None
        return clock

    def expected(self, template: Estimator, level: np.ndarray, unit: str) -> np.ndarray:
        """Purchases of each bin that the model expects of an ordinary one, fitted on the clock of these log multipliers."""
        scale = DAYS_PER_UNIT[unit]
        bins = np.clip((np.arange(self.last + 1) - self.edges[0] - 1) // self.bin_days, 0, level.size - 1)
        running = np.cumsum(np.exp(level)[bins]) / scale
        old = self.first < self.entry_days
        start = np.where(old, 0.0, running[self.first])
        summary = pd.DataFrame(
            {
                "frequency": self.n - ~old,
                "recency": running[self.latest] - start,
                "T": running[-1] - start,
                ENTRY_WINDOW: np.where(old, running[self.entry_days - 1], 0.0) if self.entry_days else 0.0,
            }
        )
        summary.attrs.update(Ruler(unit=unit, period="D").to_metadata())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a flat optimum expects what a sharp one does
            model = clone(template).fit(summary)
        at = np.concatenate([[0.0], running])[np.maximum(self.edges, -1) + 1]
        total = _expected_of_new(model, self.first[~old], running, at, self.edges)
        if old.any():
            total = total + np.count_nonzero(old) * _expected_of_old(model, float(running[self.entry_days - 1]), at)
        return np.maximum(np.diff(total), 0.0) / np.exp(level)


def _expected_of_new(
    model: Estimator, first: np.ndarray, running: np.ndarray, at: np.ndarray, edges: np.ndarray
) -> np.ndarray:
    """Expected repeat purchases of new customers up to each edge."""
    day, number = np.unique(first, return_counts=True)
    since = np.where(edges > day[:, None], at - running[day][:, None], 0.0)
    return number @ np.asarray(model.expected_purchases(np.maximum(since, 0.0)))


def _expected_of_old(model: Estimator, window: float, at: np.ndarray) -> np.ndarray:
    """Expected purchases of a customer of old up to each edge, given at least one within the entry period.

    E[X(t) | X(E) > 0] = (E[X(t)] - P(X(E) = 0) E[X(t) | X(E) = 0]) / P(X(E) > 0), and who has not bought by E is expected to buy
    from then on as a customer with that history.
    """
    columns = np.array([[0.0, 0.0, window, window, 1.0]])
    theta = model._theta(columns)
    options = model._options()
    row = Rows(*columns[:, :3].T)
    none = float(np.exp(model.numerics.log_likelihood(row, theta, **options))[0])
    scalars = [float(np.ravel(value)[0]) for value in theta]
    whole = np.asarray(model.numerics.expectation(at, scalars, **options))
    later = np.array(
        [
            float(np.ravel(model.numerics.conditional_expectation(row, t - window, theta, **options))[0])
            if t > window
            else 0.0
            for t in at
        ]
    )
    return (whole - none * later) / max(1.0 - none, 1e-12)


def _refuse_little(weeks: int, purchases: int) -> None:
    faults = []
    if weeks < LEAST_WEEKS:
        faults.append(
            f"it spans {weeks:,} weeks and a curve needs {LEAST_WEEKS}; give a longer log, or go without a clock"
        )
    if purchases < LEAST_PURCHASES:
        faults.append(
            f"it has {purchases:,} repeat purchases and a curve needs {LEAST_PURCHASES}; give more customers, or go without a clock"
        )
    if faults:
        raise DataError(faults, "the transaction log")
