"""Snapshots: customers as they looked at past cutoffs, labelled by what they did in the horizon that followed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults, check_choice, check_count, check_unit
from ..exceptions import DataError, LogWarning, warn
from ..frames import expressions as ex
from ..frames.ruler import Ruler
from ..typing import Frame, Moment
from ._snapshot_events import BASKET, CATEGORY, Events, read_events
from ._snapshot_features import GROUPS, View, view_of
from .log import TIME, YEARS, read_times, with_read_customers
from .opening import end_text, open_log
from .snapshot_data import SnapshotData
from .times import Length, moment_text, to_moment, to_timedelta

#: Groups that are computed where none are named; "history" is for models of stages.
DEFAULT_FEATURES = ("rfm", "trend", "rhythm", "basket", "category", "season")
#: Purchase days from which a customer counts as loyal in the check of the horizon.
LOYAL_FROM = 3
_INSTANT, _DAY = pd.Timedelta(microseconds=1), pd.Timedelta(days=1)


def snapshots(
    log: Frame,
    *,
    cutoffs: Moment | Sequence[Moment],
    horizon: Length,
    unit: str = "D",
    features: Sequence[str | Callable] | str | Callable | None = None,
    eligible: Length | Callable | None = None,
    lookback: Length | None = None,
    n_lags: int = 12,
    customer_id: str = "customer_id",
    timestamp: str = "timestamp",
    value: str | None = None,
    basket: str | None = None,
    category: str | None = None,
    observation_end: Moment | None = None,
    incomplete: str = "raise",
) -> SnapshotData:
    """Describe customers as they looked just before each cutoff, and label what they did in the horizon that followed.

    A customer's features use events strictly before the cutoff; the label uses [cutoff, cutoff + horizon); who is
    eligible is decided at the cutoff. So a row holds what was known when a decision could have been taken, and no more.

    Parameters
    ----------
    log : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
        One row per transaction, or a line of one.
    cutoffs : date or datetime, or a sequence of them
        Moments that features end before, exclusive; a bare date is its midnight.
    horizon : float, timedelta or str
        Length of the label window, a number in ``unit``, or such as "90D".
    unit : {"h", "D", "W", "M", "Y"}, default="D"
        What horizon, lookback and the features' times are counted in.
    features : sequence of str and callables, default=None
        Groups by name; None takes all but "history", as far as the columns they need are named:

        - "rfm": frequency, recency and T as :func:`summarize` has them at the cutoff, time_since_last; with ``value``
          monetary_value and value_per_day, the mean amount of a purchase day;
        - "trend": purchase days in the last window and the one before (NaN for customers who came later), and their
          difference over their sum; with ``value`` the amounts likewise;
        - "rhythm": mean, standard deviation and last of the customer's own gaps between purchases; lateness, the open
          gap over the mean; gaps_exceeded, the share of own gaps the open one has reached;
        - "basket" (needs ``basket``): baskets, lines_per_basket, and value_per_basket;
        - "category" (needs ``category``): distinct categories and the entropy of lines over them, in nats;
        - "season": sine and cosine of the label window's middle in the year, and the customer's purchase days in the same
          window a year before;
        - "history": purchases_lag_1 … purchases_lag_``n_lags``, purchase days window by window, the latest first.

        A callable ``f(log_before_cutoff, cutoff)`` gets the log before the cutoff, with its own columns, and returns a
        frame with the customer column and one row per customer; its other columns join the features.
    eligible : float, timedelta, str or callable, default=None
        Who gets a row: None, everyone who bought before the cutoff; a length of time, who bought within it before the
        cutoff; a callable takes the features of one cutoff as a pandas frame and returns one boolean per row.
    lookback : float, timedelta or str, default=None
        Length of the windows before the cutoff that "trend" and "history" count activity in, rounded to whole days; None
        takes the horizon.
    n_lags : int, default=12
    customer_id, timestamp : str
    value, basket, category : str, default=None
        Columns of amounts (none negative), of what identifies a basket (an invoice), and of the line's category.
    observation_end : date or datetime, default=None
        Last instant observed, inclusive; a bare date means the whole day. None takes the last event (its whole day where
        the log knows days only).
    incomplete : {"raise", "unlabelled"}, default="raise"
        A cutoff whose label window is not over by the end of observation is refused, or its rows come with y NaN, for
        scoring. They are never labelled.

    Returns
    -------
    SnapshotData

    Raises
    ------
    DataError
        Naming every fault: those of the log, cutoffs twice or before the first purchase, label windows not complete.

    Warns
    -----
    LogWarning
        Where the horizon is shorter than the typical time between purchases of customers with at least three, with the
        share of their time in which a loyal customer would be called churned.

    Notes
    -----
    For a gap of length g, a customer who is seen at a random moment in it and is called churned after h without a
    purchase is called so wrongly with probability max(g − h, 0)/g [1]_; over all gaps the share is Σ max(g − h, 0) / Σ g.

    References
    ----------
    .. [1] Cox, D. R. (1962), Renewal Theory, Methuen, section 5.2.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": [1, 1, 1, 2, 2], "timestamp": pd.to_datetime(
    ...     ["2024-01-01", "2024-02-01", "2024-03-10", "2024-01-15", "2024-02-15"])})
    >>> data = snapshots(log, cutoffs=["2024-03-01"], horizon=30, features=["rfm"], observation_end="2024-04-30")
    >>> data.X
       frequency  recency     T  time_since_last
    0          1     31.0  59.0             28.0
    1          1     31.0  45.0             14.0
    >>> data.y, data.customer_id
    (array([0, 1]), array([1, 2]))
    """
    request = SnapshotRequest.read(
        cutoffs=cutoffs,
        horizon=horizon,
        unit=unit,
        features=features,
        eligible=eligible,
        lookback=lookback,
        n_lags=n_lags,
        columns={"basket": basket, "category": category},
        incomplete=incomplete,
    )
    read, end = open_log(log, customer_id, timestamp, value, observation_end)
    if read.renamed_customers:  # so that the caller's own features name customers as the rows do
        log = with_read_customers(read, log, customer_id)
    wanted = {working: name for working, name in ((BASKET, basket), (CATEGORY, category)) if name is not None}
    frames.check_columns(read.frame, list(wanted.values()), "the transaction log")
    if wanted:
        read.frame = read.frame.with_columns(*(ex.col(name).alias(working) for working, name in wanted.items()))
    complete = _check_cutoffs(request, end, read.frame)
    events = read_events(read, request.borders)
    parts = []
    for moment, known in zip(request.moments, complete, strict=True):
        view = request.view(events, moment)
        columns = {name: column for group in request.groups for name, column in GROUPS[group](view).items()}
        for function in request.functions:
            columns |= _own_features(function, log, timestamp, customer_id, moment, events, view, columns)
        keep = request.eligible_rows(view, columns)
        label = _label(events, view, request.rank(moment + request.horizon), known)
        parts.append(
            (moment, view.customer[keep], label[keep], {name: column[keep] for name, column in columns.items()})
        )
    _warn_short_horizon(events, request.rank(request.moments[-1]), request.horizon)
    return _stacked(parts, events, log, request.horizon, unit)


@dataclass(frozen=True)
class SnapshotRequest:
    """What :func:`snapshots` was asked for, read and checked.

    Attributes
    ----------
    moments : tuple of Timestamp
        The cutoffs, increasing.
    horizon, lookback : Timedelta
    unit : str
    groups : tuple of str
        Groups of features.
    functions : tuple of callables
        The caller's own features.
    eligible : callable, Timedelta or None
    n_lags : int
    incomplete : str
    """

    moments: tuple[pd.Timestamp, ...]
    horizon: pd.Timedelta
    lookback: pd.Timedelta
    unit: str
    groups: tuple[str, ...]
    functions: tuple[Callable, ...]
    eligible: Callable | pd.Timedelta | None
    n_lags: int
    incomplete: str

    @classmethod
    def read(
        cls,
        *,
        cutoffs: Any,
        horizon: Any,
        unit: str,
        features: Sequence[str | Callable] | str | Callable | None,
        eligible: Any,
        lookback: Any,
        n_lags: int,
        columns: Mapping[str, str | None],
        incomplete: str,
    ) -> SnapshotRequest:
        """Read the arguments of :func:`snapshots`, or refuse all that cannot be at once.

        Raises
        ------
        DataError
        """
        faults = Faults("the arguments of snapshots")
        if (known := faults.check(check_unit, unit)) is None:
            known = "D"  # so that lengths of time are looked at as well
        faults.check(check_choice, incomplete, "incomplete", ("raise", "unlabelled"))
        lags = faults.check(check_count, n_lags, "n_lags", least=1)
        chosen = _listed(features)
        faults.extend(_feature_faults(chosen, {} if features is None else columns))
        length = faults.check(to_timedelta, horizon, known, "horizon")
        step = length if lookback is None else faults.check(to_timedelta, lookback, known, "lookback")
        if eligible is not None and not callable(eligible):
            eligible = faults.check(to_timedelta, eligible, known, "eligible")
        moments = faults.check(_cutoffs, cutoffs)
        faults.extend(_far_windows(moments or [], length))
        faults.refuse()
        assert moments is not None
        assert length is not None
        assert step is not None
        return cls(
            tuple(moments),
            length,
            step,
            unit,
            tuple(entry for entry in chosen if isinstance(entry, str)),
            tuple(entry for entry in chosen if not isinstance(entry, str)),
            eligible,
            lags or 1,
            incomplete,
        )

    @property
    def borders(self) -> list[pd.Timestamp]:
        """Every cutoff and every end of a label window, increasing: moments that an event is before, or not."""
        return sorted({*self.moments, *(moment + self.horizon for moment in self.moments)})

    def rank(self, moment: pd.Timestamp) -> int:
        """Position of a moment among the borders."""
        return self.borders.index(moment)

    def view(self, events: Events, moment: pd.Timestamp) -> View:
        """Return the rows before a cutoff, with the windows in whole days."""
        lookback, horizon = (max(1, round(span / _DAY)) for span in (self.lookback, self.horizon))
        return view_of(events, moment, self.rank(moment), lookback, horizon, self.unit, self.n_lags)

    def eligible_rows(self, view: View, columns: dict[str, np.ndarray]) -> np.ndarray:
        """Positions of the customers who get a row.

        Raises
        ------
        ValueError
            When the caller's function does not return one boolean per row.
        """
        n = view.customer.size
        if self.eligible is None:
            return np.arange(n)
        if isinstance(self.eligible, pd.Timedelta):
            return np.flatnonzero(view.last_day - view.last_purchase < self.eligible / _DAY)
        mask = np.asarray(self.eligible(pd.DataFrame(columns)))
        if mask.shape != (n,) or mask.dtype != bool:
            raise ValueError(
                f"eligible must return one boolean per row, shape ({n},); it returned {mask.dtype} of shape {mask.shape}."
            )
        return np.flatnonzero(mask)


def _listed(features: Sequence[str | Callable] | str | Callable | None) -> list[Any]:
    if features is None:
        return list(DEFAULT_FEATURES)
    return [features] if isinstance(features, str) or callable(features) else list(features)


def _feature_faults(chosen: list[Any], columns: Mapping[str, str | None]) -> list[str]:
    """What is wrong with features that were asked for, whose columns are those that were named."""
    if not chosen:
        return ["features is empty; name a group, give a callable, or leave it out"]
    groups = [entry for entry in chosen if isinstance(entry, str)]
    faults = []
    if unknown := [entry for entry in groups if entry not in GROUPS]:
        faults.append(
            f"features {', '.join(map(repr, unknown))} are not known; choose from {', '.join(map(repr, GROUPS))}"
        )
    faults += [
        f"features={group!r} needs the column: name it as {group}="
        for group, name in columns.items()
        if group in groups and name is None
    ]
    wrong = [entry for entry in chosen if not isinstance(entry, str) and not callable(entry)]
    faults += [f"features takes names of groups and callables, not {entry!r}" for entry in wrong]
    return faults


def _cutoffs(cutoffs: Any) -> list[pd.Timestamp]:
    if isinstance(cutoffs, (str, dt.date, np.datetime64)):
        cutoffs = [cutoffs]
    if cutoffs is None or not hasattr(cutoffs, "__iter__"):
        raise DataError([f"cutoffs={cutoffs!r} is no moment; write 2024-03-31, or a list"], "the list of cutoffs")
    moments = [to_moment(cutoff) for cutoff in cutoffs]
    if not moments:
        raise DataError(["cutoffs: there is none; give at least one moment"], "the list of cutoffs")
    if twice := sorted({moment for moment in moments if moments.count(moment) > 1}):
        raise DataError(
            [f"{moment_text(moment)} is there twice; give each cutoff once" for moment in twice], "the list of cutoffs"
        )
    return sorted(moments)


def _far_windows(moments: list[pd.Timestamp], horizon: pd.Timedelta | None) -> list[str]:
    """Faults of label windows that end after the years that can be counted."""
    end = pd.Timestamp(YEARS[1], 12, 31)
    return [
        f"the label window of cutoff {moment_text(moment)} ends after the year {YEARS[1]}; give a shorter horizon"
        for moment in moments
        if horizon is not None and horizon > end - moment
    ]


def _check_cutoffs(request: SnapshotRequest, end: dt.datetime, frame: Any) -> list[bool]:
    """Refuse cutoffs that cannot be used; say for each whether its label window is complete."""
    moments, horizon = request.moments, request.horizon
    open_end = pd.Timestamp(end) + _INSTANT
    last = (open_end - horizon).floor("s")
    complete = [moment + horizon <= open_end for moment in moments]
    first = pd.Timestamp(frames.collected(frame.select(ex.col(TIME).min().alias("first")))["first"][0])
    first = first.tz_localize(None) if first.tzinfo is not None else first
    faults = [
        f"the cutoff {moment_text(moment)} is not after the first purchase, {first:%Y-%m-%d}: there is nothing to "
        "describe; give a later one"
        for moment in moments
        if moment <= first
    ]
    if request.incomplete == "raise":
        faults += [
            f"the label window of cutoff {moment_text(moment)} runs to {moment_text(moment + horizon)}, past the end of observation "
            f"{end_text(end)}; the last cutoff with a complete one is {moment_text(last)}. Give an earlier cutoff or a "
            "shorter horizon, or incomplete='unlabelled' to score rows without a label"
            for moment, done in zip(moments, complete, strict=True)
            if not done
        ]
    if faults:
        raise DataError(faults, "the list of cutoffs")
    return complete


def _label(events: Events, view: View, stop: int, known: bool) -> np.ndarray:
    """1 where there is no row between the cutoff and the end of the label window; NaN where that is not known."""
    if not known:
        return np.full(view.customer.size, np.nan)
    bought = np.zeros(events.n_customers, dtype=bool)
    bought[events.who[(events.segment > view.rank) & (events.segment <= stop)]] = True
    return 1.0 - bought[view.customer]


def _own_features(
    function: Callable,
    log: Any,
    timestamp: str,
    customer_id: str,
    moment: pd.Timestamp,
    events: Events,
    view: View,
    there: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Columns that a caller's function computes from the log before the cutoff; NaN for customers it leaves out."""
    name = getattr(function, "__name__", type(function).__name__)
    before = log_before(log, timestamp, moment)
    given = function(before, moment)
    if not frames.is_frame(given):
        raise TypeError(
            f"the features' function {name} returned {type(given).__name__}; return a frame with {customer_id!r}."
        )
    table = frames.collected(frames.wrap(given)).to_pandas()
    frames.check_names([customer_id], list(table.columns), f"the frame that {name} returned")
    faults = [f"column {column!r} is there already; name it otherwise" for column in table if column in there]
    if table[customer_id].duplicated().any():
        faults.append(
            f"{int(table[customer_id].duplicated().sum()):,} customers have more than one row; return one row each"
        )
    ids = pd.Index(events.ids[view.customer].to_pandas())
    if len(table) and len(ids) and not table[customer_id].isin(ids).any():
        faults.append(f"no {customer_id!r} of it is one of the log's; return them as they are there, of the same type")
    if faults:
        raise DataError(faults, f"the frame that {name} returned")
    own = table.set_index(customer_id).reindex(ids)
    return {str(column): own[column].to_numpy() for column in own}


