r"""The integral over the dropout time where both rates change from one stretch of time to the next.

A customer's purchase rate is λ a(t) and the dropout rate μ b(t), λ ~ Gamma(shape r, rate α), μ ~ Gamma(shape s, rate β), with
a and b constant on each of a row of pieces. With A and B the integrals of a and b since the first purchase, and
p = r + x, the probability of what was seen, up to factors that do not depend on the dropout time, is

.. math:: \left(\frac{\alpha}{\alpha+A(T)}\right)^{p} \left(\frac{\beta}{\beta+B(T)}\right)^{s}
          + \sum_k \int_0^{l_k} \left(\frac{\alpha}{\alpha+A_k+a_k u}\right)^{p}
            \frac{s\,\beta^s\, b_k\, du}{(\beta+B_k+b_k u)^{s+1}},

the sum over the pieces from the last purchase to T, of lengths l_k and with A_k and B_k at their starts: alive and quiet, or gone
within a piece and quiet until then [1]_. Within a piece this is the integral of :mod:`.dropout_integral` for a customer with
(α + A_k) / a_k and (β + B_k) / b_k in place of α and β, so that nodes, error bound and derivatives are those.

Pieces of all customers stand in flat arrays, those of one customer in a row; nothing loops over customers. Whoever has a purchase
rate on a curve that all share, and dropout in plain time, gives b = 1 and B = t.

References
----------
.. [1] Bachmann, P., Meierer, M. and Naef, J. (2021), The role of time-varying contextual factors in latent attrition models for
   customer base analysis. Marketing Science 40, 783-809.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .dropout_integral import plan
from .pareto import ParetoDropout


class Segments:
    """Entries of n customers in a row, ascending: sums, maxima and running sums within each customer.

    Parameters
    ----------
    customer : ndarray of int of shape (m,)
        Whose entry it is, ascending.
    n : int
    """

    def __init__(self, customer: np.ndarray, n: int):
        self.customer, self.n = customer, n
        self.count = np.bincount(customer, minlength=n)
        self.present = np.flatnonzero(self.count)
        self.start = (np.cumsum(self.count) - self.count)[self.present]

    def sum(self, value: np.ndarray) -> np.ndarray:
        """Sum of each customer, (n,), or (q, n) of (q, m)."""
        if value.ndim == 1:
            return np.bincount(self.customer, value, self.n)
        result = np.zeros((len(value), self.n))
        if self.start.size:
            result[:, self.present] = np.add.reduceat(value, self.start, axis=1)
        return result

    def largest(self, value: np.ndarray) -> np.ndarray:
        """Largest entry of each customer, (n,), minus infinity where there is none."""
        result = np.full(self.n, -np.inf)
        if self.start.size:
            result[self.present] = np.maximum.reduceat(value, self.start)
        return result

    def before(self, value: np.ndarray) -> np.ndarray:
        """Sum of the customer's earlier entries, (m,)."""
        result = np.empty(value.size)
        for size, entries, row, column in self._classes:
            table = np.zeros((int(row[-1]) + 1, size + 1))
            table[row, column + 1] = value[entries]
            result[entries] = np.cumsum(table, axis=1)[row, column]
        return result

    @cached_property
    def _classes(self) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        """Customers by their number of entries, powers of two apart, so that a table of each class is at least half full.

        A running sum over all customers, less its value where each begins, would lose the digits of whoever has little.
        """
        counts = self.count[self.present]
        level = np.ceil(np.log2(np.maximum(counts, 1))).astype(np.int64)
        owner = np.repeat(np.arange(counts.size), counts)
        position = np.arange(self.customer.size) - np.repeat(self.start, counts)
        result = []
        for one in np.unique(level):
            chosen = level == one
            rank = np.cumsum(chosen) - 1
            entries = np.flatnonzero(chosen[owner])
            result.append((1 << int(one), entries, rank[owner[entries]], position[entries]))
        return result


