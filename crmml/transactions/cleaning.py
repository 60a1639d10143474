"""Cleaning a transaction log: missing entries, repeated rows and refunds, with everything dropped or netted in numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults, check_choice
from ..frames import expressions as ex
from ..results import Result
from ..typing import Frame
from .log import (
    CUSTOMER,
    TIME,
    VALUE,
    Log,
    early_faults,
    infinite_faults,
    is_missing,
    look,
    missing_faults,
    raise_if,
    read_columns,
    warn_notes,
)

#: Running sums leave rounding of this size, relative to the amount; below it a purchase is refunded whole, or untouched.
ROUNDING = 1e-9
_ORDER, _LEVEL, _SUM = "__order", "__level", "__sum"


@dataclass(frozen=True)
class CleaningReport(Result):
    """What :func:`clean` found, dropped and netted.

    Attributes
    ----------
    rows_in, rows_out : int
        Transactions before and after.
    customers_in, customers_out : int
        Customers before and after (of the rows that name one).
    missing : dict of str to int
        Rows with a missing entry, by column; dropped where ``nulls="drop"``.
    rows_missing : int
        Rows dropped for a missing entry, each counted once.
    duplicates : int
        Rows that repeat an earlier row in every column.
    duplicates_dropped : bool
        Whether they were dropped.
    refunds : int
        Rows with a negative amount.
    refunds_amount : float
        Their sum, in the log's money, at most 0.
    refund_rule : str
        "net", "drop" or "raise".
    purchases_reduced, purchases_cancelled : int
        Purchases of which refunds took a part, and all.
    refunds_unmatched : float
        Refunded money without an earlier purchase to take it from, at least 0; it is left out.
    """

    rows_in: int
    rows_out: int
    customers_in: int
    customers_out: int
    missing: dict[str, int] = field(default_factory=dict)
    rows_missing: int = 0
    duplicates: int = 0
    duplicates_dropped: bool = False
    refunds: int = 0
    refunds_amount: float = 0.0
    refund_rule: str = "net"
    purchases_reduced: int = 0
    purchases_cancelled: int = 0
    refunds_unmatched: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as a plain dictionary."""
        return asdict(self)

    def describe(self) -> str:
        """Return what happened in plain sentences."""
        said = [
            f"{self.rows_out:,} of {self.rows_in:,} transactions and {self.customers_out:,} of {self.customers_in:,} "
            "customers kept."
        ]
        if self.rows_missing:
            columns = ", ".join(f"{name} in {count:,}" for name, count in self.missing.items() if count)
            said.append(f"{self.rows_missing:,} rows dropped for missing entries ({columns}).")
        if self.duplicates:
            what = "dropped" if self.duplicates_dropped else "kept (duplicates='drop' would drop them)"
            said.append(f"{self.duplicates:,} rows repeat another row in every column and were {what}.")
        if self.refunds and self.refund_rule == "net":
            said.append(
                f"{self.refunds:,} refunds worth {-self.refunds_amount:,.2f} were taken off each customer's latest earlier "
                f"purchases: {self.purchases_cancelled:,} cancelled, {self.purchases_reduced:,} reduced; "
                f"{self.refunds_unmatched:,.2f} had no earlier purchase and was left out."
            )
        elif self.refunds:
            said.append(
                f"{self.refunds:,} refunds worth {-self.refunds_amount:,.2f} were dropped; their purchases stand."
            )
        return " ".join(said)

    __str__ = describe

    def to_frame(self) -> pd.DataFrame:
        """Return the counts and amounts, one in a row: quantity, value."""
        counted = {name: count for name, count in asdict(self).items() if isinstance(count, int | float)}
        del counted["duplicates_dropped"]
        counted |= {f"missing_{name}": count for name, count in self.missing.items()}
        return pd.DataFrame({"quantity": list(counted), "value": np.asarray(list(counted.values()), dtype=float)})


