"""Counting histories in a panel, and maximum likelihood where periods are missing."""

from __future__ import annotations

from typing import Any

import numpy as np

#: EM steps at most, and the gain in log-likelihood (relative) below which it stops.
MAX_STEPS, TOLERANCE = 5000, 1e-14


def count_histories(X: np.ndarray, n_stages: int, order: int, sample_weight: np.ndarray | None = None) -> np.ndarray:
    """Count windows of ``order + 1`` periods in sequence, all observed.

    Returns
    -------
    ndarray of shape (n_stages,) * (order + 1)
        The last axis is the destination.
    """
    width = order + 1
    shape = (n_stages,) * width
    if X.shape[1] < width:
        return np.zeros(shape)
    counts = np.zeros(n_stages**width)
    rows = max(1, 1_000_000 // X.shape[1])
    for at in range(0, len(X), rows):
        block = X[at : at + rows]
        seen = ~np.isnan(block)
        codes = np.where(seen, block, 0).astype(np.int64)
        size = block.shape[1] - order
        cell, whole = np.zeros((len(block), size), dtype=np.int64), np.ones((len(block), size), dtype=bool)
        for k in range(width):
            cell = cell * n_stages + codes[:, k : k + size]
            whole &= seen[:, k : k + size]
        weight = None if sample_weight is None else np.repeat(sample_weight[at : at + rows], whole.sum(axis=1))
        counts += np.bincount(cell[whole], weights=weight, minlength=counts.size)
    return counts.reshape(shape)


def count_by_period(X: np.ndarray, n_stages: int, labels: np.ndarray | None = None) -> np.ndarray:
    """Count moves step by step, or group by group, shape (n_steps or n_groups, n_stages, n_stages).

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_periods)
    n_stages : int
    labels : ndarray of shape (n_customers,), default=None
        Group codes from 0; None counts each step of the panel by itself.
    """
    seen = ~np.isnan(X[:, :-1]) & ~np.isnan(X[:, 1:])
    who, step = np.nonzero(seen)
    which = step if labels is None else labels[who]
    n = X.shape[1] - 1 if labels is None else int(labels.max()) + 1
    cell = (which * n_stages + X[who, step].astype(np.int64)) * n_stages + X[who, step + 1].astype(np.int64)
    return np.bincount(cell, minlength=n * n_stages**2).reshape(n, n_stages, n_stages).astype(float)


def count_gaps(X: np.ndarray, n_stages: int, sample_weight: np.ndarray | None = None) -> dict[int, np.ndarray]:
    """Count pairs of consecutive observed periods by how far apart they are, {gap: (n_stages, n_stages)}."""
    who, column = np.nonzero(~np.isnan(X))
    same = who[1:] == who[:-1]
    gap = (column[1:] - column[:-1])[same]
    codes = X[who, column].astype(np.int64)
    cell = (codes[:-1] * n_stages + codes[1:])[same]
    weight = np.ones(cell.size) if sample_weight is None else sample_weight[who[1:][same]]
    return {
        int(g): np.bincount(cell[gap == g], weights=weight[gap == g], minlength=n_stages**2).reshape(n_stages, n_stages)
        for g in np.unique(gap)
    }


def gap_expectation(P: np.ndarray, gaps: dict[int, np.ndarray]) -> tuple[float, np.ndarray]:
    """Return the log-likelihood of pairs seen some periods apart, and the expected counts of single moves given them.

    A pair i, j seen g apart has probability (P^g)[i, j]; given it, move k → l at step s has the probability
    (P^s)[i, k] P[k, l] (P^(g−1−s))[l, j] / (P^g)[i, j].
    """
    total, expected = 0.0, np.zeros_like(P)
    powers = [np.eye(len(P))]
    for _ in range(max(gaps, default=0)):
        powers.append(powers[-1] @ P)
    for gap, counts in gaps.items():
        seen = counts > 0
        with np.errstate(divide="ignore"):
            total += float(counts[seen] @ np.log(powers[gap][seen]))
        ratio = np.divide(counts, powers[gap], out=np.zeros_like(counts), where=seen & (powers[gap] > 0))
        for s in range(gap):
            expected += P * (powers[s].T @ ratio @ powers[gap - 1 - s].T)
    return total, expected


def fit_gaps(
    gaps: dict[int, np.ndarray], allowed: np.ndarray, given: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, float, bool, int]:
    """Maximise the likelihood of pairs some periods apart by EM.

    Parameters
    ----------
    gaps : dict of int to ndarray of shape (n_stages, n_stages)
    allowed : ndarray of bool of shape (n_stages, n_stages)
    given : ndarray of shape (n_stages, n_stages), default=None
        Rows that are taken as known; NaN in those that are estimated.

    Returns
    -------
    P, expected counts, log-likelihood, converged, steps
    """
    start = sum(gaps.values()) + 0.1 * allowed
    P = np.where(allowed, start, 0.0)
    P /= P.sum(axis=1, keepdims=True)
    known = np.zeros(P.shape, dtype=bool) if given is None else ~np.isnan(given)
    P = P if given is None else np.where(known, given, P)
    value, expected = gap_expectation(P, gaps)
    for step in range(1, MAX_STEPS + 1):
        mass = np.where(allowed, expected, 0.0)
        total = mass.sum(axis=1, keepdims=True)
        P = np.where((total > 0) & ~known, mass / np.where(total > 0, total, 1.0), P)
        before = P
        new, expected = gap_expectation(P, gaps)
        if new == value or abs(new - value) <= TOLERANCE * abs(new):
            return before, expected, new, True, step
        value = new
    return P, expected, value, False, MAX_STEPS


def information_of_gaps(
    P: np.ndarray, gaps: dict[int, np.ndarray], free: np.ndarray
) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """Return the covariance of the log odds log(p_ij / p_i,ref), by differences of the exact score, and their cells.

    Returns
    -------
    covariance : ndarray of shape (k, k)
    cells : list of (i, j, ref)
    """
    cells = []
    for i in range(len(P)):
        inside = np.flatnonzero(free[i] & (P[i] > 0))
        if len(inside) > 1:
            ref = inside[np.argmax(P[i, inside])]
            cells += [(i, int(j), int(ref)) for j in inside if j != ref]

    def score(u: np.ndarray) -> np.ndarray:
        Q = with_log_odds(P, cells, u)
        _, expected = gap_expectation(Q, gaps)
        total = expected.sum(axis=1)
        return np.array([expected[i, j] - total[i] * Q[i, j] for i, j, _ in cells])

    if not cells:  # each stage has one way out, so that nothing is free
        return np.zeros((0, 0)), cells
    step = 1e-5
    H = np.empty((len(cells), len(cells)))
    for a in range(len(cells)):
        e = np.zeros(len(cells))
        e[a] = step
        H[a] = (score(e) - score(-e)) / (2 * step)
    return np.linalg.pinv(-(H + H.T) / 2, hermitian=True), cells


def with_log_odds(P: np.ndarray, cells: list[tuple[int, int, int]], change: Any) -> np.ndarray:
    """Return P after its log odds were changed by a vector, or by many: change (..., k) gives (..., n, n)."""
    change = np.asarray(change, dtype=float)
    shift = np.zeros((*change.shape[:-1], *P.shape))
    for at, (i, j, _) in enumerate(cells):
        shift[..., i, j] = change[..., at]
    shift -= np.where(P > 0, shift, -np.inf).max(axis=-1, keepdims=True)  # so that no odds overflow
    weight = P * np.exp(np.where(P > 0, shift, 0.0))
    return weight / weight.sum(axis=-1, keepdims=True)
