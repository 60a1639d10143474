r"""BG/BB: numerics on arrays.

At each of n opportunities a customer who is still alive buys with probability p; before each opportunity the customer
leaves for good with probability θ. Over customers p ~ Beta(alpha, beta) and θ ~ Beta(gamma, delta), independently
(Fader, Hardie & Shang 2010). With x purchases, the last at opportunity t_x (0 if there is none),

.. math::
    L = \frac{B(\alpha+x, \beta+n-x)}{B(\alpha, \beta)} \frac{B(\gamma, \delta+n)}{B(\gamma, \delta)}
        + \sum_{i=t_x}^{n-1} \frac{B(\alpha+x, \beta+i-x)}{B(\alpha, \beta)} \frac{B(\gamma+1, \delta+i)}{B(\gamma, \delta)}.

Let C_m be the first product with m in the place of n: alive through opportunity m, silent since t_x. Then
:math:`L = C_{t_x} F_{t_x}` with the backward recurrence

.. math::
    F_m = \frac{\gamma}{\gamma+\delta+m} + \frac{\beta+m-x}{\alpha+\beta+m} \frac{\delta+m}{\gamma+\delta+m} F_{m+1},
    \qquad F_n = 1,

all of whose terms lie between 0 and 1. It depends on (x, n) only, so that it runs once for each distinct pair.

**When a customer is alive.** P(alive) of the literature is that of taking part in the *next* opportunity, n + 1: the
coin of leaving before n + 1 has been tossed. ``log_probability_alive`` follows it with ``ahead=0``; ``ahead=k`` means
opportunity n + 1 + k, and ``ahead=-1`` means alive through opportunity n.

Times are whole numbers of opportunities throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import exprel

from ...inference.quadrature import legendre
from .rising import log_rising, log_rising_slope
from .rows import Rows

#: Up to this many opportunities a sum over them is added up; beyond it has a closed form.
SUMMED = 256
#: Relative agreement at which the continued fraction of the discounted sum stops.
FRACTION_TOLERANCE = 1e-14


def log_likelihood(rows: Rows, theta: Sequence[Any]) -> np.ndarray:
    """Log-likelihood of each row; theta = (alpha, beta, gamma, delta)."""
    theta = _parameters(theta)
    x, t_x, _ = _whole_rows(rows)
    return _log_alive_through(x, t_x, theta) + np.log(_backward(rows, theta)[0])


def log_likelihood_gradient(rows: Rows, theta: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood (n,) and its gradient (4, n) with respect to the logs of (alpha, beta, gamma, delta)."""
    theta = alpha, beta, gamma, delta = _parameters(theta)
    x, t_x, _ = _whole_rows(rows)
    total, slope = _backward(rows, theta, gradient=True)
    both, tosses = alpha + beta, gamma + delta
    by_both = log_rising_slope(both, t_x) / both
    by_tosses = log_rising_slope(tosses, t_x) / tosses
    gradient = slope / total
    gradient[0] += log_rising_slope(alpha, x) - alpha * by_both
    gradient[1] += log_rising_slope(beta, t_x - x) - beta * by_both
    gradient[2] -= gamma * by_tosses
    gradient[3] += log_rising_slope(delta, t_x) - delta * by_tosses
    return _log_alive_through(x, t_x, theta) + np.log(total), gradient


def log_probability_alive(rows: Rows, theta: Sequence[Any], ahead: Any = 0) -> np.ndarray:
    """Log of P(alive at opportunity n + 1 + ahead | data); ahead a whole number of at least -1, see the module's text."""
    theta = _, _, gamma, delta = _parameters(theta)
    tosses = _whole(ahead, "ahead", least=-1) + 1
    return _log_alive_now(rows, theta) + _log_survival(tosses, gamma, delta + rows.T)


def conditional_expectation(rows: Rows, horizon: Any, theta: Sequence[Any]) -> np.ndarray:
    """Expected purchases at the next ``horizon`` opportunities, a whole number, given each row."""
    theta = alpha, beta, gamma, delta = _parameters(theta)
    active = _expected_active(_whole(horizon, "horizon"), gamma, delta + rows.T)
    return np.exp(_log_alive_now(rows, theta)) * (alpha + rows.x) / (alpha + beta + rows.T) * active