class Pieces(NamedTuple):
    """Stretches of time on which both rates are constant, arrays of shape (m,), those of one customer in a row."""

    #: Index of the customer, ascending.
    customer: np.ndarray
    #: Integral of the purchase multiplier from the first purchase to the start of the piece, and the multiplier on it.
    A: np.ndarray
    a: np.ndarray
    #: The same of the dropout multiplier.
    B: np.ndarray
    b: np.ndarray
    #: Length of the piece in time, at least 0.
    length: np.ndarray


class Gone(NamedTuple):
    """What leaving within each piece says, arrays of shape (m,); the means are over the time of leaving within the piece."""

    #: Log of the piece's integral.
    log_proba: np.ndarray
    #: Mean of log((α + A(u)) / (α + A_k)) and of a u / (α + A(u)), or None.
    growth: Any
    age: Any
    #: Means of the derivatives of the log density of leaving, within the piece, by log s and by log((β + B_k) / b_k), or None.
    by_s: Any
    by_beta: Any


def gone_within(p: Any, alpha: Any, s: Any, beta: Any, pieces: Pieces, gradient: bool = False) -> Gone:
    """Log of each piece's integral, full factors as in the module's formula, and its derivatives' means.

    Parameters
    ----------
    p : ndarray of shape (m,)
        Shape of the purchase rate of the piece's customer.
    alpha, s, beta : float or ndarray of shape (m,)
    pieces : Pieces
    gradient : bool, default=False
    """
    p, alpha, s, beta = (
        np.broadcast_to(np.asarray(value, dtype=float), pieces.A.shape) for value in (p, alpha, s, beta)
    )
    with np.errstate(over="ignore"):
        rate, law = (alpha + pieces.A) / pieces.a, ParetoDropout(s, (beta + pieces.B) / pieces.b)
    window = law.window(p, rate, pieces.length)
    result = np.empty((5 if gradient else 1, pieces.A.size))
    for index, node, weight in plan(window):
        part, width = law.take(index), window.width[index]
        at = part.nodes(node[:, None] * width, window.scale[index], rate[index], gradient)
        value = at.log_density - p[index] * at.log_growth
        top = value.max(axis=0)
        np.exp(value - top, out=value)
        value *= weight[:, None]
        total = value.sum(axis=0)
        with np.errstate(divide="ignore"):
            result[0, index] = top + np.log(total) + np.log(width)
        if gradient:
            for j, term in enumerate((at.log_growth, at.age, *at.score)):
                result[1 + j, index] = np.einsum("jn,jn->n", value, term) / total
    log_proba = result[0] - p * np.log1p(pieces.A / alpha) - s * np.log1p(pieces.B / beta)
    return Gone(log_proba, *(result[1:] if gradient else (None,) * 4))


class PathSilence(NamedTuple):
    """What the time from the last purchase to T says, on pieces; arrays of shape (n,) unless stated."""

    #: Log of the sum of the module's formula.
    log_proba: np.ndarray
    #: Log probability of being alive at T, and of being gone.
    log_alive: np.ndarray
    log_gone: np.ndarray
    #: Probability of having left within each piece, (m,), and what goes with it.
    share: np.ndarray
    gone: Gone


def silence_on_pieces(
    p: np.ndarray,
    alpha: float,
    s: float,
    beta: float,
    pieces: Pieces,
    segments: Segments,
    end: tuple[np.ndarray, np.ndarray],
    gradient: bool = False,
) -> PathSilence:
    """Nobody bought on the pieces.

    Parameters
    ----------
    p : ndarray of shape (n,)
    alpha, s, beta : float
    pieces : Pieces
        From the last purchase to T.
    segments : Segments
        Of the pieces' customers.
    end : tuple of ndarray of shape (n,)
        A(T) and B(T).
    gradient : bool, default=False
        Whether ``gone`` holds the means that derivatives are made of.
    """
    gone = gone_within(p[pieces.customer], alpha, s, beta, pieces, gradient)
    log_stay = -p * np.log1p(end[0] / alpha) - s * np.log1p(end[1] / beta)
    top = np.maximum(segments.largest(gone.log_proba), log_stay)
    share = np.exp(gone.log_proba - top[pieces.customer])
    left, stay = segments.sum(share), np.exp(log_stay - top)
    total = left + stay
    share /= total[pieces.customer]
    with np.errstate(divide="ignore"):
        log_left = np.log(left)
        return PathSilence(
            top + np.log(total), -np.logaddexp(0.0, log_left + top - log_stay), log_left - np.log(total), share, gone
        )


