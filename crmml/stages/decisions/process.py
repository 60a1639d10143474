r"""What to do in each stage: a Markov decision process on the stages of a relationship.

Each action has its own transition matrix :math:`P_a`, reward and cost. The best policy for value satisfies
:math:`V(s) = \max_a\{r(s,a) - c(s,a) + \beta \sum_j P_a(s,j) V(j)\}`, :math:`\beta` the discount factor of a period [1]_, and is
found by policy iteration. Where the probability of rupture, or the cost, or the value is limited, the horizon is finite and the
policy solves a linear programme over occupation (:mod:`crmml.stages.decisions._occupation`): rupture then means first passage within
that horizon, win-back arcs cut.

References
----------
.. [1] Puterman, M. L. (1994), Markov Decision Processes. Wiley. Chapter 6.
.. [2] Ching, W.-K., Ng, M. K., Wong, K.-K. and Altman, E. (2004), Customer lifetime value: stochastic optimization approach.
   Journal of the Operational Research Society 55, 860-868.
.. [3] Delage, E. and Mannor, S. (2010), Percentile optimization for Markov decision processes with parameter uncertainty.
   Operations Research 58(1), 203-213.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ...checks import (
    MOST_PERIODS,
    check_choice,
    check_count,
    check_coverage,
    check_draws,
    check_number,
    check_probability,
    check_random_state,
)
from ...exceptions import DataError
from ...typing import ArrayLike, Seed
from ..process.base import KEPT_SEED
from ..process.chain import StageChain
from ._occupation import Problem
from ._request import read_decisions
from .policy import RobustChoice, StagePolicy, induced_chain

#: Up to this many deterministic policies are all compared under uncertainty; beyond, those best in some draw.
MAX_CANDIDATES = 600
#: A linear programme has at most this many variables: two for each period, stage and action.
MOST_VARIABLES = 2_000_000
#: Periods in which a limited policy is judged, where no horizon is named.
DEFAULT_HORIZON = 12


class StageDecisionProcess:
    """Choosing actions by stage.

    Parameters
    ----------
    chains : mapping of str to StageChain
        How customers move under each action; the same stages, rupture and period in all.
    reward : array-like of shape (n_stages,), mapping by stage, or mapping of action to either
        Money a period in each stage, before the cost of the action.
    cost : mapping of str to float, array-like of shape (n_stages,) or mapping by stage
        Money that taking an action costs; 0 for actions left out. Where it is inf the action cannot be taken.
    annual_discount_rate : float, default=0.0
        Per year, at least 0; above 0 needs chains that know their period.

    Raises
    ------
    DataError
        Naming every fault of the arguments.

    Examples
    --------
    The catalogue of a mail-order firm: customers of low and high value, a catalogue costs 15.

    >>> from crmml.stages import StageChain, StageDecisionProcess
    >>> mail = StageChain([[0.3, 0.7], [0.2, 0.8]], ["low", "high"], "Y")
    >>> none = StageChain([[0.5, 0.5], [0.6, 0.4]], ["low", "high"], "Y")
    >>> process = StageDecisionProcess(
    ...     {"mail": mail, "nothing": none}, {"mail": [20, 50], "nothing": [10, 25]}, {"mail": 15}, 1 / 0.9 - 1
    ... )
    >>> policy = process.solve()
    >>> policy.action("low"), policy.action("high"), policy.stage_value.round(3).tolist()
    ('mail', 'mail', [257.692, 290.659])
    """

    def __init__(
        self, chains: Mapping[str, StageChain], reward: Any, cost: Any = None, annual_discount_rate: float = 0.0
    ) -> None:
        request = read_decisions(chains, reward, cost)
        first = next(iter(request.chains.values()))
        self.chains, self.actions = request.chains, tuple(request.chains)
        self.stages, self.period = first.stages, first.period
        self.annual_discount_rate = annual_discount_rate
        self.discount = first._period_discount(annual_discount_rate)
        self._P = np.stack([chain.P for chain in request.chains.values()])
        self._reward, self._costs, self._possible = request.reward, request.cost, request.possible

    # ---- solving --------------------------------------------------------------------------------------------------

    def solve(
        self,
        max_rupture: float | None = None,
        budget: float | None = None,
        *,
        objective: str = "value",
        min_value: float | None = None,
        horizon: int | None = None,
        start: ArrayLike | None = None,
    ) -> StagePolicy:
        """Find the best policy.

        Parameters
        ----------
        max_rupture : float, default=None
            Upper limit on the probability that a customer of the start mix breaks within the horizon.
        budget : float, default=None
            Upper limit on the expected discounted cost per customer of the start mix within the horizon.
        objective : {"value", "rupture"}, default="value"
            Highest value, or lowest probability of rupture within the horizon (ties by value).
        min_value : float, default=None
            Lower limit on the value within the horizon.
        horizon : int, default=None
            Periods that count. None is for ever where there is no limit and the objective is value, else 12.
        start : array-like of shape (n_stages,), mapping by stage, or str, default=None
            The customers: shares per stage or one stage; None weighs all stages that are neither rupture nor absorbing alike.

        Returns
        -------
        StagePolicy

        Raises
        ------
        ValueError
            When no policy keeps the limits: with the lowest probability of rupture, cost or highest value that can be had.
        """
        check_choice(objective, "objective", ("value", "rupture"))
        mix = self._mix(start)
        limited = max_rupture is not None or budget is not None or min_value is not None or objective == "rupture"
        if horizon is None and not limited:
            return self._stationary(self._policy_iteration(self._P), mix)
        if (max_rupture is not None or objective == "rupture") and not self.stages.rupture_mask.any():
            raise ValueError("The stage space names no rupture; name it, as in StageSpace(names, rupture=...).")
        most = max(1, MOST_VARIABLES // (2 * self._reward.size))
        periods = DEFAULT_HORIZON if horizon is None else check_count(horizon, "horizon", least=1, most=most)
        for name, limit in (("max_rupture", max_rupture), ("budget", budget), ("min_value", min_value)):
            if limit is not None:
                check_number(limit, name)
        return self._limited(self._problem(mix, periods), objective, max_rupture, budget, min_value)

    def _mix(self, start: Any) -> np.ndarray:
        chain = next(iter(self.chains.values()))
        inside = self.stages.transient_mask.astype(float)
        share = chain._start((inside if inside.any() else np.ones(len(chain))) if start is None else start)
        return share / share.sum()

    def _problem(self, mix: np.ndarray, horizon: int) -> Problem:
        rupture = self.stages.rupture_mask
        return Problem(self._P, self._reward, self._costs, self._possible, mix, rupture, self.discount, horizon)

    def _limited(
        self,
        problem: Problem,
        objective: str,
        max_rupture: float | None,
        budget: float | None,
        min_value: float | None,
    ) -> StagePolicy:
        part = problem.vectors()
        already = float(problem.start[problem.rupture].sum())
        limits = []
        if max_rupture is not None:
            limits.append((part["rupture"], max_rupture - already))
        if budget is not None:
            limits.append((part["cost"], budget))
        if min_value is not None:
            limits.append((-part["value"], -min_value))
        target = -part["value"] if objective == "value" else part["rupture"]
        found = problem.best(target, limits)
        if found is None:
            raise ValueError(self._why_not(problem, part, already))
        if objective == "rupture":  # of all policies with that probability, the most valuable one
            slack = 1e-9 + 1e-9 * abs(found[1])
            found = problem.best(-part["value"], [*limits, (part["rupture"], found[1] + slack)]) or found
        return self._from_occupation(problem, found[0])

    def _why_not(self, problem: Problem, part: dict[str, np.ndarray], already: float) -> str:
        ends = []
        for name, sign in (("rupture", 1), ("cost", 1), ("value", -1)):
            found = problem.best(sign * part[name], [])
            ends.append(0.0 if found is None else sign * found[1])
        lowest = f"the lowest probability of rupture is {ends[0] + already:.4f}, " if problem.rupture.any() else ""
        return (
            f"No policy keeps the limits within {problem.horizon} periods. Each by itself: {lowest}the lowest cost {ends[1]:,.4f} and "
            f"the highest value {ends[2]:,.4f} per customer."
        )

    def _from_occupation(self, problem: Problem, x: np.ndarray) -> StagePolicy:
        greedy = np.eye(len(self.actions))[problem.greedy()]
        mass = x.sum(axis=3, keepdims=True)
        rule = np.where(mass > 1e-12, x / np.maximum(mass, 1e-300), greedy[None])
        return self._evaluated(rule[0], rule[1], problem.start, problem.horizon)

    # ---- evaluation -----------------------------------------------------------------------------------------------

    def evaluate(
        self, probabilities: Any, *, horizon: int | None = None, start: ArrayLike | None = None
    ) -> StagePolicy:
        """Return a given policy with its value, cost and probability of rupture.

        Parameters
        ----------
        probabilities : array-like of shape (n_stages, n_actions), or mapping of stage to action
        horizon : int, default=None
            None is for ever.
        start : array-like, mapping or str, default=None
            As in :meth:`solve`.

        Returns
        -------
        StagePolicy
        """
        if isinstance(probabilities, Mapping):
            faults = [f"the stage {name!r} is missing" for name in self.stages.names if name not in probabilities]
            faults += [
                f"{action!r} is not an action" for action in probabilities.values() if action not in self.actions
            ]
            if faults:
                raise DataError(faults, "the policy")
            at = [self.actions.index(probabilities[name]) for name in self.stages.names]
            probabilities = np.eye(len(self.actions))[at]
        try:
            rule = np.asarray(probabilities, dtype=float)
        except (TypeError, ValueError):
            rule = np.empty(0)
        if rule.shape != self._reward.shape or not (rule >= 0).all() or np.abs(rule.sum(axis=1) - 1).max() > 1e-8:
            raise DataError(
                [f"it must be probabilities of shape {self._reward.shape}, rows summing to 1"], "the policy"
            )
        if (rule[~self._possible] > 0).any():
            raise DataError(["it takes an action that cannot be taken in that stage"], "the policy")
        if horizon is None:
            return self._stationary(rule, self._mix(start))
        length = check_count(horizon, "horizon", least=1, most=MOST_PERIODS)
        periods = np.repeat(rule[None], length, axis=0)
        return self._evaluated(periods, periods, self._mix(start), length)

    def _evaluated(self, before: np.ndarray, after: np.ndarray, mix: np.ndarray, horizon: int) -> StagePolicy:
        """Evaluate rules by period (horizon, n_stages, n_actions), before and after the first rupture, by recursion."""
        rupture = self.stages.rupture_mask
        n = len(rupture)
        value, cost = np.zeros((2, n)), np.zeros((2, n))
        broken = np.where(rupture, 1.0, 0.0)
        for t in range(horizon - 1, -1, -1):
            arrives = [np.where(rupture, v[1], v[0]) for v in (value, cost)]
            new_value, new_cost = np.zeros((2, n)), np.zeros((2, n))
            for flag, rule in ((0, before[t]), (1, after[t])):
                P = np.einsum("sa,asj->sj", rule, self._P)
                next_value, next_cost = arrives if flag == 0 else (value[1], cost[1])
                spent = (rule * self._costs).sum(axis=1)
                new_value[flag] = (rule * self._reward).sum(axis=1) - spent + self.discount * P @ next_value
                new_cost[flag] = spent + self.discount * P @ next_cost
                if flag == 0:
                    broken = np.where(rupture, 1.0, P @ broken)
            value, cost = new_value, new_cost
        stage_value = np.where(rupture, value[1], value[0])
        stage_cost = np.where(rupture, cost[1], cost[0])
        return self._policy(before, after, stage_value, stage_cost, broken, mix, horizon)

    def _stationary(self, rule: np.ndarray, mix: np.ndarray) -> StagePolicy:
        P = np.einsum("sa,asj->sj", rule, self._P)
        spent = (rule * self._costs).sum(axis=1)
        chain = induced_chain(self.chains, rule)
        value = self._for_ever(P[None], ((rule * self._reward).sum(axis=1) - spent)[None])[0]
        cost = self._for_ever(P[None], spent[None])[0]
        broken = chain.rupture_probability(DEFAULT_HORIZON) if self.stages.rupture_mask.any() else None
        return self._policy(rule, None, value, cost, broken, mix, None)

    def _policy(
        self,
        before: np.ndarray,
        after: np.ndarray | None,
        value: np.ndarray,
        cost: np.ndarray,
        broken: np.ndarray | None,
        mix: np.ndarray,
        horizon: int | None,
    ) -> StagePolicy:
        known = self.stages.rupture_mask.any()
        span = DEFAULT_HORIZON if horizon is None else horizon
        rows = []
        for k, name in enumerate(self.actions):
            if not self._possible[:, k].all():
                continue
            P, flow = self._P[k], self._reward[:, k] - self._costs[:, k]
            worth = self._for_ever(P[None], flow[None])[0] if horizon is None else self._up_to(P, flow, horizon)
            cut = np.where(self.stages.rupture_mask[:, None], np.eye(len(P)), P)
            ends = np.linalg.matrix_power(cut, span)[:, self.stages.rupture_mask].sum(axis=1)
            rows.append((name, float(mix @ worth), float(mix @ ends) if known else np.nan))
        return StagePolicy(
            stages=self.stages,
            actions=self.actions,
            probabilities=before,
            after_rupture=after,
            value=float(mix @ value),
            cost=float(mix @ cost),
            rupture=float(mix @ broken) if known and broken is not None else None,
            rupture_horizon=span,
            stage_value=value,
            stage_rupture=broken if known else None,
            horizon=horizon,
            compared=pd.DataFrame(rows, columns=["action", "value", "rupture"]),
        )

    def _up_to(self, P: np.ndarray, flow: np.ndarray, horizon: int) -> np.ndarray:
        value = np.zeros(len(P))
        for _ in range(horizon):
            value = flow + self.discount * P @ value
        return value

    def _for_ever(self, P: np.ndarray, flow: np.ndarray) -> np.ndarray:
        """Return values (n, n_stages) of flows under chains (n, n_stages, n_stages)."""
        if self.discount >= 1:
            chain = StageChain(P[0], list(self.stages.names))
            return np.stack([chain._with(p)._undiscounted(f) for p, f in zip(P, flow, strict=True)])
        return np.linalg.solve(np.eye(P.shape[1]) - self.discount * P, flow[..., None])[..., 0]

    def _policy_iteration(self, P: np.ndarray) -> np.ndarray:
        """Return the best rule (n_stages, n_actions) for ever, one action a stage; the first named wins ties."""
        if self.discount >= 1:
            raise ValueError(
                "Without a discount rate the best policy for ever is not defined; give annual_discount_rate or a horizon."
            )
        S = P.shape[1]
        flow = np.where(self._possible, self._reward - self._costs, -np.inf)
        actions = flow.argmax(axis=1)
        tried = set()
        while True:
            tried.add(actions.tobytes())
            rows = np.arange(S)
            value = self._for_ever(P[actions, rows][None], flow[rows, actions][None])[0]
            Q = flow + self.discount * np.einsum("asj,j->sa", P, value)
            better = Q.max(axis=1) > Q[rows, actions] + 1e-12 * (1 + np.abs(value))
            following = np.where(better, Q.argmax(axis=1), actions)
            if not better.any() or following.tobytes() in tried:  # the same once more: what is left is rounding
                tied = Q.max(axis=1, keepdims=True) - 1e-12 * (1 + np.abs(value))[:, None] <= Q
                return np.eye(len(self.actions))[tied.argmax(axis=1)]
            actions = following

    # ---- uncertainty ----------------------------------------------------------------------------------------------

    def solve_robust(
        self,
        *,
        quantile: float | None = 0.1,
        coverage: float = 0.9,
        n_draws: int = 200,
        start: ArrayLike | None = None,
        random_state: Seed = None,
    ) -> RobustChoice:
        """Choose a policy with the uncertainty of the transition probabilities in view.

        The value of each candidate (one action a stage, the same for ever) is computed in draws from the posterior of every
        chain; the candidate with the highest quantile of value over the draws is taken [3]_. All policies are candidates
        where there are at most 600, else those that are best in some draw.

        Parameters
        ----------
        quantile : float, default=0.1
            Of the value over the posterior, to be maximised; None maximises the mean.
        coverage : float, default=0.9
        n_draws : int, default=200
        start : array-like, mapping or str, default=None
            As in :meth:`solve`.
        random_state : int, RandomState or None
            None takes the same draws at every call.

        Returns
        -------
        RobustChoice

        Raises
        ------
        ValueError
            When no chain carries a posterior.
        """
        coverage = check_coverage(coverage)
        n_draws = check_draws(n_draws, cells=self._P.size)
        if not any(chain.has_draws for chain in self.chains.values()):
            raise ValueError(
                "No chain carries a posterior: take chain_ of fitted models, or pass concentration= or draws=."
            )
        if quantile is not None:
            check_probability(quantile, "quantile")
        state, mix = check_random_state(KEPT_SEED if random_state is None else random_state), self._mix(start)
        draws = np.stack(
            [
                chain.draws(n_draws, state) if chain.has_draws else np.repeat(chain.P[None], n_draws, axis=0)
                for chain in self.chains.values()
            ]
        )
        rules = self._candidates(draws)
        S = len(self.stages)
        rows = np.arange(S)
        values = np.empty((len(rules), n_draws))
        for k, actions in enumerate(rules):
            flow = (self._reward - self._costs)[rows, actions]
            values[k] = (
                self._for_ever(np.moveaxis(draws[actions, :, rows], 0, 1), np.repeat(flow[None], n_draws, axis=0)) @ mix
            )
        tails = np.quantile(values, [(1 - coverage) / 2, (1 + coverage) / 2], axis=1)
        judged = values.mean(axis=1) if quantile is None else np.quantile(values, quantile, axis=1)
        best = values >= values.max(axis=0) - 1e-12 * (1 + np.abs(values.max(axis=0)))
        table = pd.DataFrame([[self.actions[a] for a in rule] for rule in rules], columns=list(self.stages.names))
        table = table.assign(
            mean=values.mean(axis=1), lower=tails[0], upper=tails[1], judged=judged, probability_best=best.mean(axis=1)
        )
        k = int(judged.argmax())
        policy = self._stationary(np.eye(len(self.actions))[rules[k]], mix)
        words = "mean of the value" if quantile is None else f"{100 * quantile:g} % quantile of the value"
        table = table.sort_values("judged", ascending=False, ignore_index=True, kind="stable")
        ends = (float(tails[0, k]), float(tails[1, k]), float(values[k].mean()))
        return RobustChoice(policy, words, *ends, coverage, float(best[k].mean()), table)

    def _candidates(self, draws: np.ndarray) -> np.ndarray:
        choices = [np.flatnonzero(row) for row in self._possible]
        same = (self._P[:1] == self._P).all(axis=(0, 2)) & (
            self._reward - self._costs == (self._reward - self._costs)[:, :1]
        ).all(axis=1)
        choices = [
            c[:1] if idle else c for c, idle in zip(choices, same, strict=True)
        ]  # stages where actions are all alike
        if np.prod([float(len(c)) for c in choices]) <= MAX_CANDIDATES:
            return np.array(list(product(*choices)))
        rules = [self._policy_iteration(draws[:, d]).argmax(axis=1) for d in range(draws.shape[1])]
        rules.append(self._policy_iteration(self._P).argmax(axis=1))
        return np.unique(np.array(rules), axis=0)
