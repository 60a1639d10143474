"""Customer equity before and after a change of retention, and the gain with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..amounts.money import Money
from ..results import DisplayMixin

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class RetentionValueDisplay(DisplayMixin):
    """Bars of customer equity before and after; the interval stands where the gain ends.

    Attributes
    ----------
    before, after : float
    ends : (float, float) or None
        Interval of the gain.
    currency, title : str
    coverage : float
    """

    before: float
    after: float
    ends: tuple[float, float] | None
    currency: str
    title: str
    coverage: float

    @classmethod
    def from_result(cls, result: Any) -> RetentionValueDisplay:
        """Take the value of a change of retention.

        Parameters
        ----------
        result : RetentionValue
        """
        gain = Money(result.equity_gain, result.currency).describe()
        title = f"Gain of customer equity: {gain}"
        return cls(
            result.equity_before,
            result.equity_after,
            result.equity_gain_interval,
            result.currency,
            title,
            result.coverage,
        )

    def plot(self, ax: Axes | None = None) -> RetentionValueDisplay:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        self : object
        """
        ax = self._axes(ax, (5.5, 4.2))
        ax.bar(["before", "after"], [self.before, self.after], color=["0.6", "tab:blue"], width=0.6)
        if self.ends is not None:
            at = self.before + np.array(self.ends)
            ax.vlines(1, *at, color="black", linewidth=2, label=f"{self.coverage:.0%} interval of the gain")
            ax.legend(frameon=False, loc="best")
        ax.axhline(self.before, color="0.6", linewidth=0.8, linestyle="--")
        ax.axhline(0, color="black", linewidth=0.8)
        ax.ticklabel_format(axis="y", style="plain")
        ax.set(ylabel=f"Customer equity in {self.currency}", title=self.title)
        return self
