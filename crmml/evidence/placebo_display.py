"""How often a comparison was significant at dates at which nothing happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..results import DisplayMixin

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class PlaceboDisplay(DisplayMixin):
    """Shares of placebo dates that looked significant, with their intervals, beside the share that is promised.

    Attributes
    ----------
    table : DataFrame
        comparison, rate, lower, upper.
    significance, coverage : float
    """

    table: pd.DataFrame
    significance: float
    coverage: float

    @classmethod
    def from_result(cls, result: Any) -> PlaceboDisplay:
        """Take the shares of a placebo test.

        Parameters
        ----------
        result : PlaceboTest
        """
        rows = [
            ("before and after", result.naive_rate, result.naive_lower, result.naive_upper),
            ("difference in differences", result.did_rate, result.did_lower, result.did_upper),
        ]
        table = pd.DataFrame(rows, columns=["comparison", "rate", "lower", "upper"])
        return cls(table, result.significance, result.coverage)

    def plot(self, ax: Axes | None = None) -> PlaceboDisplay:
        """Draw a bar for each comparison.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        self : object
        """
        ax = self._axes(ax, (6.0, 4.2))
        at = np.arange(len(self.table))
        ax.bar(at, 100 * self.table["rate"], color=["tab:orange", "tab:blue"], width=0.55)
        ends = 100 * self.table[["lower", "upper"]].to_numpy()
        ax.vlines(at, ends[:, 0], ends[:, 1], color="black", linewidth=2, label=f"{self.coverage:.0%} interval")
        ax.axhline(100 * self.significance, color="0.3", linestyle="--", linewidth=1, label="promised")
        ax.set_xticks(at, self.table["comparison"])
        ax.set(ylabel="Placebo dates that look significant, %", ylim=(0, None))
        ax.legend(frameon=False, loc="best")
        return self
