r"""Shifted beta-geometric: numerics on arrays.

Survival over t renewals is :math:`S(t) = B(\alpha, \beta + t) / B(\alpha, \beta)`, and after t renewals the next is made
with probability :math:`(\beta + t) / (\alpha + \beta + t)`: having renewed adds to beta, so that a customer of n renewals is
a new one of beta + n. theta = (alpha, beta).
"""

from __future__ import annotations

import numpy as np

from ...typing import Numbers, Theta
from . import beta_discrete_weibull as bdw
from .contracts import ContractRows
from .opportunities import discounted_active
from .rising import log_rising_slope


def log_survival(start: Numbers, ahead: Numbers, theta: Theta) -> np.ndarray:
    """Log of P(customer after start + ahead renewals | customer after start); broadcasts."""
    alpha, beta = _parameters(theta)
    return bdw.log_decline(beta + start, alpha, ahead)


def log_likelihood(rows: ContractRows, theta: Theta) -> np.ndarray:
    """Log-likelihood of each row; theta = (alpha, beta), scalars or arrays broadcasting against the rows' axis."""
    alpha, beta = _parameters(theta)
    leaving = np.log(alpha) - np.log(alpha + beta + rows.recency)
    return bdw.log_decline(beta, alpha, rows.recency) + np.where(rows.lost, leaving, 0.0)


def log_likelihood_gradient(rows: ContractRows, theta: Theta) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood (n,) and its gradient (2, n) by (log alpha, log beta)."""
    alpha, beta = _parameters(theta)
    t, total = rows.recency, alpha + beta
    by_total = log_rising_slope(total, t) / total
    by_alpha = -alpha * by_total + np.where(rows.lost, 1 - alpha / (total + t), 0.0)
    by_beta = log_rising_slope(beta, t) - beta * by_total - np.where(rows.lost, beta / (total + t), 0.0)
    return log_likelihood(rows, theta), np.stack([by_alpha, by_beta])


def expected_time(start: np.ndarray, horizon: float, theta: Theta, delta: float = 0.0) -> np.ndarray:
    r"""Expected renewals among the next ``horizon``, a whole number or infinite: :math:`\sum_j e^{-\delta j} S(n+j)/S(n)`.

    Undiscounted and without end it is (beta + n) / (alpha − 1), infinite where alpha <= 1; discounted, a hypergeometric
    function: z (beta + n) / (alpha + beta + n) 2F1(1, beta + n + 1; alpha + beta + n + 1; z) with z = exp(−delta).
    """
    alpha, beta = _parameters(theta)
    beta = beta + start
    if delta == 0 and np.isinf(horizon):
        excess = alpha - 1
        return np.where(excess > 0, beta / np.where(excess > 0, excess, 1.0), np.inf)
    return discounted_active(horizon, float(np.exp(-delta)), *np.broadcast_arrays(alpha, beta))


def retention_elasticity(start: np.ndarray, theta: Theta, delta: float) -> np.ndarray:
    r"""Percent more discounted renewals for one percent more retention: :math:`\sum_j j z^j S(n+j) / \sum_j z^j S(n+j)`."""
    return bdw.retention_elasticity(start, (*theta, 1.0), delta)


def lifetimes(n: int, theta: Theta, rng: np.random.Generator) -> np.ndarray:
    """Renewals of n simulated customers, infinite for who never leaves."""
    return bdw.lifetimes(n, (*theta, 1.0), rng)


def _parameters(theta: Theta) -> tuple[np.ndarray, np.ndarray]:
    alpha, beta = (np.asarray(value, dtype=float) for value in theta)
    return alpha, beta
