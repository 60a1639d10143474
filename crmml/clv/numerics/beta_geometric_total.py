r"""The log-likelihood of BG/NBD and MBG/NBD summed over weighted rows, with its gradient: what a fit calls again and again.

Only one term of the likelihood couples x, t_x and T, the one for having left; all others are sums over the distinct
counts or the distinct T. With u the log odds of having left and gone = 1/(1 + e^−u), a row costs three look-ups, one
exponential and one logarithm:

    ln L = Σ_x W_x ln[(r)_x (b)_n / (a+b)_n] − Σ_T (r W_T + X_T) ln(1 + T/α) − X ln α + Σ w ln(1 + e^u),
    u    = ln a − ln(occasions) + (r + x) [ln(1 + T/α) − ln(1 + t_x/α)].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from .rising import log_rising, log_rising_slope
from .rows import Rows, distinct


@dataclass(frozen=True)
class CountedRows:
    """Weighted rows, counted by distinct count x, distinct T and distinct t_x.

    ``left`` marks the rows of customers who may have left, in whose order the codes, ``row_x`` and ``weight`` stand.
    """

    modified: bool
    x: np.ndarray
    by_x: np.ndarray
    T: np.ndarray
    by_length: np.ndarray
    bought_by_length: np.ndarray
    t: np.ndarray
    x_code: np.ndarray
    T_code: np.ndarray
    t_code: np.ndarray
    row_x: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, rows: Rows, weight: np.ndarray, modified: bool) -> Self:
        """Count the rows once, so that a total costs three look-ups a row."""
        T, T_code = distinct(rows.T)
        left = np.ones(len(rows), dtype=bool) if modified else rows.x > 0
        t, t_code = distinct(rows.t_x[left])
        return cls(
            modified,
            rows.x_values,
            np.bincount(rows.x_code, weight, minlength=rows.x_values.size),
            T,
            np.bincount(T_code, weight, minlength=T.size),
            np.bincount(T_code, weight * rows.x, minlength=T.size),
            t,
            rows.x_code[left],
            T_code[left],
            t_code,
            rows.x[left],
            weight[left],
        )

    def total(self, theta: Sequence[float]) -> tuple[float, np.ndarray]:
        """Return the log-likelihood and its gradient (4,) by the logs of theta = (r, alpha, a, b)."""
        r, alpha, a, b = (float(value) for value in theta)
        x, n, T, by_T, bought_by_T = self.x, int(self.modified), self.T, self.by_length, self.bought_by_length
        bought = float(bought_by_T.sum())
        span_T, span_t = np.log1p(T / alpha), np.log1p(self.t / alpha)
        slope_T, slope_t = T / (alpha + T), self.t / (alpha + self.t)
        occasions = b + x if self.modified else np.where(x > 0, b + x - 1, 1.0)

        ratio = span_T[self.T_code] - span_t[self.t_code]
        nu = r + self.row_x
        u = (np.log(a) - np.log(occasions))[self.x_code] + nu * ratio
        e = np.exp(-np.abs(u))
        left = np.maximum(u, 0) + np.log1p(e)
        gone = self.weight * np.where(u >= 0, 1.0, e) / (1 + e)
        gone_by_x = np.bincount(self.x_code, gone, minlength=x.size)

        share = a / (a + b)
        slope_ab = float((self.by_x * log_rising_slope(a + b, x + n)).sum())
        counts = log_rising(r, x) + log_rising(b, x + n) - log_rising(a + b, x + n)
        value = float((self.by_x * counts).sum()) - float(((r * by_T + bought_by_T) * span_T).sum())
        value += float((self.weight * left).sum()) - bought * np.log(alpha)
        by_r = r * float((gone * ratio).sum() - (by_T * span_T).sum())
        by_r += float((self.by_x * log_rising_slope(r, x)).sum())
        by_alpha = float(((r * by_T + bought_by_T) * slope_T).sum()) - bought
        by_alpha -= float((gone * nu * (slope_T[self.T_code] - slope_t[self.t_code])).sum())
        by_a = float(gone_by_x.sum()) - share * slope_ab
        by_b = float((self.by_x * log_rising_slope(b, x + n)).sum()) - (1 - share) * slope_ab
        by_b -= b * float((gone_by_x / occasions).sum())
        return value, np.array([by_r, by_alpha, by_a, by_b])


def weighted_total(
    rows: Rows, weight: np.ndarray, *, modified: bool = False
) -> Callable[[Sequence[float]], tuple[float, np.ndarray]]:
    """Return a function of theta = (r, alpha, a, b) that gives the total and its gradient (4,) by the log parameters."""
    return CountedRows.of(rows, weight, modified).total