def count_log_weights_on_pieces(
    p: np.ndarray,
    law: tuple[np.ndarray, float, np.ndarray],
    pieces: Pieces,
    segments: Segments,
    end: tuple[np.ndarray, np.ndarray],
    max_count: int,
) -> np.ndarray:
    r"""Log of E[(α/(α+A(τ)))^p (A(τ)/(α+A(τ)))^j] for j = 0 .. max_count, shape (n, max_count + 1).

    τ is the time of leaving, or the end for those who stay longer. Times Γ(p+j) / (Γ(p) j!) it is the probability of j purchases.

    Parameters
    ----------
    p : ndarray of shape (n,)
    law : tuple of ndarray of shape (n,), float and ndarray of shape (n,)
        α, s and β of each customer at the start of the first piece, from which A and B count.
    pieces, segments, end
        As in :func:`silence_on_pieces`.
    max_count : int
    """
    alpha, s, beta = law
    owner, end_A = pieces.customer, end[0]
    inside = _count_log_integrals(p[owner], alpha[owner], s, beta[owner], pieces, max_count)
    log_stay = -p * np.log1p(end_A / alpha) - s * np.log1p(end[1] / beta)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_age = np.where(end_A > 0, np.log(end_A) - np.log(alpha + end_A), -np.inf)
    result = np.empty((segments.n, max_count + 1))
    for j in range(max_count + 1):
        stay = log_stay + (j * log_age if j else 0.0)
        top = np.maximum(segments.largest(inside[:, j]), stay)
        finite = np.where(np.isfinite(top), top, 0.0)
        with np.errstate(divide="ignore"):
            total = segments.sum(np.exp(inside[:, j] - finite[owner])) + np.exp(stay - finite)
            result[:, j] = finite + np.log(total)
    return result


def _count_log_integrals(p, alpha, s, beta, pieces: Pieces, max_count: int) -> np.ndarray:
    """Log of each piece's integral with the j-th power of A / (α + A) in it, shape (m, max_count + 1)."""
    grown = alpha + pieces.A
    rate = grown / pieces.a
    law = ParetoDropout(np.broadcast_to(s, rate.shape), (beta + pieces.B) / pieces.b)
    window = law.window(p, rate, pieces.length, cut=False)
    if max_count:
        half = np.maximum(window.width / 2, 1e-100)
        later = np.maximum(pieces.A + pieces.a * pieces.length, 1e-200)
        pull = max_count * alpha / (later * (alpha + later)) * pieces.a * window.speed
        curvature = window.curvature + p * np.minimum((1 + half) ** 2 / half, 16.0) + max_count
        window = window._replace(slope=2 * window.slope + pull, curvature=curvature)
    start = -p * np.log1p(pieces.A / alpha) - s * np.log1p(pieces.B / beta)
    seen, unseen = pieces.A / grown, alpha / grown
    result = np.empty((rate.size, max_count + 1))
    for index, node, weight in plan(window):
        width = window.width[index]
        at = law.take(index).nodes(node[:, None] * width, window.scale[index], rate[index])
        with np.errstate(divide="ignore"):
            value = at.log_density - p[index] * at.log_growth + np.log(weight[:, None] * width) + start[index]
            step = np.log(seen[index] + unseen[index] * at.age)
            for j in range(max_count + 1):
                top = value.max(axis=0)
                finite = np.where(np.isfinite(top), top, 0.0)
                result[index, j] = finite + np.log(np.exp(value - finite).sum(axis=0))
                value += step
    return result
