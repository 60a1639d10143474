"""Features of customers at one cutoff, from the rows before it and nothing else. Pure numpy.

Every sum runs over a customer's own rows up to the cutoff, so that not a bit of a feature depends on what came later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import xlogy

from ..frames.ruler import periods_to_unit
from ._snapshot_events import Events

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class View:
    """What the features of one cutoff are computed from.

    Attributes
    ----------
    events : Events
    moment : Timestamp
        The cutoff, exclusive.
    rank : int
        Position of the cutoff among the moments.
    lookback, horizon : int
        Whole days of the windows that activity is counted in, and of the label window.
    unit : str
    n_lags : int
    customer : ndarray of int
        The customers with a row before the cutoff.
    start, stop : ndarrays of int
        Their rows before it.
    """

    events: Events
    moment: pd.Timestamp
    rank: int
    lookback: int
    horizon: int
    unit: str
    n_lags: int
    customer: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    @property
    def last_day(self) -> int:
        """The last day that the cutoff leaves open, wholly or in part."""
        instant = self.moment - pd.Timedelta(microseconds=1)
        return (instant.normalize() - pd.Timestamp(0)).days

    @property
    def first_purchase(self) -> np.ndarray:
        return self.events.day[self.start].astype(np.int64)

    @property
    def last_purchase(self) -> np.ndarray:
        return self.events.day[self.stop - 1].astype(np.int64)

    def total(self, values: np.ndarray, since: int | None = None, until: int | None = None) -> np.ndarray:
        """Sum over each customer's rows before the cutoff, of days ``since`` to ``until``, both inclusive."""
        start, stop = self.start, self.stop
        if since is not None:
            start = np.maximum(self.stop - self._after(since), start)
        if until is not None:
            stop = np.maximum(self.stop - self._after(until + 1), start)
        return segment_sums(values, start, stop)

    def _after(self, day: int) -> np.ndarray:
        """Number of each customer's rows before the cutoff, on or after a day."""
        events = self.events
        late = (events.day >= day) & (events.segment <= self.rank)
        return np.bincount(events.who[late], minlength=events.n_customers)[self.customer]


def view_of(
    events: Events, moment: pd.Timestamp, rank: int, lookback: int, horizon: int, unit: str, n_lags: int
) -> View:
    """Lay out the rows before a cutoff."""
    before = np.bincount(events.who[events.segment <= rank], minlength=events.n_customers)
    customer = np.flatnonzero(before)
    start = events.start[customer]
    return View(events, moment, rank, lookback, horizon, unit, n_lags, customer, start, start + before[customer])


