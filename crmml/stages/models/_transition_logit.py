r"""Transitions that depend on covariates by a multinomial logit in each row.

For origin i with covariates z, :math:`\log(p_{ij}(z) / p_{ii_0}(z)) = c_{ij0} + z\,c_{ij}`, the reference :math:`i_0` being to stay
where that can happen; moves that cannot happen keep probability 0.
"""

from __future__ import annotations

import numpy as np


class TransitionLogit:
    """Rows of a transition matrix as functions of covariates, or as constants where there are none.

    Parameters
    ----------
    allowed : ndarray of shape (n_stages, n_stages)
        Moves that can happen; a row with one move is fixed.
    n_covariates : int
    """

    def __init__(self, allowed: np.ndarray, n_covariates: int) -> None:
        self.allowed, self.q = allowed, n_covariates
        self.references = np.array([i if row[i] else int(np.argmax(row)) for i, row in enumerate(allowed)])
        self.free = [
            np.array([j for j in np.flatnonzero(row) if j != ref], dtype=int)
            for row, ref in zip(allowed, self.references, strict=True)
        ]
        self.size = sum(len(f) for f in self.free) * (n_covariates + 1)

    def from_matrix(self, P: np.ndarray) -> np.ndarray:
        """Return coefficients (n_stages, n_stages, q + 1) that give P at covariates 0."""
        c = np.zeros((*P.shape, self.q + 1))
        for i, (free, ref) in enumerate(zip(self.free, self.references, strict=True)):
            c[i, free, 0] = np.log(np.maximum(P[i, free], 1e-12)) - np.log(max(P[i, ref], 1e-12))
        return c

    def probabilities(self, c: np.ndarray, z: np.ndarray | None = None) -> np.ndarray:
        """Return P (n_stages, n_stages), or (n, n_stages, n_stages) for covariates z (n, q)."""
        eta = c[..., 0] if z is None or not self.q else c[..., 0] + np.einsum("nq,ijq->nij", z, c[..., 1:])
        eta = np.where(self.allowed, eta, -np.inf)
        weight = np.exp(eta - eta.max(axis=-1, keepdims=True))
        return weight / weight.sum(axis=-1, keepdims=True)

    def m_step(self, xi: np.ndarray, z: np.ndarray | None, c: np.ndarray) -> np.ndarray:
        """Return coefficients that raise the expected log-likelihood of the moves.

        Parameters
        ----------
        xi : ndarray of shape (n_stages, n_stages) or (n, n_stages, n_stages)
            Expected moves, in all, or at each distinct covariate row.
        z : ndarray of shape (n, q) or None
        c : ndarray of shape (n_stages, n_stages, q + 1)
        """
        if z is None or not self.q:
            total = xi.sum(axis=1, keepdims=True)
            old = self.probabilities(c)
            P = np.where(total > 1e-10, np.where(self.allowed, xi, 0.0) / np.maximum(total, 1e-300), old)
            return self.from_matrix(P)
        design = np.column_stack([np.ones(len(z)), z])
        new = c.copy()
        for i, free in enumerate(self.free):
            if len(free):
                new[i, free] = self._newton(free, xi[:, i], design, c[i, free])
        return new

    def _newton(self, free: np.ndarray, weight: np.ndarray, design: np.ndarray, c: np.ndarray) -> np.ndarray:
        total = weight.sum(axis=1)
        m, k = c.shape

        def value(coef: np.ndarray) -> tuple[float, np.ndarray]:
            eta = design @ coef.T
            top = np.maximum(eta.max(axis=1), 0.0)
            log_sum = top + np.log(np.exp(-top) + np.exp(eta - top[:, None]).sum(axis=1))
            loglik = (weight[:, free] * eta).sum() - (total * log_sum).sum()
            return float(loglik), np.exp(eta - log_sum[:, None])

        now, p = value(c)
        for _ in range(3):
            gradient = ((weight[:, free] - total[:, None] * p).T @ design).ravel()
            H = np.zeros((m, k, m, k))
            for a in range(m):
                for b in range(a + 1):
                    w = total * p[:, a] * ((a == b) - p[:, b])
                    H[a, :, b] = (design * w[:, None]).T @ design
                    H[b, :, a] = H[a, :, b].T
            information = H.reshape(m * k, m * k)
            ridge = 1e-10 * (np.trace(information) / (m * k) + 1e-300) * np.eye(m * k)
            step = np.linalg.solve(information + ridge, gradient).reshape(m, k)
            step = np.clip(step, -5, 5)
            for _ in range(30):
                found, proba = value(c + step)
                if found >= now:
                    break
                step = step / 2
            else:
                return c
            c, now, p = c + step, found, proba
        return c

    def to_vector(self, c: np.ndarray) -> np.ndarray:
        """Return the free coefficients in one vector."""
        return np.concatenate([c[i, free].ravel() for i, free in enumerate(self.free)] or [np.zeros(0)])

    def from_vector(self, vector: np.ndarray) -> np.ndarray:
        """Undo :meth:`to_vector`; vectors (..., size) give (..., n_stages, n_stages, q + 1)."""
        n = len(self.allowed)
        c = np.zeros((*vector.shape[:-1], n, n, self.q + 1))
        at = 0
        for i, free in enumerate(self.free):
            width = len(free) * (self.q + 1)
            c[..., i, free, :] = vector[..., at : at + width].reshape(*vector.shape[:-1], len(free), self.q + 1)
            at += width
        return c

    def never(self, P: np.ndarray) -> np.ndarray:
        """Return the mask of the entries of the vector whose move, or whose reference, has no probability to speak of."""
        mask = np.zeros((*P.shape, self.q + 1))
        for i, ref in enumerate(self.references):
            mask[i] = ((P[i] <= 1e-6) | (P[i, ref] <= 1e-6))[:, None]
        return self.to_vector(mask).astype(bool)

    def sizes(self, largest: np.ndarray | None) -> np.ndarray:
        """Return what counts as a step of size 1 in each entry of the vector, given the covariates' largest sizes."""
        size = np.ones((*self.allowed.shape, self.q + 1))
        if largest is not None:
            size[..., 1:] = 1 / np.where(largest > 0, largest, 1.0)
        return self.to_vector(size)

    def score(self, xi: np.ndarray, z: np.ndarray | None, c: np.ndarray) -> np.ndarray:
        """Return the gradient of the expected log-likelihood of the moves by the vector."""
        P = self.probabilities(c, z)
        xi, P = (xi[None], P[None]) if xi.ndim == 2 else (xi, P)
        residual = xi - xi.sum(axis=2, keepdims=True) * P
        design = np.ones((len(xi), 1)) if z is None or not self.q else np.column_stack([np.ones(len(z)), z])
        by = np.einsum("nij,nk->ijk", residual, design)
        return self.to_vector(by)

    def permuted(self, c: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Return the coefficients with the stages in another order; every move must be allowed."""
        moved = c[np.ix_(order, order)]
        return moved - np.stack([moved[i, self.references[i]] for i in range(len(moved))])[:, None, :]
