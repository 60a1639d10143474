"""The multiple-choice knapsack: bound by multipliers, optimum by integer programming of the customers that are in doubt."""

from __future__ import annotations

import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, eye_array, hstack, vstack

#: A sum of costs may pass the budget by this share, which is rounding of floating-point sums and never a contact.
BUDGET_TOLERANCE = 1e-10
_CORE, _CUTS, _TRIES, _CLASSES = 60, 120, 25, 40
#: The heuristics of HiGHS 1.12 that solve smaller programmes write to the standard output, whatever the level of logging; a core
#: is small enough without them.
_QUIET = {
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
}


class _Found(NamedTuple):
    """Numbers of each option of each group of the core, what they and the others earn, and the most that can be."""

    counts: np.ndarray
    profit: float
    bound: float
    proven: bool


class Knapsack:
    r"""At most one action per customer, as an integer programme over groups of customers that are alike [1]_.

    Multipliers :math:`\lambda \ge 0` on the constraints give the bound of the linear relaxation,

    .. math:: L(\lambda) = \sum_i \max(0, \max_a p_{ia} - \lambda^\top A_{ia}) + \lambda^\top b,

    minimised by Kelley's cutting planes; the customers nearest to indifference (the core) are solved as an integer programme, the
    others being held at their best. A choice whose reduced profit lies below the best by more than L minus that solution's profit
    cannot be part of a better one; the core grows until it holds all customers with another choice, which proves the optimum.

    Costs in whole hundredths (or up to millionths) are counted in their largest common unit, of which the budget holds a whole
    number: the bound is tighter by what cannot be spent, and no rounding of the solver can pass the budget. Where few different
    costs are asked, as by a price list, the number of contacts at each is an integer variable and who they are is not: with these
    numbers fixed it is a problem of transport, whose corners are whole.

    Option 0 of a group is no contact.

    Parameters
    ----------
    gain, cost : ndarray of shape (n, k)
        An action that is not open has a gain of -inf.
    budget, total : float
    each : ndarray of shape (k,)
    time_limit : float or None

    References
    ----------
    .. [1] Kellerer, H., Pferschy, U. and Pisinger, D. (2004), Knapsack Problems. Springer, chapters 5 and 11.
    """

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
        self.slack: list[float] = []
        self.whole = True
        for kind, cap in enumerate([budget, total, *each]):
            if np.isfinite(cap):
                slack = 0.0
                if kind == 0:
                    self.c, cap, self.whole = _in_units(self.c, np.isfinite(self.p), cap)
                    slack = 0.0 if self.whole else cap * BUDGET_TOLERANCE
                self.caps.append(float(cap) if kind == 0 else float(np.floor(cap)))
                self.kinds.append(kind)
                self.slack.append(slack)
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
        kept, best = self._greedy(pick, top)
        valid = np.isfinite(self.p)
        size = _CORE
        while True:
            # in a better solution no choice lies further below the best than this
            open_ = valid & (loss <= max(bound - best, 0.0) + slack)
            open_[np.arange(len(pick)), pick] = True
            inside = np.flatnonzero(open_.sum(axis=1) > 1)
            last = len(inside) <= size
            core = inside if last else by_margin[:size]
            if not len(core):
                return kept, bound, best >= bound - slack
            found = self._core(core, open_[core], pick)
            if found is not None:
                if found.profit > best:
                    kept, best = self._spread(core, found.counts, pick), found.profit
                if last:
                    return kept, max(best, min(bound, found.bound)), found.proven
                if not found.proven:
                    return kept, bound, False
            elif last:
                return kept, bound, False
            size *= 4

    def _greedy(self, pick: np.ndarray, top: np.ndarray) -> tuple[np.ndarray, float]:
        """A choice within the limits: the best by reduced profit, as long as they fit; and its profit."""
        number = np.zeros((len(pick), self.k + 1), dtype=np.int64)
        left = np.array(self.caps) + np.array(self.slack)
        rows = np.flatnonzero(pick > 0)
        prices = np.array([self.price(kind)[rows, pick[rows]] for kind in self.kinds]).T
        for at in np.argsort(-top[rows], kind="stable"):
            price, row = prices[at], rows[at]
            paid = price > 0
            fits = (
                min(self.weight[row], int(np.floor((left[paid] / price[paid]).min())))
                if paid.any()
                else self.weight[row]
            )
            number[row, pick[row]] = fits
            left = left - fits * price
        number[:, 0] = self.weight - number[:, 1:].sum(axis=1)
        profit = float(np.where(number > 0, self.p, 0.0).ravel() @ number.ravel())
        return self._spread(np.arange(len(pick)), number, pick), profit

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
            if time.monotonic() > self.deadline and slopes:
                break
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

    def _core(self, core: np.ndarray, open_: np.ndarray, pick: np.ndarray) -> _Found | None:
        """Solve for the groups of the core, the others held; None where nothing was found."""
        outside = np.ones(len(pick), dtype=bool)
        outside[core] = False
        rows = np.flatnonzero(outside)
        held = float(self.weight[rows] @ self.p[rows, pick[rows]])
        left = np.array(self.caps) - self.used(pick[rows], self.weight[rows], rows)
        if (left < -np.array(self.slack)).any():
            return None
        found = self._by_class(core, open_, left) if self.whole else None
        if found is None:
            found = self._by_group(core, open_, left)
        return found and found._replace(profit=held + found.profit, bound=held + found.bound)

    def _by_class(self, core: np.ndarray, open_: np.ndarray, left: np.ndarray) -> _Found | None:
        """Whole numbers of contacts by action and cost; None where there are many."""
        weight = self.weight[core]
        group, option = np.nonzero(open_)
        group, option = group[option > 0], option[option > 0]
        price = self.price(0, core)[group, option] if 0 in self.kinds else np.zeros(len(group))
        kinds, of = np.unique(np.column_stack([option, price]), axis=0, return_inverse=True)
        n, m, g = len(group), len(kinds), len(core)
        if not 0 < m <= _CLASSES:
            return None
        value = self.p[core][group, option]
        factor = 1e3 / max(value.max(), 1e-300)
        choose = csr_array((np.ones(n), (group, np.arange(n))), shape=(g, n))
        at_least = np.where(open_[:, 0], 0, weight).astype(float)
        classes = csr_array((np.ones(n), (of.ravel(), np.arange(n))), shape=(m, n))
        uses = [
            kinds[:, 1] if kind == 0 else np.ones(m) if kind == 1 else (kinds[:, 0] == kind - 1).astype(float)
            for kind in self.kinds
        ]
        found = self._milp(
            np.r_[-value * factor, np.zeros(m)],
            presolve=False,  # which would take longer than the search
            integrality=np.r_[np.zeros(n), np.ones(m)],
            bounds=Bounds(0.0, np.r_[weight[group], np.full(m, weight.sum())].astype(float)),
            constraints=[
                LinearConstraint(hstack([choose, csr_array((g, m))]), at_least, weight),
                LinearConstraint(hstack([classes, -eye_array(m)]), 0.0, 0.0),
                *(_row(np.r_[np.zeros(n), use], cap, True) for use, cap in zip(uses, left, strict=True)),
            ],
        )
        if found.x is None:
            return None
        numbers = np.rint(found.x[n:])
        if any(use @ numbers > cap for use, cap in zip(uses, left, strict=True)):
            return None
        most = np.column_stack([np.zeros(n), weight[group]])
        x = _transport(-value * factor, choose, (at_least, weight), classes, numbers, most)
        if x is None:
            return None
        counts = np.zeros((g, self.k + 1), dtype=np.int64)
        counts[group, option] = x
        counts[:, 0] = weight - counts.sum(axis=1)
        if (counts < 0).any() or (counts[~open_[:, 0], 0] > 0).any():
            return None
        bound = _most(found) / factor
        return _Found(counts, float(value @ x), bound, found.status == 0)

    def _by_group(self, core: np.ndarray, open_: np.ndarray, left: np.ndarray) -> _Found | None:
        """A whole number of each option of each group."""
        weight = self.weight[core]
        # the first open option of each group is what is left over
        least, at = open_.argmax(axis=1), np.arange(len(core))
        group, option = np.nonzero(open_ & (np.arange(self.k + 1) != least[:, None]))
        ground = float(weight @ self.p[core, least])
        value = self.p[core[group], option] - self.p[core, least][group]
        tables = [self.price(kind, core) for kind in self.kinds]
        prices = [table[group, option] - table[at, least][group] for table in tables]
        left = left - np.array([weight @ table[at, least] for table in tables])
        n, g, slack = len(group), len(core), np.array(self.slack)
        choose = csr_array((np.ones(n), (group, np.arange(n))), shape=(g, n))
        # a side half way between whole numbers leaves the whole solutions as they are, and rounding does not pass it
        one_each = LinearConstraint(choose, -np.inf, weight + 0.5)
        # HiGHS stops at an absolute gap of 1e-6: profits are scaled so that this is a billionth of the largest
        factor = 1e3 / max(np.abs(value).max(), 1e-300)
        cuts: list[LinearConstraint] = []
        upper = None
        for _ in range(_TRIES):
            found = self._milp(
                -value * factor,
                integrality=np.ones(n),
                bounds=Bounds(0.0, weight[group].astype(float)),
                constraints=[one_each, *self._limits(prices, left), *cuts],
            )
            if found.x is None:
                return None
            x = np.rint(found.x)
            exact = upper is None or bool((weight == 1).all())
            limit = ground + _most(found) / factor
            over = any(price @ x > cap + more for price, cap, more in zip(prices, left, slack, strict=True))
            upper = limit if upper is None else upper
            if not over:
                counts = np.zeros((g, self.k + 1), dtype=np.int64)
                counts[group, option] = x.astype(np.int64)
                counts[at, least] = weight - counts.sum(axis=1)
                return _Found(counts, ground + float(value @ x), upper, found.status == 0 and exact)
            # within the solver's tolerance but not within ours
            if (weight == 1).all():  # this one solution is cut off and the next best sought
                sign = np.where(x > 0.5, -1.0, 1.0)
                cuts.append(LinearConstraint(csr_array(sign[None]), 1.0 - float((x > 0.5).sum()), np.inf))
            else:  # a little less is allowed: a solution, whose distance from the bound is stated
                tighter = [2 * max(float(price @ x) - cap, 0.0) for price, cap in zip(prices, left, strict=True)]
                left = left - np.array(tighter)
        return None

    def _limits(self, prices: list[np.ndarray], left: np.ndarray) -> list[LinearConstraint]:
        """What is left of budget and capacities, as constraints on the options with these prices."""
        return [
            _row(price, cap + more, kind > 0 or self.whole)
            for price, cap, more, kind in zip(prices, left, self.slack, self.kinds, strict=True)
        ]

    def _milp(self, objective: np.ndarray, presolve: bool = True, **problem: Any) -> Any:
        """scipy's, to a gap of 0, in the time that is left."""
        options: dict[str, float | bool] = {"mip_rel_gap": 0.0, "presolve": presolve, **_QUIET}
        if np.isfinite(self.deadline):
            options["time_limit"] = max(self.deadline - time.monotonic(), 1e-3)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Unrecognized option")  # scipy passes them on to HiGHS
            return milp(objective, options=options, **problem)

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


