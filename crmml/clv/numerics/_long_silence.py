r"""What BG/BB makes of a silence of any length, at a cost that does not grow with it.

After the last purchase, at opportunity t of n, a customer has left or stayed quiet:

.. math:: F = \sum_{i=t}^{n-1} W_i \frac{\gamma}{\gamma+\delta+i} + W_n,\qquad
          W_m = \prod_{k=t}^{m-1} \frac{\beta+k-x}{\alpha+\beta+k} \frac{\delta+k}{\gamma+\delta+k}.

The first terms are added up one by one. What follows varies slowly and is summed by the Euler-Maclaurin formula: an integral
over the logarithm of time, by Gauss-Legendre nodes, and corrections at its two ends whose derivatives are central differences
of the terms themselves. So F is a weighted sum of terms, and its gradient the same sum of theirs.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

from ...inference.quadrature import legendre
from .rising import log_rising, log_rising_slope

#: Terms added one by one: what is left then varies by so little that five derivatives give 13 digits.
FIRST = 128
PANELS, NODES = 4, 16
#: Terms times rows of one block.
BLOCK = 1 << 15
#: exp(-NEGLIGIBLE) of the integral may be left out.
NEGLIGIBLE = 42.0
#: Central differences of seven points for the first, third and fifth derivative, with Euler-Maclaurin's factors.
ENDS = (
    np.array([-1 / 60, 3 / 20, -3 / 4, 0, 3 / 4, -3 / 20, 1 / 60]) / 12
    - np.array([1 / 8, -1, 13 / 8, 0, -13 / 8, 1, -1 / 8]) / 720
    + np.array([-1 / 2, 2, -5 / 2, 0, 5 / 2, -2, 1 / 2]) / 30240
)


class LongSilence:
    """F and its gradient for rows of (x, t_x, n) under theta = (alpha, beta, gamma, delta), broadcasting against the rows."""

    def __init__(self, x: np.ndarray, t_x: np.ndarray, n: np.ndarray, theta: tuple, gradient: bool = False):
        self.alpha, self.beta, self.gamma, self.delta = theta
        self.x, self.t_x, self.n, self.gradient = x, t_x, n, gradient
        self.unsold = self.beta + t_x - x
        self.buyers, self.stayers = self.alpha + self.beta + t_x, self.delta + t_x
        self.tosses = self.gamma + self.stayers
        shape = np.broadcast_shapes(*(np.shape(value) for value in theta), x.shape)
        self.value = np.zeros(shape)
        self.slope = np.zeros((4, *shape)) if gradient else None

    def total(self) -> tuple[np.ndarray, np.ndarray | None]:
        """F, shape (..., rows), and its derivatives by the log parameters, shape (4, ..., rows), or None."""
        length = self.n - self.t_x
        k = np.arange(min(FIRST, int(length.max(initial=0))), dtype=float)[:, None]
        self._add(np.broadcast_to(k, (k.size, length.size)), (k < length).astype(float))
        if (length > FIRST).any():
            self._add(*self._rest(np.maximum(length, FIRST)))
        self._add(length[None, :], np.ones((1, length.size)), leaving=False)
        return self.value, self.slope

    def _rest(self, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places and weights, (points, ..., rows), of the sum from FIRST to length; none weighs where that is nothing."""
        start = np.full(length.shape, float(FIRST))
        scale = self.unsold + FIRST
        steepness = scale * -self._log_slope(start) - 1
        with np.errstate(divide="ignore"):
            far = np.where(steepness > 0, NEGLIGIBLE / steepness, np.inf)
        width = np.minimum(np.log1p((length - FIRST) / scale), far)
        node, weight = legendre(NODES)
        place = ((np.arange(PANELS)[:, None] + node) / PANELS).ravel().reshape(-1, *[1] * width.ndim)
        share = np.tile(weight / PANELS, PANELS).reshape(place.shape)
        inside = scale * np.expm1(width * place)
        there = np.broadcast_to((length > FIRST).astype(float), width.shape)
        places, weights = [FIRST + inside], [share * width * (scale + inside)]
        for end, sign in ((start, 1.0), (length, -1.0)):
            step = np.arange(-3.0, 4.0).reshape(-1, *[1] * width.ndim)
            places.append(np.broadcast_to(end + step, (7, *width.shape)))
            weights.append((0.5 * sign * (step == 0) - sign * ENDS.reshape(step.shape)) * there)
        return np.concatenate(places), np.concatenate(weights)

    def _log_slope(self, s: np.ndarray) -> np.ndarray:
        """Derivative of the log of a term by s."""
        gained = digamma(self.unsold + s) + digamma(self.stayers + s)
        return gained - digamma(self.buyers + s) - digamma(self.tosses + s) - 1 / (self.tosses + s)

    def _add(self, places: np.ndarray, weights: np.ndarray, leaving: bool = True) -> None:
        """Add weighted terms, each some opportunities after the last purchase, a block at a time."""
        if places.ndim < self.value.ndim + 1:  # one for each row, whatever the parameters
            shape = (len(places), *[1] * (self.value.ndim - 1), places.shape[-1])
            places, weights = places.reshape(shape), weights.reshape(shape)
        step = max(1, BLOCK // max(self.value.size, 1))
        for at in range(0, len(places), step):
            self._add_block(places[at : at + step], weights[at : at + step], leaving)

    def _add_block(self, s: np.ndarray, weight: np.ndarray, leaving: bool) -> None:
        """Add W at s, times the probability of leaving there, or of having stayed."""
        buying = log_rising(self.unsold, s) - log_rising(self.buyers, s)
        term = weight * np.exp(buying + log_rising(self.stayers, s) - log_rising(self.tosses, s))
        leave = self.gamma / (self.tosses + s)
        if leaving:
            term = term * leave
        self.value += term.sum(axis=0)
        if self.slope is None:
            return
        by_buyers = log_rising_slope(self.buyers, s) / self.buyers
        by_tosses = log_rising_slope(self.tosses, s) / self.tosses
        own = log_rising_slope(self.stayers, s) / self.stayers - by_tosses
        gone = 1 / (self.tosses + s) if leaving else 0.0
        self.slope[0] -= (term * by_buyers).sum(axis=0) * self.alpha
        self.slope[1] += (term * (log_rising_slope(self.unsold, s) / self.unsold - by_buyers)).sum(axis=0) * self.beta
        self.slope[2] += (term * ((1 - leave if leaving else 0.0) - self.gamma * by_tosses)).sum(axis=0)
        self.slope[3] += (term * (own - gone)).sum(axis=0) * self.delta
