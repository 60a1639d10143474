"""The command line: parses, calls, prints."""

from __future__ import annotations

import functools
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sklearn.utils._param_validation import InvalidParameterError

from .checks import UNIT_WORDS
from .exceptions import DataError
from .frames.ruler import Ruler

if TYPE_CHECKING:
    import pandas as pd

EXIT_CODES = (
    "Exit codes: 0 done. 1 unexpected failure, with its traceback. 2 wrong usage or wrong data: one message that lists "
    "every fault found, and nothing is written."
)
#: Faults of what was typed or of the files named, told without a traceback.
USAGE_ERRORS = (
    DataError,
    InvalidParameterError,
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)
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
    MBG_NBD = "mbg-nbd"
    PARETO_NBD = "pareto-nbd"


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
SourceArgument = Annotated[
    Path, typer.Argument(help="CSV or Parquet file.", exists=True, dir_okay=False, readable=True)
]


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
    folder: Annotated[
        Path, typer.Argument(help="Folder to write to; made when it is not there.", file_okay=False)
    ] = Path(),
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
    from . import tracking
    from .quickstart import quickstart as run_quickstart

    tracking.quiet()
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
    from .frames.readers import write_table

    _refuse_to_replace(destination, overwrite)
    options = _log_options(customer_id, timestamp, value, period, observation_end, refunds, nulls)
    summary, report = _summary_of_log(source, options, unit)
    write_table(summary, destination)
    if not quiet:
        _say("Cleaning", report.describe())
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
    from . import frames, tracking
    from .clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma, ModifiedBetaGeoNBD, ParetoNBD
    from .frames.ruler import convert
    from .quickstart import check_holdout
    from .transactions import split_calibration_holdout

    tracking.quiet()
    if wrong := [character for character in "/:@" if character in name]:
        raise DataError([f"--name {name!r} must not contain {' or '.join(wrong)}"], "the options")
    options = _log_options(customer_id, timestamp, value, period, observation_end, refunds, nulls)
    summary, report = _summary_of_source(source, options, unit)
    known_unit = str(frames.get_ruler(summary).unit)
    kinds = {
        ModelName.BG_NBD: BetaGeoNBD,
        ModelName.MBG_NBD: ModifiedBetaGeoNBD,
        ModelName.PARETO_NBD: ParetoNBD,
    }
    transactions = kinds[model](horizon=convert(horizon, horizon_unit, known_unit))
    estimator: Any = transactions
    if "monetary_value" in summary:
        rates: dict[str, Any] = {"annual_discount_rate": annual_discount_rate, "margin": margin}
        estimator = CustomerLifetimeValue(transactions, GammaGamma(), horizon=horizon, unit=horizon_unit.value, **rates)
    check = None
    with _status("Fitting", quiet) as on_step:
        if calibration_end is not None:
            if timestamp is None:
                raise DataError(["--calibration-end needs the transaction log: name its --timestamp"], "the options")
            on_step("Checking against the time held out")
            split = split_calibration_holdout(
                _clean_log(source, options)[0], calibration_end=calibration_end, unit=known_unit, **options.measure
            )
            check = check_holdout(type(transactions)(horizon=transactions.horizon).fit(split), split)
            on_step("Fitting")
        estimator.fit(summary)
        on_step("Recording the run in MLflow")
        with tracking.track(experiment, run_name=name, uri=tracking_uri, calibration_end=calibration_end) as run:
            run.log_fit(estimator)
            if check is not None:
                run.log_metrics(check.metrics)
            findings = estimator.describe()
            run.log_text(findings, "findings.txt")
            registered = run.log_model(estimator, name, summary)
        tracking.promote(name, uri=tracking_uri)
    if quiet:
        return
    if report is not None:
        _say("Cleaning", report.describe())
    if check is not None:
        _say("Held-out time", check.sentence(UNIT_WORDS[known_unit]))
    _say("Fit", *findings.splitlines())
    _say("Registered", f"{registered}, now the champion of {name}; score with: crmml score {name} ...")


