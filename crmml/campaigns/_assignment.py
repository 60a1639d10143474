"""At most one action a customer under a budget and capacities: the multiple-choice knapsack, solved to proven optimality."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

#: A sum of costs may pass the budget by this share, which is rounding of floating-point sums and never a contact.
BUDGET_TOLERANCE = 1e-10
_CORE, _CUTS, _TRIES = 60, 120, 25


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
    r"""Maximise :math:`\sum_i p_{i a_i}` over one action or none a customer, with :math:`\sum c \le` budget and counts capped.

    Without a binding constraint each customer gets the best action; under a cap of contacts, or equal costs, the customers are
    sorted by it. Otherwise it is a multiple-choice knapsack [1]_. Customers alike in all figures are one integer variable.
    Multipliers :math:`\lambda \ge 0` on the constraints give the bound of the linear relaxation,

    .. math:: L(\lambda) = \sum_i \max(0, \max_a p_{ia} - \lambda^\top A_{ia}) + \lambda^\top b,

    minimised by Kelley's cutting planes; the customers nearest to indifference (the core) are solved as an integer programme, the
    others being held at their best. A choice whose reduced profit lies below the best by more than L minus that solution's profit
    cannot be part of a better one; what is left is solved in the same way, which proves the optimum.

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
    limit = budget * (1 + BUDGET_TOLERANCE)
    gain = np.where((profit > 0) & (cost <= limit) & (each >= 1), profit, -np.inf)
    best = gain.argmax(axis=1) if n else np.empty(0, dtype=np.int64)
    top = gain[np.arange(n), best]
    wanted = top > -np.inf
    choice = np.where(wanted, best, -1)
    counts = np.bincount(choice[wanted], minlength=k)
    if _spent(cost, choice) <= limit and counts.sum() <= total and (counts <= each).all():
        return _proven(choice, top[wanted].sum(), "each on its own")
    price = cost[gain > -np.inf]
    one_price = budget == np.inf or price.min() == price.max()
    if one_price and (k == 1 or not np.isfinite(each).any()):
        if budget < np.inf and price[0] > 0:
            total = min(total, np.floor(limit / price[0]))
        total = min(total, each[0]) if k == 1 else total
        order = np.argsort(-top, kind="stable")[: int(min(total, wanted.sum()))]
        choice = np.full(n, -1)
        choice[order] = best[order]
        return _proven(choice, top[order].sum(), "sorted")
    rows = np.flatnonzero(wanted)
    programme = _Programme(gain[rows], cost[rows], budget, total, each, time_limit)
    found, bound, optimal = programme.solve()
    choice = np.full(n, -1)
    choice[rows] = found
    earned = profit[choice >= 0, choice[choice >= 0]].sum()
    bound = max(bound, earned)
    gap = 0.0 if optimal or bound == 0 else float((bound - earned) / bound)
    return Assignment(choice, float(earned if optimal else bound), optimal, gap, "integer programming")


def _proven(choice: np.ndarray, profit: float, how: str) -> Assignment:
    return Assignment(choice, float(profit), True, 0.0, how)


def _spent(cost: np.ndarray, choice: np.ndarray) -> float:
    rows = np.flatnonzero(choice >= 0)
    return float(cost[rows, choice[rows]].sum())


