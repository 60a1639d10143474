"""From a transaction log to a summary: one row per customer, computed inside the engine the log is in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pandas as pd

from .. import frames
from ..checks import check_unit
from ..frames import expressions as ex
from ..frames.ruler import Ruler, periods_to_unit
from ..typing import Frame, Moment
from ._further_columns import LOG_GAP, LOG_GAPS, further_columns, read_extra, with_log_gaps
from .clock import Clock
from .log import CUSTOMER, TIME, VALUE, look, read_columns, warn_notes
from .opening import PERIOD, check_log, end_text, inclusive_end, purchase_periods, warn_late, warn_merged
from .timing import Timing, TimingRequest


def summarize(
    log: Frame,
    *,
    customer_id: str = "customer_id",
    timestamp: str = "timestamp",
    value: str | None = None,
    period: str = "D",
    unit: str = "D",
    observation_end: Moment | None = None,
    clock: Clock | None = None,
    entry_period: int | str | None = None,
    extra: Sequence[str] = (),
) -> Any:
    """Summarise a transaction log to one row per customer.

    Parameters
    ----------
    log : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
        One row per transaction.
    customer_id, timestamp : str
        Its columns. Timestamps are dates or times, or text in ISO 8601; times with a zone count by their own wall clock.
    value : str, default=None
        The column of amounts, none of them negative (:func:`clean` deals with refunds).
    period : {"h", "D", "W", "M", "Y"}, default="D"
        Purchases within one hour, day, week from Monday, calendar month or year count as one.
    unit : {"h", "D", "W", "M", "Y"}, default="D"
        What recency and T are counted in: hours, days, weeks, months of 365.25/12 days, years of 365.25 days.
    observation_end : str, date or datetime, default=None
        Last instant observed, inclusive; a bare date, or midnight, means the whole day. None takes the last purchase in the log. Later
        purchases are left out and counted in a warning.
    clock : Clock, default=None
        Count recency and T on it, with ``period="D"``: a curve of the calendar that is known, or that
        `crmml.clv.learn_clock` learnt. None is plain time.
    entry_period : int or "auto", default=None
        Days at the start of the log whose first-time buyers are customers of old, acquired before it: their time counts from the
        log's start, all their purchases are repeat purchases, and a column entry_window tells them (the length of the entry
        period, in ``unit`` on the clock; 0 for new customers). "auto" chooses it by the rule of `EntryPeriod`; None takes that
        of a learnt clock, else 0.
    extra : sequence of {"litt", "mean_purchase"}, default=()
        Further columns: litt, the sum of the logarithms of the times between a customer's purchases, which tells regular timing
        from random (`crmml.clv.BetaGeoCNBD`); mean_purchase, with ``value``, the mean total of all periods with a purchase, the
        first included.

    Returns
    -------
    frame of the log's engine
        customer_id; frequency, periods with a purchase less one; recency, from the first to the last of them, and T,
        from the first to the period of ``observation_end``, both in ``unit``; with ``value`` also monetary_value, the
        mean total of the repeat periods, 0.0 at frequency 0. Eager frames are sorted by customer_id. pandas and
        pyarrow frames carry the ruler: unit, period, observation end.

    Raises
    ------
    DataError
        Naming every fault at once: missing columns, missing or unreadable entries, negative amounts, an empty log, an
        end before the first purchase.

    Warns
    -----
    LogWarning
        With the number of purchases after ``observation_end``, and of days that a period coarser than a day merges.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": [1, 1, 1, 2], "timestamp": pd.to_datetime(
    ...     ["2024-01-01", "2024-01-08", "2024-01-22", "2024-01-15"]), "value": [5.0, 7.0, 9.0, 4.0]})
    >>> summarize(log, value="value", unit="W", observation_end="2024-01-29")
       customer_id  frequency  recency    T  monetary_value
    0            1          2      3.0  4.0             8.0
    1            2          0      0.0  2.0             0.0
    """
    check_unit(period, "period")
    check_unit(unit, "unit")
    asked = TimingRequest.read(clock, entry_period, period)
    wanted = read_extra(extra, value)
    read = read_columns(log, customer_id, timestamp, value)
    end = None if observation_end is None else inclusive_end(observation_end)
    late = {"late": (ex.col(TIME) > ex.lit(end)).cast(ex.Int64).sum()} if end is not None and not read.faults else {}
    seen = look(read, customer_id, timestamp, value, **late)
    end = check_log(read, seen, end, customer_id, timestamp, value)
    warn_notes(read)
    warn_late(seen, end)
    frame = read.frame.filter(ex.col(TIME) <= ex.lit(end)) if seen.get("late") else read.frame
    if period in ("W", "M", "Y"):
        warn_merged(frame, period)
    timing = None if asked.is_plain else asked.on(frame, log, end)
    result = summary_of(frames.optimised(frame), read.has_value, period, unit, end, timing, wanted)
    ruler = Ruler(unit=unit, period=period, observation_end=end_text(end)).merged(
        refunds=frames.get_ruler(log).refunds, **(timing.ruler_fields if timing else {})
    )
    return frames.set_ruler(frames.finished(result, frame, order="customer_id"), ruler)


def summary_of(
    frame: Any,
    has_value: bool,
    period: str,
    unit: str,
    end: dt.datetime,
    timing: Timing | None = None,
    extra: tuple[str, ...] = (),
) -> Any:
    """The summary query itself, on a wrapped frame with the working columns; in plain time unless a timing is given."""
    last = frames.index_of(pd.Timestamp(end), period)
    buckets = purchase_periods(frame, has_value, period)
    wanted = [
        ex.len().alias("__n"),
        ex.col(PERIOD).min().alias("__first"),
        ex.col(PERIOD).max().alias("__last"),
    ]
    if LOG_GAPS in extra:
        times = None if timing is None else timing.times_of(frames.unwrap(frame), unit)
        buckets = with_log_gaps(buckets, period, unit, times)
        wanted.append(ex.col(LOG_GAP).sum().alias(LOG_GAPS))
    if has_value:
        first = ex.col(PERIOD).min().over(CUSTOMER)
        buckets = buckets.with_columns(
            ex.when(ex.col(PERIOD) > first).then(ex.col(VALUE)).otherwise(ex.lit(0.0)).alias("__repeat")
        )
        wanted += [ex.col("__repeat").sum().alias("__repeat"), ex.col(VALUE).sum().alias("__total")]
    customers = buckets.group_by(CUSTOMER).agg(*wanted)
    further = further_columns(extra)
    if timing is not None:
        return timing.columns(customers, frames.unwrap(frame), unit, has_value, further)
    columns = [
        ex.col(CUSTOMER).alias("customer_id"),
        (ex.col("__n").cast(ex.Int64) - 1).alias("frequency"),
        periods_to_unit((ex.col("__last") - ex.col("__first")).cast(ex.Float64), period, unit).alias("recency"),
        periods_to_unit((last - ex.col("__first")).cast(ex.Float64), period, unit).alias("T"),
    ]
    if has_value:
        repeats = ex.when(ex.col("__n") > 1).then(ex.col("__n").cast(ex.Float64) - 1.0).otherwise(ex.lit(1.0))
        columns.append((ex.col("__repeat") / repeats).alias("monetary_value"))
    return customers.select(*columns, *further)
