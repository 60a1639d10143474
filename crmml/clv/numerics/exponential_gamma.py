r"""Exponential-gamma: numerics on arrays.

Survival over t is :math:`S(t) = (\alpha / (\alpha + t))^r`; a customer of age t is a new one of alpha + t. theta = (r, alpha).
"""

from __future__ import annotations

import numpy as np
from scipy.special import exprel

from ...inference.quadrature import NODES, discounted_integral
from ...typing import Numbers, Theta
from .contracts import ContractRows

#: A probability of leaving is at least this, so that its logarithm is a number.
TINY = 1e-300
#: Nodes of the discounting integral for draws of the parameters, whose spread needs no more than five digits.
DRAWN_NODES = 24


def log_survival(start: Numbers, ahead: Numbers, theta: Theta) -> np.ndarray:
    """Log of P(customer at start + ahead | customer at start); broadcasts."""
    r, alpha = _parameters(theta)
    return -r * np.log1p(ahead / (alpha + start))


def log_likelihood(rows: ContractRows, theta: Theta) -> np.ndarray:
    """Log-likelihood of each row; theta = (r, alpha), scalars or arrays broadcasting against the rows' axis."""
    r, alpha = _parameters(theta)
    kept = -r * np.log1p(rows.recency / alpha)
    hazard = np.log(r) - np.log(alpha + rows.recency)
    return kept + np.where(_at_known_time(rows), hazard, np.where(rows.lost, _log_leaving(rows, r, alpha), 0.0))


def log_likelihood_gradient(rows: ContractRows, theta: Theta) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood (n,) and its gradient (2, n) by (log r, log alpha)."""
    r, alpha = _parameters(theta)
    known, t = _at_known_time(rows), rows.recency
    grouped = rows.lost & ~known
    last = -r * np.log1p((rows.left_by - t) / (alpha + t))
    odds = np.where(grouped, np.exp(last) / np.maximum(-np.expm1(last), TINY), 0.0)
    by_r = -r * np.log1p(t / alpha) + known - odds * last
    kept = r * t / (alpha + t)
    fall = r * (rows.left_by - t) / (alpha + t) * (alpha / (alpha + rows.left_by))
    by_alpha = kept - np.where(known, alpha / (alpha + t), 0.0) - odds * fall
    return log_likelihood(rows, theta), np.stack([by_r, by_alpha])


def expected_time(start: np.ndarray, horizon: float, theta: Theta, delta: float = 0.0) -> np.ndarray:
    r"""Expected time as a customer within the next ``horizon``, :math:`\int_0^h e^{-\delta u} S(t+u)/S(t)\,du`.

    Undiscounted it is a y exprel(−(r − 1) y) with a = alpha + t and y = ln(1 + h/a), and without end a / (r − 1), infinite
    where r <= 1.
    """
    r, alpha = _parameters(theta)
    age = alpha + start
    if delta == 0 and np.isinf(horizon):
        return np.where(r > 1, age / np.where(r > 1, r - 1, 1.0), np.inf)
    nodes = NODES if np.ndim(age) < 2 else DRAWN_NODES
    return discounted_integral(lambda h: _moment(age, h, r - 1), horizon, delta, _scale(age, r), nodes)


def retention_elasticity(start: np.ndarray, theta: Theta, delta: float) -> np.ndarray:
    r"""Percent more discounted time for one percent more retention a unit: :math:`\int u e^{-\delta u} S / \int e^{-\delta u} S`.

    The time integral of u S(t + u)/S(t) up to h is a (M(r − 2) − M(r − 1)) with M(k) = a y exprel(−k y).
    """
    r, alpha = _parameters(theta)
    age = alpha + start
    weighted = discounted_integral(
        lambda h: age * (_moment(age, h, r - 2) - _moment(age, h, r - 1)), np.inf, delta, _scale(age, r)
    )
    return weighted / expected_time(start, np.inf, theta, delta)


def lifetimes(n: int, theta: Theta, rng: np.random.Generator) -> np.ndarray:
    """How long n simulated customers stay, infinite for who never leaves."""
    r, alpha = _parameters(theta)
    with np.errstate(divide="ignore", over="ignore"):
        return rng.standard_exponential(n) / rng.standard_gamma(np.broadcast_to(r, (n,))) * alpha


def _moment(age: np.ndarray, h: float, excess: np.ndarray) -> np.ndarray:
    y = np.log1p(h / age)
    return age * y * exprel(-excess * y)


def _scale(age: np.ndarray, r: np.ndarray) -> float:
    return float(np.median(age / np.maximum(r, 1.0))) if np.size(age) else 1.0


def _at_known_time(rows: ContractRows) -> np.ndarray:
    return rows.lost & (rows.left_by <= rows.recency)


def _log_leaving(rows: ContractRows, r: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Log of P(left by left_by | there at recency), where the interval has a length."""
    last = -r * np.log1p((rows.left_by - rows.recency) / (alpha + rows.recency))
    return np.log(np.maximum(-np.expm1(last), TINY))


def _parameters(theta: Theta) -> tuple[np.ndarray, np.ndarray]:
    r, alpha = (np.asarray(value, dtype=float) for value in theta)
    return r, alpha
