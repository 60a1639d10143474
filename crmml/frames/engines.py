"""Dataframe engines: columns by name, and a frame like the caller's.

Everything passes through narwhals, so that one implementation serves pandas, polars (eager and lazy), pyarrow, DuckDB
and PySpark, and a frame goes back in the engine it came in.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

import narwhals as nw
import numpy as np
import pandas as pd

from ..exceptions import DataError
from ..typing import Frame, FrameLike

#: A narwhals view of a frame.
AnyFrame: TypeAlias = nw.DataFrame | nw.LazyFrame


def is_frame(X: object) -> TypeGuard[Frame]:
    """Whether X is a dataframe of an engine that is known (and not an array, list or sparse matrix)."""
    if isinstance(X, (np.ndarray, list, tuple)) or X is None:
        return False
    if isinstance(X, (pd.DataFrame, nw.DataFrame, nw.LazyFrame)):
        return True
    return isinstance(nw.from_native(X, pass_through=True), (nw.DataFrame, nw.LazyFrame))


def wrap(frame: Any) -> nw.DataFrame | nw.LazyFrame:
    """Return the narwhals view of a frame.

    Raises
    ------
    TypeError
        Naming the engines there are.
    DataError
        When the frame has one column name twice.
    """
    if isinstance(frame, pd.DataFrame):
        _refuse_repeated(frame.columns)
    elif isinstance(
        names := getattr(frame, "column_names", None), list
    ):  # pyarrow, which narwhals refuses in its own words
        _refuse_repeated(pd.Index(names))
    try:
        wrapped = nw.from_native(frame)
        if wrapped.implementation.is_duckdb() or wrapped.implementation.is_pyspark():
            _refuse_repeated(pd.Index(wrapped.to_native().columns))
        return wrapped
    except TypeError:
        raise TypeError(
            f"{type(frame).__module__}.{type(frame).__name__} is no dataframe that is known here; give a pandas, polars "
            "(eager or lazy), pyarrow, DuckDB or PySpark frame."
        ) from None


def _refuse_repeated(names: pd.Index) -> None:
    if not names.is_unique:
        twice = dict.fromkeys(names[names.duplicated()].tolist())
        raise DataError([f"column {name!r} is there more than once; rename one" for name in twice], "the frame")


def collected(frame: nw.DataFrame | nw.LazyFrame) -> nw.DataFrame:
    """Return an eager frame: the one given, or the lazy one computed in its engine."""
    return frame.collect() if isinstance(frame, nw.LazyFrame) else frame


def optimised(frame: nw.DataFrame | nw.LazyFrame) -> nw.DataFrame | nw.LazyFrame:
    """Return an eager polars frame as a lazy one, whose query is optimised as a whole; any other as it is."""
    if isinstance(frame, nw.DataFrame) and frame.implementation.is_polars():
        return frame.lazy()
    return frame


def check_columns(
    frame: nw.DataFrame | nw.LazyFrame, names: Sequence[str], subject: str = "the frame", arguments: Sequence[str] = ()
) -> None:
    """Refuse a frame that lacks a column, saying what is there and what looks alike; ``arguments`` are as in `check_names`.

    Raises
    ------
    DataError
        One fault for each missing column.
    """
    native = nw.to_native(frame)
    index = [name for name in native.index.names if name is not None] if isinstance(native, pd.DataFrame) else []
    check_names(names, frame.collect_schema().names(), subject, index, arguments)


def check_names(
    names: Sequence[str], there: Sequence[str], subject: str, index: Sequence[Any] = (), arguments: Sequence[str] = ()
) -> None:
    """Refuse a list of columns that lacks one of ``names``, saying what is there, what looks alike, or that it is the index.

    A name that is in ``arguments`` is what the caller's argument of that name defaults to.

    Raises
    ------
    DataError
        One fault for each missing column.
    """
    faults = []
    for name in dict.fromkeys(names):
        if name not in there:
            lower = {str(column).lower(): str(column) for column in there}
            near = difflib.get_close_matches(str(name).lower(), lower, n=1)
            hint = f"; did you mean {lower[near[0]]!r}?" if near else ""
            if name in index:
                hint = "; it is the index, which reset_index() makes a column"
            elif name in arguments and not near:
                hint = f"; say which one it is with {name}="
            faults.append(f"column {name!r} is missing; there are {', '.join(map(repr, there)) or 'none'}{hint}")
    if faults:
        raise DataError(faults, subject)


def unhashable(column: pd.Series) -> np.ndarray:
    """Which entries of a column are lists or their like, by which no row can be told from another."""
    if column.dtype != object:
        return np.zeros(len(column), dtype=bool)
    return ~column.map(lambda entry: isinstance(entry, Hashable)).to_numpy(dtype=bool)


def to_columns(frame: Any, names: Sequence[str]) -> pd.DataFrame:
    """Pick columns by name from a frame of any engine, as a pandas frame; others are ignored.

    Parameters
    ----------
    frame : frame of any engine
    names : sequence of str

    Returns
    -------
    DataFrame of shape (n, len(names))

    Raises
    ------
    DataError
        When columns are missing, naming what is there.
    """
    names = list(names)
    if isinstance(frame, pd.DataFrame) and all(name in frame.columns for name in names):
        picked = frame[names]
        if picked.shape[1] == len(names):  # else a name is there twice, which is refused
            return picked
    wrapped = wrap(frame)
    check_columns(wrapped, names, "the frame")
    return collected(wrapped.select(names)).to_pandas()


def to_arrow(frame: Frame) -> Any:
    """Return a frame of any engine as a pyarrow table, without pandas' index."""
    if isinstance(frame, pd.DataFrame):
        import pyarrow as pa

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Series.values", DeprecationWarning)  # pyarrow's own way to zoned times
            return pa.Table.from_pandas(frame, preserve_index=False)
    return collected(wrap(frame)).to_arrow()


