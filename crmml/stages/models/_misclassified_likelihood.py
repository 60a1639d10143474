r"""The likelihood of stages seen at irregular times and told with error, with its analytic gradient; pure numerics.

The true stage moves by intensities Q; at each observation stage s is told as o with probability :math:`E_{so}`, rupture always
as what it is. Starting from a given distribution :math:`\pi`, the likelihood of a customer is the forward product over
observations of :math:`P(t)\,\mathrm{diag}(E_{\cdot o})`, or of :math:`P(t)\,q_{\cdot,\text{rupture}}` where rupture is seen to
the moment, after which the stage is known [1]_. A customer first seen in a rupture that the given distribution does not hold is
taken from there on: its first observation says nothing. The log odds of each error against telling the truth are free
parameters. The gradient comes from a backward pass.

References
----------
.. [1] Satten, G. A. and Longini, I. M. (1996), Markov chains with measurement error. Applied Statistics 45(3), 275-309.
"""

from __future__ import annotations

import numpy as np

from ..process.exponential import exp_adjoint, exp_generator
from ._panel_likelihood import SMALLEST, generators_of


class MisclassifiedLikelihood:
    """Log-likelihood of customers' observations as a function of log intensities, covariate effects and log odds of errors.

    Parameters
    ----------
    who : ndarray of int
        Customer of each row; rows ordered by customer and time.
    time : ndarray of float
    told : ndarray of int
        Stage as told; −1 where it is only known that the relationship is not broken.
    z : ndarray of shape (n_rows, k)
    exact : bool
        Whether rupture is seen to the moment.
    arcs : ndarray of shape (n_arcs, 2)
        Moves that can happen.
    errors : ndarray of shape (n_errors, 2)
        Pairs (true stage, told stage).
    start : ndarray of shape (n_stages,)
        Distribution of the true stage at the first observation.
    rupture : ndarray of shape (n_stages,)
        Mask.
    weight : ndarray of shape (n_rows,), default=None
        How many customers the customer of a row stands for; None is one each.
    """

    def __init__(
        self,
        who: np.ndarray,
        time: np.ndarray,
        told: np.ndarray,
        z: np.ndarray,
        *,
        exact: bool,
        arcs: np.ndarray,
        errors: np.ndarray,
        start: np.ndarray,
        rupture: np.ndarray,
        weight: np.ndarray | None = None,
    ) -> None:
        self.arcs, self.errors, self.start, self.rupture = arcs, errors, start, rupture
        self.n, self.k, self.told = len(rupture), z.shape[1], told
        first = np.flatnonzero(np.r_[True, who[1:] != who[:-1]])
        sizes = np.diff(np.r_[first, len(who)])
        order = np.argsort(-sizes, kind="stable")  # the longest first, so that each position is a leading block
        self.first, self.sizes = first[order], sizes[order]
        self.weight = np.ones(len(first)) if weight is None else weight[self.first]
        length = np.r_[0.0, np.diff(time)]
        opened = np.vstack([z[:1], z[:-1]])
        inner = np.ones(len(who), dtype=bool)
        inner[first] = False
        rows, group = np.unique(np.column_stack([opened[inner], length[inner]]), axis=0, return_inverse=True)
        self.lengths, self.z = rows[:, -1], rows[:, :-1]
        self.group = np.full(len(who), -1)
        self.group[inner] = group.ravel()
        broken = (told >= 0) & rupture[np.maximum(told, 0)]
        since = np.r_[False, broken[:-1]] & inner  # rows after one that was told in rupture
        self.exact = exact & broken & inner & ~since
        lasts = ~np.isin(np.r_[told[:1], told[:-1]], arcs[:, 0])
        self.silent = (told < 0) & since & lasts  # cannot be unbroken again
        self.given = broken & ~inner & ~(start[np.maximum(told, 0)] > 0)

    def _parts(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        m = len(self.arcs)
        Q = generators_of(vector[: m * (1 + self.k)], self.z, self.arcs, self.n)
        E = np.eye(self.n)
        E[self.errors[:, 0], self.errors[:, 1]] = np.exp(np.clip(vector[m * (1 + self.k) :], -30, 30))
        E /= E.sum(axis=1, keepdims=True)
        R = Q[:, :, self.rupture].sum(axis=2) * ~self.rupture
        return Q, exp_generator(Q, self.lengths), R, E

    def classification(self, vector: np.ndarray) -> np.ndarray:
        """Return E (n_stages, n_stages): how each true stage is told."""
        return self._parts(vector)[3]

    def _seen(self, E: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Return the probability of what was told at rows, by true stage (n_rows, n_stages)."""
        told = self.told[row]
        unbroken = np.where(self.silent[row][:, None], 1.0, (~self.rupture).astype(float))
        return np.where(told[:, None] >= 0, E[:, np.maximum(told, 0)].T, unbroken)

    def _forward(self, P: np.ndarray, R: np.ndarray, E: np.ndarray) -> tuple[list, list, float]:
        alphas, scales, total = [], [], 0.0
        alpha = np.zeros((len(self.first), self.n))
        for k in range(int(self.sizes[0])):
            live = int((self.sizes > k).sum())
            row = self.first[:live] + k
            seen = self._seen(E, row)
            if k == 0:
                new = np.where(self.given[row][:, None], seen, self.start * seen)
            else:
                g = self.group[row]
                new = np.einsum("ni,nij->nj", alpha[:live], P[g])
                ended = self.exact[row]
                new = np.where(ended[:, None], new * R[g], new * seen)
            c = np.maximum(new.sum(axis=1), SMALLEST)
            alpha = new / c[:, None]
            if k:
                alpha[ended] = seen[ended]  # in the rupture that was told
            alphas.append(alpha)
            scales.append(c)
            total += float(self.weight[:live] @ np.log(c))
        return alphas, scales, total

    def last_filtered(self, vector: np.ndarray) -> np.ndarray:
        """Return the distribution of the true stage at each customer's last row, customers in order of their rows."""
        _, P, R, E = self._parts(vector)
        alphas, _, _ = self._forward(P, R, E)
        share = np.array([alphas[size - 1][at] for at, size in enumerate(self.sizes)])
        return share[np.argsort(self.first)]

    def __call__(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log-likelihood and its gradient."""
        Q, P, R, E = self._parts(vector)
        alphas, scales, total = self._forward(P, R, E)
        by_P, by_R, by_E = np.zeros_like(P), np.zeros_like(R), np.zeros_like(E)
        beta = np.zeros((0, self.n))
        for k in range(int(self.sizes[0]) - 1, -1, -1):
            live = len(alphas[k])
            row = self.first[:live] + k
            beta = np.vstack([beta, np.ones((live - len(beta), self.n))])
            each = self.weight[:live, None]
            gamma = each * alphas[k] * beta
            seen, ended = self._seen(E, row), self.exact[row] & (k > 0)
            told = self.told[row]
            known = (told >= 0) & ~ended
            share = np.divide(gamma, seen, out=np.zeros_like(gamma), where=seen > 0)
            np.add.at(by_E.T, told[known], share[known])
            if k == 0:
                break
            g, before = self.group[row], alphas[k - 1][:live]
            after = (seen * beta).sum(axis=1, keepdims=True)  # in the rupture that was told
            w = np.where(ended[:, None], R[g] * after, seen * beta) / scales[k][:, None]
            np.add.at(by_P, g, (each * before)[:, :, None] * w[:, None, :])
            arrived = np.einsum("ni,nij->nj", before, P[g])
            np.add.at(by_R, g[ended], (each * arrived * after / scales[k][:, None])[ended])
            beta = np.einsum("nij,nj->ni", P[g], w)
        by_Q = exp_adjoint(Q, self.lengths, by_P)
        i, j = self.arcs.T
        direct = np.where(self.rupture[j] & ~self.rupture[i], by_R[:, i], 0.0)
        by_rate = (by_Q[:, i, j] - by_Q[:, i, i] + direct) * Q[:, i, j]
        s, o = self.errors.T
        by_odds = E[s, o] * (by_E[s, o] - (by_E * E).sum(axis=1)[s])
        return total, np.concatenate([by_rate.sum(axis=0), (self.z.T @ by_rate).ravel(), by_odds])
