"""Reading a transaction log: which column is what, text dates, and every fault in one message before any computing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..exceptions import DataError, LogWarning, warn
from ..frames import expressions as ex
from ..typing import Frame

#: Working names of the columns; the double underscore keeps clear of the caller's own.
CUSTOMER, TIME, VALUE = "__customer", "__time", "__value"

NUMBER_SHAPE = r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?$"
#: More characters than an amount is written with: what is longer is none, and is not searched.
LONGEST_NUMBER = 64
SHOWN = 3
_AMOUNT_CURE = (
    "amounts must be plain numbers without currency signs or thousands separators, which crmml.transactions.read_log reads "
    "from the file"
)
#: Amounts beyond are infinite for all purposes.
LARGEST = 1e300
#: First and last year whose every moment pandas can count in nanoseconds.
YEARS = (1678, 2261)
_OUTSIDE = "column {!r} {} with {}, outside the years {} to {}; take out what stands for an unknown date"


@dataclass
class Log:
    """A log with its columns found: the frame carries CUSTOMER, TIME (naive) and perhaps VALUE beside its own columns.

    Attributes
    ----------
    frame : narwhals frame
    has_value : bool
    renamed_customers : bool
        Whether the identifiers in CUSTOMER are of another type than those in the log's own column.
    faults : list of str
        Found on the way, in the caller's own column names.
    notes : list of str
        What was decided on the way, to be told in warnings.
    """

    frame: Any
    has_value: bool
    renamed_customers: bool
    faults: list[str]
    notes: list[str] = field(default_factory=list)


def read_columns(log: Frame, customer_id: str, timestamp: str, value: str | None) -> Log:
    """Find the columns, read text dates and amounts, and list what cannot be read.

    Raises
    ------
    DataError
        When a column is missing; other faults are returned, to be reported together with those of the contents.
    """
    frame = frames.wrap(log)
    names = [customer_id, timestamp, *([value] if value else [])]
    frames.check_columns(frame, names, "the transaction log", ("customer_id", "timestamp"))
    schema = frame.collect_schema()
    faults: list[str] = []
    frame = _with_time(frame, timestamp, schema[timestamp], faults)
    identified = frames.with_identifiers(frame, customer_id, CUSTOMER)
    faults += identified.faults
    frame = identified.frame
    if value:
        frame = _with_value(frame, value, schema[value], faults)
    return Log(frame, bool(value), identified.changed, faults, identified.notes)


def read_times(log: Frame, timestamp: str) -> Any:
    """Return a wrapped log with TIME beside its own columns.

    Raises
    ------
    DataError
        When the times cannot be read.
    """
    frame = frames.wrap(log)
    faults: list[str] = []
    frame = _with_time(frame, timestamp, frame.collect_schema()[timestamp], faults)
    raise_if(faults)
    return frame


def with_read_customers(read: Log, log: Frame, customer_id: str) -> Any:
    """Return a log with its own columns, but the identifiers as they were read."""
    names = frames.wrap(log).collect_schema().names()
    picked = (ex.col(CUSTOMER).alias(name) if name == customer_id else ex.col(name) for name in names)
    return frames.unwrap(read.frame.select(*picked))


def _with_time(frame, timestamp: str, dtype, faults: list[str]):
    column = ex.col(timestamp)
    if isinstance(dtype, ex.Datetime) and dtype.time_zone is not None:
        return frame.with_columns(column.dt.replace_time_zone(None).alias(TIME))
    if isinstance(dtype, ex.Datetime):
        return frame.with_columns(column.alias(TIME))
    if dtype == ex.Date:
        return frame.with_columns(column.cast(ex.Datetime("us")).alias(TIME))
    if dtype.is_numeric():
        faults.append(
            f"column {timestamp!r} holds numbers ({dtype}), which could be anything; turn them into dates first, for "
            "20240331 with pandas.to_datetime(column.astype(str), format='%Y%m%d')"
        )
        return frame
    read, found = frames.with_text_times(frame, timestamp, TIME)
    faults.extend(found)
    return read


def _with_value(frame, value: str, dtype, faults: list[str]):
    column = ex.col(value)
    if dtype.is_numeric():
        return frame.with_columns(column.cast(ex.Float64).alias(VALUE))
    if dtype not in (ex.String, ex.Object):
        faults.append(f"column {value!r} is of type {dtype}; amounts must be numbers")
        return frame
    frame = frames.with_texts(frame, value, VALUE)
    for whole in (ex.col(VALUE), frames.trimmed(ex.col(VALUE))):  # the latter takes long on some engines
        text = whole.str.slice(0, LONGEST_NUMBER + 1)
        number = text.str.contains(NUMBER_SHAPE) & (text.str.len_chars() <= LONGEST_NUMBER)
        wrong = ~number & (text != "")
        found = frames.collected(frame.select(ex.len().alias("rows"), _count(wrong).alias("wrong")))
        if not (n := int(found["wrong"][0] or 0)):
            return frame.with_columns(ex.when(number).then(text).cast(ex.Float64).alias(VALUE))
    odd = frames.collected(frame.filter(wrong).select(ex.col(VALUE).str.slice(0, LONGEST_NUMBER)).head(SHOWN))
    faults.append(
        f"column {value!r} holds text in {n:,} of {int(found['rows'][0]):,} rows "
        f"({', '.join(map(repr, odd[VALUE].to_list()))}); {_AMOUNT_CURE}"
    )
    return frame.drop(VALUE)


def _count(condition: ex.Expr) -> ex.Expr:
    return condition.cast(ex.Int64).sum()


def is_missing(name: str, dtype: Any) -> ex.Expr:
    """Null, NaN in a float column, or blank text."""
    column = ex.col(name)
    if dtype == ex.String:
        return column.is_null() | frames.is_blank(column)
    return column.is_null() | column.is_nan() if dtype in (ex.Float64, ex.Float32) else column.is_null()


def look(log: Log, customer_id: str, timestamp: str, value: str | None, **extra: ex.Expr) -> dict[str, Any]:
    """One aggregate query over the log: rows, missing entries, negative amounts, first and last time, and the extras."""
    frame, schema = log.frame, log.frame.collect_schema()
    wanted = {"rows": ex.len().cast(ex.Int64)}
    if CUSTOMER in schema.names():
        if schema[CUSTOMER] == ex.String:
            wanted["null_customers"] = _count(ex.col(CUSTOMER).is_null())
            wanted["null_alike"] = _count(frames.may_look_alike(ex.col(CUSTOMER)))
        else:
            wanted["null_customers"] = _count(is_missing(CUSTOMER, schema[CUSTOMER]))
    if TIME in schema.names():
        wanted |= {
            "null_times": _count(ex.col(TIME).is_null()),
            "first": ex.col(TIME).min(),
            "last": ex.col(TIME).max(),
        }
    if VALUE in schema.names():
        wanted["null_values"] = _count(is_missing(VALUE, schema[VALUE]))
        wanted["negative_values"] = _count(ex.col(VALUE) < 0)
        wanted["lowest_value"] = ex.col(VALUE).min()
        wanted["null_infinite_values"] = _count((ex.col(VALUE).abs() > LARGEST) & ~ex.col(VALUE).is_nan())
    result = frames.collected(frame.select(*(expr.alias(name) for name, expr in {**wanted, **extra}.items())))
    row = {name: result[name][0] for name in result.columns}  # column by column, else pandas makes floats of counts
    if row.get("null_alike"):  # blanks are among these
        log.notes += frames.look_alikes(log.frame, CUSTOMER, customer_id)
        exact = log.frame.select(_count(is_missing(CUSTOMER, schema[CUSTOMER])).alias("n"))
        row["null_customers"] = frames.collected(exact)["n"][0]
    return {name: (0 if entry is None and name.startswith(("null", "neg")) else entry) for name, entry in row.items()}


def missing_faults(seen: dict[str, Any], customer_id: str, timestamp: str, value: str | None) -> list[str]:
    """Faults of missing entries, with counts."""
    rows, faults = seen["rows"], []
    if not rows:
        return ["the log is empty: there is no transaction to work with"]
    for key, name, cure in (
        ("null_customers", customer_id, "a transaction without a customer cannot be counted"),
        ("null_times", timestamp, "a transaction without a time cannot be placed"),
        ("null_values", value, "fill in the amount, or 0 where nothing was paid"),
    ):
        if seen.get(key):
            faults.append(
                f"column {name!r} is missing in {seen[key]:,} of {rows:,} rows; {cure} (clean(nulls='drop') drops and counts them)"
            )
    return faults + early_faults(seen, timestamp) + infinite_faults(seen, value)


def early_faults(seen: dict[str, Any], timestamp: str) -> list[str]:
    """A fault of times before the years that can be counted."""
    first = seen.get("first")
    return (
        []
        if pd.isna(first) or first.year >= YEARS[0]
        else [_OUTSIDE.format(timestamp, "begins", str(first)[:10], *YEARS)]
    )


def late_faults(seen: dict[str, Any], timestamp: str) -> list[str]:
    """A fault of times after the years that can be counted, for a log without an observation end to leave them out."""
    last = seen.get("last")
    if pd.isna(last) or last.year <= YEARS[1]:
        return []
    return [_OUTSIDE.format(timestamp, "ends", str(last)[:10], *YEARS) + ", or leave them out with observation_end="]


def infinite_faults(seen: dict[str, Any], value: str | None) -> list[str]:
    """Faults of infinite amounts, with counts."""
    count = seen.get("null_infinite_values", 0)
    return [f"column {value!r} is infinite in {count:,} of {seen['rows']:,} rows; repair these rows"] if count else []


def negative_faults(seen: dict[str, Any], value: str | None) -> list[str]:
    """A fault of negative amounts, with their number and the lowest."""
    if not seen.get("negative_values"):
        return []
    return [
        f"column {value!r} is negative in {seen['negative_values']:,} of {seen['rows']:,} rows (lowest "
        f"{seen['lowest_value']:g}); net or drop refunds with crmml.transactions.clean first"
    ]


def raise_if(faults: list[str]) -> None:
    """Raise one DataError that lists the faults, if there are any."""
    if faults:
        raise DataError(faults, "the transaction log")


def warn_notes(log: Log) -> None:
    """Warn of what was decided in reading a log."""
    for note in log.notes:
        warn(f"{note}.", LogWarning)


def codes_of(ids: Any) -> tuple[np.ndarray, int]:
    """Position of each entry among the sorted distinct ones, and their number; kinds that cannot be sorted keep order."""
    column = ids.to_pandas()
    try:
        code, unique = pd.factorize(column, sort=True)
    except TypeError:
        code, unique = pd.factorize(column)
    return code, len(unique)
