"""The picture of a clock: how much each day counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..results import DisplayMixin
from ..typing import Moment

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class ClockDisplay(DisplayMixin):
    """Multipliers over the calendar, with the interval of those to come.

    Attributes
    ----------
    table : DataFrame
        day, multiplier, lower, upper.
    coverage : float
    """

    table: pd.DataFrame
    coverage: float

    @classmethod
    def from_result(cls, clock: Any, *, start: Moment, end: Moment, coverage: float = 0.9) -> ClockDisplay:
        """Take the multipliers of a clock from ``start`` to ``end``, both inclusive.

        Parameters
        ----------
        clock : Clock
        start, end : str, date or datetime
        coverage : float, default=0.9
        """
        return cls(clock.to_frame(start, end, coverage=coverage), coverage)

    def plot(self, ax: Axes | None = None) -> ClockDisplay:
        """Draw the curve as steps, an ordinary day as a dashed line, the interval as a band.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
        """
        ax = self._axes(ax, (9, 3.5))
        table = self.table
        ax.axhline(1.0, color="0.6", linestyle="--", linewidth=1, label="an ordinary day")
        if (table["upper"] > table["lower"]).any():
            ax.fill_between(
                table["day"],
                table["lower"],
                table["upper"],
                step="mid",
                alpha=0.25,
                label=f"{100 * self.coverage:g} % of what may come",
            )
        ax.step(table["day"], table["multiplier"], where="mid", label="purchases against an ordinary day")
        ax.set_ylabel("multiplier")
        ax.set_ylim(bottom=0)
        ax.legend(frameon=False)
        ax.figure.autofmt_xdate()
        return self