def log_before(log: Frame, timestamp: str, moment: pd.Timestamp) -> Any:
    """The rows of a log strictly before a moment, with the log's own columns, in its engine."""
    names = frames.wrap(log).collect_schema().names()
    before = (
        read_times(log, timestamp).filter(ex.col(TIME) < ex.lit(moment.to_pydatetime())).select(*map(ex.col, names))
    )
    return frames.unwrap(before)


def _warn_short_horizon(events: Events, rank: int, horizon: pd.Timedelta) -> None:
    """Warn where loyal customers' typical gap is longer than the horizon; only events before the last cutoff are used."""
    used = events.new_day & (events.segment <= rank)
    n_days = np.bincount(events.who[used], minlength=events.n_customers)
    loyal = n_days >= LOYAL_FROM
    gaps = events.gap[used & (events.gap > 0) & loyal[events.who]].astype(np.float64)
    if not gaps.size:
        return
    total = np.bincount(events.who[used], weights=events.gap[used], minlength=events.n_customers)[loyal]
    typical = float(np.median(total / (n_days[loyal] - 1)))
    days = horizon / pd.Timedelta(days=1)
    if days < typical:
        share = np.maximum(gaps - days, 0).sum() / gaps.sum()
        warn(
            f"The horizon of {days:g} days is shorter than the typical time between purchases, {typical:.0f} days (median over "
            f"{int(loyal.sum()):,} customers with at least {LOYAL_FROM} purchase days): it would call a loyal customer churned "
            f"{share:.0%} of the time. Give a horizon of at least {int(np.ceil(typical))} days, or read y as 'no purchase "
            "soon' rather than churn.",
            LogWarning,
        )


def _stacked(parts: list, events: Events, log: Any, horizon: pd.Timedelta, unit: str) -> SnapshotData:
    """All cutoffs below each other, in the engine of the log."""
    names = list(parts[0][3])
    customer = np.concatenate([part[1] for part in parts])
    y = np.concatenate([part[2] for part in parts])
    cutoff = np.repeat(
        np.asarray([part[0] for part in parts], dtype="datetime64[us]"), [part[1].size for part in parts]
    )
    columns = {name: np.concatenate([part[3][name] for part in parts]) for name in names}
    if not customer.size:
        raise DataError(["no customer is eligible at any cutoff; widen eligible="], "the snapshots")
    X = frames.set_ruler(
        frames.from_columns(columns, log), Ruler(unit=unit, period="D", refunds=frames.get_ruler(log).refunds)
    )
    if not np.isnan(y).any():
        y = y.astype(np.int64)
    return SnapshotData(X, y, cutoff, events.ids.to_numpy()[customer], horizon)
