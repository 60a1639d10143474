r"""A curve over the calendar that is common to all, learnt from counts and what was expected of them.

Counts n_k of bins of time with expectation e_k under a model that knows no calendar are taken as

.. math:: n_k \mid f \sim \text{Poisson}(e_k\, e^{f(t_k)}), \qquad f(t) = -\tfrac12 \sigma^2 + f_s(t) + f_y(t) + f_n(t),

a Gaussian process [1]_ of three parts: a short memory, :math:`\text{cov} = \sigma_s^2 e^{-|d|/\ell}` at distance d; a year that
repeats, :math:`\sigma_y^2 \exp(-2 \sin^2(\pi d / \text{year}) / \ell_y^2)`; and what belongs to one bin alone,
:math:`\sigma_n^2`. With :math:`\sigma^2` their sum the multiplier :math:`e^f` has mean 1 where nothing has been seen. The standard
deviations and lengths are not maximised but averaged over a grid, each point weighed by its prior and by the marginal likelihood
of the counts in Laplace's approximation [1]_, so that a short or quiet series leaves them near the prior, and what it cannot tell
stays uncertain.

What no past bin can tell is how well the model's expectation keeps its level: beyond the last bin a random walk with standard
deviation .18 for a year, of mean 1, is laid over the curve. On simulated logs whose season and shocks are known, intervals of
totals half a year ahead hold in about 82 % without it.

References
----------
.. [1] Rasmussen, C. E. and Williams, C. K. I. (2006), Gaussian Processes for Machine Learning, MIT Press, sections 3.4 and 5.2.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

#: Days of a year that repeats.
YEAR = 365.25
#: Grid of the standard deviations of the logarithm, and of the lengths of memory in days.
SHORT = (0.02, 0.05, 0.1, 0.2, 0.4)
YEARLY = (0.02, 0.05, 0.1, 0.2, 0.4)
NOISE = (0.02, 0.1, 0.2, 0.4)
MEMORY = (28.0, 91.0, 280.0, 840.0)
#: Length of the yearly part against the sine of half the angle: about five weeks.
YEARLY_LENGTH = 0.5
#: Medians of the priors of the three standard deviations, lognormal, and the standard deviations of their logarithms.
MEDIANS = (0.1, 0.2, 0.1)
LOG_SDS = (0.7, 0.7, 1.0)
#: Standard deviation, for a year, of the random walk that the level of the expectation takes beyond the bins.
DRIFT = 0.18
#: Points of the grid lighter than this beside the heaviest are left out.
NEGLIGIBLE = 1e-3


@dataclass(frozen=True)
class Hyperparameters:
    """Standard deviations of the parts of the logarithm, and the length of the short memory in days."""

    short: float
    memory: float
    yearly: float
    noise: float

    @property
    def variance(self) -> float:
        """Of the logarithm at one instant, the part of one bin alone included."""
        return self.short**2 + self.yearly**2 + self.noise**2

    def covariance(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Covariance of the shared parts at days ``one`` and ``other``."""
        distance = np.abs(one[:, None] - other[None, :])
        result = self.short**2 * np.exp(-distance / self.memory)
        if self.yearly:
            result += self.yearly**2 * np.exp(-2 * (np.sin(np.pi * distance / YEAR) / YEARLY_LENGTH) ** 2)
        return result

    @property
    def log_prior(self) -> float:
        """Log density of the priors, up to a constant."""
        values = (self.short, self.yearly, self.noise)
        return -0.5 * sum(
            (np.log(value / median) / sd) ** 2
            for value, median, sd in zip(values, MEDIANS, LOG_SDS, strict=True)
            if value
        )


@dataclass(frozen=True)
class _Mode:
    """Laplace's approximation at one point of the grid: the mode, and what predictions are made of."""

    point: Hyperparameters
    mode: np.ndarray
    slope: np.ndarray
    root: np.ndarray
    factor: np.ndarray
    log_marginal: float


