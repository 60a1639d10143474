r"""Sums over coming opportunities of a customer who buys at each with probability p ~ Beta(alpha, beta) while alive.

Before each opportunity the customer leaves with probability θ ~ Beta(gamma, delta); here everybody is alive to begin with.
What is known of a customer shifts the four parameters, so that these serve customers with and without a history.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import exprel, polygamma

from ...inference.quadrature import legendre
from ...typing import Numbers
from .rising import log_rising, log_rising_slope

#: Up to this many opportunities a sum over them is added up; beyond it has a closed form.
SUMMED = 256
#: Relative agreement at which the continued fraction of the discounted sum stops.
FRACTION_TOLERANCE = 1e-14
#: Terms of a sum below this share of it are left out.
NEGLIGIBLE = 1e-17
#: Opportunities beyond which nobody looks for a next purchase.
FARTHEST = 1e12


def log_survival(k: Numbers, gamma: Numbers, delta: Numbers) -> np.ndarray:
    """Log of E[(1 − θ)^k], θ ~ Beta(gamma, delta)."""
    return np.minimum(log_rising(delta, k) - log_rising(gamma + delta, k), 0.0)


def expected_active(h: np.ndarray, gamma: Numbers, delta: Numbers) -> np.ndarray:
    r"""Return :math:`\sum_{k=1}^{h} E[(1-\theta)^k]`: how many of h opportunities see the customer, θ ~ Beta(gamma, delta).

    Beyond :data:`SUMMED` opportunities the sum is delta (1 − e^−y) / (gamma − 1), with
    y = ln (gamma + delta)_h − ln (delta + 1)_h = (gamma − 1) times the mean slope of the latter, so that gamma = 1 is no
    exception.
    """
    top = int(h.max(initial=0))
    if top <= SUMMED:
        total = np.zeros(np.broadcast_shapes(h.shape, np.shape(gamma), np.shape(delta)))
        for k in range(top, 0, -1):
            total = np.where(k <= h, (delta + k - 1) / (gamma + delta + k - 1) * (1 + total), total)
        return total
    excess = np.asarray(gamma - 1.0)
    near = np.abs(excess) <= (delta + 1) / 2
    small, far = np.where(near, excess, 0.0), np.where(near, 1.0, excess)
    nodes, weights = legendre(12)
    mean = sum(
        w * log_rising_slope(delta + 1 + u * small, h) / (delta + 1 + u * small)
        for u, w in zip(nodes.tolist(), weights.tolist(), strict=True)
    )
    ratio = np.where(near, mean, (log_rising(delta + 1 + h, far) - log_rising(delta + 1, far)) / far)
    return delta * ratio * exprel(-excess * ratio)


def discounted_active(h: float, z: float, gamma: Any, delta: Any) -> np.ndarray:
    r"""Return :math:`\sum_{k=1}^{h} z^k E[(1-\theta)^k]`, θ ~ Beta(gamma, delta), for 0 < z <= 1 and h infinite or whole."""
    if np.isinf(h):
        return z * delta / (gamma + delta) * hypergeometric_fraction(delta + 1, gamma + delta + 1, z)
    if z == 1:
        return expected_active(np.asarray(h), gamma, delta)
    top = int(min(h, np.ceil(np.log(NEGLIGIBLE * (1 - z)) / np.log(z))))
    total = np.zeros(np.broadcast_shapes(np.shape(gamma), np.shape(delta)))
    for k in range(top, 0, -1):
        total = z * (delta + k - 1) / (gamma + delta + k - 1) * (1 + total)
    return total


def hypergeometric_fraction(b: np.ndarray, c: np.ndarray, z: float) -> np.ndarray:
    """2F1(1, b; c; z) for c > b > 0 and 0 < z < 1, by Gauss's continued fraction, backward from doubling depths."""
    depth = 16 + int(10 / np.sqrt(1 - z))
    previous = _fraction(b, c, z, depth)
    while True:
        depth *= 2
        value = _fraction(b, c, z, depth)
        if np.all(np.abs(value - previous) <= FRACTION_TOLERANCE * np.abs(value)) or depth > 1 << 20:
            return value
        previous = value


def _fraction(b: np.ndarray, c: np.ndarray, z: float, depth: int) -> np.ndarray:
    tail = np.full(np.broadcast_shapes(np.shape(b), np.shape(c)), (1 + np.sqrt(1 - z)) / 2)
    for j in range(depth, 0, -1):
        even = j * (c - b + j - 1) / ((c + 2 * j - 2) * (c + 2 * j - 1))
        odd = (b + j - 1) * (c + j - 2) / np.where(j == 1, (c - 1 + (c == 1)) * c, (c + 2 * j - 3) * (c + 2 * j - 2))
        tail = 1 - odd * z / (1 - even * z / tail)
    return 1 / tail


