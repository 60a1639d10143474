r"""Pareto/NBD with covariates that change over time: numerics on arrays, theta = (r, alpha, s, beta, γ ..., δ ...).

Purchases come at rate λ exp(γ'z(t)) while the customer is alive, and the customer leaves at rate μ exp(δ'w(t)) [1]_. With A and B
the integrals of the two exponentials since the first purchase, the likelihood of repeat purchases at t_1, ..., t_x is

.. math:: L = \frac{\Gamma(r+x)}{\Gamma(r)\,\alpha^x} \exp\Bigl(\sum_j \gamma'z(t_j)\Bigr) M,

M being the formula of :mod:`.covariate_path_integral`. Given that the customer is alive at T, the purchase rate is
λ ~ Gamma(r + x, α + A(T)) and the dropout rate μ ~ Gamma(s, β + B(T)), so that

.. math:: E[X(T, T+h)] = P(\text{alive at } T)\,\frac{r+x}{\alpha+A(T)}
          \int_T^{T+h} e^{\gamma'z(t)} \left(\frac{\beta+B(T)}{\beta+B(t)}\right)^{s} dt,

on each piece a closed form.

References
----------
.. [1] Bachmann, P., Meierer, M. and Naef, J. (2021), The role of time-varying contextual factors in latent attrition models for
   customer base analysis. Marketing Science 40, 783-809.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import gammaln

from ...typing import Theta
from .covariate_path_integral import (
    PathSilence,
    Pieces,
    Segments,
    count_log_weights_on_pieces,
    silence_on_pieces,
)
from .pareto import ParetoDropout
from .rising import log_rising, log_rising_slope
from .rows import Rows

#: Largest logarithm of what a rate is multiplied by: a search that goes further is lost, and must not overflow.
LARGEST = 200.0


@dataclass(frozen=True)
class Stretch:
    """Pieces of n customers in a stretch of their time, those of one customer in a row and in order.

    Attributes
    ----------
    customer : ndarray of int of shape (m,)
        Row that the piece belongs to, ascending.
    start, length : ndarray of shape (m,)
        Time from the start of the stretch to the piece's, and how long it is.
    purchase : ndarray of shape (q, m)
        Covariates of the purchase process.
    dropout : ndarray of shape (k, m)
        Covariates of the dropout process.
    n : int
    """

    customer: np.ndarray
    start: np.ndarray
    length: np.ndarray
    purchase: np.ndarray
    dropout: np.ndarray
    n: int

    @cached_property
    def segments(self) -> Segments:
        """The pieces by customer."""
        return Segments(self.customer, self.n)

    def multipliers(self, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What each piece multiplies the purchase and the dropout rate by, each (m,)."""
        q = len(self.purchase)
        with np.errstate(over="ignore", invalid="ignore"):
            moved = coefficients[:q] @ self.purchase, coefficients[q:] @ self.dropout
        return np.exp(np.clip(moved[0], -LARGEST, LARGEST)), np.exp(np.clip(moved[1], -LARGEST, LARGEST))

    def until(self, time: float) -> Stretch:
        """The stretch up to a time from its start."""
        keep = self.start < time
        length = np.minimum(self.length[keep], time - self.start[keep])
        return Stretch(
            self.customer[keep], self.start[keep], length, self.purchase[:, keep], self.dropout[:, keep], self.n
        )


@dataclass(frozen=True)
class PathRows(Rows):
    """Rows of customers with the covariates on their paths.

    Attributes
    ----------
    bought : ndarray of shape (q, n)
        Sum over repeat purchases of the purchase process's covariates at their times.
    before, quiet, ahead : Stretch
        From the first purchase to the last, from there to T, and from T on.
    """

    bought: np.ndarray
    before: Stretch
    quiet: Stretch
    ahead: Stretch


