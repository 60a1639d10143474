"""The options that several commands share, and the values that they can take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..checks import UNIT_WORDS


class Unit(StrEnum):
    """Units of time."""

    HOUR = "h"
    DAY = "D"
    WEEK = "W"
    MONTH = "M"
    YEAR = "Y"


class Refunds(StrEnum):
    """What happens to negative amounts."""

    NET = "net"
    DROP = "drop"
    RAISE = "raise"


class Nulls(StrEnum):
    """What happens to rows with missing entries."""

    RAISE = "raise"
    DROP = "drop"


class ModelName(StrEnum):
    """Transaction models that can be fitted."""

    BG_NBD = "bg-nbd"
    MBG_NBD = "mbg-nbd"
    PARETO_NBD = "pareto-nbd"


UNITS = ", ".join(f"{key} {word}" for key, word in UNIT_WORDS.items())
Log = "Transaction log"
CustomerIdOption = Annotated[
    str, typer.Option("--customer-id", help="Column with the customer's id.", rich_help_panel=Log, metavar="COLUMN")
]
TimestampOption = Annotated[
    str | None,
    typer.Option(
        help="Column with the time of the purchase; naming it says that SOURCE is a transaction log, not a summary.",
        rich_help_panel=Log,
        metavar="COLUMN",
    ),
]
ValueOption = Annotated[
    str | None, typer.Option(help="Column with the amount of money.", rich_help_panel=Log, metavar="COLUMN")
]
PeriodOption = Annotated[
    Unit, typer.Option(help=f"Several purchases in one period count as one ({UNITS}).", rich_help_panel=Log)
]
UnitOption = Annotated[
    Unit | None,
    typer.Option(help=f"What recency, T and horizons are counted in ({UNITS}); never assumed.", rich_help_panel=Log),
]
ObservationEndOption = Annotated[
    str | None,
    typer.Option(
        help="Last day or instant observed, inclusive; without it, the last purchase in the log.",
        rich_help_panel=Log,
        metavar="DATE",
    ),
]
RefundsOption = Annotated[
    Refunds, typer.Option(help="Negative amounts: netted, dropped (and counted), or refused.", rich_help_panel=Log)
]
NullsOption = Annotated[
    Nulls, typer.Option(help="Rows with missing entries: refused, or dropped (and counted).", rich_help_panel=Log)
]
TrackingUriOption = Annotated[
    str | None,
    typer.Option(help="MLflow tracking URI; without it, sqlite:///mlflow.db in the current folder.", metavar="URI"),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace files that are already there.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
SourceArgument = Annotated[
    Path, typer.Argument(help="CSV or Parquet file.", exists=True, dir_okay=False, readable=True)
]
