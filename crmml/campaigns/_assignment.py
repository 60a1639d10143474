"""At most one action per customer under a budget and capacities: the multiple-choice knapsack, solved to proven optimality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._knapsack import BUDGET_TOLERANCE, Knapsack
from .offers import Limits


@dataclass(frozen=True)
class Assignment:
    """Which action each customer gets.

    Attributes
    ----------
    choice : ndarray of shape (n,)
        Column of the action; -1 for none.
    bound : float
        No assignment earns more.
    optimal : bool
        Whether the one found is proven to earn the most.
    gap : float
        (bound - profit) / bound; 0 where optimal.
    how : str
        "each on its own", "sorted" or "integer programming".
    """

    choice: np.ndarray
    bound: float
    optimal: bool
    gap: float
    how: str


def assign(
    profit: np.ndarray,
    cost: np.ndarray,
    *,
    budget: float = np.inf,
    total: float = np.inf,
    each: np.ndarray | None = None,
    time_limit: float | None = None,
) -> Assignment:
    r"""Maximise :math:`\sum_i p_{i a_i}` over one action or none per customer, with :math:`\sum c \le` budget and counts capped.

    Without a binding constraint each customer gets the best action; under a cap of contacts, or equal costs, the customers are
    sorted by it. Otherwise it is a multiple-choice knapsack [1]_. Customers alike in all figures are one integer variable.
    See `crmml.campaigns._knapsack`.

    Parameters
    ----------
    profit, cost : ndarray of shape (n, k)
        An action with a profit of 0 or less, or -inf, is never chosen.
    budget : float
    total : float
        Most contacts over all actions.
    each : ndarray of shape (k,), default=None
        Most contacts of each action.
    time_limit : float, default=None
        Seconds for the integer programmes; where it is reached, ``optimal`` is False and ``gap`` says what may be lost.

    References
    ----------
    .. [1] Kellerer, H., Pferschy, U. and Pisinger, D. (2004), Knapsack Problems. Springer, chapters 5 and 11.
    """
    n, k = profit.shape
    each = np.full(k, np.inf) if each is None else np.asarray(each, dtype=float)
    cost, budget = _to_scale(cost, budget)
    limit = budget * (1 + BUDGET_TOLERANCE)
    gain = np.where((profit > 0) & (cost <= limit) & (each >= 1), profit, -np.inf)
    best = gain.argmax(axis=1) if n else np.empty(0, dtype=np.int64)
    top = gain[np.arange(n), best]
    wanted = top > -np.inf
    choice = np.where(wanted, best, -1)
    counts = np.bincount(choice[wanted], minlength=k)
    if _spent(cost, choice) <= limit and counts.sum() <= total and (counts <= each).all():
        return _proven(choice, top[wanted].sum(), "each on its own")
    if (most := _contacts_by_order(cost[gain > -np.inf], limit, total, each)) is not None:
        order = np.argsort(-top, kind="stable")[: int(min(most, wanted.sum()))]
        choice = np.full(n, -1)
        choice[order] = best[order]
        return _proven(choice, top[order].sum(), "sorted")
    rows = np.flatnonzero(wanted)
    found, bound, optimal = Knapsack(gain[rows], cost[rows], budget, total, each, time_limit).solve()
    choice = np.full(n, -1)
    choice[rows] = found
    return _bounded(choice, float(profit[choice >= 0, choice[choice >= 0]].sum()), bound, optimal)


def _to_scale(cost: np.ndarray, budget: float) -> tuple[np.ndarray, float]:
    """Costs and budget by amounts of about 1, and 0 what all customers together could not tell from nothing beside the budget."""
    if 0 < budget < 1e-3:  # exactly, by a power of two
        scale = 2.0 ** min(-np.floor(np.log2(budget)), 1023)
        with np.errstate(over="ignore"):
            cost, budget = np.minimum(cost * scale, 4.0), budget * scale  # 4 is above any such budget
    if np.isfinite(budget):
        cost = np.where(cost <= 1e-13 * budget / max(len(cost), 1), 0.0, cost)
    return cost, budget


def _contacts_by_order(price: np.ndarray, limit: float, total: float, each: np.ndarray) -> float | None:
    """How many contacts are possible where sorting tells which; None where it does not."""
    one_price = limit == np.inf or price.min() == price.max()
    if not one_price or (len(each) > 1 and np.isfinite(each).any()):
        return None
    if limit < np.inf and price[0] > 0:
        total = min(total, np.floor(limit / price[0]))
    return min(total, each[0]) if len(each) == 1 else total


def choose(profit: np.ndarray, cost: np.ndarray, pays: np.ndarray | None, limits: Limits) -> Assignment:
    """The contacts of a plan: only those that pay with the probability asked for are open.

    Parameters
    ----------
    profit, cost : ndarray of shape (n, k)
    pays : ndarray of shape (n, k) or None
        Probability that the contact pays.
    limits : Limits
    """
    if limits.min_probability is not None and pays is not None:
        profit = np.where(pays >= limits.min_probability, profit, -np.inf)
    return assign(
        profit, cost, budget=limits.budget, total=limits.total, each=limits.each, time_limit=limits.time_limit
    )


def _proven(choice: np.ndarray, profit: float, how: str) -> Assignment:
    return Assignment(choice, float(profit), True, 0.0, how)


def _bounded(choice: np.ndarray, earned: float, bound: float, optimal: bool) -> Assignment:
    bound = max(bound, earned)
    gap = 0.0 if optimal or bound == 0 else float((bound - earned) / bound)
    return Assignment(choice, float(earned if optimal else bound), optimal, gap, "integer programming")


def _spent(cost: np.ndarray, choice: np.ndarray) -> float:
    rows = np.flatnonzero(choice >= 0)
    return float(cost[rows, choice[rows]].sum())
