"""Cleaning a transaction log: missing entries, repeated rows and refunds, with everything dropped or netted in numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .. import frames
from ..frames import expressions as ex
from ..typing import Frame
from .log import (
    CUSTOMER,
    TIME,
    VALUE,
    early_faults,
    infinite_faults,
    is_missing,
    look,
    missing_faults,
    raise_if,
    read_log,
)

#: Running sums leave rounding of this size, relative to the amount; below it a purchase is refunded whole, or untouched.
ROUNDING = 1e-9
_ORDER, _LEVEL, _SUM = "__order", "__level", "__sum"


@dataclass(frozen=True)
class CleaningReport:
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
        One row a transaction.
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
    _check_choice("refunds", refunds, ("net", "drop", "raise"))
    _check_choice("duplicates", duplicates, ("keep", "drop", "raise"))
    _check_choice("nulls", nulls, ("raise", "drop"))
    read = read_log(log, customer_id, timestamp, value)
    names = frames.wrap(log).collect_schema().names()
    extra = {"customers": ex.col(CUSTOMER).n_unique(), "refund_sum": _refund_sum()} if value and read.has_value else {}
    extra.setdefault("customers", ex.col(CUSTOMER).n_unique())
    if read.faults:  # it is refused whatever these say, and they may not be countable
        extra = {}
    seen = look(read, customer_id, timestamp, value, **extra)
    faults = list(read.faults)
    missing = {
        name: seen.get(key, 0)
        for key, name in (("null_customers", customer_id), ("null_times", timestamp), ("null_values", value))
        if name is not None
    }
    if nulls == "raise" or not seen["rows"]:
        faults += missing_faults(seen, customer_id, timestamp, value)
    else:
        faults += early_faults(seen, timestamp) + infinite_faults(seen, value)
    negative = seen.get("negative_values") or 0
    if refunds == "raise" and negative:
        faults.append(
            f"column {value!r} is negative in {negative:,} of {seen['rows']:,} rows (lowest {seen['lowest_value']:g}); "
            "use refunds='net' or 'drop'"
        )
    repeated = _duplicates(read.frame, names, seen["rows"]) if not read.faults else 0
    if duplicates == "raise" and repeated:
        faults.append(
            f"{repeated:,} of {seen['rows']:,} rows repeat another row in every column; use duplicates='drop' or 'keep'"
        )
    raise_if(faults)

    frame, rows = read.frame, seen["rows"]
    schema = frame.collect_schema()
    if duplicates == "drop" and repeated:
        frame = (
            frame.unique(subset=names, keep="any", maintain_order=True) if _eager(frame) else frame.unique(subset=names)
        )
        rows -= repeated
    rows_missing = 0
    if any(missing.values()):
        gone = is_missing(CUSTOMER, schema[CUSTOMER]) | ex.col(TIME).is_null()
        if read.has_value:
            gone = gone | is_missing(VALUE, schema[VALUE])
        frame = frame.filter(~gone)
        before, rows = rows, _length(frame)
        rows_missing = before - rows
    figures: dict[str, Any] = {}
    if negative:
        frame, figures = _without_refunds(frame, refunds)
    if frame is not read.frame:
        end = frames.collected(
            frame.select(ex.len().alias("rows"), ex.col(CUSTOMER).n_unique().alias("customers"))
        ).row(0)
    else:
        end = (rows, seen["customers"])
    report = CleaningReport(
        rows_in=seen["rows"],
        rows_out=int(end[0]),
        customers_in=int(seen["customers"]) - (1 if seen["null_customers"] else 0),
        customers_out=int(end[1]),
        missing={name: int(count) for name, count in missing.items()},
        rows_missing=int(rows_missing),
        duplicates=int(repeated),
        duplicates_dropped=duplicates == "drop",
        refunds=int(negative),
        refunds_amount=float(seen.get("refund_sum") or 0.0),
        refund_rule=refunds,
        **figures,
    )
    result = _caller_columns(frame, names, schema, timestamp, value)
    return frames.set_ruler(result, frames.get_ruler(log).merged(refunds=refunds if value else None)), report


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
    if (
        frame.implementation.is_pyarrow()
    ):  # which has no running sums within groups: the three columns go through pandas
        small = ex.from_native(frame.select(CUSTOMER, TIME, VALUE).to_pandas(), eager_only=True)
        left_over = net_refunds(small)["__left"].to_numpy()
        netted = frame.with_columns(ex.new_series("__left", left_over, backend=frame.implementation))
    else:
        netted = net_refunds(frame)
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


def _caller_columns(frame: Any, names: list[str], schema: Any, timestamp: str, value: str | None) -> Any:
    """The caller's own columns in their order; text that was read comes back as times and numbers."""
    picked = []
    for name in names:
        if name == timestamp and schema[name] in (ex.String, ex.Object):
            picked.append(ex.col(TIME).alias(name))
        elif value is not None and name == value:
            picked.append(ex.col(VALUE).alias(name))
        else:
            picked.append(ex.col(name))
    return frame.select(*picked).to_native()


def _refund_sum() -> ex.Expr:
    return ex.when(ex.col(VALUE) < 0).then(ex.col(VALUE)).otherwise(ex.lit(0.0)).sum()


def _duplicates(frame: Any, names: list[str], rows: int) -> int:
    return rows - _length(frame.select(*names).unique())


def _length(frame: Any) -> int:
    return int(frames.collected(frame.select(ex.len().alias("n")))["n"][0])


def _eager(frame: Any) -> bool:
    return isinstance(frame, ex.DataFrame)


def _check_choice(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise ValueError(f"{name}={given!r} is not known; choose one of {', '.join(map(repr, known))}.")
