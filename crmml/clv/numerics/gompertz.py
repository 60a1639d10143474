r"""Gamma/Gompertz/NBD: numerics on arrays, theta = (r, alpha, b, s, beta).

A customer's dropout hazard is :math:`\eta b e^{bu}`, growing with the time u since the first purchase, and η is
Gamma(shape s, rate β) over customers, so that [1]_

.. math:: S(t) = \left(\frac{\beta}{\beta + e^{bt} - 1}\right)^s .

Given survival of t it is of the same law with :math:`\beta e^{-bt} + 1 - e^{-bt}` for β. As b goes to 0 with β/b fixed it
is the Pareto law with rate β/b.

The integral of :mod:`.dropout_integral` is taken in :math:`w = \log(1 + (e^{bu} - 1)/\kappa)` with
:math:`\kappa = \min(\beta, 1 - e^{-b\alpha})`. In the plane of :math:`z = e^{bu}` the integrand's singularities are 0, 1 − β
and exp(−bα), all real and at most 1 − κ, which w puts at Im w = ±π.

References
----------
.. [1] Bemmaor, A. C. and Glady, N. (2012), Modeling purchasing behavior with sudden "death": a flexible customer lifetime
   model. Management Science 58, 1012-1021.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...typing import Numbers
from .dropout_integral import NEGLIGIBLE, DropoutLaw, Nodes, Window, log_integral, shorten

#: Below this exp() cannot overflow.
SAFE = 600.0


class GompertzDropout(DropoutLaw):
    """Gamma-distributed Gompertz hazards: parameters b (growth of the hazard a unit of time), s (shape), beta (rate)."""

    def after(self, t: Numbers) -> GompertzDropout:
        """Return the law of the remaining time: beta moves towards 1."""
        b, s, beta = self.parameters
        return GompertzDropout(b, s, _moved(beta, b * t))

    def pull_back(self, t: Numbers, gradient: np.ndarray) -> np.ndarray:
        """Chain rule through ``after``, with the score of S(t)."""
        b, s, beta = self.parameters
        y = b * t
        with np.errstate(under="ignore"):
            faded = np.exp(-y)
        moved = _moved(beta, y)
        by_b = gradient[0] + (gradient[2] * faded * (1 - beta) - s) * y / moved
        by_s = gradient[1] + self.log_survival(t)
        by_beta = (gradient[2] * beta * faded - s * np.expm1(-y)) / moved
        return np.stack([by_b, by_s, by_beta])

    def log_survival(self, u: Numbers) -> np.ndarray:
        """Log probability of staying longer than u."""
        b, s, beta = self.parameters
        return -s * _log_risk(b * np.asarray(u, dtype=float), np.log(beta))

    def score_survival(self, u: Numbers) -> list[np.ndarray]:
        """Derivatives of log S(u) with respect to log b, log s and log beta."""
        b, s, beta = self.parameters
        y = b * u
        moved = _moved(beta, y)
        return [-s * y / moved, self.log_survival(u), -s * np.expm1(-y) / moved]

    def window(self, p: np.ndarray, alpha: np.ndarray, u: np.ndarray, cut: bool = True) -> Window:
        """Times 0 .. u in w; cut where the integrand has become negligible."""
        b, s, beta = self.parameters
        at_alpha = b * alpha
        kappa = np.minimum(beta, -np.expm1(-at_alpha))
        width = _log_risk(b * u, np.log(kappa))
        apart = np.log(beta / kappa)
        limit = NEGLIGIBLE if cut else 3 * NEGLIGIBLE
        width = np.minimum(width, (limit + (s + 1) * apart) / s)
        if cut:
            least = (s + 1) * kappa / beta + p * np.minimum(kappa / at_alpha, _pull(width, kappa, at_alpha)) - 1
            with np.errstate(divide="ignore", over="ignore"):
                width = np.where(least * width > NEGLIGIBLE, NEGLIGIBLE / least, width)
            steep = np.flatnonzero((s + 1 + p) * width > 3 * NEGLIGIBLE)
            if steep.size:
                width[steep] = _cut(self.take(steep).parameters, p[steep], at_alpha[steep], kappa[steep], width[steep])
        first_pull, last_pull = kappa / at_alpha, _pull(width, kappa, at_alpha)
        with np.errstate(over="ignore"):
            most = np.minimum(1.0, first_pull * np.exp(width))
        most = np.maximum(np.where(kappa < beta, first_pull, most), last_pull)
        share = _share(width, kappa / beta)
        rise = 1 - (s + 1) * kappa / beta - p * np.minimum(first_pull, last_pull)
        fall = (s + 1) * share + p * most - 1
        curvature = np.where(
            kappa < beta, (s + 1) * np.minimum(0.25, share) * (1 - kappa / beta), p * np.minimum(0.25, most)
        )
        y = _time(width, kappa)
        speed = _share(width, kappa) / b + 0 * y
        return Window(kappa, width, np.maximum(np.maximum(fall, rise), 0.0), curvature, speed)

    def nodes(self, w: np.ndarray, scale: Numbers, alpha: Numbers, score: bool = False) -> Nodes:
        """Return the law at exp(b u) = 1 + scale (e^w - 1)."""
        b, s, beta = self.parameters
        y = _time(w, scale)
        u = y / b
        risk = _log_risk(w, np.log(beta / scale))
        log_density = w - (s + 1) * risk + np.log(s * scale / beta)
        scores = []
        if score:
            moved = _moved(beta, y)
            scores = [
                1 + y - (s + 1) * y / moved,
                1 - s * risk,
                -(s + 1) * np.expm1(-y) / moved - 1,
            ]
        return Nodes(np.log1p(u / alpha), u / (alpha + u), log_density, scores)

    def lifetime(self, horizon: Any, delta: float = 0.0) -> np.ndarray:
        """Discounted time alive, by quadrature in w with min(beta, 1) for the scale; the log integrand is concave."""
        b, s, beta, horizon = np.broadcast_arrays(*self.parameters, np.asarray(horizon, dtype=float))
        shape = b.shape
        b, s, beta, end = (value.ravel().astype(float) for value in (b, s, beta, horizon))
        if delta > 0:
            end = np.minimum(end, (NEGLIGIBLE + 5) / delta)
        kappa, rate = np.minimum(beta, 1.0), delta / b
        width = _log_risk(b * end, np.log(kappa))

        def log_integrand(w, index=slice(None)):
            y = _time(w, kappa[index])
            risk = _log_risk(w, np.log(beta / kappa)[index])
            return np.where(kappa[index] < 1, w - y, 0.0) - s[index] * risk - rate[index] * y

        def fall(w):
            return s * _share(w, kappa / beta) + (1 + rate) * _share(w, kappa) - 1

        for _ in range(4):
            width = shorten(width, lambda w, end: (log_integrand(w), fall(w)))
        first, last = fall(np.zeros_like(width)), fall(width)
        curvature = s * np.minimum(0.25, _share(width, kappa / beta)) * (1 - kappa / beta)
        curvature = curvature + (1 + rate) * np.minimum(0.25, _share(width, kappa)) * (1 - kappa)
        window = Window(kappa, width, np.maximum(np.abs(first), np.abs(last)), curvature, width)
        return (kappa / b * np.exp(log_integral(log_integrand, window))).reshape(shape)[()]

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Times until n customers leave."""
        b, s, beta = self.parameters
        return _time(rng.exponential(size=n) / s, beta) / b