def discounted_residual_transactions(rows: Rows, discount_per_period: float, theta: Sequence[Any]) -> np.ndarray:
    r"""Discounted expected purchases at all later opportunities, the k-th next one divided by (1 + d)^k.

    :math:`\sum_{k \ge 1} P(\text{buys at } n+k) / (1+d)^k`, as in Fader, Hardie & Shang (2010); d > 0 is the discount
    rate of one opportunity.
    """
    if not (np.isfinite(discount_per_period) and discount_per_period > 0):
        raise ValueError(f"discount_per_period={discount_per_period!r} must be above 0: undiscounted, the sum may not exist.")
    theta = alpha, beta, gamma, delta = _parameters(theta)
    _, n, code = _pairs(rows, theta)
    stays, tosses = delta + n, gamma + delta + n
    factor = 1 / (1 + discount_per_period)
    active = (factor * stays / tosses * _hypergeometric_fraction(stays + 1, tosses + 1, factor))[..., code]
    return np.exp(_log_alive_now(rows, theta)) * (alpha + rows.x) / (alpha + beta + rows.T) * active


def conditional_count_log_proba(rows: Rows, horizon: Any, theta: Sequence[Any], max_count: int) -> np.ndarray:
    """Log of P(j purchases at the next ``horizon`` opportunities), j = 0 .. max_count; -inf where j > horizon."""
    theta = alpha, beta, gamma, delta = _parameters(theta)
    horizon = _whole(horizon, "horizon")
    x, n, code = _pairs(rows, theta)
    counts = _count_log_proba(horizon, alpha + x, beta + n - x, gamma, delta + n, max_count)[..., code, :]
    alive = _log_alive_now(rows, theta)[..., None]
    result = alive + counts
    result[..., 0] = np.logaddexp(result[..., 0], _log1mexp(alive[..., 0]))
    return np.minimum(result, 0.0)


def expectation(t: Any, theta: Sequence[Any]) -> np.ndarray:
    """Expected purchases of a new customer at the first t opportunities."""
    alpha, beta, gamma, delta = _parameters(theta)
    return alpha / (alpha + beta) * _expected_active(_whole(t, "t"), gamma, delta)


def count_log_proba(t: Any, theta: Sequence[Any], max_count: int) -> np.ndarray:
    """Log of P(X(t) = j), j = 0 .. max_count, of a new customer; -inf where j > t. Shape (..., max_count + 1)."""
    return np.minimum(_count_log_proba(_whole(t, "t"), *_parameters(theta), max_count), 0.0)


def next_purchase_log_survival(rows: Rows, s: Any, theta: Sequence[Any]) -> np.ndarray:
    """Log of P(no purchase at the next s opportunities | data)."""
    return conditional_count_log_proba(rows, s, theta, 0)[..., 0]


