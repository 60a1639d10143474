"""Frames as records: what depends on the engine when rows are copied, replaced or handed back.

Packages that work on customers' records row by row ask here what their engine needs, so that none of them asks which it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np
import pandas as pd

from .. import frames
from ..exceptions import DataError
from ..typing import Frame, FrameLike
from . import expressions as ex


def named_by_position(X: Any) -> Any:
    """Return a pandas frame whose columns have numbers for names as an array, so that columns go by position; others as they are."""
    if isinstance(X, pd.DataFrame) and not all(isinstance(name, str) for name in X.columns):
        return X.to_numpy()
    return X


def eager(X: FrameLike) -> Any:
    """Return a lazy frame computed once, so that its rows keep their order; anything else as it is."""
    if frames.is_frame(X) and isinstance(wrapped := frames.wrap(X), ex.LazyFrame):
        return frames.collected(wrapped).to_native()
    return X


def is_pandas(frame: object) -> TypeGuard[pd.DataFrame]:
    """Whether a frame is one of pandas, whose columns can be of types that no other engine has."""
    return isinstance(frame, pd.DataFrame)


def is_lazy(frame: Any) -> bool:
    """Whether a frame is a query that is yet to be computed."""
    return isinstance(frames.wrap(frame), ex.LazyFrame)


def keeps_order(frame: Frame) -> bool:
    """Whether the rows of a frame have an order: those of DuckDB and PySpark have none."""
    return not is_lazy(frame) or frames.wrap(frame).implementation.is_polars()


def index_names(frame: Any) -> list[Any]:
    """Names in the index of a pandas frame; none on other engines, which have no index."""
    return list(frame.index.names) if isinstance(frame, pd.DataFrame) else []


def is_numbered_by_row(frame: Any) -> bool:
    """Whether a frame has no index that would be lost in a file: none at all, or whole numbers without a name."""
    if not isinstance(frame, pd.DataFrame):
        return True
    return not any(name is not None for name in frame.index.names) and pd.api.types.is_integer_dtype(frame.index.dtype)


def check_index(frame: Frame, names: Sequence[Any], subject: str) -> None:
    """Refuse a pandas frame that has a wanted column in its index, as what groupby gives has.

    Raises
    ------
    DataError
        One fault for each such column.
    """
    if isinstance(frame, pd.DataFrame):
        found = [name for name in names if name not in frame.columns and name in frame.index.names]
        if found:
            raise DataError(
                [f"{name!r} is in the index of pandas; call reset_index() first" for name in found], subject
            )


def rows_of_columns(frame: Frame, names: Sequence[Any]) -> Any:
    """Return some columns of a frame as an eager frame of its engine; a lazy one is computed whole, so that rows keep their order."""
    if isinstance(frame, pd.DataFrame):
        return frames.to_columns(frame, names)
    return frames.wrap(frame).select(names).to_native()


def with_columns(frame: Frame, columns: Mapping[Any, Any]) -> Any:
    """Return an eager frame with columns of text replaced by arrow arrays, its other columns and its index as they were.

    Parameters
    ----------
    frame : eager frame of any engine
    columns : mapping of name to pyarrow array of strings
    """
    if isinstance(frame, pd.DataFrame):
        result = frame.copy(deep=False)
        for name, column in columns.items():
            result[name] = column.to_pandas().set_axis(frame.index)
        return result
    wrapped = frames.wrap(frame)
    backend = wrapped.implementation
    return wrapped.with_columns(
        *(ex.new_series(name, column.to_pylist(), ex.String, backend=backend) for name, column in columns.items())
    ).to_native()


def replaced(table: Any, columns: Mapping[str, Any]) -> Any:
    """Return an arrow table with columns replaced in their places."""
    for name, column in columns.items():
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def blanked(frame: Frame, arrow: Any, names: Sequence[str], hidden: np.ndarray) -> Any:
    """Return a frame with the entries of some columns missing in some rows.

    Parameters
    ----------
    frame : frame of any engine
    arrow : pyarrow table
        The same, for engines that pass through arrow.
    names : sequence of str
    hidden : ndarray of bool of shape (n,)
    """
    if isinstance(frame, pd.DataFrame):
        result = frame.copy(deep=False)
        for name in names:
            result[name] = result[name].mask(hidden)
        return result
    wrapped = frames.wrap(frame)
    if isinstance(wrapped, ex.DataFrame) and wrapped.implementation.is_polars():
        mask = ex.new_series("hidden", hidden, backend=wrapped.implementation)
        return wrapped.with_columns(ex.when(~mask).then(ex.col(name)).alias(name) for name in names).to_native()
    import pyarrow as pa
    import pyarrow.compute as pc

    for name in names:
        column = arrow[name].combine_chunks() if isinstance(arrow[name], pa.ChunkedArray) else arrow[name]
        shown = pc.if_else(pa.array(hidden), pa.scalar(None, column.type), column)
        arrow = arrow.set_column(arrow.column_names.index(name), arrow.schema.field(name).with_nullable(True), shown)
    return frames.from_arrow(arrow, frame)