def _in_units(cost: np.ndarray, valid: np.ndarray, budget: float) -> tuple[np.ndarray, float, bool]:
    """Costs and budget in the largest unit that all costs are multiples of, where they are whole hundredths or so; else as is."""
    for parts in (100, 10_000, 1_000_000):
        given = cost[valid] * parts
        whole = np.rint(given)
        if whole.max() <= 1e9 and (np.abs(given - whole) <= 1e-9 * np.maximum(whole, 1.0)).all():
            unit = max(int(np.gcd.reduce(np.unique(whole).astype(np.int64))), 1)
            cap = float(np.floor(budget * (1 + BUDGET_TOLERANCE) * parts / unit + 1e-6))
            return np.where(valid, np.rint(cost * parts) / unit, 0.0), cap, True
    return cost, budget, False


def _transport(
    objective: np.ndarray,
    choose: csr_array,
    sides: tuple[np.ndarray, np.ndarray],
    classes: csr_array,
    numbers: np.ndarray,
    most: np.ndarray,
) -> np.ndarray | None:
    """Who the contacts are, given their numbers by class: a problem of transport; None where no whole corner is found."""
    at_least, weight = sides
    found = linprog(
        objective,
        A_ub=vstack([choose, -choose[np.flatnonzero(at_least)]]),
        b_ub=np.r_[weight, -at_least[at_least > 0]],
        A_eq=classes,
        b_eq=numbers,
        bounds=most,
        method="highs-ds",
    )
    if found.x is None or np.abs(found.x - np.rint(found.x)).max() > 1e-6:
        return None
    return np.rint(found.x).astype(np.int64)


def _most(found: Any) -> float:
    """The most that a programme can reach: the dual bound, where the solver states one."""
    return -(found.mip_dual_bound if found.mip_dual_bound is not None else found.fun)


def _row(price: np.ndarray, cap: float, whole: bool) -> LinearConstraint:
    """A constraint; of whole numbers with a side that no whole solution is near, else scaled above the solver's tolerance."""
    if whole:
        cap += 0.5
    elif price.any():
        factor = 1e4 / np.abs(price).max()
        price, cap = price * factor, cap * factor
    return LinearConstraint(csr_array(price[None]), -np.inf, cap)
