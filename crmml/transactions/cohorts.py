"""Retention and value by acquisition cohort: the first table anyone in this trade draws."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from .. import frames
from ..exceptions import DataError
from ..inference import wilson_interval
from ..ruler import check_unit
from ._log import CUSTOMER, TIME, VALUE
from ._opening import open_log

_PERIOD, _COHORT = "__period", "__cohort"


def cohorts(
    log: Any,
    *,
    period: str = "M",
    customer_id: str = "customer_id",
    timestamp: str = "timestamp",
    value: str | None = None,
    observation_end: Any = None,
    coverage: float = 0.9,
) -> Any:
    r"""Share of each acquisition cohort that buys again, and what it spends, period by period.

    A customer's cohort is the period of the first purchase, age 0. A cell (cohort, age) that observation has not reached, or has
    reached only in part, is missing, never 0.

    Parameters
    ----------
    log : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
    period : {"D", "W", "M", "Y"}, default="M"
        Of the calendar; weeks begin on Monday.
    customer_id, timestamp : str
    value : str, default=None
        Amount of a transaction, in one currency.
    observation_end : date or datetime, default=None
        A bare date stands for its whole day; None takes the last event.
    coverage : float, default=0.9
        Of Wilson's interval of the retention.

    Returns
    -------
    frame of the engine of ``log``
        One row for each cohort and age: cohort (first day), age, customers (of the cohort), active (who bought), retention
        (active / customers) with retention_low and retention_high; with ``value`` also value (of that period) and
        cumulative_value (per customer of the cohort, up to and including that age).

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
    check_unit(period, "period")
    if period == "h":
        raise ValueError("period='h' is not for cohorts; take 'D', 'W', 'M' or 'Y'.")
    if not 0 < coverage < 1:
        raise ValueError(f"coverage={coverage!r} must lie between 0 and 1.")
    read, end = open_log(log, customer_id, timestamp, value, observation_end)
    cells = _cells(read.frame, read.has_value, period)
    first, last = int(cells["cohort"].min()), frames.last_complete(end, period)
    sizes = cells[cells["age"] == 0].set_index("cohort")["active"]
    if last < first:
        raise DataError(
            [f"no period of {period!r} is complete by the end of observation {end:%Y-%m-%d}; take a shorter period"],
            "the transaction log",
        )
    table = _rectangle(cells, sizes, last, read.has_value)
    low, high = wilson_interval(table["retention"], table["customers"], coverage=coverage)
    at = list(table.columns).index("retention") + 1
    table.insert(at, "retention_low", low)
    table.insert(at + 1, "retention_high", high)
    columns = {str(name): table[name].to_numpy() for name in table}
    columns["cohort"] = frames.first_day_of(columns["cohort"], period).astype("datetime64[D]")
    return frames.from_columns(columns, log)


def _cells(frame: Any, has_value: bool, period: str) -> pd.DataFrame:
    """Active customers, and their value, of each cohort and age that has any: a small table."""
    index = frames.period_index(nw.col(TIME), period, frame.implementation).alias(_PERIOD)
    picked = frames.optimised(frame).select(nw.col(CUSTOMER), index, *([nw.col(VALUE)] if has_value else []))
    amounts = [nw.col(VALUE).sum()] if has_value else []
    bought = picked.group_by(CUSTOMER, _PERIOD).agg(*amounts) if has_value else picked.unique()
    first = bought.group_by(CUSTOMER).agg(nw.col(_PERIOD).min().alias(_COHORT))
    joined: Any = bought.join(first, on=CUSTOMER, how="inner")  # type: ignore[arg-type]
    cells = joined.group_by(_COHORT, _PERIOD).agg(nw.len().alias("active"), *amounts)
    table = frames.collected(cells).to_pandas()
    table["age"] = (table[_PERIOD] - table[_COHORT]).astype("int64")
    return table.rename(columns={_COHORT: "cohort", VALUE: "value"}).astype({"cohort": "int64"}).drop(columns=_PERIOD)


def _rectangle(cells: pd.DataFrame, sizes: pd.Series, last: int, has_value: bool) -> pd.DataFrame:
    """Every cohort at every age up to the oldest seen, with what was not observed missing."""
    sizes = sizes[sizes.index <= last].sort_index()
    ages = np.arange(last - int(sizes.index[0]) + 1)
    table = pd.MultiIndex.from_product([sizes.index, ages], names=["cohort", "age"]).to_frame(index=False)
    table["customers"] = table["cohort"].map(sizes).astype("int64")
    table = table.merge(cells, on=["cohort", "age"], how="left")
    seen = table["cohort"] + table["age"] <= last
    table["active"] = table["active"].fillna(0.0).where(seen).astype("float64")
    table["retention"] = table["active"] / table["customers"]
    if has_value:
        amounts = table.pop("value").fillna(0.0).where(seen).astype("float64")
        table["value"] = amounts
        total = amounts.groupby(table["cohort"]).cumsum()
        table["cumulative_value"] = (total / table["customers"]).where(seen)
    return table