class _History:
    """What one parameter vector makes of the rows: multipliers, A and B at the last purchase and at T."""

    def __init__(self, rows: PathRows, theta: Sequence[float]):
        self.r, self.alpha, self.s, self.beta = (float(value) for value in theta[:4])
        self.coefficients = np.array([float(value) for value in theta[4:]])
        self.rows, self.p = rows, self.r + rows.x
        self.early = rows.before.multipliers(self.coefficients)
        A, B = (rows.before.segments.sum(value * rows.before.length) for value in self.early)
        quiet = rows.quiet
        a, b = quiet.multipliers(self.coefficients)
        step_A, step_B = a * quiet.length, b * quiet.length
        begun_A, begun_B = (quiet.segments.before(step) for step in (step_A, step_B))
        owner = quiet.customer
        self.pieces = Pieces(owner, A[owner] + begun_A, a, B[owner] + begun_B, b, quiet.length)
        self.end = A + quiet.segments.sum(step_A), B + quiet.segments.sum(step_B)

    def silence(self, gradient: bool = False) -> PathSilence:
        return silence_on_pieces(
            self.p, self.alpha, self.s, self.beta, self.pieces, self.rows.quiet.segments, self.end, gradient
        )

    def log_likelihood(self, quiet: PathSilence) -> np.ndarray:
        rows = self.rows
        value = log_rising(self.r, rows.x_values)[rows.x_code] - rows.x * np.log(self.alpha)
        return value + self.coefficients[: len(rows.bought)] @ rows.bought + quiet.log_proba

    def future(self, horizon: float) -> tuple[Stretch, Pieces, tuple[np.ndarray, np.ndarray]]:
        """The stretch ahead, its pieces with A and B counted from T, and both at the horizon."""
        ahead = self.rows.ahead.until(horizon)
        a, b = ahead.multipliers(self.coefficients)
        steps = a * ahead.length, b * ahead.length
        A, B = (ahead.segments.before(step) for step in steps)
        pieces = Pieces(ahead.customer, A, a, B, b, ahead.length)
        return ahead, pieces, (ahead.segments.sum(steps[0]), ahead.segments.sum(steps[1]))


