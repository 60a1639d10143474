"""What a search for leaks found, in a table and in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..exceptions import DataError
from ..results import IntervalDisplay, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = ["leak", "column", "cutoff", "rows", "of", "detail"]


@dataclass(frozen=True)
class LeakageReport(Result):
    """What a search for leaks found.

    Attributes
    ----------
    findings : DataFrame
        One row per leak: leak ("future", "eligibility", "label", "label window", "copies", "not reproducible"), column,
        cutoff, rows, of, detail.
    checked : str
        What was looked at.
    notes : tuple of str
        What was seen and is no leak.
    """

    findings: pd.DataFrame
    checked: str
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return self.findings.empty

    @property
    def columns(self) -> list[str]:
        """Names of the columns that leak, each once."""
        return [str(name) for name in dict.fromkeys(self.findings["column"]) if name]

    def describe(self) -> str:
        """What was looked at, and one sentence for each leak."""
        if self.ok:
            return " ".join([f"No leak found in {self.checked}.", *self.notes])
        lines = [f"{len(self.findings)} leak{'s' if len(self.findings) != 1 else ''} found in {self.checked}:"]
        lines += [f"  - {detail}" for detail in self.findings["detail"]]
        return "\n".join([*lines, *self.notes])

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the findings."""
        return self.findings.copy()

    def plot(self, ax: Axes | None = None) -> IntervalDisplay:
        """Draw for each leak the share of rows that it touches, from 0.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        IntervalDisplay
            Empty where nothing was found.
        """
        found = self.findings
        share = found["rows"].to_numpy(dtype=float) / np.maximum(found["of"].to_numpy(dtype=float), 1)
        names = [
            f"{leak}: {column}" if column else str(leak)
            for leak, column in zip(found["leak"], found["column"], strict=True)
        ]
        table = pd.DataFrame({"quantity": names, "value": share, "lower": 0.0, "upper": share})
        return IntervalDisplay(table, title=f"Share of rows that leak ({self.checked})").plot(ax=ax)

    def raise_if_leaking(self) -> None:
        """Raise a DataError that lists the leaks, if there are any."""
        if not self.ok:
            raise DataError(list(self.findings["detail"]), "the features")


def finding(leak: str, column: object, cutoff: str, rows: int, of: int, detail: str) -> dict[str, Any]:
    """One row of the findings."""
    return {"leak": leak, "column": column, "cutoff": cutoff, "rows": rows, "of": of, "detail": detail}
