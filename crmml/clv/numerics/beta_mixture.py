r"""Expectations over a Beta-distributed dropout probability, exact for any legal a, b and horizon.

With p ~ Beta(a, b) and s, ν > 0 two expectations carry the beta-geometric models:

    E[(1 − (1 + p s)^−ν) / p]    purchases of a customer who may leave after each,
    E[(1 + p s)^−ν]              survival.

The closed forms through the hypergeometric function divide by a − 1 and lose all digits in places; here both are sums of
positive terms. With p = 1/(1 + e^−u) the integrands are analytic within |Im u| < π/2, so that the trapezoidal rule
converges exponentially [1]_. Its points are equidistant in v,

    u = v − w e^−(v − lower)/w + w e^(v − upper)/w,

which leaves the stretch from ``lower`` to ``upper``, where the integrand has its features, as it is, and runs
exponentially fast through tails that decay only like e^(a u) and e^(−b u).

References
----------
.. [1] Trefethen, L. N. and Weideman, J. A. C. (2014), The exponentially convergent trapezoidal rule. SIAM Review 56,
   385-458.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...typing import Numbers


class Points(NamedTuple):
    """How the points of a trapezoidal rule lie."""

    #: exp(−accuracy) is the error of the rule.
    accuracy: float
    #: Terms below exp(−negligible) of the largest are left out.
    negligible: float

    @property
    def wide(self) -> float:
        """Spacing where the density is wide and only the strip of half-width π/2 counts, error exp(−2π (π/2) / spacing)."""
        return np.pi**2 / self.accuracy

    def spacing(self, shape: Any) -> Any:
        """Spacing for a density like that of the log of a gamma variable of this shape.

        At Im u = θ it is cos(θ)^(−shape) as large, so that the error is exp(−2πθ/h) cos(θ)^(−shape) for the best θ; between the
        wide density and the narrow, normal one (error exp(−2π² shape⁻¹ / h²)) a power sum of the two comes near.
        """
        narrow = np.pi * np.sqrt(2 / (self.accuracy * shape))
        return (self.wide**-BETWEEN + narrow**-BETWEEN) ** (-1 / BETWEEN)


#: Power of the sum.
BETWEEN = 1.6
#: 2e-11 relative.
EXACT = Points(accuracy=24.7, negligible=36.0)
#: Points × problems computed at a time, to stay within the cache.
BLOCK = 200_000
TINY = 1e-250


def mean_purchases(nu: Numbers, s: Numbers, a: Numbers, b: Numbers) -> np.ndarray:
    """Return E[(1 − (1 + p s)^−ν) / p] for p ~ Beta(a, b); all arguments broadcast, s >= 0, others > 0."""
    return _expectation(lambda p, nu, s: -np.expm1(-nu * np.log1p(p * s)) / p, nu, s, a, b)


def log_mean_survival(nu: Numbers, s: Numbers, a: Numbers, b: Numbers) -> np.ndarray:
    """Return ln E[(1 + p s)^−ν] for p ~ Beta(a, b); all arguments broadcast."""
    with np.errstate(divide="ignore"):
        return np.log(_expectation(lambda p, nu, s: np.exp(-nu * np.log1p(p * s)), nu, s, a, b))


def _expectation(kernel, nu: Any, s: Any, a: Any, b: Any) -> np.ndarray:
    shape = np.broadcast_shapes(*(np.shape(value) for value in (nu, s, a, b)))
    flat = [np.broadcast_to(np.asarray(value, dtype=float), shape).ravel() for value in (nu, s, a, b)]
    result = np.empty(flat[0].size)
    step = BLOCK // 100
    for at in range(0, result.size, step):
        result[at : at + step] = _block(kernel, *(value[at : at + step] for value in flat))
    return result.reshape(shape)


def _block(kernel, nu, s, a, b):
    p, weight = beta_points(nu, s, a, b)
    return (weight * kernel(p, nu, s)).sum(axis=0)


def beta_points(
    nu: np.ndarray, s: np.ndarray, a: np.ndarray, b: np.ndarray, points: Points = EXACT
) -> tuple[np.ndarray, np.ndarray]:
    """Points p ~ Beta(a, b) and their weights, which add up to 1, both (k, n), for integrands that turn where p s ν is about 1.

    Parameters
    ----------
    nu, s, a, b : ndarrays of shape (n,)
    points : Points, default=EXACT
    """
    start, spacing, lower, upper, width, count = _points(nu, s, a, b, points)
    v = start + spacing * np.arange(count)[:, None]
    left, right = np.exp((lower - v) / width), np.exp((v - upper) / width)
    u = v + width * (right - left)
    e = np.exp(-np.abs(u))
    log_1p = np.log1p(e)
    positive = u > 0
    log_density = a * (np.minimum(u, 0) - log_1p) - b * (np.maximum(u, 0) + log_1p)
    density = np.exp(log_density - log_density.max(axis=0)) * (1 + left + right)
    p = np.maximum(np.where(positive, 1.0, e) / (1 + e), TINY)
    return p, density / density.sum(axis=0)


def _points(nu, s, a, b, points: Points):
    """Where each problem's points lie: first v, spacing, the stretch left as it is, the tails' width; and their number."""
    mode = np.log(a) - np.log(b)
    curvature = np.sqrt(a * b / (a + b))
    h = points.spacing(curvature**2)
    width = h / points.wide
    negligible = points.negligible
    reach = np.sqrt(2 * negligible) / curvature
    # a density's end: where its deficit against the mode is no longer negligible, at the slope a (left) or b (right)
    # the integrand may grow to the left, as far as to where it turns
    turn = -np.log1p(s + nu * s)
    first, last = mode - reach - (negligible - turn) / a, mode + reach + negligible / b
    # on the right a large b ends the density like exp(−b e^u)
    last = np.minimum(last, np.where(b > 1, np.maximum(mode, 0.0) + reach + negligible / b, last))
    lower = np.maximum(first, np.minimum(mode, turn) - 4.0)
    upper = np.maximum(np.minimum(last, np.maximum(mode, 0.0) + 4.0), lower)
    begin = lower - width * np.log1p((lower - first) / width)
    end = upper + width * np.log1p((last - upper) / width)
    count = int(np.ceil(((end - begin) / h).max())) + 1 if h.size else 1
    return begin, (end - begin) / max(count - 1, 1), lower, upper, width, count