def simulate(n: int, T: Any, theta: Sequence[Any], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Simulate n customers: arrays of the customer's index and of the opportunity (1 .. T) of each purchase."""
    alpha, beta, gamma, delta = _parameters(theta)
    length = np.broadcast_to(_whole(T, "T"), (n,))
    buys, leaves = rng.beta(alpha, beta, size=n), rng.beta(gamma, delta, size=n)
    with np.errstate(divide="ignore", over="ignore"):
        lifetime = np.floor(-rng.standard_exponential(n) / np.log1p(-leaves))
    active = np.minimum(lifetime, length).astype(np.intp)
    customer = np.repeat(np.arange(n), active)
    opportunity = np.arange(customer.size) - np.repeat(np.cumsum(active) - active, active) + 1.0
    bought = rng.random(customer.size) < buys[customer]
    return customer[bought], opportunity[bought]


# ---- the likelihood's parts ---------------------------------------------------------------------------------------


def _backward(rows: Rows, theta: tuple, gradient: bool = False) -> tuple[np.ndarray, np.ndarray | None]:
    """F at each row's t_x, shape (..., n), and its derivatives by the log parameters, shape (4, ..., n)."""
    alpha, beta, gamma, delta = theta
    x, n, code = _pairs(rows, theta)
    t_x = rows.t_x.astype(np.intp)
    shape = np.broadcast_shapes(*(np.shape(value) for value in theta), x.shape)
    order = np.argsort(t_x, kind="stable")
    ends = np.searchsorted(t_x[order], np.arange(int(t_x.max(initial=0)) + 2))
    value = np.ones(shape)
    result = np.ones((*shape[:-1], code.size))
    slope = np.zeros((4, *shape)) if gradient else None
    slopes = np.zeros((4, *result.shape)) if gradient else None
    for m in range(int(n.max(initial=0)) - 1, int(t_x.min(initial=0)) - 1, -1):
        silent = np.maximum(m - x, 0.0)
        buyers, tosses = alpha + beta + m, gamma + delta + m
        leave, stay = gamma / tosses, (delta + m) / tosses
        ratio = (beta + silent) / buyers * stay
        active = m < n
        if slope is not None:
            by_alpha, by_delta = alpha / buyers, delta / tosses
            log_slopes = (
                -by_alpha,
                beta / (beta + silent) - beta / buyers,
                -leave,
                delta / (delta + m) - by_delta,
            )
            direct = (0.0, 0.0, leave * (1 - leave), -leave * by_delta)
            for k in range(4):
                slope[k] = np.where(active, direct[k] + ratio * (slope[k] + log_slopes[k] * value), slope[k])
        value = np.where(active, leave + ratio * value, value)
        if m + 1 < ends.size and ends[m] < ends[m + 1]:
            here = order[ends[m] : ends[m + 1]]
            result[..., here] = value[..., code[here]]
            if slope is not None and slopes is not None:
                slopes[..., here] = slope[..., code[here]]
    return result, slopes


def _log_alive_through(x: np.ndarray, m: np.ndarray, theta: tuple) -> np.ndarray:
    """Log of C_m: x purchases in a given order at m opportunities, alive through the m-th; whole numbers x and m."""
    alpha, beta, gamma, delta = theta
    buying = log_rising(alpha, x) + log_rising(beta, m - x) - log_rising(alpha + beta, m)
    return buying + log_rising(delta, m) - log_rising(gamma + delta, m)


def _log_alive_now(rows: Rows, theta: tuple) -> np.ndarray:
    """Log of P(alive through opportunity n | data) = C_n / (C_t_x F_t_x)."""
    alpha, beta, gamma, delta = theta
    silent = rows.T - rows.t_x
    buying = log_rising(beta + rows.t_x - rows.x, silent) - log_rising(alpha + beta + rows.t_x, silent)
    staying = log_rising(delta + rows.t_x, silent) - log_rising(gamma + delta + rows.t_x, silent)
    return np.minimum(buying + staying - np.log(_backward(rows, theta)[0]), 0.0)


# ---- sums over later opportunities --------------------------------------------------------------------------------


def _log_survival(k: Any, gamma: Any, delta: Any) -> np.ndarray:
    """Log of E[(1 − θ)^k], θ ~ Beta(gamma, delta)."""
    return np.minimum(log_rising(delta, k) - log_rising(gamma + delta, k), 0.0)


def _expected_active(h: np.ndarray, gamma: Any, delta: Any) -> np.ndarray:
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


def _hypergeometric_fraction(b: np.ndarray, c: np.ndarray, z: float) -> np.ndarray:
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


def _count_log_proba(h: np.ndarray, alpha: Any, beta: Any, gamma: Any, delta: Any, max_count: int) -> np.ndarray:
    """Log of P(j purchases at h opportunities), shape (..., max_count + 1): a sum over the number of active ones."""
    alpha, beta, gamma, delta, h = (np.asarray(value, dtype=float)[..., None] for value in (alpha, beta, gamma, delta, h))
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


# ---- arguments ----------------------------------------------------------------------------------------------------


def _parameters(theta: Sequence[Any]) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(value, dtype=float) for value in theta)


def _pairs(rows: Rows, theta: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct (x, n) and each row's index among them; the rows themselves where theta differs from row to row."""
    if all(np.shape(value)[-1:] in ((), (1,)) for value in theta):
        return rows.count_and_length
    return rows.x, rows.T, np.arange(len(rows))


def _whole_rows(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(_whole(value, name).astype(np.intp) for name, value in (("x", rows.x), ("t_x", rows.t_x), ("T", rows.T)))


def _whole(value: Any, name: str, least: int = 0) -> np.ndarray:
    """Return the value as float array; refuse what is not a whole number of opportunities."""
    array = np.asarray(value, dtype=float)
    if not (np.all(np.isfinite(array)) and np.all(array == np.floor(array)) and np.all(array >= least)):
        raise ValueError(f"{name} must be whole numbers of opportunities, at least {least}: BG/BB counts in opportunities.")
    return array


def _log1mexp(log_p: np.ndarray) -> np.ndarray:
    """Return log(1 − e^log_p) for log_p <= 0."""
    with np.errstate(divide="ignore"):
        return np.where(log_p > -0.7, np.log(-np.expm1(log_p)), np.log1p(-np.exp(log_p)))
