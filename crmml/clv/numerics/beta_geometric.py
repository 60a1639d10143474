r"""BG/NBD and MBG/NBD: numerics on arrays.

λ ~ Gamma(r, rate α), p ~ Beta(a, b). Given that a customer is alive at T, λ ~ Gamma(r + x, α + T) and p ~ Beta(a, b'),
with b' = b + x, or b + x + 1 in the modified model, where the first purchase was an occasion to leave as well. All
predictions are expectations over these two, taken in :mod:`.beta_mixture` and, where a discount or draws of the parameters
come in, in :mod:`.living_purchases`, without a hypergeometric function.

``theta`` is (r, alpha, a, b): scalars, one value per row, or draws of shape (m, 1) or (m, n).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import betainc, expit

from ...typing import Numbers, Theta
from .beta_geometric_total import weighted_total
from .beta_mixture import log_mean_survival, mean_purchases
from .living_purchases import COARSE, FINE, FULL, by_count
from .rising import log_rising, log_rising_slope
from .rows import MOST_EXPECTED, Rows

__all__ = [
    "conditional_count_log_proba",
    "conditional_expectation",
    "count_log_proba",
    "discounted_given_alive",
    "discounted_residual_transactions",
    "expectation",
    "future_counts",
    "log_likelihood",
    "log_likelihood_gradient",
    "log_probability_alive",
    "next_purchase_quantile",
    "simulate",
    "weighted_total",
]


def log_likelihood(rows: Rows, theta: Theta, *, modified: bool = False) -> np.ndarray:
    """Log-likelihood of each row."""
    r, alpha, a, b = (np.asarray(value, dtype=float) for value in theta)
    n = 1 if modified else 0
    value = (
        _by_count(log_rising, r, rows, 0) + _by_count(log_rising, b, rows, n) - _by_count(log_rising, a + b, rows, n)
    )
    span = np.log1p(rows.T / alpha)
    value = value - r * span - rows.x * np.log(alpha + rows.T)
    value = value + np.logaddexp(0.0, _log_odds_gone(rows, r, alpha, a, b, modified))
    return np.where(rows.x > 0, value, _nothing_bought(span, r, a, b)) if modified else value


def log_likelihood_gradient(
    rows: Rows, theta: Sequence[float], *, modified: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood (n,) and its gradient (4, n) with respect to the log parameters; theta scalar or one value per row."""
    r, alpha, a, b = (np.asarray(value, dtype=float) for value in theta)
    n = 1 if modified else 0
    x, T, t_x = rows.x, rows.T, rows.t_x
    span, lived = np.log1p(T / alpha), alpha + T
    log_ratio = np.log1p((T - t_x) / (alpha + t_x))
    log_odds = _log_odds_gone(rows, r, alpha, a, b, modified, log_ratio)
    value = (
        _by_count(log_rising, r, rows, 0) + _by_count(log_rising, b, rows, n) - _by_count(log_rising, a + b, rows, n)
    )
    value = value - r * span - x * np.log(lived) + np.logaddexp(0.0, log_odds)
    if modified:
        value = np.where(x > 0, value, _nothing_bought(span, r, a, b))
    gone = expit(log_odds)
    slope_ab = _by_count(log_rising_slope, a + b, rows, n)
    share = a / (a + b)
    gradient = np.stack(
        [
            _by_count(log_rising_slope, r, rows, 0) + r * (gone * log_ratio - span),
            (r * T - alpha * x - gone * (r + x) * alpha * (T - t_x) / (alpha + t_x)) / lived,
            gone - share * slope_ab,
            _by_count(log_rising_slope, b, rows, n) - (1 - share) * slope_ab - gone * b / _occasions(x, b, modified),
        ]
    )
    return value, gradient


