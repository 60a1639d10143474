"""The options that several commands share, and the values that they can take."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Annotated, Any, get_type_hints

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


class Duplicates(StrEnum):
    """What happens to rows that repeat another in every column."""

    KEEP = "keep"
    DROP = "drop"
    RAISE = "raise"


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
DuplicatesOption = Annotated[
    Duplicates,
    typer.Option(help="Rows that repeat another in every column: kept, dropped, or refused.", rich_help_panel=Log),
]
TrackingUriOption = Annotated[
    str | None,
    typer.Option(help="MLflow tracking URI; without it, sqlite:///mlflow.db in the current folder.", metavar="URI"),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace files that are already there.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Make it the champion although its fit has not converged.")]
SourceArgument = Annotated[
    str,
    typer.Argument(help="File (CSV whatever its dialect, workbook, Parquet; packed or not), folder, or 'pattern*'."),
]

Files = "How the files are written (told by their content where nothing is stated)"


def _stated(help_text: str, metavar: str | None = None, **more: Any) -> Any:
    return typer.Option(help=help_text, rich_help_panel=Files, metavar=metavar, **more)


QuantityOption = Annotated[
    str | None,
    typer.Option(
        help="Column that --price is multiplied by, instead of --value.", rich_help_panel=Log, metavar="COLUMN"
    ),
]
PriceOption = Annotated[
    str | None, typer.Option(help="Column with the price of one unit.", rich_help_panel=Log, metavar="COLUMN")
]
OrderIdOption = Annotated[
    str | None,
    typer.Option(
        help="Column with the order, where a row is a line of one; lines become orders.",
        rich_help_panel=Log,
        metavar="COLUMN",
    ),
]
DateFormatOption = Annotated[
    str | None, _stated("A strptime format such as %d/%m/%Y, or iso, unix_s, unix_ms, unix_us, excel.", "FORMAT")
]
TimeZoneOption = Annotated[
    str | None, _stated("Put times that carry a zone on this clock, for instance Europe/Vienna.", "ZONE")
]
DecimalOption = Annotated[str | None, _stated("What parts the decimals: . or ,", "MARK")]
NullWordsOption = Annotated[
    list[str] | None, _stated("A text that stands for a missing customer, such as NULL; may be repeated.", "TEXT")
]
DelimiterOption = Annotated[
    str | None, _stated("What parts the fields: a character, or its name (comma, semicolon, tab).", "CHARACTER")
]
EncodingOption = Annotated[str | None, _stated("For instance utf-8, cp1252, gb18030.", "NAME")]
QuoteOption = Annotated[
    str | None, _stated("What fields are quoted with; none where quotes mean nothing.", "CHARACTER")
]
SkipLinesOption = Annotated[int | None, _stated("Lines before the header.", min=0)]
ColumnNamesOption = Annotated[
    str | None, _stated("Names of the columns, parted by commas, of a file without a header.", "NAMES")
]
SheetOption = Annotated[str | None, _stated("Sheet of a workbook.", "NAME")]


def with_fields_as_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each field of its parameters that are dataclasses.

    The command is called with the dataclass; on the command line there are its fields, in their order, in its place.
    """
    hints = get_type_hints(function, include_extras=True)
    listed: list[inspect.Parameter] = []
    groups: dict[str, type] = {}
    for parameter in inspect.signature(function).parameters.values():
        kind = hints[parameter.name]
        if not is_dataclass(kind) or not isinstance(kind, type):
            listed.append(parameter.replace(annotation=kind))
            continue
        groups[parameter.name] = kind
        own = get_type_hints(kind, include_extras=True)
        listed += [parameter.replace(name=f.name, default=f.default, annotation=own[f.name]) for f in fields(kind)]

    @functools.wraps(function)
    def run(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        function(**given)

    del run.__wrapped__  # the signature on the command line is another
    listed.sort(key=lambda parameter: parameter.default is not inspect.Parameter.empty)
    setattr(run, "__signature__", inspect.Signature(listed))  # noqa: B010  # mypy knows no such attribute
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in listed}
    return run
