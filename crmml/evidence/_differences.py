"""Changes between two groups, or of the same customers, with their intervals; plain numerics."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from ..inference import wilson_interval
from ..inference.intervals import is_spread

NAN = float("nan")


class Interval(NamedTuple):
    """An estimate with its ends; NaN is unknown."""

    estimate: float
    lower: float = NAN
    upper: float = NAN


def rate_difference(x1: int, n1: int, x2: int, n2: int, coverage: float) -> Interval:
    """Newcombe's (1998) hybrid of two Wilson intervals, for p2 - p1."""
    p1, p2 = x1 / n1, x2 / n2
    lower, upper = wilson_interval([p1, p2], [n1, n2], coverage=coverage)
    below = math.hypot(p2 - lower[1], upper[0] - p1)
    above = math.hypot(upper[1] - p2, p1 - lower[0])
    return Interval(p2 - p1, p2 - p1 - below, p2 - p1 + above)


def rate_p_value(x1: int, n1: int, x2: int, n2: int) -> float:
    """Two-sided, pooled z."""
    p = (x1 + x2) / (n1 + n2)
    std_error = math.sqrt(p * (1 - p) * (1 / n1 + 1 / n2))
    return 2 * float(stats.norm.sf(abs(x2 / n2 - x1 / n1) / std_error)) if std_error > 0 else 1.0


def rate_ratio(x1: int, n1: int, x2: int, n2: int, coverage: float) -> Interval:
    """Katz's (1978) interval of p2 / p1 on the log scale, with Walter's (1975) halves where nothing is left; else unknown."""
    if x1 == 0:
        return Interval(NAN)
    if x1 == n1 and x2 == n2:
        return Interval(1.0)
    z = stats.norm.ppf(0.5 + coverage / 2)
    half = 0.5 if x2 == 0 else 0.0
    a, m, b, n = x1 + half, n1 + half, x2 + half, n2 + half
    std_error = math.sqrt(1 / a - 1 / m + 1 / b - 1 / n)
    centre = math.log((b / n) / (a / m))
    lower = math.exp(centre - z * std_error) if x2 else 0.0  # nothing was left, so that nothing may be
    return Interval((x2 / n2) / (x1 / n1), lower, math.exp(centre + z * std_error))


def paired_rates(gained: int, lost: int, n: int, coverage: float) -> tuple[Interval, float]:
    """Bonett and Price's (2012) adjusted interval of the change of paired shares, and McNemar's exact p-value."""
    z = stats.norm.ppf(0.5 + coverage / 2)
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    half = z * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    p = float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    change = (gained - lost) / n
    return Interval(change, max(-1.0, up - down - half), min(1.0, up - down + half)), p


def mean_difference(
    m1: float, v1: float, df1: float, m2: float, v2: float, df2: float, coverage: float
) -> tuple[Interval, float, float]:
    """Welch's interval of m2 - m1 from variances of the means; with p-value and Satterthwaite's degrees of freedom."""
    variance = v1 + v2
    if not is_spread(math.sqrt(variance), m2 - m1):
        return Interval(m2 - m1), NAN, df1 + df2
    spread = v1**2 / df1 + v2**2 / df2
    df = variance**2 / spread if spread > 0 else df1 + df2
    half = stats.t.ppf(0.5 + coverage / 2, df) * math.sqrt(variance)
    change = m2 - m1
    return Interval(change, change - half, change + half), _p(change, math.sqrt(variance), df), df


def paired_difference(change: np.ndarray, coverage: float) -> tuple[Interval, float]:
    """Student's interval and p-value of the mean of differences."""
    n, mean = len(change), float(change.mean())
    std_error = float(change.std(ddof=1)) / math.sqrt(n)
    if not is_spread(std_error, mean):
        return Interval(mean), NAN
    half = stats.t.ppf(0.5 + coverage / 2, n - 1) * std_error
    return Interval(mean, mean - half, mean + half), _p(mean, std_error, n - 1)


def mean_ratio(m1: float, v1: float, m2: float, v2: float, covariance: float, df: float, coverage: float) -> Interval:
    """Fieller's (1954) interval of m2 / m1; unknown where the base cannot be told from 0, or nothing varies."""
    if m1 <= 0:
        return Interval(NAN)
    if not is_spread(math.sqrt(v1 + v2), m2 - m1):
        return Interval(m2 / m1)
    t2 = stats.t.ppf(0.5 + coverage / 2, df) ** 2
    a = m1**2 - t2 * v1
    if a <= 0:
        return Interval(m2 / m1)
    b, c = m1 * m2 - t2 * covariance, m2**2 - t2 * v2
    root = math.sqrt(max(b**2 - a * c, 0.0))
    return Interval(m2 / m1, (b - root) / a, (b + root) / a)


def _p(change: float, std_error: float, df: float) -> float:
    return 2 * float(stats.t.sf(abs(change) / std_error, df))
