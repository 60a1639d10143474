"""The heat map of cohorts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults, check_choice
from ..exceptions import DataError
from ..results import DisplayMixin
from ..typing import Frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What a cell can show, and how.
_QUANTITIES = {
    "retention": "Customers who bought, % of the cohort",
    "cumulative_value": "Value so far per customer of the cohort",
    "value": "Value of the period",
}
#: Cells up to which each carries its number.
_MOST_NUMBERS = 400


@dataclass
class CohortDisplay(DisplayMixin):
    """Cohorts in rows, ages in columns; what has not been observed is grey.

    Attributes
    ----------
    table : DataFrame of shape (n_cohorts, n_ages)
        Of ``quantity``.
    customers : Series
        Size of each cohort.
    quantity : str
    """

    table: pd.DataFrame
    customers: pd.Series
    quantity: str

    @classmethod
    def from_result(cls, cohorts: Frame, quantity: str = "retention") -> CohortDisplay:
        """Arrange the frame that `crmml.transactions.cohorts` returns.

        Parameters
        ----------
        cohorts : frame of any engine
        quantity : {"retention", "cumulative_value", "value"}, default="retention"

        Raises
        ------
        DataError
            When the quantity is not there, or a cohort has an age twice.
        """
        faults = Faults("the cohort chart")
        faults.check(check_choice, quantity, "quantity", _QUANTITIES)
        faults.refuse()
        long = frames.to_columns(cohorts, ["cohort", "age", "customers", quantity])
        if twice := int(long.duplicated(["cohort", "age"]).sum()):
            fault = f"{twice:,} rows have the cohort and the age of another; give the cohorts of one group of customers"
            raise DataError([fault], "the cohort chart")
        table = long.pivot_table(index="cohort", columns="age", values=quantity, dropna=False)
        return cls(table, long.groupby("cohort")["customers"].first(), quantity)

    def plot(self, ax: Axes | None = None) -> CohortDisplay:
        """Draw the heat map; with up to 400 cells each carries its number, with more there is a scale.

        The first period, in which all of a cohort buy, takes no part in the scale of retention and of value: it would drown
        the rest.
        """
        n, m = self.table.shape
        ax = self._axes(ax, (min(3.5 + 0.55 * m, 16), min(1.5 + 0.35 * n, 12)))
        values = self.table.to_numpy(dtype=float)
        seen = np.isfinite(values)
        values, words = _scaled(values, self.quantity)
        shown = values[:, 1:] if self.quantity != "cumulative_value" and np.isfinite(values[:, 1:]).any() else values
        top = np.nanmax(shown, initial=0.0) or 1.0
        ax.set_facecolor("0.87")
        image = ax.imshow(np.ma.masked_invalid(values), cmap="Blues", vmin=0, vmax=top, aspect="auto")
        if seen.sum() <= _MOST_NUMBERS:
            largest = 100.0 if self.quantity == "retention" else np.nanmax(values, initial=0.0)
            digits = int(np.clip(2 - np.floor(np.log10(largest or 100.0)), 0, 6))
            for i, j in zip(*np.nonzero(seen), strict=True):
                color = "w" if values[i, j] > 0.6 * top else "k"
                ax.text(j, i, f"{values[i, j]:,.{digits}f}", ha="center", va="center", fontsize=8, color=color)
        else:
            beyond = "max" if np.nanmax(values) > top else "neither"
            self.figure_.colorbar(image, ax=ax, label=words, extend=beyond)
        sizes = ["hidden" if np.isnan(k) else f"{k:,.0f}" for k in self.customers]
        names = [f"{pd.Timestamp(c):%Y-%m-%d} ({k})" for c, k in zip(self.customers.index, sizes, strict=True)]
        step = max(1, n // 30)
        ax.set_yticks(range(0, n, step), names[::step], fontsize=8)
        every = max(1, m // 25)
        ax.set_xticks(range(0, m, every), [str(age) for age in self.table.columns[::every]], fontsize=8)
        ax.set(title=words, xlabel="Periods since the first purchase", ylabel="First purchase in (customers)")
        return self


def _scaled(values: np.ndarray, quantity: str) -> tuple[np.ndarray, str]:
    """Percentages, or amounts of at most five digits, and what they are."""
    words = _QUANTITIES[quantity]
    if quantity == "retention":
        return 100 * values, words
    top = np.nanmax(values, initial=0.0)
    for factor, name in ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands")):
        if top >= 100 * factor:
            return values / factor, f"{words}, {name}"
    return values, words


@dataclass
class ReadingDisplay(DisplayMixin):
    """Transactions of each month of a log that was read.

    Attributes
    ----------
    months : Series
        Transactions by the first day of their month.
    """

    months: pd.Series

    @classmethod
    def from_result(cls, report: Any) -> ReadingDisplay:
        """Take the months of what :func:`crmml.transactions.read_log` reports.

        Parameters
        ----------
        report : ReadingReport
        """
        return cls(report.months)

    def plot(self, ax: Axes | None = None) -> ReadingDisplay:
        """Draw a bar for each month.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        ReadingDisplay
            Itself, with ``ax_`` and ``figure_``.
        """
        axes = self._axes(ax)
        axes.bar(self.months.index, self.months.to_numpy(), width=25)
        axes.set(title="Transactions read, by month", ylabel="Transactions")
        return self
