"""What is done with a transaction log itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import command
from .console import say
from .options import (
    CustomerIdOption,
    Nulls,
    NullsOption,
    ObservationEndOption,
    OverwriteOption,
    PeriodOption,
    QuietOption,
    Refunds,
    RefundsOption,
    SourceArgument,
    TimestampOption,
    Unit,
    UnitOption,
    ValueOption,
)
from .sources import LogOptions, refuse_to_replace


@command
def summarize(
    source: SourceArgument,
    destination: Annotated[Path, typer.Argument(help="Parquet or CSV file to write.", dir_okay=False)],
    timestamp: TimestampOption = None,
    unit: UnitOption = None,
    customer_id: CustomerIdOption = "customer_id",
    value: ValueOption = None,
    period: PeriodOption = Unit.DAY,
    observation_end: ObservationEndOption = None,
    refunds: RefundsOption = Refunds.NET,
    nulls: NullsOption = Nulls.RAISE,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
) -> None:
    """Turn a transaction log into one row per customer: frequency, recency, T and, with --value, monetary_value.

    A Parquet DESTINATION remembers its units; a CSV cannot, so that they must be stated again when it is used.
    """
    from ..files import write_table

    refuse_to_replace(destination, overwrite)
    options = LogOptions(customer_id, timestamp, value, unit, period, observation_end, refunds, nulls)
    summary, report = options.read_log_as_summary(source)
    write_table(summary, destination)
    if not quiet:
        say("Cleaning", report.describe())
        say("Written", f"{len(summary):,} customers to {destination}")
