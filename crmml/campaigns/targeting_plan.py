"""A plan of contacts: who gets which action, what it costs and is expected to earn, and who is held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import check_coverage
from ..exceptions import DataError
from ..results import Result
from ..typing import ArrayLike
from ._arms import to_series
from ._outcomes import as_floats
from .holdout import CampaignResult, compare_with_holdout, strata_rows
from .offers import Limits, Offers
from .targeting_displays import BudgetDisplay, interval_of_total

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False, eq=False)
class TargetingPlan(Result):
    """Who is contacted, with which action.

    Attributes
    ----------
    offers : Offers
        What was chosen from: actions, uplift, value, cost and what else is known of them.
    limits : Limits
    chosen : ndarray of shape (n,)
        Column of the action that is best for the plan, -1 for none; held-out customers have theirs.
    holdout : ndarray of bool of shape (n,)
        Chosen, but not contacted.
    propensity : ndarray of shape (n,)
        Probability of being contacted: 1 - holdout for the chosen, else 0.
    probability : ndarray of shape (n, n_actions) or None
        That the contact pays (uplift × value > cost).
    optimal : bool
        Whether the plan is proven to earn the most within its limits (before the hold-out).
    bound, gap : float
        No plan earns more than the bound; gap is the share of it that may be lost, 0 where optimal.
    method : str
        "each on its own", "sorted" or "integer programming".
    coverage : float
    """

    offers: Offers
    limits: Limits
    chosen: np.ndarray
    holdout: np.ndarray
    propensity: np.ndarray
    probability: np.ndarray | None
    coverage: float
    optimal: bool
    bound: float
    gap: float
    method: str

    @property
    def actions(self) -> tuple:
        """Names of the actions, in the order of the columns of the uplift."""
        return self.offers.actions

    @property
    def contacted(self) -> np.ndarray:
        """Mask of the customers who are contacted, shape (n,)."""
        return (self.chosen >= 0) & ~self.holdout

    @property
    def action(self) -> np.ndarray:
        """Name of the action of each customer, None for no contact (held-out customers too), shape (n,)."""
        return self._names(self.contacted)

    def _names(self, rows: np.ndarray) -> np.ndarray:
        named = np.full(len(self.chosen), None, dtype=object)
        labels = np.empty(len(self.actions), dtype=object)
        labels[:] = self.actions
        named[rows] = labels[self.chosen[rows]]
        return named

    def _of_choice(self, table: np.ndarray, empty: float = np.nan) -> np.ndarray:
        picked = table[np.arange(len(self.chosen)), np.maximum(self.chosen, 0)].astype(float)
        return np.where(self.chosen >= 0, picked, empty)

    @cached_property
    def table(self) -> Any:
        """One row per customer, in the engine of the caller's frame (pandas for arrays).

        customer_id where given; action (missing for no contact) and planned_action (the hold-out's too), expected_uplift, cost,
        expected_profit and probability_it_pays of the planned action, held_out, propensity.
        """
        offers = self.offers
        columns: dict[str, Any] = {} if offers.customer_id is None else {offers.identifier: offers.customer_id}
        everyone = np.where(self.chosen >= 0, True, False)
        text = all(isinstance(name, str) for name in self.actions)
        for name, rows in (("action", self.contacted), ("planned_action", everyone)):
            named = self._names(rows)
            columns[name] = named if text else np.array([None if x is None else str(x) for x in named], dtype=object)
        columns["expected_uplift"] = self._of_choice(offers.uplift)
        columns["cost"] = self._of_choice(offers.cost)
        columns["expected_profit"] = self._of_choice(offers.profit)
        if self.probability is not None:
            columns["probability_it_pays"] = self._of_choice(self.probability)
        columns["held_out"] = self.holdout
        columns["propensity"] = self.propensity
        return pd.DataFrame(columns) if offers.frame is None else frames.from_columns(columns, offers.frame)

    def to_frame(self) -> Any:
        """Return the plan, one row per customer: `table`."""
        return self.table

    def plot(self, ax: Axes | None = None) -> BudgetDisplay:
        """Draw the best plan's profit at each budget, this plan marked.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        BudgetDisplay
        """
        return BudgetDisplay.from_result(self).plot(ax=ax)

    @property
    def n_contacts(self) -> int:
        """Customers contacted."""
        return int(self.contacted.sum())

    @property
    def cost(self) -> float:
        """Money spent on the contacts."""
        return float(self._of_choice(self.offers.cost, 0.0)[self.contacted].sum())

    @property
    def expected_profit(self) -> float:
        """Of the contacts that are made, the hold-out not among them."""
        return float(self._of_choice(self.offers.profit, 0.0)[self.contacted].sum())

    @property
    def planned_profit(self) -> float:
        """As if nobody were held out: what was maximised."""
        return float(self._of_choice(self.offers.profit, 0.0).sum())

    @property
    def gain_over_none(self) -> float:
        """Expected profit above that of contacting nobody, which is 0."""
        return self.expected_profit

    @property
    def profit_of_all(self) -> float:
        """Expected profit of contacting every customer with the best action, whatever the limits."""
        return float(self.offers.profit.max(axis=1).sum())

    @property
    def gain_over_all(self) -> float:
        """Expected profit above that of contacting everyone; negative where only the limits stand in the way."""
        return self.expected_profit - self.profit_of_all

    @cached_property
    def profit_interval(self) -> tuple[float, float] | None:
        """Interval of the total profit of the contacts, from the draws or (independent, normal) the standard errors."""
        rows, pick = np.flatnonzero(self.contacted), self.chosen[self.contacted]
        return interval_of_total(self.offers, rows, pick, self.coverage)

    def judge(self, outcome: ArrayLike, *, coverage: float | None = None) -> CampaignResult:
        """Compare the contacted with those held out, once their outcomes are known.

        Parameters
        ----------
        outcome : array of shape (n,)
            In the rows' order of the plan and the units of the uplift; only those of chosen customers are looked at.
        coverage : float, default=None
            None takes the plan's.

        Returns
        -------
        CampaignResult

        Raises
        ------
        DataError
            For another length, missing outcomes of chosen customers, or too few held out.
        """
        coverage = check_coverage(self.coverage if coverage is None else coverage)
        chosen = self.chosen >= 0
        y = np.where(chosen, self._read_outcome(outcome), 0.0)
        return compare_with_holdout(
            y,
            y * self._of_choice(self.offers.value, 0.0),
            self._of_choice(self.offers.cost, 0.0),
            self._of_choice(self.offers.uplift, 0.0),
            self.holdout,
            strata_rows(self.chosen, self.offers.strata),
            coverage,
        )

    def _read_outcome(self, outcome: Any) -> np.ndarray:
        """Outcomes of shape (n,), those of chosen customers known."""
        if faults := frames.misaligned({"uplift": self.offers.frame, "outcome": outcome}):
            raise DataError(faults, "the outcome")
        column = to_series(outcome)
        y = np.zeros(0) if column is None else as_floats(column, "outcome")
        if y.shape != self.chosen.shape:
            raise DataError(
                [f"outcome has shape {np.shape(outcome)}; {self.chosen.shape} is expected, in the plan's order"],
                "the outcome",
            )
        if missing := int((~np.isfinite(y[self.chosen >= 0])).sum()):
            raise DataError(
                [
                    f"{missing:,} outcomes of chosen customers are missing, infinite or not numbers; give one each, 0 for no response"
                ],
                "the outcome",
            )
        return y

    def describe(self, *, currency: str = "") -> str:
        """Say it in sentences a manager can read; ``currency`` is put behind amounts of money."""

        def money(amount: float) -> str:
            return f"{amount:,.2f}" + (f" {currency}" if currency else "")

        made = self.n_contacts
        lines = [self._profit_in_words(money)]
        if len(self.actions) > 1:
            counts = np.bincount(self.chosen[self.contacted], minlength=len(self.actions))
            lines.append(
                "By action: " + ", ".join(f"{a} {c:,}" for a, c in zip(self.actions, counts, strict=True)) + "."
            )
        if self.probability is not None and made:
            pays = self._of_choice(self.probability)[self.contacted]
            lines.append(
                f"A contact pays with a probability of {pays.mean():.0%} on average, {pays.min():.0%} at the least."
            )
        if free := int((self._of_choice(self.offers.cost)[self.contacted] == 0).sum()):
            lines.append(f"{free:,} of the contacts cost nothing.")
        if held := int(self.holdout.sum()):
            lines.append(
                f"{held:,} chosen customers are held out at random, so that the campaign can be judged; that forgoes an expected "
                f"{money(self.planned_profit - self.expected_profit)}."
            )
        lines.append(self._limits_in_words(money))
        more = self.gain_over_all
        lines.append(
            f"Contacting all {len(self.chosen):,} customers, whatever the limits, would earn {money(self.profit_of_all)}: "
            f"{money(abs(more))} {'less' if more >= 0 else 'more'} than this plan."
        )
        return "\n".join(lines)

    def _profit_in_words(self, money: Callable[[float], str]) -> str:
        profit = f"the expected profit is {money(self.expected_profit)}"
        if self.profit_interval is not None:
            lower, upper = self.profit_interval
            alone = "" if self.offers.draws is not None else ", were errors independent between customers"
            profit += f" ({self.coverage:.0%} interval {money(lower)} to {money(upper)}{alone})"
        return f"{self.n_contacts:,} of {len(self.chosen):,} customers are contacted at a cost of {money(self.cost)}; {profit}."

    def _limits_in_words(self, money: Callable[[float], str]) -> str:
        parts = []
        if np.isfinite(self.limits.budget):
            parts.append(f"The budget is {money(self.limits.budget)}.")
        if np.isfinite(self.limits.total):
            parts.append(f"At most {int(self.limits.total):,} contacts are possible.")
        if self.limits.each is not None:
            caps = [f"{a} {int(c):,}" for a, c in zip(self.actions, self.limits.each, strict=True) if np.isfinite(c)]
            parts.append(f"Capacities: {', '.join(caps)}.")
        if self.optimal:
            parts.append("No other choice of contacts within these limits earns more.")
        else:
            parts.append(
                f"The search ended early: another choice may earn up to {money(self.bound - self.planned_profit)} more "
                f"({self.gap:.2g} of the bound)."
            )
        return " ".join(parts)

    def __repr__(self) -> str:
        return f"TargetingPlan({self.n_contacts:,} of {len(self.chosen):,} customers, {len(self.actions)} actions)"
