"""The effect of a treatment by length of exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..results import DisplayMixin

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class EventStudyDisplay(DisplayMixin):
    """Effects by period relative to the first treated one, with pointwise intervals and a band that holds for all together.

    Attributes
    ----------
    table : DataFrame
        relative_period, att, lower, upper, lower_uniform, upper_uniform.
    outcome : str
    coverage : float
    """

    table: pd.DataFrame
    outcome: str
    coverage: float

    @classmethod
    def from_result(cls, result: Any) -> EventStudyDisplay:
        """Take the event study of a difference in differences.

        Parameters
        ----------
        result : DifferenceInDifferences
        """
        return cls(result.event_study, result.outcome, result.coverage)

    def plot(self, ax: Axes | None = None) -> EventStudyDisplay:
        """Draw the effects; those left of 0 are placebo effects.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        self : object
        """
        ax = self._axes(ax)
        at, said = self.table["relative_period"], f"{self.coverage:.0%}"
        ax.fill_between(
            at, self.table["lower_uniform"], self.table["upper_uniform"], color="tab:blue", alpha=0.15, linewidth=0,
            label=f"{said} band, all periods together",
        )  # fmt: skip
        ax.vlines(at, self.table["lower"], self.table["upper"], color="tab:blue", linewidth=2, label=f"{said} interval")
        ax.plot(at, self.table["att"], "o", color="tab:blue")
        ax.axhline(0, color="0.4", linewidth=1)
        ax.axvline(-0.5, color="0.4", linewidth=1, linestyle="--")
        ax.set(xlabel="Periods since the first treated one", ylabel=f"Effect on {self.outcome}")
        ax.legend(frameon=False, loc="best")
        return self