def misaligned(columns: Mapping[str, Any]) -> list[str]:
    """Faults of pandas columns whose row labels are not those of the first ones: rows belong together by position.

    An index of 0, 1, ..., n - 1 is what pandas gives where nobody gave labels, so that a column that has it goes by position
    beside one with labels of its own, unless it has the very same labels in another order, or at least half of them in rising
    order, as the columns of one table have it of which one lost rows or moved by some. Labels of two kinds, numbers and text,
    can say nothing of each other either. Columns of other lengths are left to the checks of length; arrays and other
    engines have no labels.

    Examples
    --------
    >>> misaligned({"uplift": pd.Series([1, 2], index=["a", "b"]), "cost": pd.Series([1, 2], index=["b", "a"])})
    ['cost has the row labels of uplift in another order; put them in line, as by cost.reindex(uplift.index)']
    >>> print(misaligned({"X": pd.Series([1, 2], index=["a", "b"]), "y": pd.Series([1, 2], index=["b", "c"])})[0])
    y has 1 of its 2 row labels in common with X, and rows belong together by position; take the same rows of both, as by
    y.reindex(X.index), or give y.to_numpy() where the positions are right
    """
    seen: list[str] = []
    faults = []
    for name, given in columns.items():
        if not isinstance(given, (pd.Series, pd.DataFrame)):
            continue
        found = (_unlike(columns[other].index, given.index, other, name) for other in seen)
        faults += [fault for fault in found if fault][:1]
        # the first column, and the first with labels of its own
        if not seen or (len(seen) == 1 and _unlabelled(columns[seen[0]].index) and not _unlabelled(given.index)):
            seen.append(name)
    return faults


def check_aligned(subject: str, /, **columns: Any) -> None:
    """Refuse pandas columns whose row labels are not those of the first ones, as :func:`misaligned` tells.

    Raises
    ------
    DataError
        One fault for each such column.
    """
    if faults := misaligned(columns):
        raise DataError(faults, subject)


def _unlabelled(index: pd.Index) -> bool:
    """Whether an index is what pandas gives where nobody gave labels."""
    return index.nlevels == 1 and index.equals(pd.RangeIndex(len(index)))


def _rest_of_one_table(index: pd.Index, other: pd.Index, shared: int) -> bool:
    """Whether two columns look like one table's of which one lost rows: rising labels, at least half of them shared."""
    rising = all(labels.is_monotonic_increasing and labels.is_unique for labels in (index, other))
    return rising and 2 * shared >= len(index)


def _unlike(index: pd.Index, other: pd.Index, first: str, name: str) -> str | None:
    """What keeps the rows of two columns of one length from belonging together by position."""
    n = len(index)
    if n != len(other) or index.equals(other):
        return None
    shared = int(other.isin(index).sum())
    if shared == n and index.isin(other).all():
        return f"{name} has the row labels of {first} in another order; put them in line, as by {name}.reindex({first}.index)"
    numeric = [pd.api.types.is_numeric_dtype(labels.dtype) for labels in (index, other)]
    if (_unlabelled(index) or _unlabelled(other)) and not _rest_of_one_table(index, other, shared):
        return None
    if not shared and numeric[0] != numeric[1]:
        return None
    return (
        f"{name} has {shared:,} of its {n:,} row labels in common with {first}, and rows belong together by position; take the "
        f"same rows of both, as by {name}.reindex({first}.index), or give {name}.to_numpy() where the positions are right"
    )


