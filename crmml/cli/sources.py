"""What the commands read: a transaction log as its options describe it, or a summary whose unit is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import frames
from ..exceptions import DataError
from ..files import kind_of, read_table, ruler_of
from ..files.dialect import DELIMITER_WORDS
from ..frames.ruler import Ruler
from .console import in_options
from .options import (
    UNITS,
    ColumnNamesOption,
    CustomerIdOption,
    DateFormatOption,
    DecimalOption,
    DelimiterOption,
    Duplicates,
    DuplicatesOption,
    EncodingOption,
    Nulls,
    NullsOption,
    NullWordsOption,
    ObservationEndOption,
    OrderIdOption,
    PeriodOption,
    PriceOption,
    QuantityOption,
    QuoteOption,
    Refunds,
    RefundsOption,
    SheetOption,
    SkipLinesOption,
    TimestampOption,
    TimeZoneOption,
    Unit,
    UnitOption,
    ValueOption,
)

if TYPE_CHECKING:
    import pandas as pd

SUMMARY_COLUMNS = ("frequency", "recency", "T")


@dataclass(frozen=True)
class LogOptions:
    """How a transaction log is read; each field is an option of the commands that read one."""

    timestamp: TimestampOption = None
    unit: UnitOption = None
    customer_id: CustomerIdOption = "customer_id"
    value: ValueOption = None
    quantity: QuantityOption = None
    price: PriceOption = None
    order_id: OrderIdOption = None
    period: PeriodOption = Unit.DAY
    observation_end: ObservationEndOption = None
    refunds: RefundsOption = Refunds.NET
    nulls: NullsOption = Nulls.RAISE
    duplicates: DuplicatesOption = Duplicates.KEEP
    date_format: DateFormatOption = None
    time_zone: TimeZoneOption = None
    decimal: DecimalOption = None
    null_words: NullWordsOption = None
    delimiter: DelimiterOption = None
    encoding: EncodingOption = None
    quote: QuoteOption = None
    skip_lines: SkipLinesOption = None
    column_names: ColumnNamesOption = None
    sheet: SheetOption = None

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the log, once it is read."""
        has_value = self.value is not None or self.price is not None
        value = (self.value or "value") if has_value else None
        return {"customer_id": self.customer_id, "timestamp": self.timestamp, "value": value}

    @property
    def measure(self) -> dict[str, Any]:
        """The arguments of a summary, but for its unit."""
        return {**self.columns, "period": self.period.value, "observation_end": self.observation_end}

    @property
    def written(self) -> dict[str, Any]:
        """How the files are written, as far as it was stated."""
        characters = {word: character for character, word in DELIMITER_WORDS.items()}
        return {
            "date_format": self.date_format,
            "time_zone": self.time_zone,
            "decimal": self.decimal,
            "null_words": self.null_words or (),
            "delimiter": characters.get(self.delimiter, self.delimiter) if self.delimiter else None,
            "encoding": self.encoding,
            "quote": "" if self.quote == "none" else self.quote,
            "skip_lines": self.skip_lines,
            "column_names": None if self.column_names is None else [n.strip() for n in self.column_names.split(",")],
            "sheet": self.sheet,
        }

    def read_clean_log(self, source: str) -> tuple[pd.DataFrame, list[str]]:
        """Read a transaction log and clean it; return it in the files' own names, and what was understood and done."""
        from ..transactions import clean, read_log

        named = {
            name: getattr(self, name) for name in ("customer_id", "timestamp", "value", "quantity", "price", "order_id")
        }
        log, reading = read_log(source, **named, nulls=_KEPT[self.nulls], **self.written)
        own = {"customer_id": self.customer_id, "timestamp": self.timestamp, "value": self.columns["value"]}
        log = log.rename(columns={name: column for name, column in own.items() if column})
        if self.order_id is not None:
            log = log.drop(columns="order_id")
        rules = {name: getattr(self, name).value for name in ("refunds", "nulls", "duplicates")}
        cleaned, report = clean(log, **self.columns, **rules)
        return cleaned, [in_options(line) for line in (*reading.describe().splitlines(), report.describe())]

    def read_log_as_summary(self, source: str) -> tuple[pd.DataFrame, list[str]]:
        """Read, clean and summarise a transaction log; what the options lack is told in one message."""
        from ..transactions import summarize

        lacking = []
        if self.timestamp is None:
            lacking.append(
                "name the column with the time of the purchase: --timestamp COLUMN (crmml look FILE proposes one)"
            )
        if self.unit is None:
            lacking.append(f"say what time is counted in: --unit ({UNITS})")
        if lacking or self.unit is None:
            raise DataError(lacking, "the options")
        log, said = self.read_clean_log(source)
        return summarize(log, **self.measure, unit=self.unit.value), said

    def read_summary(self, source: str) -> tuple[pd.DataFrame, list[str]]:
        """Read the summary of a log where --timestamp was given; else the file is a summary, whose unit must be known."""
        if self.timestamp is not None:
            return self.read_log_as_summary(source)
        path = Path(source)
        summary = read_table(path, text=[self.customer_id])
        _refuse_what_is_no_summary(summary, path)
        ruler = frames.get_ruler(summary)
        stated = Ruler(unit=self.unit.value if self.unit else None)
        if ruler.unit is None and stated.unit is None:
            raise DataError([f"the file does not say what its times are counted in: --unit ({UNITS})"], "the options")
        ruler.check_same(stated, what="--unit")
        if self.customer_id != "customer_id":
            frames.check_names([self.customer_id], list(summary.columns), f"the summary {path.name}")
            summary = summary.rename(columns={self.customer_id: "customer_id"})
        return frames.set_ruler(summary, ruler.merged(unit=stated.unit)), []

    def names_nothing(self, source: str) -> bool:
        """Whether the file is a summary that says all of itself, so that it can be scored as it lies."""
        unnamed = self.timestamp is None and self.customer_id == "customer_id" and self.unit is None
        return unnamed and Path(source).is_file() and kind_of(source) == "parquet" and ruler_of(source).unit is not None


_KEPT = {Nulls.RAISE: "raise", Nulls.DROP: "keep"}


def refuse_to_replace(destination: Path, overwrite: bool) -> None:
    """Refuse a destination that is there, unless it may be replaced.

    Raises
    ------
    DataError
    """
    if destination.exists() and not overwrite:
        raise DataError([f"{destination} is already there; say --overwrite to replace it"], "DESTINATION")


def _refuse_what_is_no_summary(summary: pd.DataFrame, source: Path) -> None:
    if missing := [name for name in SUMMARY_COLUMNS if name not in summary.columns]:
        there = ", ".join(map(str, summary.columns))
        raise DataError(
            [
                f"it lacks {', '.join(missing)}; there are {there}. If it is a transaction log, say so by naming its time "
                "column: --timestamp COLUMN"
            ],
            f"the summary {source.name}",
        )