def count_log_proba(
    h: np.ndarray, alpha: Numbers, beta: Numbers, gamma: Numbers, delta: Numbers, max_count: int
) -> np.ndarray:
    """Log of P(j purchases at h opportunities), shape (..., max_count + 1): a sum over the number of active ones."""
    alpha, beta, gamma, delta, h = (
        np.asarray(value, dtype=float)[..., None] for value in (alpha, beta, gamma, delta, h)
    )
    j = np.arange(max_count + 1.0)
    shape = np.broadcast_shapes(*(value.shape for value in (alpha, beta, gamma, delta, h, j)))
    bought = np.broadcast_to(log_rising(alpha, j) - log_rising(alpha + beta, j), shape).copy()
    result = np.full(shape, -np.inf)
    stay = np.zeros(np.broadcast_shapes(gamma.shape, delta.shape))
    for active in range(int(h.max(initial=0)) + 1):
        tosses = gamma + delta + active
        ends = np.where(active < h, np.log(gamma / tosses), np.where(active == h, 0.0, -np.inf))
        top = min(active, max_count) + 1
        result[..., :top] = np.logaddexp(result[..., :top], bought[..., :top] + (stay + ends))
        k = j[:top]
        bought[..., :top] += np.log((active + 1) / (active + 1 - k) * ((beta + active - k) / (alpha + beta + active)))
        stay = stay + np.log((delta + active) / tosses)
    return result


# ---- the first purchase to come -----------------------------------------------------------------------------------


def first_purchase_quantile(
    quantile: float, alpha: Numbers, beta: Numbers, gamma: Numbers, delta: Numbers
) -> np.ndarray:
    """Smallest whole s with P(first purchase at opportunity 1 .. s | there is one) >= quantile; at least 1."""
    theta = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (alpha, beta, gamma, delta)))
    lower = np.zeros(theta[0].shape)
    left = (1 - quantile) * (1 + 1e-12) * _first_purchase_after(lower, *theta)
    upper = lower + 1
    while True:
        short = _first_purchase_after(upper, *theta) > left
        if not short.any() or upper.max() > FARTHEST:
            break
        lower, upper = np.where(short, upper, lower), np.where(short, 2 * upper, upper)
    while np.any(upper - lower > 1):
        middle = np.floor((lower + upper) / 2)
        short = _first_purchase_after(middle, *theta) > left
        lower, upper = np.where(short, middle, lower), np.where(short, upper, np.maximum(middle, lower + 1))
    return upper


def _first_purchase_after(s: np.ndarray, alpha, beta, gamma, delta) -> np.ndarray:
    r"""P(the first purchase comes after opportunity s), without those who never buy.

    The first comes at j with probability :math:`f_j = E[p (1-p)^{j-1}] E[(1-\theta)^j]`, which dies away like a power of j.
    The first terms are added up, the rest by the Euler-Maclaurin formula: an integral over ln j, by panels up to where
    nothing but the power is left, and three corrections at its start.
    """
    j = s + 1
    first = alpha / (alpha + beta) * delta / (gamma + delta)
    term = first * np.exp(_log_first(s, alpha, beta, gamma, delta))
    total = np.zeros_like(term)
    for _ in range(int(np.ceil(24 + 6 * float(np.max(alpha + gamma))))):
        total = total + term
        term = term * (beta + j - 1) / (alpha + beta + j) * (delta + j) / (gamma + delta + j)
        j = j + 1
        if np.all(term * j <= NEGLIGIBLE * total):
            return total
    start = first * np.exp(_log_first(j - 1, alpha, beta, gamma, delta))
    far = np.log(1e9 * (alpha + beta + gamma + delta) / j + 1)
    panels = int(np.ceil(np.max(far) / 1.5))
    nodes, weights = legendre(16)
    integral = np.zeros_like(start)
    for panel in range(panels):
        for node, w in zip(nodes.tolist(), weights.tolist(), strict=True):
            more = j * np.expm1(far * (panel + node) / panels)
            log_ratio = _log_first(more, alpha, beta + j - 1, gamma, delta + j - 1)
            integral += w * far / panels * (j + more) * np.exp(log_ratio)
    more = j * np.expm1(far)
    log_ratio = _log_first(more, alpha, beta + j - 1, gamma, delta + j - 1)
    integral += (j + more) * np.exp(log_ratio) / (alpha + gamma)
    shift = (beta + j - 1, alpha + beta + j, delta + j, gamma + delta + j)
    slope, bend, twist = (
        polygamma(m, shift[0]) - polygamma(m, shift[1]) + polygamma(m, shift[2]) - polygamma(m, shift[3])
        for m in range(3)
    )
    third = twist + 3 * slope * bend + slope**3
    return total + start * (integral + 0.5 - slope / 12 + third / 720)


def _log_first(k: Any, alpha: Any, beta: Any, gamma: Any, delta: Any) -> np.ndarray:
    """Log of f_(1 + k) / f_1, with the small parameters as steps, so that a huge k costs no digits."""
    silent = log_rising(beta, alpha + 1) - log_rising(beta + k, alpha + 1)
    return silent + log_rising(delta + 1, gamma) - log_rising(delta + 1 + k, gamma)
