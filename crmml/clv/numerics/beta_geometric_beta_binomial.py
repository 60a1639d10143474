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

all of whose terms lie between 0 and 1. It depends on (x, n) only, so that it runs once for each distinct pair. Where there
are very many opportunities the terms are summed without running through them all (``_long_silence``).

**When a customer is alive.** ``log_probability_alive`` with ``ahead=0`` is the probability of being alive through the last
opportunity observed, n; ``ahead=1`` is that of taking part in opportunity n + 1, which the literature prints as P(alive).

Times are whole numbers of opportunities throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...typing import Numbers, Theta
from . import opportunities
from ._long_silence import LongSilence
from .rising import log_rising, log_rising_slope
from .rows import Rows

#: From more opportunities on, the recurrence would cost more than the sum.
LONG = 512


def log_likelihood(rows: Rows, theta: Theta) -> np.ndarray:
    """Log-likelihood of each row; theta = (alpha, beta, gamma, delta)."""
    theta = _parameters(theta)
    x, t_x, _ = _whole_rows(rows)
    return _log_alive_through(x, t_x, theta) + np.log(_backward(rows, theta)[0])


def log_likelihood_gradient(rows: Rows, theta: Theta) -> tuple[np.ndarray, np.ndarray]:
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


def log_probability_alive(rows: Rows, theta: Theta, ahead: Numbers = 0) -> np.ndarray:
    """Log of P(alive through opportunity n + ahead | data); ahead a whole number of at least 0."""
    theta = _, _, gamma, delta = _parameters(theta)
    tosses = _whole(ahead, "ahead")
    return _log_alive_now(rows, theta) + opportunities.log_survival(tosses, gamma, delta + rows.T)


def conditional_expectation(rows: Rows, horizon: Any, theta: Theta) -> np.ndarray:
    """Expected purchases at the next ``horizon`` opportunities, a whole number, given each row."""
    theta = alpha, beta, gamma, delta = _parameters(theta)
    active = opportunities.expected_active(_whole(horizon, "horizon"), gamma, delta + rows.T)
    return np.exp(_log_alive_now(rows, theta)) * (alpha + rows.x) / (alpha + beta + rows.T) * active


def discounted_transactions(rows: Rows, horizon: Any, delta: float, theta: Theta) -> np.ndarray:
    r"""Discounted expected purchases at the next ``horizon`` opportunities, a whole number or infinite.

    :math:`\sum_{k=1}^{h} e^{-\delta k} P(\text{buys at } n+k)`; δ > 0 where the horizon is infinite. With
    :math:`e^{-\delta} = 1/(1+d)` this is the DERT of Fader, Hardie & Shang (2010).
    """
    theta = alpha, beta, gamma, stay = _parameters(theta)
    steps = np.inf if np.isinf(horizon) else float(_whole(horizon, "horizon"))
    if np.isinf(steps) and not delta > 0:
        raise ValueError(f"delta={delta!r} must be above 0: undiscounted, the infinite sum may not exist.")
    _, n, code = _pairs(rows, theta)
    active = opportunities.discounted_active(steps, np.exp(-delta), gamma, stay + n)[..., code]
    return np.exp(_log_alive_now(rows, theta)) * (alpha + rows.x) / (alpha + beta + rows.T) * active


def conditional_count_log_proba(rows: Rows, horizon: Any, theta: Theta, max_count: int) -> np.ndarray:
    """Log of P(j purchases at the next ``horizon`` opportunities), j = 0 .. max_count; -inf where j > horizon."""
    theta = alpha, beta, gamma, delta = _parameters(theta)
    horizon = _whole(horizon, "horizon")
    x, n, code = _pairs(rows, theta)
    counts = opportunities.count_log_proba(horizon, alpha + x, beta + n - x, gamma, delta + n, max_count)[..., code, :]
    alive = _log_alive_now(rows, theta)[..., None]
    result = alive + counts
    result[..., 0] = np.logaddexp(result[..., 0], _log1mexp(alive[..., 0]))
    return np.minimum(result, 0.0)


def expectation(t: Numbers, theta: Theta) -> np.ndarray:
    """Expected purchases of a new customer at the first t opportunities."""
    alpha, beta, gamma, delta = _parameters(theta)
    return alpha / (alpha + beta) * opportunities.expected_active(_whole(t, "t"), gamma, delta)


def count_log_proba(t: Numbers, theta: Theta, max_count: int) -> np.ndarray:
    """Log of P(X(t) = j), j = 0 .. max_count, of a new customer; -inf where j > t. Shape (..., max_count + 1)."""
    alpha, beta, gamma, delta = _parameters(theta)
    return np.minimum(opportunities.count_log_proba(_whole(t, "t"), alpha, beta, gamma, delta, max_count), 0.0)


def next_purchase_quantile(rows: Rows, quantile: float, theta: Theta) -> np.ndarray:
    """Smallest number of opportunities by which the next purchase has come with probability ``quantile``, if one comes."""
    theta = alpha, beta, gamma, delta = _parameters(theta)
    x, n, code = _pairs(rows, theta)
    return opportunities.first_purchase_quantile(quantile, alpha + x, beta + n - x, gamma, delta + n)[..., code]


def simulate(n: int, T: Any, theta: Theta, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
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
    if rows.T.max(initial=0) > LONG:
        return LongSilence(rows.x, rows.t_x, rows.T, theta, gradient).total()
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


# ---- arguments ----------------------------------------------------------------------------------------------------


def _parameters(theta: Sequence[Any]) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(value, dtype=float) for value in theta)


def _pairs(rows: Rows, theta: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct (x, n) and each row's index among them; the rows themselves where theta differs from row to row."""
    if all(np.shape(value)[-1:] in ((), (1,)) for value in theta):
        return rows.count_and_length
    return rows.x, rows.T, np.arange(len(rows))


def _whole_rows(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, t_x, T = (_whole(value, name) for name, value in (("x", rows.x), ("t_x", rows.t_x), ("T", rows.T)))
    return x.astype(np.intp), t_x.astype(np.intp), T.astype(np.intp)


def _whole(value: Any, name: str, least: int = 0) -> np.ndarray:
    """Return the value as float array; refuse what is not a whole number of opportunities."""
    array = np.asarray(value, dtype=float)
    if not (np.all(np.isfinite(array)) and np.all(array == np.floor(array)) and np.all(array >= least)):
        raise ValueError(
            f"{name} must be whole numbers of opportunities, at least {least}: BG/BB counts in opportunities."
        )
    return array


def _log1mexp(log_p: np.ndarray) -> np.ndarray:
    """Return log(1 − e^log_p) for log_p <= 0."""
    with np.errstate(divide="ignore"):
        return np.where(log_p > -0.7, np.log(-np.expm1(log_p)), np.log1p(-np.exp(log_p)))