def log_probability_alive(rows: Rows, theta: Theta, ahead: float = 0.0, *, modified: bool = False) -> np.ndarray:
    """Log of the probability that each customer is alive at T + ahead."""
    r, alpha, a, b = (np.asarray(value, dtype=float) for value in theta)
    now = -np.logaddexp(0.0, _log_odds_gone(rows, r, alpha, a, b, modified))
    if not np.any(ahead):
        return now
    return now + _given_alive(log_mean_survival, rows, ahead, (r, alpha, a, b), modified)


def conditional_expectation(rows: Rows, horizon: float, theta: Theta, *, modified: bool = False) -> np.ndarray:
    """Expected purchases in (T, T + horizon], given each customer's history."""
    r, alpha, a, b = (np.asarray(value, dtype=float) for value in theta)
    alive = np.exp(-np.logaddexp(0.0, _log_odds_gone(rows, r, alpha, a, b, modified)))
    if np.ndim(horizon) or max(value.ndim for value in (r, alpha, a, b)) < 2:
        return alive * _given_alive(mean_purchases, rows, horizon, (r, alpha, a, b), modified)
    return alive * _living(rows, (r, alpha, a, b), horizon, 0.0, modified)


def discounted_residual_transactions(
    rows: Rows, delta: float, theta: Theta, horizon: float = np.inf, *, modified: bool = False
) -> np.ndarray:
    r"""Expected purchases in (T, T + horizon], each discounted by :math:`e^{-\delta t}`, given each customer's history.

    Within 1e-6 relative, or 1e-4 over draws, whose spread is far wider; the horizon may be infinite where delta > 0.
    """
    if delta == 0:
        return conditional_expectation(rows, horizon, theta, modified=modified)
    r, alpha, a, b = (np.asarray(value, dtype=float) for value in theta)
    alive = np.exp(-np.logaddexp(0.0, _log_odds_gone(rows, r, alpha, a, b, modified)))
    return alive * _living(rows, (r, alpha, a, b), horizon, delta, modified)


def conditional_count_log_proba(
    rows: Rows, horizon: float, theta: Theta, max_count: int, *, modified: bool = False
) -> np.ndarray:
    """Log P(X(T, T + horizon) = j), j = 0 .. max_count, on a last axis, given each customer's history."""
    r, alpha, a, b = (np.asarray(value, dtype=float) for value in theta)
    log_odds = _log_odds_gone(rows, r, alpha, a, b, modified)
    shape = np.broadcast_shapes(log_odds.shape, r.shape)
    log_proba = _count_log_proba(
        r + rows.x, alpha + rows.T, a, _beta_after(rows.x, b, modified), horizon, max_count, shape
    )
    log_proba -= np.logaddexp(0.0, log_odds)[..., None]
    log_proba[..., 0] = np.logaddexp(log_proba[..., 0], -np.logaddexp(0.0, -log_odds))
    return log_proba


def future_counts(
    rows: Rows,
    horizon: float,
    theta: Theta,
    rng: np.random.Generator,
    *,
    pace: Numbers = 1.0,
    modified: bool = False,
) -> np.ndarray:
    """One simulated number of purchases in (T, T + horizon] for each draw of theta and row, rates multiplied by ``pace``.

    Who is alive would buy a Poisson number of times and leaves after a geometric one: the smaller of the two is bought.
    """
    r, alpha, a, b = (np.asarray(value, dtype=float) for value in theta)
    now = np.exp(-np.logaddexp(0.0, _log_odds_gone(rows, r, alpha, a, b, modified)))
    shape = np.broadcast_shapes(now.shape, r.shape, np.shape(pace))
    alive = rng.random(shape) < now
    mean = rng.gamma(np.broadcast_to(r + rows.x, shape)) * (pace * horizon / (alpha + rows.T))
    leaves = rng.beta(np.broadcast_to(a, shape), np.broadcast_to(_beta_after(rows.x, b, modified), shape))
    with np.errstate(divide="ignore", over="ignore"):
        last = 1.0 + np.floor(rng.exponential(size=shape) / -np.log1p(-leaves))
    return np.where(alive, np.minimum(rng.poisson(np.minimum(mean, MOST_EXPECTED)), last), 0.0)


