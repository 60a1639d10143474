"""What was understood of the files of a log, in words, as a frame, and as a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..results import Result
from .displays import ReadingDisplay


@dataclass(frozen=True)
class ReadingReport(Result):
    """What was understood of the files of a log.

    Attributes
    ----------
    files : tuple of str
        Their names.
    rows : int
        Rows of the log that was returned.
    lines : int
        Rows of the files; more than ``rows`` where order lines became orders or repeated headers were left out.
    missing : dict of str to int
        Rows without an entry, by column of the log; `clean` refuses or drops them.
    table : DataFrame with columns what, reading, how, argument
        One row for each thing that was understood: how it is known ("stated", "told by the content") and the argument
        that pins it.
    notes : tuple of str
        What is worth knowing, in sentences.
    months : Series
        Rows of each month, by its first day.
    """

    files: tuple[str, ...]
    rows: int
    lines: int
    missing: dict[str, int]
    table: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]
    months: pd.Series = field(repr=False)

    def describe(self) -> str:
        """Say what was understood, one sentence a line."""
        listed = ", ".join(self.files[:3]) + (", ..." if len(self.files) > 3 else "")
        several = f"{len(self.files):,} files ({listed})" if len(self.files) > 1 else listed
        made = f", from {self.lines:,} lines" if self.lines != self.rows else ""
        said = [f"{self.rows:,} transaction{'s' if self.rows != 1 else ''} read from {several}{made}."]
        for row in self.table.itertuples():
            said.append(f"{row.what}: {row.reading} ({row.how}).")
        said += [
            f"Missing in {count:,} row{'s' if count != 1 else ''}: {name}."
            for name, count in self.missing.items()
            if count
        ]
        return "\n".join([*said, *self.notes])

    __str__ = describe

    def plot(self, ax: Any = None) -> ReadingDisplay:
        """Draw the transactions of each month, where a date that was misread shows at once.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        ReadingDisplay
        """
        return ReadingDisplay.from_result(self).plot(ax=ax)