class CovariatePathModel:
    """Functions of Pareto/NBD on covariate paths; theta has scalars, or draws of shape (m, 1)."""

    def log_likelihood(self, rows: PathRows, theta: Theta) -> np.ndarray:
        """Log-likelihood of each row, full constant, shape (..., n)."""

        def one(vector):
            history = _History(rows, vector)
            return history.log_likelihood(history.silence())

        return _each(one, theta)

    def log_likelihood_gradient(self, rows: PathRows, theta: Theta) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihood (n,) and its gradient (k, n) by the log parameters and by the coefficients; theta of scalars."""
        history = _History(rows, theta)
        quiet = history.silence(gradient=True)
        return history.log_likelihood(quiet), _gradient(history, quiet)

    def log_probability_alive(self, rows: PathRows, theta: Theta, ahead: float = 0.0) -> np.ndarray:
        """Log P(alive at T + ahead | data), shape (..., n)."""

        def one(vector):
            history = _History(rows, vector)
            value = history.silence().log_alive
            if not ahead:
                return value
            later = history.future(ahead)[2][1]
            return value - history.s * np.log1p(later / (history.beta + history.end[1]))

        return _each(one, theta)

    def conditional_expectation(self, rows: PathRows, horizon: float, theta: Theta) -> np.ndarray:
        """E[X(T, T + horizon] | data], shape (..., n)."""
        return self.discounted_residual_transactions(rows, 0.0, theta, horizon)

    def discounted_residual_transactions(
        self, rows: PathRows, delta: float, theta: Theta, horizon: float
    ) -> np.ndarray:
        """Discounted expected transactions in (T, T + horizon], delta being the discount intensity, shape (..., n)."""

        def one(vector):
            history = _History(rows, vector)
            ahead, pieces, _ = history.future(horizon)
            beta = (history.beta + history.end[1])[pieces.customer]
            law = ParetoDropout(history.s, (beta + pieces.B) / pieces.b)
            value = pieces.a * np.exp(-history.s * np.log1p(pieces.B / beta) - delta * ahead.start)
            value = ahead.segments.sum(value * law.lifetime(pieces.length, delta))
            with np.errstate(under="ignore"):
                return np.exp(history.silence().log_alive) * (history.p / (history.alpha + history.end[0])) * value

        return _each(one, theta)

    def conditional_count_log_proba(self, rows: PathRows, horizon: float, theta: Theta, max_count: int) -> np.ndarray:
        """Log P(X(T, T + horizon) = j | data) for j = 0 .. max_count, shape (..., n, max_count + 1)."""
        j = np.arange(max_count + 1.0)

        def one(vector):
            history = _History(rows, vector)
            now = history.silence()
            ahead, pieces, end = history.future(horizon)
            law = history.alpha + history.end[0], history.s, history.beta + history.end[1]
            value = count_log_weights_on_pieces(history.p, law, pieces, ahead.segments, end, max_count)
            value += log_rising(history.p[:, None], j) - gammaln(j + 1)
            value = np.minimum(value + now.log_alive[:, None], 0.0)
            value[:, 0] = np.minimum(np.logaddexp(now.log_gone, value[:, 0]), 0.0)
            return value

        return _each(one, theta)


def _gradient(history: _History, quiet: PathSilence) -> np.ndarray:
    """Derivatives (k, n) of the log-likelihood: each of M's terms by its probability."""
    rows, pieces, gone, share = history.rows, history.pieces, quiet.gone, quiet.share
    p, s, alpha, beta = history.p, history.s, history.alpha, history.beta
    segments, owner = rows.quiet.segments, pieces.customer
    stay, (end_A, end_B) = np.exp(quiet.log_alive), history.end
    grown_A, grown_B = alpha + pieces.A, beta + pieces.B
    aged = share * p[owner] * gone.age
    by_p = -segments.sum(share * (np.log1p(pieces.A / alpha) + gone.growth)) - stay * np.log1p(end_A / alpha)
    by_alpha = segments.sum((share * p[owner] * pieces.A + aged * alpha) / grown_A) + stay * p * end_A / (alpha + end_A)
    by_s = segments.sum(share * (gone.by_s - s * np.log1p(pieces.B / beta))) - stay * s * np.log1p(end_B / beta)
    scored = share * gone.by_beta
    by_beta = segments.sum((share * s * pieces.B + scored * beta) / grown_B) + stay * s * end_B / (beta + end_B)
    # by A and B at the start of each piece, and at T: what an earlier piece adds to all that follow it
    at_A, at_B = (aged - share * p[owner]) / grown_A, (scored - share * s) / grown_B
    all_A, all_B = segments.sum(at_A) - stay * p / (alpha + end_A), segments.sum(at_B) - stay * s / (beta + end_B)
    result = []
    early, late = rows.before, rows.quiet
    for covariates, total, at, own, multiplier, first in (
        ((early.purchase, late.purchase), all_A, at_A, aged, pieces.a, history.early[0]),
        ((early.dropout, late.dropout), all_B, at_B, scored, pieces.b, history.early[1]),
    ):
        followed = total[owner] - segments.before(at) - at
        result.append(
            early.segments.sum(covariates[0] * (total[early.customer] * first * early.length))
            + segments.sum(covariates[1] * (followed * multiplier * late.length - own))
        )
    slope = log_rising_slope(history.r, rows.x_values)[rows.x_code]
    own_parameters = [slope + history.r * by_p, by_alpha - rows.x, by_s, by_beta]
    return np.vstack([*own_parameters, result[0] + rows.bought, result[1]])


def _each(function: Callable[[list], np.ndarray], theta: Theta) -> np.ndarray:
    """Value of a function of a vector of scalars, or of each draw, stacked on a first axis."""
    if all(np.ndim(value) == 0 for value in theta):
        return function(list(theta))
    draws: Any = np.broadcast_arrays(*(np.reshape(value, -1) for value in theta))
    return np.stack([function(list(vector)) for vector in zip(*draws, strict=True)])