def next_purchase_quantile(rows: Rows, quantile: float, theta: Theta, *, modified: bool = False) -> np.ndarray:
    """Time after T by which the next purchase has come with probability ``quantile``, given that one comes at all.

    Who is alive at T buys again for certain, after a time that is Lomax(r + x, α + T); dropout comes only with purchases.
    """
    r, alpha = (np.asarray(value, dtype=float) for value in theta[:2])
    return (alpha + rows.T) * np.expm1(-np.log1p(-quantile) / (r + rows.x))


def expectation(t: Numbers, theta: Theta, *, modified: bool = False) -> np.ndarray:
    """Expected repeat purchases of a new customer by time t."""
    r, alpha, a, b = theta
    if not modified:
        return mean_purchases(r, t / np.asarray(alpha), a, b)
    return b / (np.asarray(a) + b) * mean_purchases(r, t / np.asarray(alpha), a, b + 1.0)


def discounted_given_alive(
    x: np.ndarray,
    T: np.ndarray,
    theta: Theta,
    horizon: float,
    delta: float,
    *,
    modified: bool = False,
    factor: Numbers = 1.0,
) -> np.ndarray:
    r"""Expected purchases in (T, T + horizon] of customers who are alive at T, each discounted by :math:`e^{-\delta t}`.

    Every customer's mean dropout probability from now on is multiplied by ``factor``, (m, 1) or a number. Precise as
    :func:`discounted_residual_transactions` is.
    """
    rule = FULL if delta == 0 else COARSE if max(np.ndim(value) for value in theta) > 1 else FINE
    return by_count(x, T, theta, x + modified, horizon, delta, rule, factor)


def count_log_proba(t: float, theta: Theta, max_count: int, *, modified: bool = False) -> np.ndarray:
    """Log P(X(t) = j), j = 0 .. max_count, of a new customer."""
    r, alpha, a, b = (np.asarray(value, dtype=float) for value in theta)
    shape = np.broadcast_shapes(r.shape, alpha.shape, a.shape, b.shape)
    if not modified:
        return _count_log_proba(r, alpha, a, b, t, max_count, shape)
    log_proba = _count_log_proba(r, alpha, a, b + 1, t, max_count, shape)
    log_proba += (np.log(b) - np.log(a + b))[..., None]
    log_proba[..., 0] = np.logaddexp(log_proba[..., 0], np.log(a) - np.log(a + b))
    return log_proba


