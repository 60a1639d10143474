"""What the commands read: a transaction log as its options describe it, or a summary whose unit is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import frames
from ..exceptions import DataError
from ..files import kind_of, read_table, ruler_of
from ..frames.ruler import Ruler
from .options import UNITS, Nulls, Refunds, Unit

if TYPE_CHECKING:
    import pandas as pd

    from ..transactions import CleaningReport

SUMMARY_COLUMNS = ("frequency", "recency", "T")


@dataclass(frozen=True)
class LogOptions:
    """How a transaction log is read."""

    customer_id: str
    timestamp: str | None
    value: str | None
    unit: Unit | None
    period: Unit
    observation_end: str | None
    refunds: Refunds
    nulls: Nulls

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the log."""
        return {"customer_id": self.customer_id, "timestamp": self.timestamp, "value": self.value}

    @property
    def measure(self) -> dict[str, Any]:
        """The arguments of a summary, but for its unit."""
        return {**self.columns, "period": self.period.value, "observation_end": self.observation_end}

    def read_clean_log(self, source: Path) -> tuple[pd.DataFrame, CleaningReport]:
        """Read a transaction log and clean it."""
        from ..transactions import clean

        log = read_table(source, text=[self.customer_id])
        return clean(log, **self.columns, refunds=self.refunds.value, nulls=self.nulls.value)

    def read_log_as_summary(self, source: Path) -> tuple[pd.DataFrame, CleaningReport]:
        """Read, clean and summarise a transaction log; what the options lack is told in one message."""
        from ..transactions import summarize

        lacking = []
        if self.timestamp is None:
            lacking.append("name the column with the time of the purchase: --timestamp COLUMN")
        if self.unit is None:
            lacking.append(f"say what time is counted in: --unit ({UNITS})")
        if lacking or self.unit is None:
            raise DataError(lacking, "the options")
        log, report = self.read_clean_log(source)
        return summarize(log, **self.measure, unit=self.unit.value), report

    def read_summary(self, source: Path) -> tuple[pd.DataFrame, CleaningReport | None]:
        """Read the summary of a log where --timestamp was given; else the file is a summary, whose unit must be known."""
        if self.timestamp is not None:
            return self.read_log_as_summary(source)
        summary = read_table(source, text=[self.customer_id])
        _refuse_what_is_no_summary(summary, source)
        ruler = frames.get_ruler(summary)
        stated = Ruler(unit=self.unit.value if self.unit else None)
        if ruler.unit is None and stated.unit is None:
            raise DataError([f"the file does not say what its times are counted in: --unit ({UNITS})"], "the options")
        ruler.check_same(stated, what="--unit")
        if self.customer_id != "customer_id":
            frames.check_names([self.customer_id], list(summary.columns), f"the summary {source.name}")
            summary = summary.rename(columns={self.customer_id: "customer_id"})
        return frames.set_ruler(summary, ruler.merged(unit=stated.unit)), None

    def names_nothing(self, source: Path) -> bool:
        """Whether the file is a summary that says all of itself, so that it can be scored as it lies."""
        unnamed = self.timestamp is None and self.customer_id == "customer_id" and self.unit is None
        return unnamed and kind_of(source) == "parquet" and ruler_of(source).unit is not None


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