def with_identifier(X: FrameLike, columns: Mapping[str, np.ndarray], identifier: str) -> Any:
    """Put results beside the identifier column of X, in the engine of X; lazy engines give their eager frame back.

    Parameters
    ----------
    X : frame of any engine or array
        Where it is an array, or has no such column, the identifier is left out.
    columns : mapping of str to ndarray
    identifier : str

    Returns
    -------
    frame
        pandas for arrays.
    """
    if not is_frame(X):
        return pd.DataFrame(dict(columns))
    frame = wrap(X)
    has_identifier = identifier in frame.collect_schema().names()
    if isinstance(X, pd.DataFrame):
        result = pd.DataFrame(dict(columns), index=X.index)
        if has_identifier:
            result.insert(0, identifier, X[identifier])
        return result
    if isinstance(frame, nw.LazyFrame):
        frame = collected(frame.select(identifier) if has_identifier else frame)
    backend = frame.implementation
    series = [nw.new_series(name, np.asarray(values), backend=backend) for name, values in columns.items()]
    if has_identifier:
        return frame.select(identifier).with_columns(*series).to_native()
    return nw.from_dict({s.name: s for s in series}, backend=backend).to_native()


def like(result: nw.DataFrame, frame: Frame) -> Any:
    """Return a computed frame as the kind that ``frame`` is: lazy polars, DuckDB and PySpark get theirs, others eager ones.

    A DuckDB relation is one of the default connection, whatever connection ``frame`` belongs to.

    Parameters
    ----------
    result : narwhals DataFrame
        As ``collected`` gave it for a frame of that engine, or made on the same backend.
    frame : frame of any engine
    """
    wrapped = wrap(frame)
    if not isinstance(wrapped, nw.LazyFrame):
        return result.to_native()
    if wrapped.implementation.is_pyspark():
        return wrapped.to_native().sparkSession.createDataFrame(result.to_arrow())
    return result.lazy(backend=wrapped.implementation).to_native()


def from_columns(columns: Mapping[str, Any], frame: Frame) -> Any:
    """Make a frame of the kind that ``frame`` is; NaN is null where the engine knows null, whole days are its dates.

    Parameters
    ----------
    columns : mapping of str to array of shape (n,)
        Days as datetime64[D].
    frame : frame of any engine
    """
    if wrap(frame).implementation.is_pandas():
        return pd.DataFrame({name: _on_pandas(column) for name, column in columns.items()})
    import pyarrow as pa

    return from_arrow(pa.table({name: pa.array(column, from_pandas=True) for name, column in columns.items()}), frame)


def _on_pandas(column: Any) -> Any:
    array = column if isinstance(column, pd.Series) else np.asarray(column)
    return array.astype("datetime64[us]") if array.dtype == "datetime64[D]" else array


def from_arrow(table: Any, frame: Frame) -> Any:
    """Return a pyarrow table as a frame of the kind that ``frame`` is."""
    wrapped = wrap(frame)
    if wrapped.implementation.is_pandas():
        return table.to_pandas()
    if isinstance(wrapped, nw.DataFrame):
        return nw.DataFrame.from_arrow(table, backend=wrapped.implementation).to_native()
    return like(nw.from_native(table, eager_only=True), frame)


def arrow_on(table: Any, engine: str) -> Any:
    """Return a pyarrow table as a frame of an engine that is named: pandas, polars, pyarrow or duckdb (a relation).

    Whole numbers and truths of pandas stay such where some are missing.

    Raises
    ------
    DataError
        Where the engine is not installed.
    """
    if engine == "pyarrow":
        return table
    if engine == "pandas":
        return pandas_of(table)
    try:
        return nw.from_arrow(table, backend="polars").to_native() if engine == "polars" else _relation(table)
    except ImportError:
        raise DataError([f"engine={engine!r} is not installed; install crmml[{engine}]"], "the engine") from None


def _relation(table: Any) -> Any:
    import duckdb

    return duckdb.from_arrow(table)


def pandas_of(table: Any) -> pd.DataFrame:
    """Return an arrow table as a pandas frame in which whole numbers and truths stay such where some are missing."""
    import pyarrow as pa

    kinds = {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
    }
    kinds |= {pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(), pa.uint32(): pd.UInt32Dtype()}
    kinds |= {pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype()}
    gaps = [field.name for field in table.schema if field.type in kinds and table.column(field.name).null_count]
    frame = table.select([name for name in table.column_names if name not in gaps]).to_pandas()
    for name in gaps:
        column = table.column(name)
        frame[name] = column.to_pandas(types_mapper=kinds.get)
    return frame[table.column_names] if gaps else frame
