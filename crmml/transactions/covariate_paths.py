"""Joining a log's purchases to covariates that change over time: the paths that models of transactions are fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults, check_unit
from ..frames import expressions as ex
from ..frames.numbers import read_numbers
from ..frames.ruler import Ruler, periods_to_unit
from ..typing import Frame, Moment
from .log import CUSTOMER, TIME, read_times
from .opening import end_text, open_log, purchase_periods

#: Columns of the paths that are not covariates.
PATH_COLUMNS = ("customer_id", "start", "end", "purchases")
_SUBJECT = "the covariates"
_HOUR, _DAY = 3_600_000_000, 86_400_000_000


def covariate_paths(
    log: Frame,
    covariates: Frame,
    *,
    customer_id: str = "customer_id",
    timestamp: str = "timestamp",
    start: str = "period_start",
    covariate_period: str = "W",
    period: str = "D",
    unit: str = "D",
    observation_end: Moment | None = None,
) -> Any:
    """Join the purchases of a log to covariates that change from period to period, for ``fit(X, covariate_paths=)``.

    Parameters
    ----------
    log : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
        One row per transaction: the log that the summary is made of.
    covariates : frame of any engine
        One row for each customer and period: the customer, the first day (or hour) of the period, and one column of numbers for each
        covariate. Every customer's periods follow each other without a gap from the first purchase at the latest to the end of
        observation; those after it are the future path that predictions are made under. Earlier periods, and customers who are
        not in the log, are left aside.
    customer_id : str, default="customer_id"
        The column of customers, in both frames.
    timestamp : str, default="timestamp"
        The log's column of times.
    start : str, default="period_start"
        The covariates' column of the beginning of each period.
    covariate_period : {"h", "D", "W", "M", "Y"}, default="W"
        How long each row of ``covariates`` holds: an hour, a day, seven days, a calendar month or year from its start on.
    period, unit : {"h", "D", "W", "M", "Y"}, default="D"
        As in :func:`crmml.transactions.summarize`, and the same as there. A covariate cannot change within a ``period``.
    observation_end : str, date or datetime, default=None
        As in :func:`crmml.transactions.summarize`, and the same as there.

    Returns
    -------
    frame of the log's engine
        customer_id; start and end of each piece of the path, counted in ``unit`` from the customer's first purchase, the first piece
        at 0; purchases, the number of repeat purchases on it, which have their covariates from its period (the first purchase is the
        origin of time and counts for none); and the covariates. Sorted by customer and start. pandas and pyarrow frames carry the
        ruler.

    Raises
    ------
    DataError
        Naming every fault at once, with counts: missing or unreadable entries, infinite numbers, two rows for one customer and
        period, customers without covariates, periods left out, a beginning after the first purchase, an end before that of
        observation.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": [1, 1, 1], "timestamp": pd.to_datetime(["2024-01-03", "2024-01-08", "2024-01-17"])})
    >>> weekly = pd.DataFrame({"customer_id": 1, "period_start": pd.date_range("2024-01-01", periods=4, freq="7D"),
    ...                        "promotion": [0, 1, 0, 0]})
    >>> covariate_paths(log, weekly, observation_end="2024-01-22")
       customer_id  start   end  purchases  promotion
    0            1    0.0   5.0          0        0.0
    1            1    5.0  12.0          1        1.0
    2            1   12.0  19.0          1        0.0
    3            1   19.0  26.0          0        0.0
    """
    for name, value in (("period", period), ("unit", unit), ("covariate_period", covariate_period)):
        check_unit(value, name)
    read, end = open_log(log, customer_id, timestamp, None, observation_end)
    bought = frames.collected(purchase_periods(read.frame, False, period)).to_pandas()
    bought.columns = ["customer", "index"]
    table, names = _read_covariates(covariates, customer_id, start, covariate_period, period)
    first = bought.groupby("customer", sort=True)["index"].min()
    table["code"] = first.index.get_indexer(pd.Index(table["customer"]))
    last = frames.index_of(pd.Timestamp(end), period)
    ahead = table["end"] > np.maximum(first.to_numpy()[table["code"]], table["start"])
    table = table[(table["code"] >= 0) & ahead]
    table = table.sort_values(["code", "start"], kind="stable").reset_index(drop=True)
    _check_cover(table, first, last, covariate_period, end_text(end))
    origin = first.to_numpy()[table["code"]]
    columns = {
        "customer_id": first.index.to_numpy()[table["code"]],
        "start": periods_to_unit(np.maximum(table["start"].to_numpy() - origin, 0).astype(float), period, unit),
        "end": periods_to_unit((table["end"].to_numpy() - origin).astype(float), period, unit),
        "purchases": _repeat_purchases(bought, first, table),
        **{name: table[name].to_numpy() for name in names},
    }
    ruler = Ruler(unit=unit, period=period, observation_end=end_text(end))
    return frames.set_ruler(frames.from_columns(columns, log), ruler)


def _read_covariates(
    covariates: Any, customer_id: str, start: str, covariate_period: str, period: str
) -> tuple[pd.DataFrame, list[str]]:
    """The covariates with customer, and start and end of each row as period indices; refused where they cannot be read."""
    frame = frames.wrap(covariates)
    frames.check_columns(frame, [customer_id, start], _SUBJECT, ("customer_id", "start"))
    names = [name for name in frame.collect_schema().names() if name not in (customer_id, start)]
    faults = Faults(_SUBJECT)
    if not names:
        faults.add(f"there is no column of covariates beside {customer_id!r} and {start!r}; add one for each covariate")
    if taken := [name for name in names if name in PATH_COLUMNS]:
        faults.add(f"{', '.join(map(repr, taken))} cannot name a covariate: paths have columns of that name; rename it")
    identified = frames.with_identifiers(frame, customer_id, CUSTOMER)
    faults.extend(identified.faults)
    faults.refuse()
    timed: Any = faults.check(read_times, frames.unwrap(identified.frame), start)
    faults.refuse()
    picked = frames.collected(timed.select(ex.col(CUSTOMER), ex.col(TIME), *map(ex.col, names))).to_pandas()
    for name in (CUSTOMER, TIME):
        if missing := int(picked[name].isna().sum()):
            column = customer_id if name == CUSTOMER else start
            faults.add(f"column {column!r} is missing in {missing:,} of {len(picked):,} rows; fill or drop them")
    table: dict[str, Any] = {"customer": picked[CUSTOMER]}
    for name in names:
        table[name], found = read_numbers(picked[name], f"covariate {name!r}", show=False)
        faults.extend(found)
        if not found and (wrong := int(np.count_nonzero(~np.isfinite(table[name])))):
            faults.add(f"covariate {name!r} is missing or infinite in {wrong:,} of {len(picked):,} rows; fill them")
    faults.refuse()
    moment = picked[TIME].to_numpy().astype("datetime64[us]")
    table["start"], table["end"] = _index(moment, period), _index(_end_of(moment, covariate_period), period)
    faults.extend(_row_faults(table, moment, period))
    faults.refuse()
    return pd.DataFrame(table), names


def _row_faults(table: dict[str, Any], moment: np.ndarray, period: str) -> list[str]:
    """Rows that begin where the covariates cannot change, or that are there twice."""
    faults = []
    if late := int(np.count_nonzero(_begins(table["start"], period) != moment.astype(np.int64))):
        faults.append(
            f"{late:,} of {moment.size:,} rows begin within a period={period!r} of the summary, where the covariates cannot change; "
            "start them with such a period, or take a shorter period"
        )
    if twice := int(pd.DataFrame({name: table[name] for name in ("customer", "start")}).duplicated().sum()):
        faults.append(
            f"{twice:,} of {moment.size:,} rows repeat the customer and the start of another; keep one of each"
        )
    return faults


def _end_of(moment: np.ndarray, covariate_period: str) -> np.ndarray:
    """The end, exclusive, of each row."""
    if covariate_period in ("M", "Y"):
        month = moment.astype("datetime64[M]")
        return (month + (1 if covariate_period == "M" else 12)).astype("datetime64[us]") + (moment - month)
    days = {"h": _HOUR, "D": _DAY, "W": 7 * _DAY}[covariate_period]
    return moment + np.timedelta64(days, "us")


def _index(moment: np.ndarray, period: str) -> np.ndarray:
    micro = moment.astype(np.int64)
    return micro // _HOUR if period == "h" else frames.period_of(micro // _DAY, period)


def _begins(index: np.ndarray, period: str) -> np.ndarray:
    return index * _HOUR if period == "h" else frames.first_day_of(index, period) * _DAY


def _check_cover(table: pd.DataFrame, first: pd.Series, last: int, covariate_period: str, end: str) -> None:
    """Refuse covariates that leave a customer, or a part of a customer's time, out."""
    faults = Faults(_SUBJECT)
    n, code = len(first), table["code"].to_numpy()
    rows = np.bincount(code, minlength=n)
    if lacking := int(np.count_nonzero(rows == 0)):
        faults.add(
            f"{lacking:,} of {n:,} customers of the log have no row for the time since their first purchase; add their covariates, "
            "under identifiers of the same type as the log's"
        )
    begin, stop = table["start"].to_numpy(), table["end"].to_numpy()
    same = code[1:] == code[:-1]
    gap = same & (begin[1:] > stop[:-1])
    if wrong := int(np.count_nonzero(gap)):
        faults.add(
            f"periods are left out in {wrong:,} places of {len(np.unique(code[1:][gap])):,} customers: a row holds for "
            f"covariate_period={covariate_period!r} and the next begins later; add the rows between"
        )
    if wrong := int(np.count_nonzero(same & (begin[1:] < stop[:-1]))):
        faults.add(
            f"{wrong:,} rows begin while the one before still holds (covariate_period={covariate_period!r}); name the period that a "
            "row holds for, or drop the rows that are too many"
        )
    there = rows > 0
    ends = np.cumsum(rows)[there]
    late = begin[ends - rows[there]] > first.to_numpy()[there]
    if wrong := int(np.count_nonzero(late)):
        faults.add(f"the rows of {wrong:,} of {n:,} customers begin after the first purchase; add the earlier ones")
    if wrong := int(np.count_nonzero(stop[ends - 1] <= last)):
        faults.add(
            f"the rows of {wrong:,} of {n:,} customers end before the observation does ({end}); add the later ones"
        )
    faults.refuse()


def _repeat_purchases(bought: pd.DataFrame, first: pd.Series, table: pd.DataFrame) -> np.ndarray:
    """How many repeat purchases fall into each row of the table."""
    code = first.index.get_indexer(pd.Index(bought["customer"]))
    index = bought["index"].to_numpy()
    repeat = index > first.to_numpy()[code]
    code, index = code[repeat], index[repeat]
    begin = table["start"].to_numpy()
    low = min(int(begin.min()), int(index.min(initial=begin.min())))
    span = int(max(begin.max(), index.max(initial=begin.max()))) - low + 1
    row = (
        np.searchsorted(table["code"].to_numpy() * span + (begin - low), code * span + (index - low), side="right") - 1
    )
    return np.bincount(row, minlength=len(table)).astype(np.int64)
