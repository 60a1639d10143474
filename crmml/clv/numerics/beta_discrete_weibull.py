r"""Beta-discrete-Weibull: numerics on arrays.

With :math:`s = t^c`, survival over t renewals is :math:`S(t) = B(\alpha, \beta + s) / B(\alpha, \beta)`, and from t on by d in s

.. math:: \frac{B(\alpha, \beta + s + d)}{B(\alpha, \beta + s)}
          = \frac{(\beta + s)_d}{(\alpha + \beta + s)_d} = \frac{(\beta + s)_\alpha}{(\beta + s + d)_\alpha},

of which the form with the smaller step keeps its digits. theta = (alpha, beta, c).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import digamma

from ...inference.quadrature import DISCOUNTED_AWAY, legendre
from ...typing import Numbers, Theta
from .contracts import ContractRows
from .rising import log_rising, log_rising_slope

#: t^c is kept below exp(LARGEST), whose square is a float still.
LARGEST = 300.0
#: Steps of this share of where they start from are taken to first order, about their middle.
SMALL_STEP = 1e-5
#: Renewals that are added up, after which comes an integral with its corrections, and the nodes of each of its panels: nine
#: digits; and for draws of the parameters, whose spread needs no more than five.
SUMMED, NODES = 64, 16
DRAWN_SUMMED, DRAWN_NODES = 16, 8
#: From t^c = FAR (alpha + beta) on survival is a power of t.
FAR = 1e9
#: A probability of leaving is at least this, so that its logarithm is a number.
TINY = 1e-300


def log_survival(start: Numbers, ahead: Numbers, theta: Theta) -> np.ndarray:
    """Log of P(customer after start + ahead renewals | customer after start); broadcasts."""
    alpha, beta, c = _parameters(theta)
    s = powered(start, c)
    return log_decline(beta + s, alpha, powered(np.asarray(start) + ahead, c) - s)


def log_likelihood(rows: ContractRows, theta: Theta) -> np.ndarray:
    """Log-likelihood of each row; theta = (alpha, beta, c), scalars or arrays broadcasting against the rows' axis."""
    alpha, beta, c = _parameters(theta)
    s = powered(rows.recency, c)
    last = log_decline(beta + s, alpha, powered(rows.recency + 1, c) - s)
    return log_decline(beta, alpha, s) + np.where(rows.lost, _log_leaving(last), 0.0)


def log_likelihood_gradient(rows: ContractRows, theta: Theta) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood (n,) and its gradient (3, n) by (log alpha, log beta, log c)."""
    alpha, beta, c = _parameters(theta)
    t = rows.recency
    s, after = powered(t, c), powered(t + 1, c)
    slope, slope_after = c * s * np.log(np.maximum(t, 1.0)), c * after * np.log(t + 1)
    first, at = beta + np.zeros_like(s), beta + s
    by_kept, by_last = _decline_slopes(first, alpha, s), _decline_slopes(at, alpha, after - s)
    last = log_decline(at, alpha, after - s)
    odds = np.where(rows.lost, np.exp(last) / np.maximum(-np.expm1(last), TINY), 0.0)
    value = log_decline(first, alpha, s) + np.where(rows.lost, _log_leaving(last), 0.0)
    by_beta = _slope_by_b(first, alpha, s, by_kept) - odds * _slope_by_b(at, alpha, after - s, by_last)
    by_c = by_kept[2] * slope - odds * (by_last[1] * slope + by_last[2] * slope_after)
    gradient = np.stack([alpha * (by_kept[0] - odds * by_last[0]), beta * by_beta, by_c])
    return value, gradient


def expected_time(start: np.ndarray, horizon: float, theta: Theta, delta: float = 0.0) -> np.ndarray:
    r"""Expected renewals among the next ``horizon``, a whole number or infinite: :math:`\sum_j e^{-\delta j} S(n+j)/S(n)`.

    Undiscounted and without end it is infinite where alpha · c <= 1, since survival falls like :math:`t^{-\alpha c}`.
    """
    return _renewals(start, horizon, theta, delta, 0)


def retention_elasticity(start: np.ndarray, theta: Theta, delta: float) -> np.ndarray:
    r"""Percent more discounted renewals for one percent more retention: :math:`\sum_j j z^j S(n+j) / \sum_j z^j S(n+j)`."""
    return _renewals(start, np.inf, theta, delta, 1) / _renewals(start, np.inf, theta, delta, 0)


def lifetimes(n: int, theta: Theta, rng: np.random.Generator) -> np.ndarray:
    """Renewals of n simulated customers, infinite for who never leaves: with a leaving probability p, floor((E / λ)^(1/c)).

    E is exponential and λ = −ln(1 − p), so that t renewals are survived with probability (1 − p)^(t^c).
    """
    alpha, beta, c = _parameters(theta)
    leaves = rng.beta(alpha, beta, size=n)
    with np.errstate(divide="ignore", over="ignore"):
        return np.floor((rng.standard_exponential(n) / -np.log1p(-leaves)) ** (1 / c))


# ---- parts --------------------------------------------------------------------------------------------------------


def log_decline(b: Numbers, alpha: Numbers, step: Numbers) -> np.ndarray:
    """Return ln B(alpha, b + step) / B(alpha, b), at most 0, for b, alpha > 0 and step >= 0."""
    small, large = np.minimum(alpha, step), np.maximum(alpha, step)
    b, small, large = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (b, small, large)))
    value = log_rising(b, small) - log_rising(b + large, small)
    tiny = small < SMALL_STEP * b
    if tiny.any():
        middle = b + small / 2
        value = np.where(tiny, small * (digamma(middle) - digamma(middle + large)), value)
    return np.minimum(value, 0.0)


def powered(t: Numbers, c: Numbers) -> np.ndarray:
    """Return t^c, 0 at t = 0, bounded where it would overflow."""
    t = np.asarray(t, dtype=float)
    with np.errstate(divide="ignore"):
        return np.where(t > 0, np.exp(np.minimum(c * np.log(t), LARGEST)), 0.0)


def _decline_slopes(b: np.ndarray, alpha: Any, step: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Derivatives of :func:`log_decline` by alpha, by b where its end stands still, and by its end b + step.

    The last two are those of the form with alpha as step, which long after the start differ in their last digits only; their
    sum, the derivative by b where step stands still, is :func:`_slope_by_b`.
    """
    end = b + step
    return (
        -log_rising_slope(alpha + b, step) / (alpha + b),
        log_rising_slope(b, alpha) / b,
        -log_rising_slope(end, alpha) / end,
    )


