r"""Discounted purchases of customers who are alive, over a gamma-distributed rate and a beta-distributed dropout probability.

Say a customer buys at rate λ ~ Gamma(ν, rate A) and leaves after each purchase with probability p ~ Beta(a, b). At time t the
customer is still there with probability e^(−pλt), so that what is bought within a horizon h at a discount intensity δ is

.. math:: E\Big[\int_0^h \lambda e^{-(\delta + p\lambda) t} dt\Big]
   = \frac{\nu}{A} E\Big[\frac{1 - e^{-(\delta + p y/A) h}}{\delta + p y/A}\Big],\qquad y \sim \mathrm{Gamma}(\nu + 1, 1),

the factor λ taken into the gamma density. There is no integral over time left, and no closed form that loses digits.
Over ln y and ln(p/(1 − p)) the integrand is analytic in a strip of half-width π/2: the trapezoidal rule converges
exponentially in both, whatever the parameters [1]_. Without a discount the expectation over y is closed, and one over p is left.

Customers differ in ν and b by their count x alone, and so share their points for equal x. What remains, times A, is a
smooth function of ln A: where an x comes with more lengths of observation than Chebyshev points are needed, it is computed at these
and interpolated [2]_.

References
----------
.. [1] Trefethen, L. N. and Weideman, J. A. C. (2014), The exponentially convergent trapezoidal rule. SIAM Review 56, 385-458.
.. [2] Berrut, J.-P. and Trefethen, L. N. (2004), Barycentric Lagrange interpolation. SIAM Review 46, 501-517.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .beta_mixture import EXACT, Points, beta_points


class Rule(NamedTuple):
    """How fine the points lie."""

    #: Of the trapezoidal rules.
    points: Points
    #: Of the interpolation over A, relative.
    digits: float


#: Without a discount, as precise as :func:`.beta_mixture.mean_purchases`: few digits would save little there.
FULL = Rule(EXACT, 12.0)
#: With one, for an estimate, 1e-7 relative, and for draws, whose spread is far wider.
FINE = Rule(Points(accuracy=16.5, negligible=19.0), 8.0)
COARSE = Rule(Points(accuracy=12.0, negligible=14.0), 5.0)
#: Half-width of the strip of ln A in which the expectation is taken to be analytic: it has its singularities at π.
STRIP = 2.5
#: Values of the integrand computed at a time, to stay within the cache.
BLOCK = 60_000
#: A mean dropout probability is kept this far from 0 and 1.
LEAST = 1e-9
#: Below it 1 − exp(−z) loses digits.
SMALL = 1e-4


def by_count(
    x: np.ndarray,
    T: np.ndarray,
    theta: Sequence[Any],
    occasions: np.ndarray,
    horizon: float,
    delta: float,
    rule: Rule,
    factor: Any = 1.0,
) -> np.ndarray:
    """Expectation of customers with x purchases within T, alive at T, (..., n).

    Parameters
    ----------
    x, T : ndarrays of shape (n,)
    theta : (r, alpha, a, b)
        Scalars or draws of shape (m, 1), which rows of equal x share; or values of their own, (n,) or (m, n).
    occasions : ndarray of shape (n,)
        What is added to b: the occasions to leave so far, a function of x.
    horizon : float
        May be infinite where delta > 0.
    delta : float
    rule : Rule
    factor : float or ndarray of shape (m, 1), default=1.0
        What a customer's mean dropout probability is multiplied by, a + b staying as it is.
    """
    r, alpha, a, b = (np.asarray(value, dtype=float) for value in theta)
    if any(value.ndim and value.shape[-1] > 1 for value in (r, alpha, a, b)):
        a, b = _scaled(a, b + occasions, factor)
        return of_each(r + x, alpha + T, a, b, horizon, delta, rule)
    shape = np.broadcast_shapes(r.shape, alpha.shape, a.shape, b.shape, np.shape(factor))
    r, alpha, a, b, scale = (np.broadcast_to(value, shape).ravel() for value in (r, alpha, a, b, factor))
    result = np.empty((r.size, x.size))
    order = np.argsort(x, kind="stable")
    first = np.flatnonzero(np.diff(x[order], prepend=-1.0))
    for which in np.split(order, first[1:]) if x.size else ():
        at = which[0]
        out, stay = _scaled(a, b + occasions[at], scale)
        result[:, which] = _over_lengths(r + x[at], alpha, T[which], out, stay, horizon, delta, rule)
    return result.reshape(*shape[:-1], x.size)


def of_each(nu: Any, length: Any, a: Any, b: Any, horizon: float, delta: float, rule: Rule) -> np.ndarray:
    """Expectation where every customer has parameters of their own; all broadcast."""
    arrays = np.broadcast_arrays(nu, length, a, b)
    nu, length, a, b = (np.asarray(value, dtype=float).ravel() for value in arrays)
    return _expectation(nu, length[:, None], a, b, horizon, delta, rule)[:, 0].reshape(arrays[0].shape)


def _scaled(a: np.ndarray, b: np.ndarray, factor: Any) -> tuple[np.ndarray, np.ndarray]:
    """A beta distribution with its mean multiplied, kept within 0 and 1, and a + b as it is."""
    if np.all(np.asarray(factor) == 1):
        return a, b
    both = a + b
    out = np.clip(a * factor, LEAST * both, (1 - LEAST) * both)
    return out, both - out


def _over_lengths(nu, alpha, T: np.ndarray, a, b, horizon: float, delta: float, rule: Rule) -> np.ndarray:
    """Expectation for m draws of the parameters and n lengths of observation, (m, n), from as few of them as do."""
    least, start = alpha.min(), T.min()
    half = np.log((least + T.max()) / (least + start)) / 2
    reach = STRIP / max(half, 1e-9)
    n_nodes = int(rule.digits * np.log(10) / np.arcsinh(reach)) + 3
    if n_nodes >= T.size:
        return _expectation(nu, alpha[:, None] + T, a, b, horizon, delta, rule)
    angle = (np.arange(n_nodes) + 0.5) * np.pi / n_nodes
    node = np.cos(angle)
    at = (least + start) * np.exp(half * (1 + node)) - least
    known = _expectation(nu, alpha[:, None] + at, a, b, horizon, delta, rule) * (alpha[:, None] + at)
    place = np.log((least + T) / (least + start)) / half - 1
    away = place[:, None] - node
    hit = np.abs(away) < 1e-15
    share = np.sin(angle) * (-1.0) ** np.arange(n_nodes) / np.where(hit, 1.0, away)
    share = np.where(hit.any(axis=1, keepdims=True), hit, share)
    share /= share.sum(axis=1, keepdims=True)
    return (known @ share.T) / (alpha[:, None] + T)


def _expectation(nu, length: np.ndarray, a, b, horizon: float, delta: float, rule: Rule) -> np.ndarray:
    """Expectation for parameters (m,) and lengths (m, t), (m, t): a block of them at a time."""
    result = np.empty(length.shape)
    step = max(1, BLOCK // (20 * length.shape[1]))
    with np.errstate(over="ignore"):
        for at in range(0, len(result), step):
            part = slice(at, at + step)
            compute = _discounted if delta else _undiscounted
            result[part] = compute(nu[part], length[part], a[part], b[part], horizon, delta, rule)
    return result


def _undiscounted(nu, length, a, b, horizon: float, delta: float, rule: Rule) -> np.ndarray:
    p, weight = beta_points(nu, horizon / length.min(axis=1), a, b, rule.points)
    total = np.zeros(length.shape)
    nu, ahead = nu[:, None], horizon / length
    for k in range(len(p)):
        total += (weight[k] / p[k])[:, None] * -np.expm1(-nu * np.log1p(p[k][:, None] * ahead))
    return total


def _discounted(nu, length, a, b, horizon: float, delta: float, rule: Rule) -> np.ndarray:
    ahead = min(horizon, 1 / delta) / length.min(axis=1)
    p, p_weight = beta_points(nu, ahead, a, b, rule.points)
    growth = np.log1p((nu + 1) * ahead)
    y, y_weight = _gamma_points(nu + 1, growth, rule.points)
    if nu.size == 1:
        least = np.exp(-rule.points.negligible - growth[0])
        return nu / length * _of_one(p, p_weight, y, y_weight, length, horizon, delta, least)
    pace = (y[..., None] / length)[None]
    total = np.zeros(length.shape)
    step = max(1, BLOCK // pace.size)
    for k in range(0, len(p), step):
        ends = delta + p[k : k + step, None, :, None] * pace
        value = _until(ends, horizon)
        total += np.einsum("kjmt,km,jm->mt", value, p_weight[k : k + step], y_weight, optimize=True)
    return nu[:, None] / length * total


def _of_one(p, p_weight, y, y_weight, length, horizon: float, delta: float, least: float) -> np.ndarray:
    """The double sum for a single set of parameters, without the pairs of points that weigh nothing."""
    weight = (p_weight[:, 0, None] * y_weight[:, 0]).ravel()
    kept = np.flatnonzero(weight > least * weight.max())
    leave, weight = (p[:, 0, None] * y[:, 0]).ravel()[kept], weight[kept]
    total, step = np.zeros(length.shape[1]), max(1, BLOCK // length.shape[1])
    for k in range(0, weight.size, step):
        total += weight[k : k + step] @ _until(delta + leave[k : k + step, None] / length[0], horizon)
    return total[None, :]


def _until(rate: np.ndarray, horizon: float) -> np.ndarray:
    """(1 - exp(-rate h)) / rate, which ends the stream of rate 1 at a rate."""
    if not np.isfinite(horizon):
        return 1 / rate
    value = rate * -horizon
    if value.max() > -SMALL:
        np.expm1(value, out=value)
    else:
        np.exp(value, out=value)
        value -= 1
    value /= rate
    return np.negative(value, out=value)


def _gamma_points(shape: np.ndarray, growth: np.ndarray, points: Points) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights, (j, m), of a gamma-distributed variable of these shapes, on the logarithmic scale.

    ``growth`` is how far the log of the integrand may rise to the left.
    """
    relative = (points.negligible + growth) / shape
    left = relative / 3 + np.sqrt(relative**2 / 9 + 2 * relative)
    relative = points.negligible / shape
    right = np.log1p(relative + np.sqrt(2 * relative))
    spacing = points.spacing(shape)
    count = int(np.ceil(((left + right) / spacing).max())) + 1
    away = np.linspace(-left, right, count)
    weight = np.exp(-shape * (np.expm1(away) - away))
    return shape * np.exp(away), weight / weight.sum(axis=0)
