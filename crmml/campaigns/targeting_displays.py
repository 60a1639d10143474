"""Cumulative profit by budget: what each further unit of money earns, and where it stops paying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from ..exceptions import DataError
from ..results import DisplayMixin
from ._assignment import assign
from .targeting_plan import TargetingPlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OURS = "#1f5a8a"


@dataclass
class BudgetDisplay(DisplayMixin):
    """The best plan's expected profit at each budget, the plan at hand marked.

    Attributes
    ----------
    table : DataFrame
        budget, spent, contacts, profit, optimal; low and high where the plan has draws or standard errors. Every row is its own
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
    def from_plan(
        cls, plan: TargetingPlan, *, budgets: Sequence[float] | int = 21, currency: str = ""
    ) -> BudgetDisplay:
        """Solve at each budget.

        Parameters
        ----------
        plan : TargetingPlan
        budgets : sequence of float or int, default=21
            Or their number, from 0 to what the plan would spend without a budget.
        currency : str
            For the axes.
        """
        profit = plan.uplift * plan.value - plan.costs
        floor = plan.limits["min_probability"]
        open_ = (
            profit
            if floor is None or plan.probability is None
            else np.where(plan.probability >= floor, profit, -np.inf)
        )
        limits = {name: plan.limits[name] for name in ("total", "each", "time_limit")}
        if isinstance(budgets, (int, np.integer)):
            if budgets < 2:
                raise ValueError(f"budgets={budgets} must be at least 2, or a list of budgets.")
            free = assign(open_, plan.costs, **limits).choice
            rows = np.flatnonzero(free >= 0)
            points = np.linspace(0.0, float(plan.costs[rows, free[rows]].sum()), budgets)
        else:
            points = np.sort(np.asarray(budgets, dtype=float))
            if points.ndim != 1 or not points.size or not (np.isfinite(points) & (points >= 0)).all():
                raise DataError(["budgets must be a list of amounts of at least 0"], "the display")
        lines = []
        for budget in points:
            found = assign(open_, plan.costs, budget=budget, **limits)
            rows = np.flatnonzero(found.choice >= 0)
            pick = found.choice[rows]
            spent = float(plan.costs[rows, pick].sum())
            line = {
                "budget": budget,
                "spent": spent,
                "contacts": len(rows),
                "profit": float(profit[rows, pick].sum()),
                "optimal": found.optimal,
            }
            lines.append(line | cls._band(plan, rows, pick, line["profit"], spent))
        everyone = np.flatnonzero(plan.chosen >= 0)
        spent = float(plan.costs[everyone, plan.chosen[everyone]].sum())
        return cls(pd.DataFrame(lines), spent, plan.planned_profit, plan.coverage, currency)

    @staticmethod
    def _band(plan: TargetingPlan, rows: np.ndarray, pick: np.ndarray, profit: float, spent: float) -> dict[str, float]:
        tail, worth = (1 - plan.coverage) / 2, plan.value[rows, pick]
        if plan.draws is not None:
            lower, upper = np.quantile([drawn[rows, pick] @ worth - spent for drawn in plan.draws], [tail, 1 - tail])
            return {"lower": float(lower), "upper": float(upper)}
        if plan.uplift_std is None:
            return {}
        error = float(norm.ppf(1 - tail) * np.sqrt(((plan.uplift_std[rows, pick] * worth) ** 2).sum()))
        return {"lower": profit - error, "upper": profit + error}

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
