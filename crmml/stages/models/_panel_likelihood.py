r"""The likelihood of stages seen at irregular times, with its analytic gradient; pure numerics.

Between two observations, stage a and then b after time t, under intensities Q(z) (Kalbfleisch and Lawless [1]_):

* b seen at that time: :math:`P(t)_{ab}`, :math:`P(t) = e^{Qt}`;
* rupture at exactly that time: :math:`\sum_k P(t)_{ak}\, q_{k,\text{rupture}}` over the stages k that are not rupture;
* nothing known but that it is not broken: :math:`\sum_k P(t)_{ak}` over the same.

Intensities are :math:`\log q_{ij}(z) = \log q_{ij} + z\,\beta_{ij}`. Intervals of the same length and covariates are taken together;
the derivative of the exponential is that of :mod:`crmml.stages.process.exponential`.

References
----------
.. [1] Kalbfleisch, J. D. and Lawless, J. F. (1985), The analysis of panel data under a Markov assumption. Journal of the
   American Statistical Association 80, 863-871.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..process.base import reachable
from ..process.exponential import exp_adjoint, exp_generator

#: Probabilities below this count as this.
SMALLEST = 1e-300
#: Matrices exponentiated at once.
BLOCK = 2000


@dataclass(frozen=True)
class Intervals:
    """Pairs of observations that follow each other, one entry each.

    Attributes
    ----------
    origin : ndarray of int
    to : ndarray of int
        −1 where it is only known that the relationship is not broken.
    length : ndarray of float
        Above 0.
    exact : ndarray of bool
        Whether ``to`` is rupture at exactly that time.
    z : ndarray of shape (n, k)
        Covariates at the opening observation.
    weight : ndarray of float
        How many customers each stands for.
    """

    origin: np.ndarray
    to: np.ndarray
    length: np.ndarray
    exact: np.ndarray
    z: np.ndarray
    weight: np.ndarray


def generators_of(vector: np.ndarray, z: np.ndarray, arcs: np.ndarray, n_stages: int) -> np.ndarray:
    """Return Q for each row of covariates, (n_rows, n_stages, n_stages), from log intensities and covariate effects."""
    m, k = len(arcs), z.shape[1]
    log_q = vector[:m] + (z @ vector[m:].reshape(k, m) if k else 0.0)
    Q = np.zeros((len(z), n_stages, n_stages))
    Q[:, arcs[:, 0], arcs[:, 1]] = np.exp(np.clip(np.broadcast_to(log_q, (len(z), m)), -700, 50))
    Q[:, np.arange(n_stages), np.arange(n_stages)] = -Q.sum(axis=2)
    return Q


class PanelLikelihood:
    """Log-likelihood of intervals as a function of log intensities and covariate effects.

    Parameters
    ----------
    intervals : Intervals
    arcs : ndarray of shape (n_arcs, 2)
        Moves that can happen.
    rupture : ndarray of shape (n_stages,)
        Mask.
    """

    def __init__(self, intervals: Intervals, arcs: np.ndarray, rupture: np.ndarray) -> None:
        self.arcs, self.rupture, self.n = arcs, rupture, len(rupture)
        self.k = intervals.z.shape[1]
        rows, group = np.unique(np.column_stack([intervals.z, intervals.length]), axis=0, return_inverse=True)
        group = group.ravel()
        self.lengths, self.z = rows[:, -1], rows[:, :-1]
        G, n = len(rows), self.n
        seen, alive = (intervals.to >= 0) & ~intervals.exact, intervals.to < 0
        cell = (group * n + intervals.origin) * n + intervals.to
        w = intervals.weight
        self.seen = np.bincount(cell[seen], w[seen], minlength=G * n * n).reshape(G, n, n).astype(float)
        row = group * n + intervals.origin
        self.exact = np.bincount(row[intervals.exact], w[intervals.exact], minlength=G * n).reshape(G, n).astype(float)
        self.alive = np.bincount(row[alive], w[alive], minlength=G * n).reshape(G, n).astype(float)

    def __call__(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log-likelihood and its gradient."""
        total, m = 0.0, len(self.arcs)
        by_rate = np.zeros((len(self.lengths), m))
        for at in range(0, len(self.lengths), BLOCK):
            block = slice(at, at + BLOCK)
            value, by_rate[block] = self._block(vector, block)
            total += value
        gradient = by_rate.sum(axis=0)
        return total, np.concatenate([gradient, (self.z.T @ by_rate).ravel()]) if self.k else gradient

    def _block(self, vector: np.ndarray, block: slice) -> tuple[float, np.ndarray]:
        Q, t = generators_of(vector, self.z[block], self.arcs, self.n), self.lengths[block]
        P = exp_generator(Q, t)
        R = Q[:, :, self.rupture].sum(axis=2) * ~self.rupture
        seen, exact, alive = self.seen[block], self.exact[block], self.alive[block]
        whole = ~self.rupture
        density, unbroken = np.einsum("gak,gk->ga", P, R), P[:, :, whole].sum(axis=2)
        P_safe, density, unbroken = (np.maximum(value, SMALLEST) for value in (P, density, unbroken))
        total = float(
            (seen * np.log(P_safe)).sum() + (exact * np.log(density)).sum() + (alive * np.log(unbroken)).sum()
        )
        weight = exact / density
        A = np.where(seen > 0, seen / P_safe, 0.0) + weight[:, :, None] * R[:, None, :]
        A[:, :, whole] += (alive / unbroken)[:, :, None]
        by_Q = exp_adjoint(Q, t, A)
        by_R = np.einsum("ga,gak->gk", weight, P)
        i, j = self.arcs.T
        direct = np.where(self.rupture[j] & whole[i], by_R[:, i], 0.0)
        return total, (by_Q[:, i, j] - by_Q[:, i, i] + direct) * Q[:, i, j]

    def impossible(self, vector: np.ndarray) -> np.ndarray:
        """Return, for each pair of stages, how many observations have probability 0 whatever the intensities."""
        Q = generators_of(vector, np.zeros((1, self.k)), self.arcs, self.n)[0]
        reach = reachable(Q)
        wrong = self.seen.sum(axis=0) * ~reach
        into = (Q[:, self.rupture].sum(axis=1) > 0) & ~self.rupture
        no_end = self.exact.sum(axis=0) * ~(reach & into).any(axis=1)
        wrong[:, self.rupture.argmax()] += no_end
        return wrong