def simulate(
    n: int, T: np.ndarray, theta: Theta, rng: np.random.Generator, *, modified: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Customers and times of simulated repeat purchases in (0, T], round by round."""
    r, alpha, a, b = theta
    rate = rng.gamma(r, 1.0, n) / alpha
    leaves = rng.beta(a, b, n)
    alive = np.arange(n)
    if modified:
        alive = alive[rng.random(n) >= leaves]
    time = np.zeros(n)
    customers, times = [], []
    while alive.size:
        with np.errstate(divide="ignore", over="ignore"):
            time[alive] += rng.exponential(1.0, alive.size) / rate[alive]
        alive = alive[time[alive] <= T[alive]]
        customers.append(alive)
        times.append(time[alive])
        alive = alive[rng.random(alive.size) >= leaves[alive]]
    return np.concatenate([*customers, np.empty(0, dtype=np.intp)]), np.concatenate([*times, np.empty(0)])


# ---- parts ----------------------------------------------------------------------------------------------------------


def _by_count(function, c: np.ndarray, rows: Rows, plus: int) -> np.ndarray:
    """function(c, x + plus) a row, computed once for each distinct count where c does not differ between rows."""
    if c.ndim == 0 or c.shape[-1] == 1:
        return function(c, rows.x_values + plus)[..., rows.x_code]
    return function(c, rows.x + plus)


def _occasions(x: np.ndarray, b: np.ndarray, modified: bool) -> np.ndarray:
    """What a is set against in the odds of having left: b + x − 1 (any positive number where x = 0), or b + x."""
    return b + x if modified else np.where(x > 0, b + x - 1, 1.0)


def _log_odds_gone(rows: Rows, r, alpha, a, b, modified: bool, log_ratio: np.ndarray | None = None) -> np.ndarray:
    """Log odds of having left by T against being alive; minus infinity where that is impossible."""
    if log_ratio is None:
        log_ratio = np.log1p((rows.T - rows.t_x) / (alpha + rows.t_x))
    odds = np.log(a) - np.log(_occasions(rows.x, b, modified)) + (r + rows.x) * log_ratio
    return odds if modified else np.where(rows.x > 0, odds, -np.inf)


def _nothing_bought(span: np.ndarray, r, a, b) -> np.ndarray:
    """Log-likelihood of x = 0 in the modified model, ln(1 − P(alive) P(a purchase | alive)), exact however short T is."""
    return np.log1p(b / (a + b) * np.expm1(-r * span))


def _beta_after(x: np.ndarray, b: Any, modified: bool) -> np.ndarray:
    return b + x + 1 if modified else b + x


def _given_alive(function, rows: Rows, horizon: Any, theta: Sequence[np.ndarray], modified: bool) -> np.ndarray:
    """An expectation given alive at T, computed once for each distinct (x, T) where theta does not differ between rows."""
    r, alpha, a, b = theta
    if any(value.ndim and value.shape[-1] > 1 for value in theta):
        return function(r + rows.x, horizon / (alpha + rows.T), a, _beta_after(rows.x, b, modified))
    x, T, code = rows.count_and_length
    return function(r + x, horizon / (alpha + T), a, _beta_after(x, b, modified))[..., code]


def _living(rows: Rows, theta: Sequence[np.ndarray], horizon: float, delta: float, modified: bool) -> np.ndarray:
    """Discounted purchases given alive at T, (..., n), computed once for each distinct (x, T) where theta allows it."""
    if any(value.ndim and value.shape[-1] > 1 for value in theta):
        return discounted_given_alive(rows.x, rows.T, theta, horizon, delta, modified=modified)
    x, T, code = rows.count_and_length
    return discounted_given_alive(x, T, theta, horizon, delta, modified=modified)[..., code]


def _count_log_proba(shape_, rate, a, b, t: float, max_count: int, shape: tuple[int, ...]) -> np.ndarray:
    """Log probabilities of 0 .. max_count purchases within t of a customer who is alive, λ ~ Gamma, p ~ Beta."""
    nu, length, a, b = (np.broadcast_to(value, shape)[..., None] for value in (shape_, rate, a, b))
    j = np.arange(max_count + 1.0)
    share = t / (length + t)
    with np.errstate(divide="ignore", over="ignore"):
        log_share = np.log(share)
        log_staying = -_added_up(np.log1p(a / (b + j[:-1])))
        buys_j = _added_up(np.log((nu + j[:-1]) / j[1:])) + nu * np.log1p(-share)
        buys_j = buys_j + np.where(j > 0, j * np.where(share > 0, log_share, -1e306), 0.0)
        later = j[1:]
        # at least j: the most asked for from the beta function, fewer by adding up, of positive terms alone
        exactly = np.exp(buys_j)
        at_least = np.concatenate([exactly[..., 1:-1], betainc(float(max_count), nu, share)], axis=-1)
        at_least_j = np.log(np.cumsum(at_least[..., ::-1], axis=-1)[..., ::-1]) if max_count else 0.0
        stays, leaves = log_staying + buys_j, np.full(shape + j.shape, -np.inf)
        leaves[..., 1:] = log_staying[..., :-1] + np.log(a) - np.log(a + b + later - 1) + at_least_j
        return np.logaddexp(stays, leaves)


def _added_up(terms: np.ndarray) -> np.ndarray:
    """Sums of the first 0, 1, 2, ... terms of the last axis."""
    return np.concatenate([np.zeros((*terms.shape[:-1], 1)), np.cumsum(terms, axis=-1)], axis=-1)
