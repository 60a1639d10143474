"""From a log of any engine to arrays that every cutoff reads: purchase days sorted by customer, and lines by category."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..frames import expressions as ex
from .log import CUSTOMER, TIME, VALUE, Log, codes_of

BASKET, CATEGORY = "__basket", "__category"
_DAY, _SEGMENT, _LINES, _BASKETS = "__day", "__segment", "__lines", "__baskets"
_AT, _BEGINS = "__at", "__begins"
#: More than there can be cutoffs.
_SEGMENTS = 100_000


@dataclass(frozen=True)
class Events:
    """One row for each customer, day and stretch of time between the moments that matter, sorted in this order.

    Attributes
    ----------
    ids : Series of the engine
        One identifier a customer, in their order.
    start : ndarray of int, shape (n_customers,)
        A customer's first row.
    who, day, segment : ndarrays of int, shape (n_events,)
        Customer, day since 1970-01-01, and number of moments at or before the row: a row is before moment i exactly
        where its segment is at most i.
    new_day : ndarray of bool
        Whether the row is the first of its customer and day.
    gap : ndarray of int
        Days since the customer's purchase day before this one; 0 for the first.
    value, lines, baskets : ndarray or None
        Total amount, lines and distinct baskets of the row.
    by_category : Categories or None
    """

    ids: Any
    start: np.ndarray
    who: np.ndarray
    day: np.ndarray
    segment: np.ndarray
    new_day: np.ndarray
    gap: np.ndarray
    value: np.ndarray | None
    lines: np.ndarray | None
    baskets: np.ndarray | None
    by_category: Categories | None

    @property
    def n_customers(self) -> int:
        """Number of customers in the log."""
        return self.start.size


@dataclass(frozen=True)
class Categories:
    """Lines by customer, category and segment, sorted in this order.

    Attributes
    ----------
    group : ndarray of int, shape (n_rows,)
        Number of the pair of customer and category.
    customer : ndarray of int, shape (n_groups,)
    segment, lines : ndarrays of int, shape (n_rows,)
    """

    group: np.ndarray
    customer: np.ndarray
    segment: np.ndarray
    lines: np.ndarray


def read_events(log: Log, moments: list[pd.Timestamp]) -> Events:
    """Reduce the log in its engine and sort what is left.

    Parameters
    ----------
    log : Log
        Checked; with the columns BASKET and CATEGORY where they were named.
    moments : list of Timestamp
        Cutoffs and ends of label windows, increasing.
    """
    frame = frames.optimised(log.frame)
    names = frame.collect_schema().names()
    whole_days = all(moment == moment.normalize() for moment in moments)
    columns = [ex.col(CUSTOMER), frames.period_index(ex.col(TIME), "D", frame).alias(_DAY)]
    if not whole_days:
        columns.append(_segment_of(moments).alias(_SEGMENT))
    keys = [CUSTOMER, _DAY, *([] if whole_days else [_SEGMENT])]
    table = frames.collected(_reduced(frame, columns, keys, log.has_value, BASKET in names))
    ids = table[CUSTOMER]
    who, _ = codes_of(ids)
    # 32 bits and one integer to sort by: half the memory of three keys
    day = table[_DAY].to_numpy().astype(np.int64)
    segment = None if whole_days else table[_SEGMENT].to_numpy().astype(np.int64)
    order = _order(who, day, segment, len(moments))
    who, day = who[order].astype(np.int32), day[order].astype(np.int32)
    at = np.asarray([(moment.normalize() - pd.Timestamp(0)).days for moment in moments])
    segment = np.searchsorted(at, day, side="right") if segment is None else segment[order]
    first = np.concatenate([[True], who[1:] != who[:-1]])
    start = np.flatnonzero(first)
    new_day = first | np.concatenate([[True], day[1:] != day[:-1]])
    gap = _gaps(day, first, new_day)

    def picked(name: str, dtype: type) -> np.ndarray | None:
        return table[name].to_numpy().astype(dtype)[order] if name in table.columns else None

    by_category = _categories(frame, columns, keys, ids[order[start]], moments) if CATEGORY in names else None
    return Events(
        ids[order[start]],
        start,
        who,
        day,
        segment.astype(np.int16),
        new_day,
        gap,
        picked(VALUE, np.float64),
        picked(_LINES, np.int64),
        picked(_BASKETS, np.int64),
        by_category,
    )


def _segment_of(moments: list[pd.Timestamp]) -> ex.Expr:
    passed = [(ex.col(TIME) >= ex.lit(moment.to_pydatetime())).cast(ex.Int64) for moment in moments]
    return ex.sum_horizontal(*passed)


def _reduced(frame: Any, columns: list[ex.Expr], keys: list[str], has_value: bool, has_basket: bool) -> Any:
    """One row for each key, with the total amount where there is one, lines and baskets where baskets are named."""
    extra = [ex.col(VALUE)] if has_value else []
    total = [ex.col(VALUE).sum()] if has_value else []
    if has_basket:
        picked = frame.select(*columns, ex.col(BASKET), *extra)
        per_basket = picked.group_by(*keys, BASKET).agg(ex.len().alias(_LINES), *total)
        # a basket counts where it begins, so that no other cutoff, and no midnight, makes two of it
        at = ex.col(_DAY) * _SEGMENTS + (ex.col(_SEGMENT) if _SEGMENT in keys else 0)
        per_basket = per_basket.with_columns(at.alias(_AT))
        begins = per_basket.group_by(CUSTOMER, BASKET).agg(ex.col(_AT).min().alias(_BEGINS))
        per_basket = per_basket.join(begins, on=[CUSTOMER, BASKET], how="left")
        per_basket = per_basket.with_columns((ex.col(_AT) == ex.col(_BEGINS)).cast(ex.Int64).alias(_BASKETS))
        return per_basket.group_by(*keys).agg(ex.col(_LINES).sum(), ex.col(_BASKETS).sum(), *total)
    if has_value:
        return frame.select(*columns, *extra).group_by(*keys).agg(*total)
    return frame.select(*columns).unique()


def _order(who: np.ndarray, day: np.ndarray, segment: np.ndarray | None, n_moments: int) -> np.ndarray:
    width = int(day.max() - day.min()) + 1
    key = who.astype(np.int64) * width + (day - day.min())
    if segment is not None:
        key = key * (n_moments + 1) + segment
    return np.argsort(key, kind="stable")


def _gaps(day: np.ndarray, first: np.ndarray, new_day: np.ndarray) -> np.ndarray:
    gap = np.zeros(day.size, dtype=np.int64)
    gap[1:] = np.diff(day)
    gap[first] = 0
    # the rest of a day that a moment cuts in two has the gap of its first part
    return gap[np.maximum.accumulate(np.where(new_day, np.arange(day.size), 0))]


def _categories(
    frame: Any, columns: list[ex.Expr], keys: list[str], ids: Any, moments: list[pd.Timestamp]
) -> Categories:
    picked = frame.filter(~ex.col(CATEGORY).is_null()).select(*columns, ex.col(CATEGORY))
    table = frames.collected(picked.group_by(*keys, CATEGORY).agg(ex.len().alias(_LINES)))
    position = pd.Series(np.arange(len(ids)), index=pd.Index(ids.to_pandas()))
    who = position.reindex(pd.Index(table[CUSTOMER].to_pandas())).to_numpy().astype(np.int64)
    category, _ = codes_of(table[CATEGORY])  # sorted, so that sums over them do not depend on the order of rows
    if _SEGMENT in table.columns:
        segment = table[_SEGMENT].to_numpy().astype(np.int64)
    else:
        at = np.asarray([(moment.normalize() - pd.Timestamp(0)).days for moment in moments])
        segment = np.searchsorted(at, table[_DAY].to_numpy().astype(np.int64), side="right")
    pair = who * (category.max(initial=0) + 1) + category
    order = np.argsort(pair, kind="stable")
    new = np.concatenate([[True], pair[order][1:] != pair[order][:-1]]) if order.size else np.zeros(0, bool)
    lines = table[_LINES].to_numpy().astype(np.int64)[order]
    return Categories(np.cumsum(new) - 1, who[order][new], segment[order].astype(np.int16), lines)
