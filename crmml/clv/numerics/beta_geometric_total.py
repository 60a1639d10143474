r"""The log-likelihood of BG/NBD and MBG/NBD summed over weighted rows, with its gradient: what a fit calls again and again.

Only one term of the likelihood couples x, t_x and T, the one for having left; all others are sums over the distinct
counts or the distinct T. With u the log odds of having left and gone = 1/(1 + e^−u), a row costs three look-ups, one
exponential and one logarithm:

    ln L = Σ_x W_x ln[(r)_x (b)_n / (a+b)_n] − Σ_T (r W_T + X_T) ln(1 + T/α) − X ln α + Σ w ln(1 + e^u),
    u    = ln a − ln(occasions) + (r + x) [ln(1 + T/α) − ln(1 + t_x/α)].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .rising import log_rising, log_rising_slope
from .rows import Rows, distinct


def weighted_total(
    rows: Rows, weight: np.ndarray, *, modified: bool = False
) -> Callable[[Sequence[float]], tuple[float, np.ndarray]]:
    """Return a function of theta = (r, alpha, a, b) that gives the total and its gradient (4,) by the log parameters."""
    x, n = rows.x_values, 1 if modified else 0
    by_x = np.bincount(rows.x_code, weight, minlength=x.size)
    T, T_code = distinct(rows.T)
    by_T, bought_by_T = (
        np.bincount(T_code, weight, minlength=T.size),
        np.bincount(T_code, weight * rows.x, minlength=T.size),
    )
    bought = float(bought_by_T.sum())
    may_have_left = np.ones(len(rows), dtype=bool) if modified else rows.x > 0
    t, t_code = distinct(rows.t_x[may_have_left])
    x_code, T_code, weight = rows.x_code[may_have_left], T_code[may_have_left], weight[may_have_left]
    row_x = rows.x[may_have_left]

    def total(theta: Sequence[float]) -> tuple[float, np.ndarray]:
        r, alpha, a, b = (float(value) for value in theta)
        span_T, span_t = np.log1p(T / alpha), np.log1p(t / alpha)
        slope_T, slope_t = T / (alpha + T), t / (alpha + t)
        occasions = b + x if modified else np.where(x > 0, b + x - 1, 1.0)
        log_odds = np.log(a) - np.log(occasions)

        ratio = span_T[T_code] - span_t[t_code]
        nu = r + row_x
        u = log_odds[x_code] + nu * ratio
        e = np.exp(-np.abs(u))
        left = np.maximum(u, 0) + np.log1p(e)
        gone = weight * np.where(u >= 0, 1.0, e) / (1 + e)
        gone_by_x = np.bincount(x_code, gone, minlength=x.size)
        all_gone = float(gone_by_x.sum())

        share = a / (a + b)
        slope_ab = float((by_x * log_rising_slope(a + b, x + n)).sum())
        value = (
            float((by_x * (log_rising(r, x) + log_rising(b, x + n) - log_rising(a + b, x + n))).sum())
            - float(((r * by_T + bought_by_T) * span_T).sum())
            - bought * np.log(alpha)
            + float((weight * left).sum())
        )
        gradient = np.array(
            [
                float((by_x * log_rising_slope(r, x)).sum()) + r * float((gone * ratio).sum() - (by_T * span_T).sum()),
                float(((r * by_T + bought_by_T) * slope_T).sum())
                - bought
                - float((gone * nu * (slope_T[T_code] - slope_t[t_code])).sum()),
                all_gone - share * slope_ab,
                float((by_x * log_rising_slope(b, x + n)).sum())
                - (1 - share) * slope_ab
                - b * float((gone_by_x / occasions).sum()),
            ]
        )
        return value, gradient

    return total