def _cut(law: Any, p: np.ndarray, at_alpha: np.ndarray, kappa: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Narrow windows by slopes that hold from a point to the window's end."""
    _, s, beta = law

    def bound(w, end):
        y = _time(w, kappa)
        height = w - (s + 1) * _log_risk(y, np.log(beta)) - p * np.log1p(y / at_alpha)
        least = np.minimum(_pull(w, kappa, at_alpha), _pull(end, kappa, at_alpha))
        return height, (s + 1) * _share(w, kappa / beta) + p * least - 1

    return shorten(shorten(shorten(width, bound), bound), bound)


def _log_risk(y: Any, log_scale: Any) -> np.ndarray:
    """log(1 + (e^y - 1) / scale) without overflow, to full relative precision."""
    y = np.asarray(y, dtype=float)
    if y.size and y.max() + np.max(-np.minimum(log_scale, 0.0)) < SAFE:
        return np.log1p(np.expm1(y) * np.exp(-np.asarray(log_scale)))
    with np.errstate(divide="ignore", under="ignore"):
        return np.logaddexp(0.0, y + np.log(-np.expm1(-y)) - log_scale)


def _time(w: Any, scale: Any) -> np.ndarray:
    """Inverse of :func:`_log_risk`: log(1 + scale (e^w - 1))."""
    w = np.asarray(w, dtype=float)
    return _log_risk(w, -np.log(scale))


def _share(w: Any, part: Any) -> np.ndarray:
    """Return part e^w / (1 - part + part e^w), for part <= 1."""
    with np.errstate(under="ignore"):
        return part / (part + (1 - part) * np.exp(-w))


def _pull(w: Any, scale: Any, at_alpha: Any) -> np.ndarray:
    """Derivative of log(alpha + u) with respect to w."""
    return _share(w, scale) / (at_alpha + _time(w, scale))


def _moved(beta: Any, y: Any) -> np.ndarray:
    """The rate beta after the time y / b: beta e^-y + 1 - e^-y."""
    with np.errstate(under="ignore"):
        return beta * np.exp(-y) - np.expm1(-y)