def clean(
    log: Frame,
    *,
    customer_id: str = "customer_id",
    timestamp: str = "timestamp",
    value: str | None = None,
    refunds: str = "net",
    duplicates: str = "keep",
    nulls: str = "raise",
) -> tuple[Any, CleaningReport]:
    """Clean a transaction log and report what was dropped or netted.

    Parameters
    ----------
    log : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
        One row per transaction.
    customer_id, timestamp : str
        Its columns. Timestamps in ISO 8601 text become times.
    value : str, default=None
        The column of amounts; refunds are negative. Numbers written as text become numbers.
    refunds : {"net", "drop", "raise"}, default="net"
        "net" takes a refund off the customer's latest earlier purchases, one after the other, as a stack; a purchase
        refunded whole is dropped, and what exceeds all earlier purchases is left out and reported. "drop" drops refunds
        and lets the purchases stand. "raise" refuses them.
    duplicates : {"keep", "drop", "raise"}, default="keep"
        Rows equal to another in every column. Two equal lines may well be two purchases, so that they are counted and
        kept unless you know better.
    nulls : {"raise", "drop"}, default="raise"
        Rows without customer, time or (where ``value`` is named) amount.

    Returns
    -------
    log : frame of the log's engine
        Its own columns; a log already clean comes back as it was. pandas and pyarrow frames remember the refund rule.
    report : CleaningReport
        ``describe()`` says it in sentences; ``to_dict()`` gives the figures.

    Raises
    ------
    DataError
        Naming every fault at once, before anything is changed.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": [1, 1, 1], "timestamp": ["2024-01-01", "2024-01-05", "2024-01-06"],
    ...                     "value": [10.0, 30.0, -12.0]})
    >>> cleaned, report = clean(log, value="value")
    >>> cleaned["value"].tolist()
    [10.0, 18.0]
    >>> print(report)
    2 of 3 transactions and 1 of 1 customers kept. 1 refunds worth 12.00 were taken off each customer's latest
    earlier purchases: 0 cancelled, 1 reduced; 0.00 had no earlier purchase and was left out.
    """
    rules = CleaningRules.read(customer_id, timestamp, value, refunds=refunds, duplicates=duplicates, nulls=nulls)
    read = read_columns(log, customer_id, timestamp, value)
    names = frames.wrap(log).collect_schema().names()
    found = _found(read, names, rules)
    raise_if(_faults(read, found, rules))
    warn_notes(read)
    frame, rows_missing = _without_missing(_without_repeats(read, names, found, rules), read, found, rules)
    figures: dict[str, Any] = {}
    if found.negative:
        frame, figures = _without_refunds(frame, refunds)
    rows_out, customers_out = (found.rows, found.customers) if frame is read.frame else _size(frame)
    report = CleaningReport(
        rows_in=found.rows,
        rows_out=rows_out,
        customers_in=found.customers,
        customers_out=customers_out,
        missing=found.missing,
        rows_missing=rows_missing,
        duplicates=found.repeated,
        duplicates_dropped=duplicates == "drop",
        refunds=found.negative,
        refunds_amount=float(found.seen.get("refund_sum") or 0.0),
        refund_rule=refunds,
        **figures,
    )
    result = _caller_columns(frame, names, read, rules)
    return frames.set_ruler(result, frames.get_ruler(log).merged(refunds=refunds if value else None)), report


@dataclass(frozen=True)
class CleaningRules:
    """Which columns are looked at, and what is done with refunds, repeated rows and missing entries."""

    customer_id: str
    timestamp: str
    value: str | None
    refunds: str
    duplicates: str
    nulls: str

    @classmethod
    def read(
        cls, customer_id: str, timestamp: str, value: str | None, *, refunds: str, duplicates: str, nulls: str
    ) -> CleaningRules:
        """Return the rules, or refuse all that are not known at once.

        Raises
        ------
        DataError
        """
        faults = Faults("the arguments of clean")
        faults.check(check_choice, refunds, "refunds", ("net", "drop", "raise"))
        faults.check(check_choice, duplicates, "duplicates", ("keep", "drop", "raise"))
        faults.check(check_choice, nulls, "nulls", ("raise", "drop"))
        faults.refuse()
        return cls(customer_id, timestamp, value, refunds, duplicates, nulls)


