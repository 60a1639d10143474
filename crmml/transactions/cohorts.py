"""Retention and value by acquisition cohort: the first table anyone in this trade draws."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults, check_choice, check_coverage
from ..exceptions import DataError
from ..frames import expressions as ex
from ..inference import student_interval, wilson_interval
from ..typing import Frame, Moment
from .activity import PERIODS
from .log import CUSTOMER, TIME, VALUE
from .opening import open_log

_PERIOD, _COHORT, _SQUARE, _TOTAL = "__period", "__cohort", "__square", "__total"


def cohorts(
    log: Frame,
    *,
    period: str = "M",
    customer_id: str = "customer_id",
    timestamp: str = "timestamp",
    value: str | None = None,
    observation_end: Moment | None = None,
    coverage: float = 0.9,
) -> Any:
    r"""Share of each acquisition cohort that buys again, and what it spends, period by period.

    A customer's cohort is the period of the first purchase, age 0. A cell (cohort, age) that observation has not reached, or has
    reached only in part, is missing, never 0.

    Parameters
    ----------
    log : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
    period : {"D", "W", "M", "Y"}, default="M"
        Of the calendar; weeks begin on Monday. A log that begins within a period has a first cohort of part of one.
    customer_id, timestamp : str
    value : str, default=None
        Amount of a transaction, in one currency.
    observation_end : date or datetime, default=None
        A bare date stands for its whole day; None takes the last event.
    coverage : float, default=0.9
        Of the intervals: Wilson's for retention, Student's for value (not below 0), the cohort being looked at as a sample of
        the customers that such a period brings. Student's is too short where a cell has few buyers of very unequal amounts:
        of lognormal ones (sigma 1) its 90 % cover about 73, 74, 84 and 86 % with 2, 5, 20 and 50 buyers to be expected, and
        it is nearly always the upper bound that is too low.

    Returns
    -------
    frame of the engine of ``log``
        One row for each cohort and age: cohort (first day), age, customers (of the cohort), active (who bought), retention
        (active / customers); with ``value`` also value (of the whole cohort in that period) and cumulative_value (per customer
        of the cohort, up to and including that age). Each of the three is followed by its bounds, such as retention_lower and
        retention_upper: those of age 0 are 1, since all of a cohort bought then; those of value are missing for a cohort of
        one customer, and value's own also where nobody bought, since nothing tells how much one more buyer would spend.

    Raises
    ------
    DataError
        Naming every fault of the log, or when no period is complete.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": [1, 1, 2, 3], "timestamp": pd.to_datetime(
    ...     ["2024-01-05", "2024-02-10", "2024-01-20", "2024-02-01"]), "value": [10.0, 5.0, 20.0, 7.0]})
    >>> table = cohorts(log, value="value", observation_end="2024-02-29")
    >>> table[["cohort", "age", "customers", "active", "retention", "cumulative_value"]]
          cohort  age  customers  active  retention  cumulative_value
    0 2024-01-01    0          2     2.0        1.0              15.0
    1 2024-01-01    1          2     1.0        0.5              17.5
    2 2024-02-01    0          1     1.0        1.0               7.0
    3 2024-02-01    1          1     NaN        NaN               NaN
    """
    faults = Faults("the arguments of cohorts")
    faults.check(check_choice, period, "period", PERIODS)
    faults.check(check_coverage, coverage)
    faults.refuse()
    read, end = open_log(log, customer_id, timestamp, value, observation_end)
    cells = _cells(read.frame, read.has_value, period)
    table = _rectangle(cells, _last_complete(cells, end, period), read.has_value)
    columns = {name: table[name].to_numpy() for name in ("cohort", "age", "customers", "active")}
    bounds = wilson_interval(table["retention"], table["customers"], coverage=coverage)
    by_definition = table["age"].to_numpy() == 0
    columns |= _bounds("retention", table["retention"], [np.where(by_definition, 1.0, bound) for bound in bounds])
    if read.has_value:
        columns |= _money(table, coverage)
    columns["cohort"] = frames.first_day_of(columns["cohort"], period).astype("datetime64[D]")
    return frames.from_columns(columns, log)


def _last_complete(cells: pd.DataFrame, end: dt.datetime, period: str) -> int:
    """The last period that is over with the observation, or a refusal of a log that none of is."""
    last = frames.last_complete(end, period)
    if last < int(cells["cohort"].min()):
        raise DataError(
            [f"no period of {period!r} is complete by the end of observation {end:%Y-%m-%d}; take a shorter period"],
            "the transaction log",
        )
    return last


def _cells(frame: Any, has_value: bool, period: str) -> pd.DataFrame:
    """Active customers, and their value, of each cohort and age that has any: a small table."""
    index = frames.period_index(ex.col(TIME), period, frame).alias(_PERIOD)
    picked = frames.optimised(frame).select(ex.col(CUSTOMER), index, *([ex.col(VALUE)] if has_value else []))
    sums: list[ex.Expr] = []
    if has_value:
        bought = picked.group_by(CUSTOMER, _PERIOD).agg(ex.col(VALUE).sum())
        total = ex.col(VALUE).cum_sum().over(CUSTOMER, order_by=_PERIOD).alias(_TOTAL)
        bought = frames.with_running(
            bought, lambda given: given.with_columns(total), needs=[CUSTOMER, _PERIOD, VALUE], gives=_TOTAL
        )
        # squares of a customer's total so far, as they grow from one period with purchases to the next: they add up over ages
        bought = bought.with_columns(
            (ex.col(VALUE) * ex.col(VALUE)).alias(_SQUARE),
            (ex.col(VALUE) * (2 * ex.col(_TOTAL) - ex.col(VALUE))).alias(_TOTAL),
        )
        sums = [ex.col(VALUE, _SQUARE, _TOTAL).sum()]
    else:
        bought = picked.unique()
    first = bought.group_by(CUSTOMER).agg(ex.col(_PERIOD).min().alias(_COHORT))
    joined: Any = bought.join(first, on=CUSTOMER, how="inner")  # type: ignore[arg-type]
    cells = joined.group_by(_COHORT, _PERIOD).agg(ex.len().alias("active"), *sums)
    table = frames.collected(cells).to_pandas()
    table["age"] = (table[_PERIOD] - table[_COHORT]).astype("int64")
    return table.rename(columns={_COHORT: "cohort", VALUE: "value"}).astype({"cohort": "int64"}).drop(columns=_PERIOD)


def _rectangle(cells: pd.DataFrame, last: int, has_value: bool) -> pd.DataFrame:
    """Every cohort at every age up to the oldest seen, with what was not observed missing."""
    sizes = cells[cells["age"] == 0].set_index("cohort")["active"]
    sizes = sizes[sizes.index <= last].sort_index()
    ages = np.arange(last - int(sizes.index[0]) + 1)
    table = pd.MultiIndex.from_product([sizes.index, ages], names=["cohort", "age"]).to_frame(index=False)
    table["customers"] = table["cohort"].map(sizes).astype("int64")
    table = table.merge(cells, on=["cohort", "age"], how="left")
    seen = table["cohort"] + table["age"] <= last
    amounts = ["value", _SQUARE, _TOTAL] if has_value else []
    for name in ("active", *amounts):
        table[name] = table[name].fillna(0.0).where(seen).astype("float64")
    table["retention"] = table["active"] / table["customers"]
    return table


def _money(table: pd.DataFrame, coverage: float) -> dict[str, np.ndarray]:
    """Value of each cell and value so far per customer, with their bounds."""
    n = table["customers"].to_numpy()
    so_far = table.groupby("cohort")[["value", _TOTAL]].cumsum()
    of_cell = student_interval(table["value"], table[_SQUARE], n, coverage=coverage)
    until = student_interval(so_far["value"], so_far[_TOTAL], n, coverage=coverage)
    of_cell, until = [
        (np.maximum(lower, 0.0), upper) for lower, upper in (of_cell, until)
    ]  # the log has no negative value
    bought = np.where(table["active"] > 0, n, np.nan)
    return _bounds("value", table["value"], [bought * bound for bound in of_cell]) | _bounds(
        "cumulative_value", so_far["value"] / n, until
    )


def _bounds(name: str, column: pd.Series, bounds: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    return {name: column.to_numpy(), f"{name}_lower": bounds[0], f"{name}_upper": bounds[1]}