class _Programme:
    """The integer programme over groups of customers that are alike; option 0 of a group is no contact."""

    def __init__(
        self,
        gain: np.ndarray,
        cost: np.ndarray,
        budget: float,
        total: float,
        each: np.ndarray,
        time_limit: float | None,
    ):
        table = np.column_stack([gain, cost])
        order = np.lexsort(table.T[::-1])
        new = np.r_[True, (table[order][1:] != table[order][:-1]).any(axis=1)]
        starts = np.flatnonzero(new)
        self.order, self.weight = order, np.diff(np.r_[starts, len(order)])
        groups = order[starts]
        self.k = gain.shape[1]
        self.p = np.column_stack([np.zeros(len(groups)), gain[groups]])
        self.c = np.column_stack([np.zeros(len(groups)), cost[groups]])
        # rows of the constraints, each as a price of every option: budget, all contacts, contacts of each action
        self.caps: list[float] = []
        self.kinds: list[int] = []
        for kind, cap in enumerate([budget, total, *each]):
            if np.isfinite(cap):
                self.caps.append(float(cap) if kind == 0 else float(np.floor(cap)))
                self.kinds.append(kind)
        self.scale_p = float(self.p.max())
        self.deadline = np.inf if time_limit is None else time.monotonic() + time_limit

    def price(self, kind: int, rows: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Use of one constraint by each option, shape (groups, k + 1)."""
        if kind == 0:
            return self.c[rows]
        use = np.zeros(self.k + 1)
        use[1:] = 1.0 if kind == 1 else 0.0
        if kind > 1:
            use[kind - 1] = 1.0
        return np.broadcast_to(use, self.c[rows].shape)

    def reduced(self, multipliers: np.ndarray) -> np.ndarray:
        value = self.p.copy()
        for kind, at in zip(self.kinds, multipliers, strict=True):
            if at:
                value -= at * self.price(kind)
        return value

    def used(self, pick: np.ndarray, weight: np.ndarray, rows: slice | np.ndarray = slice(None)) -> np.ndarray:
        at = np.arange(len(pick))
        return np.array([float(weight @ self.price(kind, rows)[at, pick]) for kind in self.kinds])

    def solve(self) -> tuple[np.ndarray, float, bool]:
        """Return the choice of each customer (-1 none), an upper bound and whether it is met."""
        multipliers, bound = self._multipliers()
        value = self.reduced(multipliers)
        pick = value.argmax(axis=1)
        top = value[np.arange(len(value)), pick]
        loss = top[:, None] - value
        margin = np.partition(loss, 1, axis=1)[:, 1]
        by_margin = np.argsort(margin, kind="stable")
        slack = 1e-9 * self.scale_p + 1e-13 * abs(bound)
        size, best, counts = _CORE, 0.0, None
        while True:
            core = by_margin[:size]
            open_ = np.isfinite(self.p[core])
            found = self._core(core, open_, pick)
            if found is not None:
                counts, best, _, proven = found
                break
            if size >= len(by_margin):
                break
            size *= 4
        if counts is None:  # the time is up before anything was found: nobody is contacted, and the bound says so
            return np.full(len(self.order), -1), bound, False
        kept = self._spread(core, counts, pick)
        if len(core) == len(by_margin):
            return kept, bound if not proven else best, proven
        open_ = (loss <= max(bound - best, 0.0) + slack) & np.isfinite(self.p)
        inside = open_.sum(axis=1) > 1
        if not (set(np.flatnonzero(inside)) <= set(core.tolist())) or not proven:
            core = np.flatnonzero(inside)
            if len(core):
                found = self._core(core, open_[core], pick)
                if found is None:
                    return kept, bound, False
                counts, improved, limit, proven = found
                if improved > best:
                    kept, best = self._spread(core, counts, pick), improved
                bound = min(bound, max(limit, best))
        return kept, bound, proven

    def _multipliers(self) -> tuple[np.ndarray, float]:
        """Minimise the Lagrangian bound by cutting planes; any multipliers give a valid bound, the best a tight one."""
        m = len(self.kinds)
        valid = np.isfinite(self.p)
        top = []
        for kind in self.kinds:
            if kind == 0:
                # costs of next to nothing would make the range of the multiplier endless
                paid = valid & (self.c > 1e-9 * self.c.max())
                top.append(float((self.p[paid] / self.c[paid]).max()) if paid.any() else 0.0)
            else:
                top.append(self.scale_p)
        caps, highest = np.array(self.caps), np.array(top)
        unit = np.where(highest > 0, highest, 1.0)  # multipliers are sought as shares of their largest
        point, best, best_at = np.zeros(m), np.inf, np.zeros(m)
        slopes: list[np.ndarray] = []
        offsets: list[float] = []
        scale = 1.0
        for _ in range(_CUTS):
            value = self.reduced(point * unit)
            pick = value.argmax(axis=1)
            level = float(self.weight @ value[np.arange(len(pick)), pick]) + float((point * unit) @ caps)
            slope = (caps - self.used(pick, self.weight)) * unit
            if level < best:
                best, best_at = level, point.copy()
            scale = max(scale, abs(best))
            slopes.append(slope)
            offsets.append(level - slope @ point)
            found = linprog(
                np.r_[np.zeros(m), 1.0],
                A_ub=np.column_stack([np.array(slopes), -np.full(len(slopes), scale)]) / scale,
                b_ub=-np.array(offsets) / scale,
                bounds=[*[(0.0, 1.0 if h > 0 else 0.0) for h in highest], (None, None)],
                method="highs-ds",
            )
            if found.status != 0 or best - found.x[-1] * scale <= 1e-11 * scale:
                break
            # half way to the best point so far: fewer cuts than Kelley's own steps
            point = found.x[:m] if len(slopes) % 2 else 0.5 * (found.x[:m] + best_at)
        return best_at * unit, best

    def _core(
        self, core: np.ndarray, open_: np.ndarray, pick: np.ndarray
    ) -> tuple[np.ndarray, float, float, bool] | None:
        """Solve for the groups of the core, the others held; (counts by option, profit, bound, proven) or None."""
        outside = np.ones(len(pick), dtype=bool)
        outside[core] = False
        rows = np.flatnonzero(outside)
        held = float(self.weight[rows] @ self.p[rows, pick[rows]])
        left = np.array(self.caps) - self.used(pick[rows], self.weight[rows], rows)
        allowed = np.array(
            [cap * BUDGET_TOLERANCE if kind == 0 else 0.0 for kind, cap in zip(self.kinds, self.caps, strict=True)]
        )
        if (left < -allowed).any():
            return None
        weight = self.weight[core]
        group, option = np.nonzero(open_)
        value = self.p[core][group, option]
        prices = [self.price(kind, core)[group, option] for kind in self.kinds]
        n, g = len(group), len(core)
        choose = csr_array((np.ones(n), (group, np.arange(n))), shape=(g, n))
        one_each = LinearConstraint(choose, weight, weight)
        # HiGHS stops at an absolute gap of 1e-6: profits are scaled so that this is a billionth of the largest
        factor = 1e3 / max(value.max(), 1e-300)
        cuts: list[LinearConstraint] = []
        upper = None
        for _ in range(_TRIES):
            base = [one_each]
            for price, cap, slack, kind in zip(prices, left, allowed, self.kinds, strict=True):
                base.append(_row(price, max(cap + slack, 0.0), kind == 0))
            options: dict[str, float | bool] = {"mip_rel_gap": 0.0}
            if np.isfinite(self.deadline):
                options["time_limit"] = max(self.deadline - time.monotonic(), 1e-3)
            found = milp(
                -value * factor,
                integrality=np.ones(n),
                bounds=Bounds(0.0, weight[group].astype(float)),
                constraints=[*base, *cuts],
                options=options,
            )
            if found.x is None:
                return None
            x = np.rint(found.x)
            proven = found.status == 0
            exact = upper is None or bool((weight == 1).all())
            limit = held - (found.mip_dual_bound if found.mip_dual_bound is not None else found.fun) / factor
            over = any(price @ x > cap + slack for price, cap, slack in zip(prices, left, allowed, strict=True))
            if not over:
                counts = np.zeros((g, self.k + 1), dtype=np.int64)
                counts[group, option] = x.astype(np.int64)
                return counts, held + float(value @ x), limit if upper is None else upper, proven and exact
            # within the solver's tolerance but not within ours
            upper = limit if upper is None else upper
            if (weight == 1).all():  # this one solution is cut off and the next best sought
                sign = np.where(x > 0.5, -1.0, 1.0)
                cuts.append(LinearConstraint(csr_array(sign[None]), 1.0 - float((x > 0.5).sum()), np.inf))
            else:  # a little less is allowed: a solution, whose distance from the bound is stated
                tighter = [2 * max(float(price @ x) - cap, 0.0) for price, cap in zip(prices, left, strict=True)]
                left = left - np.array(tighter)
        return None

    def _spread(self, core: np.ndarray, counts: np.ndarray, pick: np.ndarray) -> np.ndarray:
        """Options of groups to choices of customers: in a group the first rows get the first action."""
        number = np.zeros((len(pick), self.k + 1), dtype=np.int64)
        number[np.arange(len(pick)), pick] = self.weight
        number[core] = counts
        ordered = np.roll(number, -1, axis=1)  # actions in their order, no contact last
        options = np.tile(np.r_[np.arange(self.k), -1], len(pick))
        choice = np.empty(len(self.order), dtype=np.int64)
        choice[self.order] = np.repeat(options, ordered.ravel())
        return choice


def _row(price: np.ndarray, cap: float, money: bool) -> LinearConstraint:
    """A constraint in whole hundredths where the prices are such, which the solver's tolerance cannot blur; else scaled."""
    if money:
        cents = np.rint(price * 100)
        if (np.abs(price * 100 - cents) <= 1e-9 * np.maximum(cents, 1.0)).all():
            price, cap = cents, float(np.floor(cap * 100 + 1e-6))
        elif price.max() > 0:
            factor = 1e4 / price.max()
            price, cap = price * factor, cap * factor
    return LinearConstraint(csr_array(price[None]), -np.inf, cap)
