r"""Gamma-Gamma spend: numerics on arrays.

With x repeat purchases of mean amount m, p ~ shape of one purchase, ν ~ Gamma(q, rate γ) (Fader & Hardie 2013):

    ln L = ln Γ(px+q) − ln Γ(px) − ln Γ(q) + q ln γ + (px−1) ln m + px ln x − (px+q) ln(γ + m x)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import betaincinv, digamma, gammaln

from ...typing import Theta
from .rows import Rows


class SpendRows:
    """Counts x >= 1 and mean amounts m > 0 of n customers, with what no parameter changes computed once."""

    def __init__(self, x: np.ndarray, m: np.ndarray):
        self.counts = Rows(x, m, m)
        self.x, self.m = x, m
        self.log_m, self.x_log_x, self.total = np.log(m), x * np.log(x), m * x


def log_likelihood(rows: SpendRows, theta: Theta) -> np.ndarray:
    """Log-likelihood of each row; theta = (p, q, gamma), scalars or arrays broadcasting against the rows' axis."""
    p, q, gamma = (np.asarray(value, dtype=float) for value in theta)
    x = rows.counts.x_values
    table = gammaln(p * x + q) - gammaln(p * x) - gammaln(q)
    px = p * rows.x
    return (
        table[..., rows.counts.x_code]
        + q * np.log(gamma)
        + (px - 1) * rows.log_m
        + p * rows.x_log_x
        - (px + q) * np.log(gamma + rows.total)
    )


def log_likelihood_gradient(rows: SpendRows, theta: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood (n,) and its gradient (3, n) by (log p, log q, log gamma); p and q scalar, gamma scalar or (n,)."""
    p, q = float(theta[0]), float(theta[1])
    gamma = np.asarray(theta[2], dtype=float)
    x, code = rows.counts.x_values, rows.counts.x_code
    px = p * x
    upper, log_gamma = px + q, np.log(gamma)
    table = gammaln(upper) - gammaln(px) - gammaln(q)
    psi = digamma(upper)
    by_p = (x * (psi - digamma(px)))[code]
    by_q = (psi - digamma(q))[code] + log_gamma
    log_sum = np.log(gamma + rows.total)
    row_px = p * rows.x
    value = table[code] + q * log_gamma + (row_px - 1) * rows.log_m + p * rows.x_log_x - (row_px + q) * log_sum
    gradient = np.stack(
        [
            p * (by_p + rows.x * (rows.log_m - log_sum) + rows.x_log_x),
            q * (by_q - log_sum),
            q - (row_px + q) * gamma / (gamma + rows.total),
        ]
    )
    return value, gradient


def weighted_total(rows: SpendRows, weight: np.ndarray) -> Callable[[Sequence[float]], tuple[float, np.ndarray]]:
    """Return a function of theta = (p, q, gamma) that gives the total over weighted rows and its gradient (3,).

    Gamma functions are summed over the distinct counts; a row costs one logarithm and one division.
    """
    x, size = rows.counts.x_values, float(weight.sum())
    by_x = np.bincount(rows.counts.x_code, weight, minlength=x.size)
    bought, amount = weight * rows.x, rows.total
    fixed = float((bought * rows.log_m).sum() + (weight * rows.x_log_x).sum())
    log_m = float((weight * rows.log_m).sum())

    def total(theta: Sequence[float]) -> tuple[float, np.ndarray]:
        p, q, gamma = (float(value) for value in theta)
        px, log_gamma = p * x, np.log(gamma)
        denominator = gamma + amount
        log_sum, inverse = np.log(denominator), 1 / denominator
        by_bought, by_size = float((bought * log_sum).sum()), float((weight * log_sum).sum())
        psi = digamma(px + q)
        table = gammaln(px + q) - gammaln(px) - gammaln(q) + q * log_gamma
        value = float((by_x * table).sum()) + p * fixed - log_m - p * by_bought - q * by_size
        rest = p * float((bought * inverse).sum()) + q * float((weight * inverse).sum())
        gradient = np.array(
            [
                p * (float((by_x * x * (psi - digamma(px))).sum()) + fixed - by_bought),
                q * (float((by_x * (psi - digamma(q) + log_gamma)).sum()) - by_size),
                q * size - gamma * rest,
            ]
        )
        return value, gradient

    return total


def posterior_mean_spend(x: np.ndarray, m: np.ndarray, theta: Theta) -> np.ndarray:
    r"""E[M | x, m]: the weighted mean of the customer's own average and the population's pγ/(q−1).

    :math:`p(\gamma + m x) / (p x + q - 1)`; where q <= 1 the population mean is infinite, and with it the answer at
    x = 0 (and wherever p x + q <= 1).
    """
    p, q, gamma = theta
    below = p * x + q - 1
    with np.errstate(divide="ignore"):
        return np.where(below > 0, p * (gamma + m * x) / np.where(below > 0, below, 1.0), np.inf)


def posterior_median_spend(x: np.ndarray, m: np.ndarray, theta: Theta) -> np.ndarray:
    r"""Median of the next amount given x and m: (γ + m x) times a beta-prime variable of shapes p and p x + q.

    An amount is Gamma(p, rate ν) and ν ~ Gamma(p x + q, rate γ + m x), so that amount / (γ + m x) is a ratio of two gammas.
    """
    p, q, gamma = theta
    share = betaincinv(p, p * x + q, 0.5)
    other = betaincinv(p * x + q, p, 0.5)  # 1 − share, without cancellation
    return (gamma + m * x) * share / other
