"""Columns of a summary that few models read: regularity of timing, and the mean of all purchases, the first included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import frames
from ..checks import Faults, check_choice
from ..frames import expressions as ex
from ..frames.ruler import periods_to_unit
from .log import CUSTOMER
from .opening import PERIOD

#: The sum of the logarithms of the times between a customer's purchases, and that of one purchase.
LOG_GAPS, LOG_GAP = "litt", "__log_gap"
MEAN_PURCHASE = "mean_purchase"
_TIME = "__time_of_period"


def read_extra(extra: Sequence[str], value: str | None) -> tuple[str, ...]:
    """Read the further columns asked for, or refuse all that there are none of at once.

    Raises
    ------
    DataError
    """
    faults = Faults("the further columns of a summary")
    names = (extra,) if isinstance(extra, str) else tuple(extra)
    for name in names:
        faults.check(check_choice, name, "extra", (LOG_GAPS, MEAN_PURCHASE))
    if MEAN_PURCHASE in names and value is None:
        faults.add(f"extra={MEAN_PURCHASE!r} is a mean of amounts; name their column with value=")
    faults.refuse()
    return tuple(dict.fromkeys(names))


def with_log_gaps(buckets: Any, period: str, unit: str, times: Any) -> Any:
    """Add the logarithm of the time since the customer's purchase before, 0 at the first; on a clock where ``times`` gives it."""
    columns = [CUSTOMER, PERIOD]
    if times is None:
        buckets = buckets.with_columns(periods_to_unit(ex.col(PERIOD).cast(ex.Float64), period, unit).alias(_TIME))
    else:
        buckets = buckets.join(times.rename({times.collect_schema().names()[1]: _TIME}), on=PERIOD, how="left")
    before = ex.col(_TIME).shift(1).over(CUSTOMER, order_by=PERIOD)
    gap = ex.col(_TIME) - before
    log = ex.when(gap > 0).then(gap.log()).otherwise(ex.lit(0.0)).alias(LOG_GAP)
    return frames.with_running(buckets, lambda given: given.with_columns(log), needs=[*columns, _TIME], gives=LOG_GAP)


def further_columns(extra: tuple[str, ...]) -> list[Any]:
    """The further columns of grouped customers."""
    columns = []
    if LOG_GAPS in extra:
        columns.append(ex.col(LOG_GAPS))
    if MEAN_PURCHASE in extra:
        columns.append((ex.col("__total") / ex.col("__n").cast(ex.Float64)).alias(MEAN_PURCHASE))
    return columns
