"""A summary of the calibration period, with what each customer did in the hold-out period that follows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd

from .. import frames
from ..checks import UNIT_WORDS, Faults, check_unit
from ..exceptions import LogWarning, warn
from ..frames import expressions as ex
from ..frames.ruler import Ruler, periods_to_unit
from ..typing import Frame, Moment
from ._further_columns import read_extra
from .clock import Clock
from .log import (
    CUSTOMER,
    TIME,
    VALUE,
    Log,
    late_faults,
    look,
    missing_faults,
    negative_faults,
    raise_if,
    read_columns,
    warn_notes,
)
from .opening import end_text, inclusive_end, naive, purchase_periods, warn_late
from .summary import summary_of
from .timing import TimingRequest


def split_calibration_holdout(
    log: Frame,
    *,
    calibration_end: Moment,
    observation_end: Moment | None = None,
    customer_id: str = "customer_id",
    timestamp: str = "timestamp",
    value: str | None = None,
    period: str = "D",
    unit: str = "D",
    clock: Clock | None = None,
    entry_period: int | str | None = None,
    extra: Sequence[str] = (),
) -> Any:
    """Summarise a log up to ``calibration_end`` and count what followed, up to ``observation_end``.

    Parameters
    ----------
    log : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
    calibration_end : str, date or datetime
        Last instant of calibration, inclusive; a bare date means the whole day. It must end a ``period``.
    observation_end : str, date or datetime, default=None
        Last instant of the hold-out, inclusive; None takes the last purchase in the log. Later purchases are left out
        and counted in a warning.
    customer_id, timestamp, value, period, unit, clock, entry_period, extra
        As in :func:`summarize`; a clock should be learnt from the calibration period alone.

    Returns
    -------
    frame of the log's engine
        The summary of the calibration period (customer_id, frequency, recency, T and with ``value`` monetary_value), and
        frequency_holdout, periods with a purchase in the hold-out; with ``value`` monetary_value_holdout, their mean total,
        0.0 where there is none; duration_holdout in ``unit`` of plain time. Customers who first bought in the
        hold-out are left out and counted in a warning.

    Raises
    ------
    DataError
        Naming every fault at once.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": [1, 1, 1, 2], "timestamp": pd.to_datetime(
    ...     ["2024-01-01", "2024-01-08", "2024-01-22", "2024-01-15"])})
    >>> split_calibration_holdout(log, calibration_end="2024-01-15", observation_end="2024-01-29", unit="W")
       customer_id  frequency  recency    T  frequency_holdout  duration_holdout
    0            1          1      1.0  2.0                  1               2.0
    1            2          0      0.0  0.0                  0               2.0
    """
    request = HoldoutRequest.read(customer_id, timestamp, value, period, unit, calibration_end, observation_end)
    asked = TimingRequest.read(clock, entry_period, period)
    wanted = read_extra(extra, value)
    read = read_columns(log, customer_id, timestamp, value)
    end = _checked_end(read, request)
    middle = request.middle
    before = read.frame.filter(ex.col(TIME) <= ex.lit(middle))
    after = read.frame.filter((ex.col(TIME) > ex.lit(middle)) & (ex.col(TIME) <= ex.lit(end)))
    duration = frames.index_of(pd.Timestamp(end), period) - frames.index_of(pd.Timestamp(middle), period)
    timing = None if asked.is_plain else asked.on(before, log, middle)
    summary = summary_of(before, read.has_value, period, unit, middle, timing, wanted)
    result = _with_holdout(summary, after, read.has_value, period, periods_to_unit(duration, period, unit))
    _warn_of_newcomers(before, after, middle)
    ruler = Ruler(unit=unit, period=period, observation_end=end_text(middle)).merged(
        refunds=frames.get_ruler(log).refunds, **(timing.ruler_fields if timing else {})
    )
    return frames.set_ruler(frames.finished(result, read.frame, order="customer_id"), ruler)


@dataclass(frozen=True)
class HoldoutRequest:
    """The columns of a log, how time is counted, the last instant of calibration and that of the hold-out, if stated."""

    customer_id: str
    timestamp: str
    value: str | None
    period: str
    middle: dt.datetime
    end: dt.datetime | None

    @classmethod
    def read(
        cls,
        customer_id: str,
        timestamp: str,
        value: str | None,
        period: str,
        unit: str,
        calibration_end: Moment,
        observation_end: Moment | None,
    ) -> HoldoutRequest:
        """Read the arguments, or refuse all that cannot be at once.

        Raises
        ------
        DataError
        """
        faults = Faults("the arguments of split_calibration_holdout")
        faults.check(check_unit, period, "period")
        faults.check(check_unit, unit)
        middle = faults.check(inclusive_end, calibration_end)
        end = None if observation_end is None else faults.check(inclusive_end, observation_end)
        faults.refuse()
        return cls(customer_id, timestamp, value, period, cast(dt.datetime, middle), end)


def _checked_end(read: Log, request: HoldoutRequest) -> dt.datetime:
    """Refuse a log or ends with faults, all of them in one message; return the end of the hold-out."""
    middle, end, timestamp, value = request.middle, request.end, request.timestamp, request.value
    extra = {}
    if not read.faults:
        extra["unseen"] = (ex.col(TIME) <= ex.lit(middle)).cast(ex.Int64).sum()
        if end is not None:
            extra["late"] = (ex.col(TIME) > ex.lit(end)).cast(ex.Int64).sum()
    seen = look(read, request.customer_id, timestamp, value, **extra)
    faults = read.faults + missing_faults(seen, request.customer_id, timestamp, value) + negative_faults(seen, value)
    far = late_faults(seen, timestamp) if end is None else []
    if end is None and not far and seen.get("last") is not None:
        end = naive(seen["last"])
    faults += far + _period_faults(middle, end, request.period, seen)
    raise_if(faults)
    assert end is not None
    warn_notes(read)
    warn_late(seen, end)
    return end


def _warn_of_newcomers(before: Any, after: Any, middle: dt.datetime) -> None:
    bought = after.select(CUSTOMER).unique(), before.select(CUSTOMER).unique()
    newcomers = frames.count_rows(bought[0].join(bought[1], on=CUSTOMER, how="anti"))
    if newcomers:
        warn(
            f"{newcomers:,} customers first bought after the calibration end {end_text(middle)} and are left out.",
            LogWarning,
        )


def _with_holdout(summary: Any, after: Any, has_value: bool, period: str, duration: float) -> Any:
    wanted = [ex.len().alias("__n")]
    if has_value:
        wanted.append(ex.col(VALUE).sum().alias("__total"))
    counts = purchase_periods(after, has_value, period).group_by(CUSTOMER).agg(*wanted)
    joined = summary.join(counts, left_on="customer_id", right_on=CUSTOMER, how="left")
    n = ex.when(ex.col("__n").is_null()).then(ex.lit(0)).otherwise(ex.col("__n")).cast(ex.Int64)
    columns = [ex.col(name) for name in summary.collect_schema().names()]
    columns.append(n.alias("frequency_holdout"))
    if has_value:
        mean = ex.col("__total") / ex.col("__n").cast(ex.Float64)
        columns.append(
            ex.when(ex.col("__n").is_null()).then(ex.lit(0.0)).otherwise(mean).alias("monetary_value_holdout")
        )
    return joined.select(*columns).with_columns(ex.lit(float(duration)).alias("duration_holdout"))


def _period_faults(middle: dt.datetime, end: dt.datetime | None, period: str, seen: dict[str, Any]) -> list[str]:
    faults = []
    if "unseen" in seen and seen["rows"] and not seen["unseen"]:
        faults.append(
            f"the calibration end {end_text(middle)} is before the first purchase, {naive(seen['first']):%Y-%m-%d}; give a later one"
        )
    if end is not None and end <= middle:
        faults.append(
            f"the observation end {end_text(end)} is not after the calibration end {end_text(middle)}: nothing is held out"
        )
    moment = pd.Timestamp(middle)
    if frames.index_of(moment + pd.Timedelta(microseconds=1), period) == frames.index_of(moment, period):
        earlier, step = moment.normalize(), pd.Timedelta(days=1)
        while frames.index_of(earlier, period) == frames.index_of(earlier - pd.Timedelta(microseconds=1), period):
            earlier -= step
        earlier -= step
        faults.append(
            f"the calibration end {end_text(middle)} falls within a period of period={period!r} ({UNIT_WORDS[period]}), which "
            f"would be cut in two; end calibration on {earlier:%Y-%m-%d}, or use a shorter period"
        )
    return faults
