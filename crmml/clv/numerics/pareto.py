r"""Pareto/NBD: numerics on arrays, theta = (r, alpha, s, beta).

A customer's dropout rate μ is Gamma(shape s, rate β) over customers, so that the dropout time has the Pareto law
:math:`S(t) = (\beta/(\beta+t))^s` [1]_. Given survival of t it is of the same law with β + t for β.

The likelihood has a closed form in Gauss's 2F1, which loses its digits where α and β lie close or the counts are large
[2]_; here it is the integral of :mod:`.dropout_integral`, in w = log(1 + u / min(α, β)): the integrand
(α+u)^-p (β+u)^-(s+1) has its singularities at ±iπ then, whatever the parameters, and its logarithm is concave.

References
----------
.. [1] Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting your customers: who are they and what will
   they do next? Management Science 33, 1-24.
.. [2] Fader, P. S. and Hardie, B. G. S. (2005), A note on deriving the Pareto/NBD model and related expressions.
   brucehardie.com/notes/009.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import exprel

from ...typing import Numbers
from .dropout_integral import NEGLIGIBLE, DropoutLaw, Nodes, Window, log_integral, shorten


class ParetoDropout(DropoutLaw):
    """Gamma-distributed dropout rates: parameters s (shape) and beta (rate, a time)."""

    def after(self, t: Numbers) -> ParetoDropout:
        """Return the law of the remaining time: beta grows by t."""
        s, beta = self.parameters
        return ParetoDropout(s, beta + t)

    def pull_back(self, t: Numbers, gradient: np.ndarray) -> np.ndarray:
        """Chain rule through ``after``, with the score of S(t)."""
        s, beta = self.parameters
        by_s = gradient[0] + self.log_survival(t)
        by_beta = (gradient[1] * beta + s * t) / (beta + t)
        return np.stack([by_s, by_beta])

    def log_survival(self, u: Numbers) -> np.ndarray:
        """Log probability of staying longer than u."""
        s, beta = self.parameters
        return -s * np.log1p(u / beta)

    def score_survival(self, u: Numbers) -> list[np.ndarray]:
        """Derivatives of log S(u) with respect to log s and log beta."""
        s, beta = self.parameters
        return [self.log_survival(u), s * u / (beta + u)]

    def window(self, p: np.ndarray, alpha: np.ndarray, u: np.ndarray, cut: bool = True) -> Window:
        """Times 0 .. u in w = log(1 + u / min(alpha, beta)); the log integrand is concave in it."""
        s, beta = self.parameters
        scale = np.minimum(alpha, beta)
        at_alpha, at_beta = scale / alpha, scale / beta
        width = np.log1p(u / scale)
        grown = 1 + u / scale
        first = p * at_alpha + (s + 1) * at_beta - 1

        def fall(grown):
            """Minus the slope of the log integrand where w = log(grown)."""
            return (p * grown) / (1 / at_alpha - 1 + grown) + ((s + 1) * grown) / (1 / at_beta - 1 + grown) - 1

        speed = scale * grown
        if cut:
            with np.errstate(divide="ignore"):
                width = np.where(first * width > NEGLIGIBLE, NEGLIGIBLE / first, width)
            grown = np.where(speed == scale * grown, np.minimum(grown, np.exp(width)), grown)
            last = fall(grown)
            steep = np.flatnonzero(last * width > 2 * NEGLIGIBLE)
            if steep.size:
                width[steep] = _cut(self.take(steep).parameters, p[steep], alpha[steep], width[steep])
                grown[steep] = np.exp(width[steep])
        last = fall(grown)
        other = np.where(alpha <= beta, s + 1, p)
        near = np.minimum(at_alpha, at_beta)
        share = grown / (1 / near - 1 + grown)
        curvature = other * np.minimum(0.25, share) * (1 - near)
        return Window(scale, width, np.maximum(last, -first), curvature, speed)

    def nodes(self, w: np.ndarray, scale: Numbers, alpha: Numbers, score: bool = False) -> Nodes:
        """Return the law at u = scale (e^w - 1)."""
        s, beta = self.parameters
        grown = np.exp(w)
        u = scale * (grown - 1)
        by_alpha, by_beta = alpha <= beta, alpha >= beta
        if np.all(by_alpha):
            log_growth, age, log_beta = w, 1 - 1 / grown, np.log(1 + u / beta)
        elif np.all(by_beta):
            log_growth, age, log_beta = np.log(1 + u / alpha), u / (alpha + u), w
        else:
            age = u / (alpha + u)
            log_growth = np.where(by_alpha, w, np.log(1 + u / alpha))
            log_beta = np.where(by_beta, w, np.log(1 + u / beta))
        log_density = w - (s + 1) * log_beta + np.log(s * scale / beta)
        scores = [1 - s * log_beta, (s + 1) * (u / (beta + u)) - 1] if score else []
        return Nodes(log_growth, age, log_density, scores)

    def lifetime(self, horizon: Any, delta: float = 0.0) -> np.ndarray:
        r"""Discounted time alive; without discounting :math:`\beta (1 - (\beta/(\beta+h))^{s-1}) / (s-1)`, log at s = 1."""
        s, beta = self.parameters
        if delta == 0:
            log_ratio = np.log1p(horizon / beta)
            return beta * log_ratio * exprel((1 - s) * log_ratio)
        s, beta, horizon = np.broadcast_arrays(s, beta, horizon)
        end = np.minimum(horizon, NEGLIGIBLE * (1 + 1 / NEGLIGIBLE) / delta + 0 * beta)
        width, rate = np.log1p(end / beta), delta * beta
        last = rate + delta * end
        window = Window(beta, width, np.maximum(np.abs(1 - s - last), np.abs(1 - s - rate)), last, last)

        def log_integrand(w, index):
            return (1 - s[index]) * w - rate[index] * np.expm1(w)

        return beta * np.exp(log_integral(log_integrand, window))

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Times until n customers leave."""
        s, beta = self.parameters
        with np.errstate(over="ignore"):
            return beta * np.expm1(rng.exponential(size=n) / s)


def _cut(law: Any, p: np.ndarray, alpha: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Narrow windows: by what the integrand is at most far out, and by its tangents, for its logarithm is concave."""
    s, beta = law
    scale = np.minimum(alpha, beta)
    far = NEGLIGIBLE + (s + 1) * np.log(beta / scale) + p * np.log(alpha / scale)

    def bound(w, _):
        grown = np.exp(w)
        u = scale * np.expm1(w)
        height = w - p * np.log1p(u / alpha) - (s + 1) * np.log1p(u / beta)
        return height, (p / (alpha + u) + (s + 1) / (beta + u)) * (scale * grown) - 1

    return shorten(np.minimum(width, far / (s + p)), bound)
