r"""Logarithms of rising factorials, :math:`(c)_j = \Gamma(c+j) / \Gamma(c)`, to full precision for small and huge c.

The difference of two log-gamma values loses all its digits where c is huge, which is where a fit goes when the data do
not support a mixing distribution. From c = 20 on Stirling's series is subtracted term by term instead.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from ...typing import Numbers

#: From here on five terms of Stirling's series are exact to rounding.
LARGE = 20.0
#: Coefficients of x^-1, x^-3, ... in ln Γ(x) − (x − 1/2) ln x + x − ln(2π)/2.
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)


def log_rising(c: Numbers, j: Numbers) -> np.ndarray:
    """Return ln Γ(c + j) − ln Γ(c) for c > 0, j > −c, broadcasting."""
    c, j = np.asarray(c, dtype=float), np.asarray(j, dtype=float)
    if c.ndim == 0:
        return gammaln(c + j) - gammaln(c) if c < LARGE else _stirling(c, j)
    c, j = np.broadcast_arrays(c, j)
    if c.size and c.max() < LARGE:
        return gammaln(c + j) - gammaln(c)
    if c.size and c.min() >= LARGE:
        return _stirling(c, j)
    large = c >= LARGE
    small_c = np.where(large, 1.0, c)
    small = gammaln(small_c + np.where(large, 0.0, j)) - gammaln(small_c)
    return np.where(large, _stirling(np.where(large, c, LARGE), np.where(large, j, 0.0)), small)


def log_rising_slope(c: Numbers, j: Numbers) -> np.ndarray:
    """Return the derivative of :func:`log_rising` with respect to ln c, c (ψ(c + j) − ψ(c))."""
    c, j = np.asarray(c, dtype=float), np.asarray(j, dtype=float)
    if c.ndim == 0:
        return c * (digamma(c + j) - digamma(c) if c < LARGE else _stirling_slope(c, j))
    c, j = np.broadcast_arrays(c, j)
    large = c >= LARGE
    if not large.any():
        return c * (digamma(c + j) - digamma(c))
    stirling = _stirling_slope(np.where(large, c, LARGE), np.where(large, j, 0.0))
    small_c = np.where(large, 1.0, c)
    small = digamma(small_c + np.where(large, 0.0, j)) - digamma(small_c)
    return c * np.where(large, stirling, small)


def _stirling(c: np.ndarray, j: np.ndarray) -> np.ndarray:
    top = c + j
    series = sum(s * (top ** -(2 * n + 1) - c ** -(2 * n + 1)) for n, s in enumerate(STIRLING))
    return (top - 0.5) * np.log1p(j / c) + j * (np.log(c) - 1) + series


def _stirling_slope(c: np.ndarray, j: np.ndarray) -> np.ndarray:
    top = c + j
    series = sum(-(2 * n + 1) * s * (top ** -(2 * n + 2) - c ** -(2 * n + 2)) for n, s in enumerate(STIRLING))
    return np.log1p(j / c) + 0.5 * j / (c * top) + series