@dataclass(frozen=True)
class CalendarProcess:
    """The posterior of the curve, given the counts of bins.

    Parameters
    ----------
    day : ndarray of shape (n_bins,)
        Middle of each bin, in days.
    count, expected : ndarray of shape (n_bins,)
        What happened, and what was expected; bins with nothing expected say nothing.
    yearly : bool, default=True
        Whether a year repeats.
    """

    day: np.ndarray
    count: np.ndarray
    expected: np.ndarray
    yearly: bool = True
    _seen: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_seen", self.expected > 0)

    @property
    def _bins(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.day[self._seen], self.count[self._seen], self.expected[self._seen]

    @cached_property
    def modes(self) -> tuple[list[_Mode], np.ndarray]:
        """The points of the grid that matter, and their posterior weights, which add to 1."""
        start = None
        found, weight = [], []
        for short, memory, yearly, noise in itertools.product(SHORT, MEMORY, YEARLY if self.yearly else (0.0,), NOISE):
            point = Hyperparameters(short, memory, yearly, noise)
            fitted = self._mode(point, start)
            start = fitted.mode
            found.append(fitted)
            weight.append(fitted.log_marginal + point.log_prior)
        share = np.exp(np.array(weight) - max(weight))
        keep = share >= NEGLIGIBLE
        return [mode for mode, kept in zip(found, keep, strict=True) if kept], share[keep] / share[keep].sum()

    def _mode(self, point: Hyperparameters, start: np.ndarray | None) -> _Mode:
        """Newton's method on the log posterior of the curve at one point of the grid (algorithm 3.1 of [1])."""
        day, count, expected = self._bins
        base = expected * np.exp(-point.variance / 2)
        K = point.covariance(day, day)
        K[np.diag_indices_from(K)] += point.noise**2 + 1e-10
        curve = np.zeros(day.size) if start is None else start
        slope, value = np.zeros(day.size), -np.inf
        for _ in range(100):
            mean = base * np.exp(curve)
            root = np.sqrt(mean)
            factor = cholesky(np.eye(day.size) + root[:, None] * K * root, lower=True, check_finite=False)
            target = mean * curve + count - mean
            full = target - root * cho_solve((factor, True), root * (K @ target), check_finite=False)
            slope, curve, new = _climb(K, count, base, slope, full, value)
            if abs(new - value) < 1e-6:
                value = new
                break
            value = new
        mean = base * np.exp(curve)
        root = np.sqrt(mean)
        factor = cholesky(np.eye(day.size) + root[:, None] * K * root, lower=True, check_finite=False)
        marginal = value + count @ np.log(base) - np.log(np.diag(factor)).sum()
        return _Mode(point, curve, slope, root, factor, float(marginal))

    def past(self) -> np.ndarray:
        """Mean logarithm of the multiplier in each bin; where nothing was expected that of a bin not seen."""
        modes, weight = self.modes
        result = np.zeros(self.day.size)
        if not self._seen.all():
            result[~self._seen] = self.mean(self.day[~self._seen])
        result[self._seen] = sum(
            share * (mode.mode - mode.point.variance / 2) for mode, share in zip(modes, weight, strict=True)
        )
        return result

    def mean(self, day: np.ndarray) -> np.ndarray:
        """Logarithm of the expected multiplier at days beyond the bins."""
        modes, weight = self.modes
        total = np.zeros(day.size)
        for mode, share in zip(modes, weight, strict=True):
            centre, spread = self._conditional(mode, day)
            variance = np.diag(spread) + mode.point.noise**2
            total += share * np.exp(centre + variance / 2)
        return np.log(total)

    def draws(self, day: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draws (n_draws, days) of the logarithm of the multiplier at days beyond the bins, each of one common future."""
        modes, weight = self.modes
        parts = []
        for mode, number in zip(modes, rng.multinomial(n_draws, weight), strict=True):
            if not number:
                continue
            centre, spread = self._conditional(mode, day)
            spread[np.diag_indices_from(spread)] += mode.point.noise**2
            value, vector = np.linalg.eigh(spread)
            normal = rng.standard_normal((number, day.size))
            parts.append(centre + (normal * np.sqrt(np.maximum(value, 0.0))) @ vector.T)
        return rng.permutation(np.concatenate(parts)) + self._drift(day, n_draws, rng)

    def _drift(self, day: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draws of the random walk beyond the last bin, less half its variance, so that its exponential has mean 1."""
        order = np.argsort(day)
        ahead = np.maximum(day[order] - self.day[-1], 0.0)
        variance = DRIFT**2 * ahead / YEAR
        step = np.sqrt(np.diff(variance, prepend=0.0))
        walk = np.cumsum(rng.standard_normal((n_draws, day.size)) * step, axis=1) - variance / 2
        result = np.empty_like(walk)
        result[:, order] = walk
        return result

    def _conditional(self, mode: _Mode, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of the shared parts at other days, given the bins (algorithm 3.2 of [1])."""
        seen = self._bins[0]
        cross = mode.point.covariance(seen, day)
        centre = cross.T @ mode.slope - mode.point.variance / 2
        half = solve_triangular(mode.factor, mode.root[:, None] * cross, lower=True, check_finite=False)
        return centre, mode.point.covariance(day, day) - half.T @ half

    def hyperparameters(self) -> Hyperparameters:
        """Posterior means of the standard deviations and of the length of memory."""
        modes, weight = self.modes

        def average(name: str) -> float:
            return float(sum(share * getattr(mode.point, name) for mode, share in zip(modes, weight, strict=True)))

        return Hyperparameters(*(average(name) for name in ("short", "memory", "yearly", "noise")))


def _climb(
    K: np.ndarray, count: np.ndarray, base: np.ndarray, slope: np.ndarray, full: np.ndarray, value: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Newton's step, halved until the log posterior does not fall: the new slope, curve and value."""
    step = 1.0
    while True:
        new = slope + step * (full - slope)
        curve = K @ new
        reached = float(count @ curve - (base * np.exp(np.minimum(curve, 50.0))).sum() - 0.5 * new @ curve)
        if reached >= value - 1e-9 or step < 1e-4:
            return new, curve, reached
        step /= 2
