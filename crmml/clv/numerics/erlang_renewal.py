r"""How often an Erlang-k renewal process with random rate comes round, and what geometric dropout leaves of it.

Between two purchases k phases pass, each exponential with rate λ. A customer seen alive at T, silent for u = T − t_x, has
completed i < k phases since the last purchase; given that, λ ~ Gamma(R + i, rate c) with c = α + T, and

.. math:: \omega_i = P(i) \propto \frac{(R)_i}{i!} \left(\frac{u}{c}\right)^i .

Let M be the phases completed since t_x by time T + t. Over (T, T + t] there are ⌊M/k⌋ occasions to buy, and

.. math::
    P(M) = \frac{(R)_M}{M!} \left(\frac{c}{c+t}\right)^{R} \left(\frac{t}{c+t}\right)^M
           \sum_{i<k} \binom{M}{i} \left(\frac{u}{t}\right)^i \bigg/ \sum_{i<k} \frac{(R)_i}{i!} \left(\frac{u}{c}\right)^i

sums positive terms only. After each purchase the customer leaves with probability p ~ Beta(a, b), so that j occasions give
:math:`\sum_{l<j} (b)_l/(a+b)_l` purchases on average, and leave the customer alive with probability (b)_j/(a+b)_j.

Where t is so long that M runs into the thousands, the sum over M is done by generating functions instead. With
π = 1 − p and its k-th roots s,

.. math::
    E[\pi^{\lfloor M/k \rfloor}] = \sum_{s^k=\pi} \Big(\frac{1}{k} \sum_{c<k} s^{-c}\Big) \left(1+\tau(1-s)\right)^{-R}
    \sum_{i<k} \omega_i \left(\frac{s}{1+\tau(1-s)}\right)^i, \qquad \tau = t/c,

is integrated over p below 1/2 by Gauss-Legendre panels in logit p; above 1/2 a few dozen powers of π suffice.
All functions take flat arrays, one entry for each customer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaln, expit, polygamma

from ...inference.quadrature import legendre

#: Longest sum over phases; beyond it generating functions take over.
SUMMED = 768
#: Entries of one work array (rows times phases, or rows times nodes).
CHUNK = 1 << 17
#: Powers of π below 1/2 that matter.
POWERS = 52
#: Gauss-Legendre nodes of one panel, and its width in logit p.
PANEL_NODES, PANEL = 16, 3.0
#: Nodes of a customer, roughly, to size the chunks by.
NODES_AT_ONCE = 256
#: Relative precision to which E[purchases | p] is taken as constant below some p.
FLAT = 1e-13
#: Share of α + T below which a time ahead is taken as none; its 11th power, for the largest k, is still a number.
AT_ONCE = 1e-25
#: Smallest number whose logarithm is trusted.
TINY = 1e-290


@dataclass(frozen=True)
class Renewal:
    """Customers alive at T and a time t ahead: flat float arrays of one length, and the number k of phases.

    Attributes
    ----------
    shape : R, shape of the rate's gamma distribution at the last purchase, r + k x
    silence : u = T − t_x
    rate : c = α + T
    time : t, at least 0
    a, b : parameters of the dropout probability's distribution
    k : phases of one interval
    """

    shape: np.ndarray
    silence: np.ndarray
    rate: np.ndarray
    time: np.ndarray
    a: np.ndarray
    b: np.ndarray
    k: int

    def take(self, index: np.ndarray) -> Renewal:
        """Return the customers at ``index``."""
        shape, silence, rate, time, a, b = (
            part[index] for part in (self.shape, self.silence, self.rate, self.time, self.a, self.b)
        )
        return Renewal(shape, silence, rate, time, a, b, self.k)

    def __len__(self) -> int:
        return self.shape.size


def log_expected_purchases(renewal: Renewal) -> np.ndarray:
    """Log of the expected purchases in (T, T + t] of customers alive at T; -inf where t = 0."""
    return _over_occasions(renewal, -np.inf, _log_purchases_given_occasions, _expected_by_generating_function)


def log_stays_alive(renewal: Renewal) -> np.ndarray:
    """Log of P(alive at T + t | alive at T)."""
    stays = _over_occasions(renewal, 0.0, _log_stay_given_occasions, _stay_by_generating_function)
    return np.minimum(stays, 0.0)


def count_log_proba(renewal: Renewal, max_count: int) -> np.ndarray:
    """Log of P(j purchases in (T, T + t] | alive at T), shape (n, max_count + 1).

    The customer buys j times if j occasions came and the first j − 1 were survived, and then either no other occasion
    came, or the customer had left at the j-th purchase. -inf where t = 0 and j > 0.
    """
    result = np.full((len(renewal), max_count + 1), -np.inf)
    result[:, 0] = 0.0
    moving = np.flatnonzero(renewal.time > AT_ONCE * renewal.rate)
    step = max(1, CHUNK // ((max_count + 1) * renewal.k))
    for start in range(0, moving.size, step):
        index = moving[start : start + step]
        result[index] = _count_chunk(renewal.take(index), max_count)
    return np.minimum(result, 0.0)


def _count_chunk(part: Renewal, max_count: int) -> np.ndarray:
    exactly, more = _log_occasions(part, max_count)
    result = exactly
    if max_count:
        j = np.arange(1.0, max_count + 1)
        a, b = part.a[:, None], part.b[:, None]
        survived = _log_stay_given_occasions(part, max_count)
        result[:, 1:] = survived + np.logaddexp(exactly[:, 1:], np.log(a / (a + b + j - 1)) + more[:, 1:])
    return result


# ---- the sum over phases ------------------------------------------------------------------------------------------


def log_poly(shape: np.ndarray, z: np.ndarray, k: int) -> np.ndarray:
    """Log of the sum over i < k of (R)_i / i! z^i: what an Erlang survivor function leaves after mixing."""
    total = np.ones(np.broadcast_shapes(np.shape(shape), np.shape(z)))
    for i in range(k - 1, 0, -1):
        total = 1 + (shape + (i - 1)) * z / i * total
    return np.log(total)


def _over_occasions(renewal: Renewal, at_zero: float, given_occasions: Callable, by_generating_function: Callable):
    """Log of E[g(occasions)]: by the sum over phases where it is short, by generating functions where it is long.

    Parameters
    ----------
    renewal : Renewal
    at_zero : the log where t = 0
    given_occasions : callable
        ``(renewal, m)`` returns the logs of g(j) for j = 0 .. m − 1, shape (n, m).
    by_generating_function : callable
        ``(renewal)`` returns the result for a long time ahead.
    """
    result = np.full(len(renewal), at_zero)
    moving = np.flatnonzero(renewal.time > AT_ONCE * renewal.rate)
    length = np.minimum(_phases(renewal)[moving], SUMMED + 1.0)
    bucket = np.where(length > SUMMED, -1, np.ceil(2 * np.log2(length)))
    for size in np.unique(bucket):
        members = moving[bucket == size]
        if size < 0:
            step = CHUNK // NODES_AT_ONCE
        else:
            occasions = int(np.ceil(length[bucket == size].max() / renewal.k))
            step = CHUNK // (occasions * renewal.k)
        for start in range(0, members.size, step):
            index = members[start : start + step]
            part = renewal.take(index)
            if size < 0:
                result[index] = by_generating_function(part)
            else:
                terms = _log_phases(part, occasions * part.k).reshape(len(part), occasions, part.k)
                terms += given_occasions(part, occasions)[:, :, None]
                result[index] = _logsumexp(terms.reshape(len(part), -1))
    return result


def _phases(renewal: Renewal) -> np.ndarray:
    """How many phases carry all but 1e-17 of the probability: a bound on λ, then one on a Poisson count."""
    shape = renewal.shape + renewal.k
    most = renewal.time / renewal.rate * (shape + 9.5 * np.sqrt(shape) + 45)
    return most + 10 * np.sqrt(most) + 40 + renewal.k


def _log_phases(part: Renewal, count: int) -> np.ndarray:
    """Log of P(M) for M = 0 .. count − 1, shape (n, count)."""
    k, R, c, t = part.k, part.shape[:, None], part.rate[:, None], part.time[:, None]
    M = np.arange(float(count))
    result = np.zeros((len(part), count))
    np.cumsum(np.log((R + M[:-1]) / (M[1:])), axis=1, out=result[:, 1:])
    result += M * np.log(t / (c + t))
    ratio = part.silence[:, None] / t
    lower, upper = np.minimum(ratio, 1.0), 1 / np.maximum(ratio, 1.0)
    choose, power, total = np.ones(count), np.ones_like(lower), np.ones_like(result)
    for i in range(1, k):
        choose = choose * (M - (i - 1)) / i
        power = power * lower
        total = total * upper + choose * power
    scale = (k - 1) * np.log(np.maximum(ratio, 1.0)) - R * np.log1p(t / c) - log_poly(R, part.silence[:, None] / c, k)
    return result + np.log(total) + scale


def _log_groups(part: Renewal, occasions: int) -> np.ndarray:
    """Log of P(⌊M/k⌋ = j), j = 0 .. occasions − 1."""
    phases = _log_phases(part, occasions * part.k)
    return np.logaddexp.reduce(phases.reshape(len(part), occasions, part.k), axis=2)


def _log_occasions(part: Renewal, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Log of P(⌊M/k⌋ = j) and of P(⌊M/k⌋ > j) for j = 0 .. most."""
    exactly = _log_groups(part, most + 1)
    weight = _phase_weights(part)
    first = (most + 1) * part.k
    chance = part.time / (part.rate + part.time)
    beyond = np.logaddexp.reduce(
        [weight[i] + _log_upper_tail(first - i, part.shape + i, chance) for i in range(part.k)], axis=0
    )
    steps = np.concatenate([beyond[:, None], exactly[:, :0:-1]], axis=1)
    return exactly, np.logaddexp.accumulate(steps, axis=1)[:, ::-1]


