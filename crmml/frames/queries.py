"""What engines do each in their own way, said once: running sums, distinct rows in order, results that go back sorted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from .engines import AnyFrame, collected, like


def unwrap(frame: AnyFrame) -> Any:
    """Return the engine's own frame behind a narwhals view."""
    return frame.to_native()


def is_eager(frame: AnyFrame) -> bool:
    """Whether the rows of a frame are there, in an order, rather than a query that will give them."""
    return isinstance(frame, nw.DataFrame)


def count_rows(frame: AnyFrame) -> int:
    """Return the number of rows."""
    return int(collected(frame.select(nw.len().alias("n")))["n"][0])


def distinct(frame: AnyFrame, names: Sequence[str]) -> AnyFrame:
    """Return one row for each combination of some columns; an eager frame keeps the order of its rows.

    Parameters
    ----------
    frame : narwhals frame
    names : sequence of str
    """
    if isinstance(frame, nw.DataFrame):
        return frame.unique(subset=list(names), keep="any", maintain_order=True)
    return frame.unique(subset=list(names))


def with_running(
    frame: AnyFrame, compute: Callable[[AnyFrame], AnyFrame], *, needs: Sequence[str], gives: str
) -> AnyFrame:
    """Add a column that rests on running sums within groups; pyarrow, which has none, computes it by way of pandas.

    Parameters
    ----------
    frame : narwhals frame
    compute : callable
        Takes a frame and returns it with the column, its rows in any order that the engine keeps.
    needs : sequence of str
        Columns that it reads.
    gives : str
        The column that it adds.
    """
    if not (isinstance(frame, nw.DataFrame) and frame.implementation.is_pyarrow()):
        return compute(frame)
    small = nw.from_native(frame.select(*needs).to_pandas(), eager_only=True)
    found = collected(compute(small))[gives].to_numpy()
    return frame.with_columns(nw.new_series(gives, found, backend=frame.implementation))


def finished(result: AnyFrame, frame: AnyFrame, *, order: str) -> Any:
    """Return a query as its caller gets it: of an eager frame computed and sorted, of a lazy one still a query.

    Parameters
    ----------
    result : narwhals frame
        The query.
    frame : narwhals frame
        What it was asked of.
    order : str
        Column that eager results are sorted by.
    """
    if is_eager(frame):
        result = nw.maybe_reset_index(collected(result.sort(order)))
    return result.to_native()


def taken(frame: AnyFrame, rows: np.ndarray) -> nw.DataFrame:
    """Return some rows of a frame by their positions."""
    return nw.maybe_reset_index(collected(frame)[rows])


def labelled_days(
    ids: nw.Series, days: np.ndarray, labels: Sequence[str], codes: np.ndarray, frame: Any, names: Sequence[str]
) -> Any:
    """Return identifiers, days and labels side by side, in the engine of ``frame``; days are its dates.

    Parameters
    ----------
    ids : narwhals Series
    days : ndarray of int
        Counted from 1970-01-01.
    labels : sequence of str
    codes : ndarray of int
        Position of each row's label.
    frame : frame of any engine
    names : sequence of str
        Of the three columns.
    """
    backend = ids.implementation
    day = nw.new_series(names[1], days.astype("datetime64[D]").astype("datetime64[us]"), backend=backend)
    if not backend.is_pandas():
        day = day.cast(nw.Date)
    label = nw.new_series(names[2], list(labels), nw.String, backend=backend)[codes]
    result = nw.maybe_reset_index(ids.alias(names[0]).to_frame())
    return like(result.with_columns(day, nw.maybe_reset_index(label)), frame)


def pandas_behind(frame: AnyFrame) -> pd.DataFrame | None:
    """Return the pandas frame behind a narwhals view, whose columns can hold objects of any kind; None of another engine."""
    native = frame.to_native()
    return native if isinstance(native, pd.DataFrame) else None
