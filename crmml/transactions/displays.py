"""The heat map of cohorts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import frames
from ..base import DisplayMixin
from ..exceptions import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What a cell can show, and how.
_QUANTITIES = {
    "retention": ("Customers who bought, % of the cohort", 100.0, "{:.0f}"),
    "cumulative_value": ("Value so far per customer of the cohort", 1.0, "{:.3g}"),
    "value": ("Value of the period", 1.0, "{:.3g}"),
}


@dataclass
class CohortDisplay(DisplayMixin):
    """Cohorts in rows, ages in columns; what has not been observed stays blank.

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
    def from_cohorts(cls, cohorts: Any, quantity: str = "retention") -> CohortDisplay:
        """Arrange the frame that `crmml.transactions.cohorts` returns.

        Parameters
        ----------
        cohorts : frame of any engine
        quantity : {"retention", "cumulative_value", "value"}, default="retention"

        Raises
        ------
        DataError
            When the quantity is not there.
        """
        if quantity not in _QUANTITIES:
            raise DataError([f"{quantity!r} is not known; there are {', '.join(_QUANTITIES)}"], "the cohort chart")
        long = frames.to_columns(cohorts, ["cohort", "age", "customers", quantity])
        table = long.pivot_table(index="cohort", columns="age", values=quantity, dropna=False)
        return cls(table, long.groupby("cohort")["customers"].first(), quantity)

    def plot(self, ax: Axes | None = None) -> CohortDisplay:
        """Draw the heat map; with few cells each carries its number."""
        n, m = self.table.shape
        ax = self._axes(ax, (min(2.5 + 0.55 * m, 16), min(1.5 + 0.35 * n, 12)))
        words, factor, form = _QUANTITIES[self.quantity]
        values = factor * self.table.to_numpy(dtype=float)
        # the first period of a cohort is 100 % by definition and would drown the rest
        shown = values[:, 1:] if self.quantity == "retention" and m > 1 else values
        top = np.nanmax(shown) if np.isfinite(shown).any() else 1.0
        ax.imshow(np.ma.masked_invalid(values), cmap="Blues", vmin=0, vmax=top or 1.0, aspect="auto")
        if n * m <= 400:
            for i, j in zip(*np.nonzero(np.isfinite(values)), strict=True):
                dark = values[i, j] > 0.6 * top
                ax.text(
                    j, i, form.format(values[i, j]), ha="center", va="center", fontsize=8, color="w" if dark else "k"
                )
        names = [f"{pd.Timestamp(c):%Y-%m-%d} ({k:,})" for c, k in self.customers.items()]  # type: ignore[arg-type]
        step = max(1, n // 30)
        ax.set_yticks(range(0, n, step), names[::step], fontsize=8)
        ax.set(title=words, xlabel="Periods since the first purchase", ylabel="First purchase in (customers)")
        return self