@dataclass(frozen=True)
class _Found:
    """What was found in a log: the figures of :func:`look`, rows with a missing entry by column, and repeated rows."""

    seen: dict[str, Any]
    missing: dict[str, int]
    repeated: int

    @property
    def rows(self) -> int:
        return int(self.seen["rows"])

    @property
    def customers(self) -> int:
        return int(self.seen["customers"])

    @property
    def negative(self) -> int:
        return int(self.seen.get("negative_values") or 0)


def _found(read: Log, names: list[str], rules: CleaningRules) -> _Found:
    columns = rules.customer_id, rules.timestamp, rules.value
    extra: dict[str, ex.Expr] = {}
    if not read.faults:  # else it is refused whatever these say, and they may not be countable
        extra["customers"] = ex.col(CUSTOMER).n_unique()
        if read.has_value:
            extra["refund_sum"] = _refund_sum()
    seen = look(read, rules.customer_id, rules.timestamp, rules.value, **extra)
    if not read.faults and seen["null_customers"]:  # blanks, of several lengths perhaps, are no customers
        named = read.frame.filter(~is_missing(CUSTOMER, read.frame.collect_schema()[CUSTOMER]))
        seen["customers"] = _size(named)[1]
    keys = zip(("null_customers", "null_times", "null_values"), columns, strict=True)
    missing = {name: int(seen.get(key, 0)) for key, name in keys if name is not None}
    distinct = (
        0 if read.faults else frames.count_rows(read.frame.select(*map(ex.col, _compared(read, names, rules))).unique())
    )
    return _Found(seen, missing, 0 if read.faults else int(seen["rows"]) - distinct)


def _compared(read: Log, names: list[str], rules: CleaningRules) -> list[Any]:
    """Columns in which rows repeat one another: the log's own, but identifiers as they were read."""
    return [CUSTOMER if read.renamed_customers and name == rules.customer_id else name for name in names]


def _faults(read: Log, found: _Found, rules: CleaningRules) -> list[str]:
    """Everything that the rules do not allow."""
    seen, faults = found.seen, list(read.faults)
    if rules.nulls == "raise" or not seen["rows"]:
        faults += missing_faults(seen, rules.customer_id, rules.timestamp, rules.value)
    else:
        faults += early_faults(seen, rules.timestamp) + infinite_faults(seen, rules.value)
    if rules.refunds == "raise" and found.negative:
        faults.append(
            f"column {rules.value!r} is negative in {found.negative:,} of {seen['rows']:,} rows "
            f"(lowest {seen['lowest_value']:g}); use refunds='net' or 'drop'"
        )
    if rules.duplicates == "raise" and found.repeated:
        faults.append(
            f"{found.repeated:,} of {seen['rows']:,} rows repeat another row in every column; "
            "use duplicates='drop' or 'keep'"
        )
    return faults


def _without_repeats(read: Log, names: list[str], found: _Found, rules: CleaningRules) -> Any:
    if rules.duplicates == "drop" and found.repeated:
        return frames.distinct(read.frame, _compared(read, names, rules))
    return read.frame


def _without_missing(frame: Any, read: Log, found: _Found, rules: CleaningRules) -> tuple[Any, int]:
    """The rows that name a customer, a time and an amount, and how many others there were."""
    if not any(found.missing.values()):
        return frame, 0
    schema = read.frame.collect_schema()
    gone = is_missing(CUSTOMER, schema[CUSTOMER]) | ex.col(TIME).is_null()
    if read.has_value:
        gone = gone | is_missing(VALUE, schema[VALUE])
    kept = frame.filter(~gone)
    before = found.rows - (found.repeated if rules.duplicates == "drop" else 0)
    return kept, before - frames.count_rows(kept)


def _size(frame: Any) -> tuple[int, int]:
    """Rows and customers."""
    size = frame.select(ex.len().alias("rows"), ex.col(CUSTOMER).n_unique().alias("customers"))
    rows, customers = frames.collected(size).row(0)
    return int(rows), int(customers)


