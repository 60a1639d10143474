r"""Decisions over a finite horizon as a linear programme over occupation.

Variables :math:`x_{t,s,a}` and :math:`y_{t,s,a}` are the probabilities of being in stage s at period t and taking action a, before
and after the first rupture. They start with the given mix, flow by each action's transition matrix, and turn from x to y
on entering rupture, so that the probability of rupture by the horizon, expected cost and expected value are all linear in
them [1]_. The policy is :math:`x_{t,s,a} / \sum_a x_{t,s,a}`, drawn by chance where a constraint binds.

References
----------
.. [1] Altman, E. (1999), Constrained Markov Decision Processes. Chapman & Hall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, vstack


@dataclass(frozen=True)
class Problem:
    """A finite-horizon decision problem.

    Attributes
    ----------
    P : ndarray of shape (n_actions, n_stages, n_stages)
    reward, cost : ndarray of shape (n_stages, n_actions)
        Of a period; reward before costs.
    possible : ndarray of shape (n_stages, n_actions)
        Which actions can be taken.
    start : ndarray of shape (n_stages,)
        Distribution now.
    rupture : ndarray of shape (n_stages,)
        Mask.
    discount : float
    horizon : int
    """

    P: np.ndarray
    reward: np.ndarray
    cost: np.ndarray
    possible: np.ndarray
    start: np.ndarray
    rupture: np.ndarray
    discount: float
    horizon: int

    def _shape(self) -> tuple[int, int, int, int]:
        return (2, self.horizon, *self.reward.shape)

    def vectors(self) -> dict[str, np.ndarray]:
        """Return value, cost and rupture as linear functions of the variables, flattened."""
        factor = self.discount ** np.arange(self.horizon)[None, :, None, None]
        shape = self._shape()
        entering = self.P[:, :, self.rupture].sum(axis=2).T
        into = np.zeros(shape)
        into[0] = entering
        return {
            "value": np.broadcast_to(factor * (self.reward - self.cost), shape).ravel(),
            "cost": np.broadcast_to(factor * self.cost, shape).ravel(),
            "rupture": into.ravel(),
        }

    def flow(self) -> tuple[coo_matrix, np.ndarray]:
        """Return the equations: what is in a stage at a period is what flowed into it."""
        flags, H, S, A = self._shape()
        number = np.arange(flags * H * S * A).reshape(flags, H, S, A)
        row_of = np.arange(flags * H * S).reshape(flags, H, S)
        rows = [np.repeat(row_of.ravel(), A)]
        columns = [number.ravel()]
        values = [np.ones(number.size)]
        for flag in range(flags):
            for target in range(S):
                to_flag = 1 if self.rupture[target] or flag else 0
                for t in range(H - 1):
                    probability = self.P[:, :, target].T
                    rows.append(np.full(S * A, row_of[to_flag, t + 1, target]))
                    columns.append(number[flag, t].ravel())
                    values.append(-probability.ravel())
        right = np.zeros((flags, H, S))
        right[1, 0] = np.where(self.rupture, self.start, 0.0)
        right[0, 0] = np.where(self.rupture, 0.0, self.start)
        matrix = coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))))
        return matrix, right.ravel()

    def best(self, objective: np.ndarray, limits: list[tuple[np.ndarray, float]]) -> tuple[np.ndarray, float] | None:
        """Minimise a linear function under upper limits; return occupation and value, or None where none is possible.

        Parameters
        ----------
        objective : ndarray
            To be minimised.
        limits : list of (vector, upper bound)

        Notes
        -----
        Money is measured in its greatest amount, since the solver's tolerances are absolute: rewards of 1e9 and of 1e-9 have the
        same answer.
        """
        matrix, right = self.flow()
        upper = np.broadcast_to(np.where(self.possible, np.inf, 0.0), self._shape()).ravel()
        scaled = [(vector / unit, bound / unit) for vector, bound in limits for unit in [_unit(vector)]]
        A_ub = vstack([coo_matrix(vector[None, :]) for vector, _ in scaled]) if limits else None
        b_ub = [bound for _, bound in scaled] if limits else None
        unit = _unit(objective)
        found = linprog(
            objective / unit,
            A_ub=A_ub,
            b_ub=b_ub,
            A_eq=matrix.tocsr(),
            b_eq=right,
            bounds=np.column_stack([np.zeros_like(upper), upper]),
            method="highs",
        )
        if found.status == 2:
            return None
        if not found.success:
            raise ArithmeticError(f"The linear programme ended without a solution: {found.message}")
        return np.maximum(found.x, 0.0).reshape(self._shape()), float(found.fun) * unit

    def greedy(self) -> np.ndarray:
        """Return the unconstrained best action in each period and stage, (horizon, n_stages), by backward induction."""
        value = np.zeros(len(self.start))
        actions = np.empty((self.horizon, len(self.start)), dtype=int)
        for t in range(self.horizon - 1, -1, -1):
            Q = np.where(
                self.possible, self.reward - self.cost + self.discount * np.einsum("aij,j->ia", self.P, value), -np.inf
            )
            actions[t] = Q.argmax(axis=1)
            value = Q.max(axis=1)
        return actions


def _unit(vector: np.ndarray) -> float:
    """The greatest size in a vector; 1 where all of it is 0."""
    return float(np.abs(vector).max(initial=0.0)) or 1.0