def segment_sums(values: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Sum of ``values[start:stop]`` for each pair; 0 for an empty one. The segments follow each other without overlap."""
    sums = np.zeros(start.size, dtype=np.result_type(values.dtype, np.int64))
    some = stop > start
    if some.any():
        edges = np.stack([start[some], stop[some]], axis=1).ravel()
        padded = np.append(values, values.dtype.type(0)) if edges[-1] == values.size else values
        sums[some] = np.add.reduceat(padded, edges, dtype=sums.dtype)[::2]
    return sums


def recency_frequency_monetary(view: View) -> dict[str, np.ndarray]:
    """The summary that models of lifetime value take, as :func:`crmml.transactions.summarize` makes it."""
    n_days = view.total(view.events.new_day)
    first, last = view.first_purchase, view.last_purchase
    columns = {
        "frequency": n_days - 1,
        "recency": periods_to_unit((last - first).astype(np.float64), "D", view.unit),
        "T": periods_to_unit((view.last_day - first).astype(np.float64), "D", view.unit),
        "time_since_last": periods_to_unit((view.last_day - last).astype(np.float64), "D", view.unit),
    }
    if view.events.value is not None:
        total = view.total(view.events.value)
        on_first = segment_sums(
            view.events.value, view.start, np.minimum(view.start + _rows_of_first_day(view), view.stop)
        )
        repeats = np.maximum(n_days - 1, 1)
        columns["monetary_value"] = np.where(n_days > 1, (total - on_first) / repeats, 0.0)
        columns["value_per_day"] = total / n_days
    return columns


def _rows_of_first_day(view: View) -> np.ndarray:
    """Rows of each customer's first day: more than one only where moments cut it."""
    events = view.events
    same = events.day == events.day[events.start][events.who]
    return np.bincount(events.who[same], minlength=events.n_customers)[view.customer]


def trend(view: View) -> dict[str, np.ndarray]:
    """Activity in the last window before the cutoff against the window before that."""
    borders = view.last_day - view.lookback, view.last_day - 2 * view.lookback
    observed = view.first_purchase <= borders[0]
    columns = {}
    for name, values in (("purchases", view.events.new_day), ("value", view.events.value)):
        if values is None:
            continue
        late = view.total(values, since=borders[0] + 1)
        early = np.where(observed, view.total(values, since=borders[1] + 1, until=borders[0]), np.nan)
        columns[f"{name}_last_window"] = late
        columns[f"{name}_window_before"] = early
        both = late + early
        columns[f"{name}_trend"] = np.where(both == 0, 0.0, (late - early) / np.where(both == 0, 1, both))
    return columns


def rhythm(view: View) -> dict[str, np.ndarray]:
    """The customer's own rhythm of purchases, and how late the next one is by it."""
    events, n_gaps = view.events, view.total(view.events.new_day) - 1
    open_gap = (view.last_day - view.last_purchase).astype(np.float64)
    own = np.where(events.new_day, events.gap, 0)
    span = (view.last_purchase - view.first_purchase).astype(np.float64)
    some, several = n_gaps > 0, n_gaps > 1
    mean = np.where(some, span / np.maximum(n_gaps, 1), np.nan)
    squares = view.total(own * own)
    variance = (squares - span**2 / np.maximum(n_gaps, 1)) / np.maximum(n_gaps - 1, 1)
    waited = np.zeros(events.n_customers)
    waited[view.customer] = open_gap
    shorter = view.total(events.new_day & (events.gap > 0) & (events.gap <= waited[events.who]))
    columns = {
        "gap_mean": mean,
        "gap_sd": np.where(several, np.sqrt(np.maximum(variance, 0.0)), np.nan),
        "gap_last": np.where(some, events.gap[view.stop - 1], np.nan),
    }
    columns = {name: periods_to_unit(gap, "D", view.unit) for name, gap in columns.items()}
    columns["lateness"] = open_gap / mean
    columns["gaps_exceeded"] = np.where(some, shorter / np.maximum(n_gaps, 1), np.nan)
    return columns


def basket(view: View) -> dict[str, np.ndarray]:
    """Size of baskets."""
    events = view.events
    if events.baskets is None or events.lines is None:
        return {}
    n = view.total(events.baskets)
    columns = {"baskets": n, "lines_per_basket": view.total(events.lines) / np.maximum(n, 1)}
    if events.value is not None:
        columns["value_per_basket"] = view.total(events.value) / np.maximum(n, 1)
    return columns


def category(view: View) -> dict[str, np.ndarray]:
    """How many categories, and how evenly lines spread over them: Shannon's entropy in nats."""
    table = view.events.by_category
    if table is None:
        return {}
    before = table.segment <= view.rank
    lines = np.bincount(table.group[before], weights=table.lines[before], minlength=table.customer.size)

    def per_customer(weights: np.ndarray) -> np.ndarray:
        return np.bincount(table.customer, weights=weights, minlength=view.events.n_customers)[view.customer]

    n = per_customer(lines)
    entropy = np.log(np.maximum(n, 1)) - per_customer(xlogy(lines, lines)) / np.maximum(n, 1)
    return {
        "categories": per_customer((lines > 0).astype(np.float64)),
        "category_entropy": np.where(n > 0, np.maximum(entropy, 0.0), np.nan),
    }


def season(view: View) -> dict[str, np.ndarray]:
    """Time of year of the label window, and the customer's purchases in the same window a year before."""
    middle = view.moment + pd.Timedelta(days=view.horizon / 2)
    angle = 2 * np.pi * (middle.day_of_year - 0.5) / DAYS_PER_YEAR
    n = view.customer.size
    a_year_ago = view.moment - pd.DateOffset(years=1)
    first = (a_year_ago.normalize() - pd.Timestamp(0)).days
    until = min(first + view.horizon - 1, view.last_day)
    purchases = view.total(view.events.new_day, since=first, until=until)
    return {
        "season_sin": np.full(n, np.sin(angle)),
        "season_cos": np.full(n, np.cos(angle)),
        "purchases_same_season": np.where(view.first_purchase <= until, purchases, np.nan),
    }


def history(view: View) -> dict[str, np.ndarray]:
    """Purchase days in each of the windows before the cutoff, the most recent first; NaN before the first purchase."""
    columns = {}
    for lag in range(1, view.n_lags + 1):
        until, since = view.last_day - (lag - 1) * view.lookback, view.last_day - lag * view.lookback + 1
        counts = view.total(view.events.new_day, since=since, until=until)
        columns[f"purchases_lag_{lag}"] = np.where(view.first_purchase <= until, counts, np.nan)
    return columns


#: The groups of features by name, in the order of their columns.
GROUPS: dict[str, Callable[[View], dict[str, np.ndarray]]] = {
    "rfm": recency_frequency_monetary,
    "trend": trend,
    "rhythm": rhythm,
    "basket": basket,
    "category": category,
    "season": season,
    "history": history,
}
