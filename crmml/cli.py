"""The command line: parses, calls, prints."""

from __future__ import annotations

import functools
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exceptions import DataError
from .ruler import UNIT_WORDS, Ruler

if TYPE_CHECKING:
    import pandas as pd

EXIT_CODES = (
    "Exit codes: 0 done. 1 unexpected failure, with its traceback. 2 wrong usage or wrong data: one message that lists "
    "every fault found, and nothing is written."
)
#: Faults of what was typed or of the files named, told without a traceback.
USAGE_ERRORS = (DataError, FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
SUMMARY_COLUMNS = ("frequency", "recency", "T")

app = typer.Typer(
    name="crmml",
    help="From a transaction log to the value of every customer.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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


_UNITS = ", ".join(f"{key} {word}" for key, word in UNIT_WORDS.items())
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
    Unit, typer.Option(help=f"Several purchases of one period count as one ({_UNITS}).", rich_help_panel=Log)
]
UnitOption = Annotated[
    Unit | None,
    typer.Option(help=f"What recency, T and horizons are counted in ({_UNITS}); never assumed.", rich_help_panel=Log),
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
SourceArgument = Annotated[Path, typer.Argument(help="CSV or Parquet file.", exists=True, dir_okay=False, readable=True)]


def _command(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command print each warning as a sentence, and end with the exit codes that the help promises."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            with _warnings_as_sentences():
                function(*args, **kwargs)
        except USAGE_ERRORS as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from None
        except typer.Exit:
            raise
        except Exception:
            traceback.print_exc()
            typer.echo("crmml failed unexpectedly: this is a fault of the program, not of the data.", err=True)
            raise typer.Exit(1) from None

    return run


@app.command(epilog=EXIT_CODES)
@_command
def quickstart(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; made when it is not there.", file_okay=False)] = Path(),
    folder_option: Annotated[
        Path | None, typer.Option("--folder", help="The same, as an option.", file_okay=False)
    ] = None,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run the whole job on CDNOW, a public log of 23,570 customers, offline, and say what was found.

    Cleans, summarises, fits on 39 weeks, checks against the 39 weeks that follow, scores every customer, and writes
    summary.parquet, scores.parquet, three plots and an MLflow run (mlflow.db) to FOLDER.
    """
    _quiet_mlflow()
    from .quickstart import quickstart as run_quickstart

    with _status("Starting", quiet) as on_step:
        findings = run_quickstart(folder_option or folder, overwrite=overwrite, on_step=on_step)
    if quiet:
        return
    _say("What was found", *findings.sentences)
    _say("What was written", *(str(path) for path in findings.files))
    _say("What to type next", *(f"{purpose}:\n    {command}" for purpose, command in findings.next_steps))


@app.command(epilog=EXIT_CODES)
@_command
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
    """Turn a transaction log into one row a customer: frequency, recency, T and, with --value, monetary_value.

    A Parquet DESTINATION remembers its units; a CSV cannot, so that they must be stated again when it is used.
    """
    from . import frames

    if destination.exists() and not overwrite:
        raise DataError([f"{destination} is already there; say --overwrite to replace it"], "DESTINATION")
    options = _log_options(customer_id, timestamp, value, period, observation_end, refunds, nulls)
    summary, report = _summary_of_log(frames.read_table(source), options, unit)
    frames.write_table(summary, destination)
    if not quiet:
        _say("Cleaning", str(report))
        _say("Written", f"{len(summary):,} customers to {destination}")


@app.command(epilog=EXIT_CODES)
@_command
def fit(
    source: SourceArgument,
    name: Annotated[str, typer.Option(help="Name to register the model under; it becomes its champion.")],
    model: Annotated[ModelName, typer.Option(help="Model of the transactions.")] = ModelName.BG_NBD,
    horizon: Annotated[float, typer.Option(help="How far ahead predictions look, in --horizon-unit.", min=0.0)] = 1.0,
    horizon_unit: Annotated[Unit, typer.Option(help="Unit of --horizon.")] = Unit.YEAR,
    annual_discount_rate: Annotated[
        float, typer.Option(help="0.1 is 10 % a year; for the value, where amounts are given.", min=0.0)
    ] = 0.0,
    margin: Annotated[float, typer.Option(help="Part of an amount that is value; 0.3 is 30 %.", min=0.0)] = 1.0,
    calibration_end: Annotated[
        str | None,
        typer.Option(help="Check first: fit up to this day, predict the rest of the log, compare.", metavar="DATE"),
    ] = None,
    experiment: Annotated[str, typer.Option(help="MLflow experiment of the run.")] = "crmml",
    tracking_uri: TrackingUriOption = None,
    timestamp: TimestampOption = None,
    unit: UnitOption = None,
    customer_id: CustomerIdOption = "customer_id",
    value: ValueOption = None,
    period: PeriodOption = Unit.DAY,
    observation_end: ObservationEndOption = None,
    refunds: RefundsOption = Refunds.NET,
    nulls: NullsOption = Nulls.RAISE,
    quiet: QuietOption = False,
) -> None:
    """Fit a model on a transaction log or a summary, record the run, register the model and make it the champion.

    Where amounts are given (--value, or a summary's monetary_value), spend is modelled too (Gamma-Gamma) and the model
    predicts each customer's value.
    """
    _quiet_mlflow()
    from . import frames, tracking
    from .clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma
    from .ruler import convert

    options = _log_options(customer_id, timestamp, value, period, observation_end, refunds, nulls)
    table = frames.read_table(source)
    if timestamp is None:
        summary, report = _summary_of_file(table, unit, source), None
    else:
        summary, report = _summary_of_log(table, options, unit)
    known_unit = frames.get_ruler(summary).unit
    transactions = {ModelName.BG_NBD: BetaGeoNBD}[model](horizon=convert(horizon, horizon_unit, known_unit))
    estimator: Any = transactions
    if "monetary_value" in summary:
        rates = {"annual_discount_rate": annual_discount_rate, "margin": margin}
        estimator = CustomerLifetimeValue(transactions, GammaGamma(), horizon=horizon, unit=horizon_unit.value, **rates)
    with _status("Fitting", quiet):
        estimator.fit(summary)


@app.command(epilog=EXIT_CODES)
@_command
def score(
    model: Annotated[str, typer.Argument(help="Name of a registered model (its champion), or a URI such as models:/shop/3.")],
    source: SourceArgument,
    destination: Annotated[Path, typer.Argument(help="Parquet file to write.", dir_okay=False)],
    tracking_uri: TrackingUriOption = None,
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
    """Score every customer of a summary or a transaction log with a registered model, into a Parquet file.

    The file appears whole or not at all.
    """


def main() -> None:
    """Run the command line."""
    app()