def net_refunds(frame: Any) -> Any:
    r"""Take refunds off each customer's latest earlier purchases; rows keep their amount's remainder in VALUE.

    As a stack: purchases are pushed, refunds pop from the top. With S the running sum of a customer's amounts and
    :math:`W_i = S_i - \min(0, \min_{j \le i} S_j)` the height of the stack, what is left of purchase i is
    :math:`\max(0, \min_{j \ge i} W_j - W_{i-1})`: three running sums in the engine, no loop.
    """
    amount = ex.col(VALUE)
    # at one moment purchases come before refunds, so that a refund can reach a purchase of the same time stamp
    frame = frame.with_columns((amount < 0).cast(ex.Int64).alias(_ORDER))
    # numbered once, so that rows equal in all three keep one order in all that follows
    place = ex.col("__one").cum_sum().over(CUSTOMER, order_by=[TIME, _ORDER, VALUE])
    frame = frame.with_columns(ex.lit(1).alias("__one")).with_columns(place.alias("__place"))
    order: dict[str, Any] = {"order_by": ["__place"]}
    frame = frame.with_columns(amount.cum_sum().over(CUSTOMER, **order).alias(_SUM))
    lowest = ex.col(_SUM).cum_min().over(CUSTOMER, **order)
    frame = frame.with_columns(lowest.alias("__lowest"))
    below = ex.when(ex.col("__lowest") < 0).then(ex.col("__lowest")).otherwise(ex.lit(0.0))
    frame = frame.with_columns((ex.col(_SUM) - below).alias(_LEVEL))
    frame = frame.with_columns(ex.col(_LEVEL).cum_min(reverse=True).over(CUSTOMER, **order).alias("__floor"))
    left = ex.col("__floor") - ex.col(_LEVEL) + amount
    left = ex.when(left <= ROUNDING * amount).then(ex.lit(0.0)).otherwise(left)
    left = ex.when(left >= (1 - ROUNDING) * amount).then(amount).otherwise(left)
    return frame.with_columns(ex.when(amount < 0).then(ex.lit(0.0)).otherwise(left).alias("__left"))


def _without_refunds(frame: Any, rule: str) -> tuple[Any, dict[str, Any]]:
    if rule == "drop":
        return frame.filter(ex.col(VALUE) >= 0), {}
    netted = frames.with_running(frame, net_refunds, needs=[CUSTOMER, TIME, VALUE], gives="__left")
    amount, left = ex.col(VALUE), ex.col("__left")
    cancelled = (amount > 0) & (left == 0)
    row = frames.collected(
        netted.select(
            cancelled.cast(ex.Int64).sum().alias("cancelled"),
            ((left > 0) & (left < amount)).cast(ex.Int64).sum().alias("reduced"),
            (left - amount).sum().alias("unmatched"),
        )
    ).row(0)
    kept = netted.filter((amount == 0) | (left > 0)).with_columns(left.alias(VALUE))
    unmatched = float(row[2] or 0.0)
    figures = {
        "purchases_cancelled": int(row[0] or 0),
        "purchases_reduced": int(row[1] or 0),
        "refunds_unmatched": unmatched if unmatched > 1e-9 else 0.0,
    }
    return kept, figures


def _caller_columns(frame: Any, names: list[str], read: Log, rules: CleaningRules) -> Any:
    """The caller's own columns in their order; text that was read comes back as times and numbers, and so do identifiers."""
    schema = read.frame.collect_schema()
    working = {rules.customer_id: CUSTOMER} if read.renamed_customers else {}
    if not (schema[rules.timestamp] == ex.Date or isinstance(schema[rules.timestamp], ex.Datetime)):
        working[rules.timestamp] = TIME
    if rules.value is not None:
        working[rules.value] = VALUE
    result = frame.select(*(ex.col(working.get(name, name)).alias(name) for name in names))
    return frames.unwrap(frames.with_plain_integers(result, [rules.customer_id]))


def _refund_sum() -> ex.Expr:
    return ex.when(ex.col(VALUE) < 0).then(ex.col(VALUE)).otherwise(ex.lit(0.0)).sum()