def _phase_weights(part: Renewal) -> np.ndarray:
    """Log of ω_i, shape (k, n)."""
    weight = np.zeros((part.k, len(part)))
    with np.errstate(divide="ignore"):
        for i in range(1, part.k):
            weight[i] = weight[i - 1] + np.log((part.shape + i - 1) * part.silence / (i * part.rate))
    return weight - np.logaddexp.reduce(weight, axis=0)


def _log_upper_tail(n: int, R: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Log of P(N >= n), N negative binomial of shape R with success probability 1 − q; n >= 1."""
    tail = betainc(n, R, q)
    small = tail < TINY
    result = np.log(np.where(small, 1.0, tail))
    if small.any():
        R, q = R[small], q[small]
        term, total, i = np.ones_like(q), np.ones_like(q), 0
        while np.any(term > 1e-17 * total) and i < 1 << 20:
            term = term * (R + n + i) / (n + 1 + i) * q
            total, i = total + term, i + 1
        result[small] = n * np.log(q) + R * np.log1p(-q) - np.log(n) - betaln(n, R) + np.log(total)
    return result


def _log_stay_given_occasions(part: Renewal, count: int) -> np.ndarray:
    """Log of (b)_j / (a + b)_j = P(alive after j occasions), j = 0 .. count − 1."""
    result = np.zeros((len(part), count))
    j = np.arange(count - 1.0)
    a, b = part.a[:, None], part.b[:, None]
    np.cumsum(-np.log1p(a / (b + j)), axis=1, out=result[:, 1:])
    return result


def _log_purchases_given_occasions(part: Renewal, count: int) -> np.ndarray:
    """Log of the expected purchases given j occasions, j = 0 .. count − 1; -inf at j = 0."""
    result = np.full((len(part), count), -np.inf)
    if count > 1:
        result[:, 1:] = np.log(np.cumsum(np.exp(_log_stay_given_occasions(part, count - 1)), axis=1))
    return result


def _logsumexp(terms: np.ndarray) -> np.ndarray:
    top = terms.max(axis=1, keepdims=True)
    return np.log(np.exp(terms - top).sum(axis=1)) + top[:, 0]


# ---- generating functions, for long times -------------------------------------------------------------------------


def _expected_by_generating_function(part: Renewal) -> np.ndarray:
    y, log_weight, below = _dropout_nodes(part)
    purchases, _ = _given_dropout(part, y)
    likely = np.sum(np.exp(log_weight) * purchases, axis=1) + np.exp(below) * purchases[:, 0]
    _, more = _log_occasions(part, POWERS)
    return np.log(likely + np.exp(more[:, :-1] + _log_powers(part, POWERS)).sum(axis=1))


def _stay_by_generating_function(part: Renewal) -> np.ndarray:
    y, log_weight, below = _dropout_nodes(part)
    _, log_stay = _given_dropout(part, y)
    exactly, _ = _log_occasions(part, POWERS)
    terms = [log_weight + log_stay, below[:, None] + log_stay[:, :1], exactly[:, :-1] + _log_powers(part, POWERS)]
    return _logsumexp(np.concatenate(terms, axis=1))


def _log_powers(part: Renewal, count: int) -> np.ndarray:
    """Log of E[π^j; π < 1/2], j = 0 .. count − 1."""
    j = np.arange(float(count))
    with np.errstate(divide="ignore"):
        share = np.log(betainc(part.b[:, None] + j, part.a[:, None], 0.5))
    return _log_stay_given_occasions(part, count) + share


def _dropout_nodes(part: Renewal) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes in y = logit p below 0, logs of their weights under Beta(a, b), and the log of P(p < the lowest node).

    The lowest node is where nothing changes any more, or where the density has died away; the weights of large a and b
    are scaled to the exact probability, as the Beta function of large arguments has lost its digits.
    """
    a, b = part.a[:, None], part.b[:, None]
    spread = np.sqrt(polygamma(1, a) + polygamma(1, b))
    flat = np.log(FLAT) - np.log1p(part.time / part.rate * (part.shape + part.k))[:, None]
    lower = np.maximum(flat, np.minimum(np.log(a / b), 0.0) - 40 / a - 9 * spread)
    panels = int(np.ceil(np.max(-lower / np.minimum(PANEL, PANEL * spread))))
    nodes, weights = legendre(PANEL_NODES)
    place = ((np.arange(panels)[:, None] + nodes) / panels).ravel()
    y = lower * (1 - place)
    density = a * y - (a + b) * np.log1p(np.exp(y)) + np.log(-lower) + np.log(np.tile(weights / panels, panels))
    p = expit(lower[:, 0])
    half, below = betainc(part.a, part.b, 0.5), betainc(part.a, part.b, p)
    constant = np.where(
        half > TINY, np.log(np.maximum(half - below, TINY)) - _logsumexp(density), -betaln(part.a, part.b)
    )
    log_below = np.where(
        below > TINY, np.log(np.maximum(below, TINY)), part.a * lower[:, 0] - np.log(part.a) - betaln(part.a, part.b)
    )
    return y, density + constant[:, None], log_below


def _given_dropout(part: Renewal, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected purchases, and the log of P(still alive), given p = logistic(y) < 1/2."""
    k, R, tau = part.k, part.shape[:, None], (part.time / part.rate)[:, None]
    weight = np.exp(_phase_weights(part))[:, :, None]
    p = expit(y)
    eta = np.log1p(np.exp(y)) / k
    stretch = np.log1p(-tau * np.expm1(-eta))
    mixed = sum(weight[i] * np.expm1(-i * (eta + stretch)) for i in range(1, k)) if k > 1 else 0.0
    average = sum(np.expm1(c * eta) for c in range(1, k)) / k if k > 1 else 0.0
    log_main = np.log1p(average) - R * stretch + np.log1p(mixed)
    others = np.zeros_like(p)
    for root in range(1, k // 2 + 1):
        angle = 2 * np.pi * root / k
        felt = np.flatnonzero(part.shape * np.log1p(tau[:, 0] * (1 - np.cos(angle))) < 45)
        if not felt.size:
            continue
        s = np.exp(-eta[felt] + 1j * angle)
        grown = np.log(1 + tau[felt] * (1 - s))
        ratio = s * np.exp(-grown)
        poly = weight[k - 1, felt] + 0j * ratio
        for i in range(k - 2, -1, -1):
            poly = weight[i, felt] + ratio * poly
        term = np.exp(-R[felt] * (grown - stretch[felt])) * poly / (k * (1 - p[felt]) * (1 / s - 1))
        others[felt] += term.real if 2 * root == k else 2 * term.real
    main = np.exp(log_main)
    relative = others * np.exp(-R * stretch - log_main)
    with np.errstate(invalid="ignore"):
        log_stay = log_main + np.log1p(np.maximum(p * relative, -0.999))
    return -np.expm1(log_main) / p - main * relative, log_stay