def _slope_by_b(b: np.ndarray, alpha: Any, step: np.ndarray, slopes: tuple) -> np.ndarray:
    """Derivative of :func:`log_decline` by b, from the form with the smaller step."""
    return np.where(step < alpha, log_rising_slope(b, step) / b + slopes[0], slopes[1] + slopes[2])


def _log_leaving(log_staying: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(-np.expm1(log_staying), TINY))


def _renewals(start: np.ndarray, horizon: float, theta: Theta, delta: float, moment: int) -> np.ndarray:
    r"""Return :math:`\sum_{j=1}^{h} g(j)`, :math:`g(j) = j^m e^{-\delta j} S(n+j)/S(n)`: terms, then Euler and Maclaurin's formula.

    .. math:: \sum_{j=N+1}^{h} g(j) \approx \int_N^h g + \frac{g(h) - g(N)}{2} + \frac{g'(h) - g'(N)}{12}.
    """
    theta = alpha, beta, c = _parameters(theta)
    start = np.asarray(start, dtype=float)

    def term(j: Numbers) -> np.ndarray:
        return np.exp(log_survival(start, j, theta) - delta * j) * np.asarray(j, dtype=float) ** moment

    shape = np.broadcast_shapes(start.shape, *(value.shape for value in theta))
    first, nodes = (SUMMED, NODES) if len(shape) < 2 else (DRAWN_SUMMED, DRAWN_NODES)
    total = np.zeros(shape)
    for j in range(1, int(min(horizon, first)) + 1):
        total = total + term(j)
    if horizon <= first:
        return total
    endless = delta == 0 and np.isinf(horizon)
    far = np.log(FAR * (alpha + beta) * np.maximum(alpha, 1.0)) / c
    reach = (
        np.exp(np.minimum(far, LARGEST)) if endless else min(horizon, first + (DISCOUNTED_AWAY + 8) / max(delta, TINY))
    )
    reach = np.broadcast_to(np.maximum(reach, 2 * first if endless else first), shape)
    total = total + _integral(term, first, reach, float(np.max(c)), nodes)
    total = total - term(first) / 2 - _slope(term, first, start, theta, delta, moment) / 12
    if not endless:
        if horizon <= reach.max(initial=first):
            total = total + term(horizon) / 2 + _slope(term, horizon, start, theta, delta, moment) / 12
        return total
    excess = alpha * c - 1
    tail = (start + reach) * term(reach) / np.where(excess > 0, excess, 1.0)
    return np.where(excess > 0, total + tail, np.inf)


def _integral(term: Any, first: float, reach: np.ndarray, c: float, n_nodes: int) -> np.ndarray:
    """Integral of the terms from first to reach, by panels in ln j, narrower where t^c bends more."""
    top = np.log(reach / first)
    panels = max(int(np.ceil(float(np.max(top, initial=0.0)) * max(1.0, c / 4))), 1)
    nodes, weights = legendre(n_nodes)
    total = np.zeros(reach.shape)
    for panel in range(panels):
        for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
            j = first * np.exp(top * (panel + node) / panels)
            total = total + weight * top / panels * j * term(j)
    return total


def _slope(term: Any, j: float, start: np.ndarray, theta: tuple, delta: float, moment: int) -> np.ndarray:
    """Derivative of a term by j."""
    alpha, beta, c = theta
    s = powered(start + j, c)
    by_s = -log_rising_slope(beta + s, alpha) / (beta + s)
    return term(j) * (by_s * c * s / (start + j) - delta + moment / j)


def _parameters(theta: Theta) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    alpha, beta, c = (np.asarray(value, dtype=float) for value in theta)
    return alpha, beta, c
