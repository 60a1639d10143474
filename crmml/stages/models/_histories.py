"""Chains of order above one: the histories of stages are the states."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np

from ..process.chain import StageChain
from ..process.space import StageSpace


class HistorySpace:
    """The histories of ``order`` stages that can happen, where each leads, and the chain over them.

    Parameters
    ----------
    space : StageSpace
    order : int
        At least 2.
    counts : ndarray of shape (n_stages,) * (order + 1)
        Windows observed.
    prior : ndarray of shape (n_stages, n_stages)
        Dirichlet weights of the moves from the last stage of a history.
    shorter : ndarray of shape (n_stages, n_stages)
        Probabilities of the first order, which histories never seen take.
    """

    def __init__(
        self, space: StageSpace, order: int, counts: np.ndarray, prior: np.ndarray, shorter: np.ndarray
    ) -> None:
        self.space, self.order = space, order
        allowed = space.allowed_moves
        self.histories = np.array(
            [h for h in product(range(len(space)), repeat=order) if all(allowed[a, b] for a, b in pairwise(h))]
        )
        at = tuple(self.histories.T)
        last = self.histories[:, -1]
        fixed = space.absorbing_mask[last]
        self.counts = counts[at]
        self.prior = prior[last]
        mass = self.counts + self.prior
        total = mass.sum(axis=1, keepdims=True)
        P = np.where(total > 0, mass / np.where(total > 0, total, 1.0), shorter[last])
        P[fixed] = np.eye(len(space))[last[fixed]]
        self.probabilities = P
        seen = (total[:, 0] > 0) & ~fixed
        self.n_parameters = int((allowed.sum(axis=1) - 1)[last][seen].sum())
        self._number = {tuple(h): i for i, h in enumerate(self.histories.tolist())}

    def chain(self, period: str | None) -> StageChain:
        """Return the chain over histories; those that end in rupture are its rupture."""
        n, space = len(self.histories), self.space
        target = np.array(
            [[self._number.get((*h[1:], j), -1) for j in range(len(space))] for h in self.histories.tolist()]
        )
        P, allowed, weight = np.zeros((n, n)), np.zeros((n, n), dtype=bool), np.zeros((n, n))
        free = self.counts + self.prior
        total = free.sum(axis=1, keepdims=True)
        perks = space.allowed_moves / space.allowed_moves.sum(axis=1, keepdims=True)
        last = self.histories[:, -1]
        posterior = free + np.where(self.prior.sum(axis=1, keepdims=True) > 0, 0.0, perks[last])
        posterior[space.absorbing_mask[last] | (total[:, 0] == 0)] = 0.0
        for i in range(n):
            inside = target[i] >= 0
            P[i, target[i, inside]] = self.probabilities[i, inside]
            weight[i, target[i, inside]] = posterior[i, inside]
            allowed[i, target[i, inside]] = True
        names = tuple(" → ".join(space.names[s] for s in h) for h in self.histories)
        rupture = tuple(name for name, h in zip(names, self.histories, strict=True) if space.rupture_mask[h[-1]])
        absorbing = tuple(
            name
            for name, h in zip(names, self.histories, strict=True)
            if space.absorbing_mask[h[-1]] and (h == h[-1]).all()
        )
        composite = StageSpace(names, rupture=rupture or None, absorbing=absorbing, allowed=allowed)
        return StageChain(P, composite, period, concentration=weight)

    @property
    def ends(self) -> np.ndarray:
        """Which stage each history ends in, as rows of 0 and 1 (n_histories, n_stages)."""
        return np.eye(len(self.space))[self.histories[:, -1]]

    def shares(self, X: np.ndarray) -> np.ndarray:
        """Return each customer's distribution over the histories, (n_customers, n_histories).

        A customer whose last ``order`` periods were not all observed is spread over the histories that agree with what was
        observed, in proportion to how often they occurred.
        """
        occurred = self.counts.sum(axis=1) + 1e-9
        column = X.shape[1] - 1 - (~np.isnan(X))[:, ::-1].argmax(axis=1)
        recent = np.full((len(X), self.order), np.nan)
        for k in range(self.order):
            at = column - (self.order - 1 - k)
            recent[at >= 0, k] = X[np.flatnonzero(at >= 0), at[at >= 0]]
        unique, code = np.unique(np.where(np.isnan(recent), -1, recent).astype(int), axis=0, return_inverse=True)
        agree = ((unique[:, None, :] == self.histories[None]) | (unique[:, None, :] < 0)).all(axis=2) * occurred
        return (agree / agree.sum(axis=1, keepdims=True))[code.ravel()]

    def log_likelihood(self, counts: np.ndarray) -> float:
        """Return the log-likelihood of windows counted elsewhere."""
        own = counts[tuple(self.histories.T)]
        with np.errstate(divide="ignore"):
            return float(own[own > 0] @ np.log(self.probabilities[own > 0]))