@app.command(epilog=EXIT_CODES)
@_command
def score(
    model: Annotated[
        str, typer.Argument(help="Name of a registered model (its champion), or a URI such as models:/shop/3.")
    ],
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
    from . import scoring, tracking
    from .frames.readers import write_table

    tracking.quiet()
    _refuse_to_replace(destination, overwrite)
    if destination.suffix.lower() != ".parquet":
        raise DataError([f"{destination} must end in .parquet"], "DESTINATION")
    uri = model if model.startswith(("models:/", "runs:/")) else f"models:/{model}@{tracking.CHAMPION}"
    options = _log_options(customer_id, timestamp, value, period, observation_end, refunds, nulls)
    report = None
    with _status("Scoring", quiet), tempfile.TemporaryDirectory() as folder:
        table = source
        if timestamp is not None or customer_id != "customer_id" or unit is not None or not _says_its_unit(source):
            summary, report = _summary_of_source(source, options, unit)
            table = Path(folder) / f"{source.stem}.parquet"
            write_table(summary, table)
        done = scoring.score(uri, table, destination, overwrite=overwrite, uri=tracking_uri)
    if quiet:
        return
    if report is not None:
        _say("Cleaning", report.describe())
    _say("Written", f"{done.rows:,} customers to {destination}")


# ---- parts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LogOptions:
    """How a transaction log is read."""

    columns: dict[str, Any]
    period: str
    observation_end: str | None
    refunds: str
    nulls: str

    @property
    def measure(self) -> dict[str, Any]:
        """The arguments of a summary, but for its unit."""
        return {**self.columns, "period": self.period, "observation_end": self.observation_end}


def _log_options(customer_id, timestamp, value, period, observation_end, refunds, nulls) -> LogOptions:
    columns = {"customer_id": customer_id, "timestamp": timestamp, "value": value}
    return LogOptions(columns, period.value, observation_end, refunds.value, nulls.value)


def _clean_log(source: Path, options: LogOptions) -> tuple[pd.DataFrame, Any]:
    from .frames.readers import read_table
    from .transactions import clean

    log = read_table(source, text=[options.columns["customer_id"]])
    return clean(log, **options.columns, refunds=options.refunds, nulls=options.nulls)


def _summary_of_log(source: Path, options: LogOptions, unit: Unit | None) -> tuple[pd.DataFrame, Any]:
    """Clean and summarise a transaction log; what it lacks is told in one message."""
    from .transactions import summarize as summarize_log

    lacking = []
    if options.columns["timestamp"] is None:
        lacking.append("name the column with the time of the purchase: --timestamp COLUMN")
    if unit is None:
        lacking.append(f"say what time is counted in: --unit ({_UNITS})")
    if lacking:
        raise DataError(lacking, "the options")
    log, report = _clean_log(source, options)
    return summarize_log(log, **options.measure, unit=unit.value if unit else ""), report


def _summary_of_source(source: Path, options: LogOptions, unit: Unit | None) -> tuple[pd.DataFrame, Any]:
    """The summary of a log where --timestamp was given; else the file is a summary, whose unit must be known."""
    from . import frames
    from .frames.readers import read_table

    if options.columns["timestamp"] is not None:
        return _summary_of_log(source, options, unit)
    customer_id = options.columns["customer_id"]
    summary = read_table(source, text=[customer_id])
    missing = [name for name in SUMMARY_COLUMNS if name not in summary.columns]
    if missing:
        there = ", ".join(map(str, summary.columns))
        raise DataError(
            [
                f"it lacks {', '.join(missing)}; there are {there}. If it is a transaction log, say so by naming its time "
                "column: --timestamp COLUMN"
            ],
            f"the summary {source.name}",
        )
    ruler = frames.get_ruler(summary)
    stated = Ruler(unit=unit.value if unit else None)
    if ruler.unit is None and stated.unit is None:
        raise DataError([f"the file does not say what its times are counted in: --unit ({_UNITS})"], "the options")
    ruler.check_same(stated, what="--unit")
    if customer_id != "customer_id":
        frames.check_names([customer_id], list(summary.columns), f"the summary {source.name}")
        summary = summary.rename(columns={customer_id: "customer_id"})
    return frames.set_ruler(summary, ruler.merged(unit=stated.unit)), None


def _says_its_unit(source: Path) -> bool:
    from .frames.readers import kind_of, ruler_of

    return kind_of(source) == "parquet" and ruler_of(source).unit is not None


def _refuse_to_replace(destination: Path, overwrite: bool) -> None:
    if destination.exists() and not overwrite:
        raise DataError([f"{destination} is already there; say --overwrite to replace it"], "DESTINATION")


@contextmanager
def _status(words: str, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show what is going on at a terminal; say nothing elsewhere."""
    from rich.console import Console

    console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
    with console.status(words) as status:
        yield status.update


@contextmanager
def _warnings_as_sentences() -> Iterator[None]:
    def show(message: Any, *_: Any, **__: Any) -> None:
        typer.echo(f"Note: {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", module=r"crmml(\.|$)")
        for category in (UserWarning, RuntimeWarning):
            warnings.filterwarnings("always", category=category, module=r"(crmml|__main__)")
        warnings.showwarning = show
        yield


def _say(heading: str, *paragraphs: str) -> None:
    typer.echo(f"\n{heading}")
    for paragraph in paragraphs:
        typer.echo(f"  {paragraph}")


def main() -> None:
    """Run the command line."""
    app()
