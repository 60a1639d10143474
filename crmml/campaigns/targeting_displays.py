"""Cumulative profit by budget: what each further unit of money earns, and where it stops paying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd
from scipy.stats import norm

from ..checks import check_count
from ..exceptions import DataError
from ..results import DisplayMixin
from ._assignment import Assignment, choose
from .offers import Limits, Offers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OURS = "#1f5a8a"


class BudgetedPlan(Protocol):
    """What the display asks of a plan; a `TargetingPlan` has it."""

    @property
    def offers(self) -> Offers:
        """What was chosen from."""

    @property
    def limits(self) -> Limits:
        """Under which limits."""

    @property
    def chosen(self) -> np.ndarray:
        """Column of each customer's action, -1 for none."""

    @property
    def probability(self) -> np.ndarray | None:
        """That each contact pays."""

    @property
    def coverage(self) -> float:
        """Of the intervals."""

    @property
    def planned_profit(self) -> float:
        """Expected, before the hold-out."""


@dataclass
class BudgetDisplay(DisplayMixin):
    """The best plan's expected profit at each budget, the plan at hand marked.

    Attributes
    ----------
    table : DataFrame
        budget, spent, contacts, profit, optimal; lower and upper where the plan has draws or standard errors. Every row is its own
        optimum, the plan's other limits and no hold-out being in force.
    plan_cost, plan_profit : float
        Of the plan, before its hold-out.
    coverage : float
    currency : str
    """

    table: pd.DataFrame
    plan_cost: float
    plan_profit: float
    coverage: float
    currency: str = ""

    @classmethod
    def from_result(
        cls, result: BudgetedPlan, *, budgets: Sequence[float] | int = 21, currency: str = ""
    ) -> BudgetDisplay:
        """Solve at each budget.

        Parameters
        ----------
        result : TargetingPlan
        budgets : sequence of float or int, default=21
            Or their number, from 0 to what the plan would spend without a budget.
        currency : str
            For the axes.

        Raises
        ------
        DataError
            For budgets that are not amounts of at least 0.
        """
        points = _read_budgets(result, budgets)
        table = pd.DataFrame([_best_at(result, budget) for budget in points])
        everyone = np.flatnonzero(result.chosen >= 0)
        spent = float(result.offers.cost[everyone, result.chosen[everyone]].sum())
        return cls(table, spent, result.planned_profit, result.coverage, currency)

    def plot(self, ax: Axes | None = None) -> BudgetDisplay:
        """Draw the curve, its band and the plan."""
        ax = self._axes(ax)
        table, unit = self.table, f", {self.currency}" if self.currency else ", in the currency of the costs"
        if "lower" in table:
            ax.fill_between(
                table["budget"],
                table["lower"],
                table["upper"],
                color=_OURS,
                alpha=0.18,
                linewidth=0,
                label=f"{self.coverage:.0%} band",
            )
        ax.plot(table["budget"], table["profit"], color=_OURS, marker=".", label="Best plan at each budget")
        ax.plot([self.plan_cost], [self.plan_profit], "D", color="#b5532a", label="This plan", zorder=3)
        ax.axhline(0, color="lightgrey", linewidth=1)
        ax.set(
            title="Cumulative profit by budget",
            xlabel=f"Budget{unit}",
            ylabel=f"Expected profit after cost{unit}",
            xlim=(0, None),
        )
        ax.legend(frameon=False, loc="lower right")
        return self


def interval_of_total(
    offers: Offers, rows: np.ndarray, pick: np.ndarray, coverage: float
) -> tuple[float, float] | None:
    """Interval of the total profit of some contacts, from the draws or (independent, normal) the standard errors.

    Parameters
    ----------
    offers : Offers
    rows, pick : ndarray of int
        Customers contacted, and the column of each one's action.
    coverage : float
    """
    tail, worth = (1 - coverage) / 2, offers.value[rows, pick]
    if offers.draws is not None:
        spent = float(offers.cost[rows, pick].sum())
        totals = np.array([drawn[rows, pick] @ worth for drawn in offers.draws]) - spent
        lower, upper = np.quantile(totals, [tail, 1 - tail])
        return float(lower), float(upper)
    if offers.uplift_std is None:
        return None
    profit = float(offers.profit[rows, pick].sum())
    error = float(norm.ppf(1 - tail) * np.sqrt(((offers.uplift_std[rows, pick] * worth) ** 2).sum()))
    return profit - error, profit + error


def _read_budgets(plan: BudgetedPlan, budgets: Sequence[float] | int) -> np.ndarray:
    """The amounts at which to solve."""
    if isinstance(budgets, (int, np.integer)):
        number = check_count(budgets, "budgets", least=2)
        free = _choice_at(plan, np.inf).choice
        rows = np.flatnonzero(free >= 0)
        return np.linspace(0.0, float(plan.offers.cost[rows, free[rows]].sum()), number)
    points = np.sort(np.asarray(budgets, dtype=float))
    if points.ndim != 1 or not points.size or not (np.isfinite(points) & (points >= 0)).all():
        raise DataError(["budgets must be a list of amounts of at least 0"], "the display")
    return points


def _choice_at(plan: BudgetedPlan, budget: float) -> Assignment:
    return choose(plan.offers.profit, plan.offers.cost, plan.probability, replace(plan.limits, budget=float(budget)))


def _best_at(plan: BudgetedPlan, budget: float) -> dict[str, float | bool]:
    """The optimum at one budget, with its interval."""
    found = _choice_at(plan, budget)
    rows = np.flatnonzero(found.choice >= 0)
    pick = found.choice[rows]
    line: dict[str, float | bool] = {
        "budget": budget,
        "spent": float(plan.offers.cost[rows, pick].sum()),
        "contacts": len(rows),
        "profit": float(plan.offers.profit[rows, pick].sum()),
        "optimal": found.optimal,
    }
    ends = interval_of_total(plan.offers, rows, pick, plan.coverage)
    return line if ends is None else line | {"lower": ends[0], "upper": ends[1]}
