r"""Likelihood and predictions of a Poisson process that ends at a random dropout time, for any dropout law.

Purchase rates are Gamma(shape r, rate α) over customers; the dropout law is a :class:`~.dropout_integral.DropoutLaw`.
Everything after T is the same problem again: of a customer alive at T the rate is Gamma(r + x, α + T) and the dropout
law is the one given survival of T, so that a prediction is that of a new customer with these parameters, times P(alive).

A model file holds its law and one :class:`DropoutModel`; theta is (r, alpha, then the law's parameters).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import gammaln

from ...typing import Numbers, Theta
from .dropout_integral import DropoutLaw, Silence, count_log_weights, silence
from .rising import log_rising, log_rising_slope
from .rows import MOST_EXPECTED, Rows

#: A time that no clock reaches.
ENDLESS = 1e250


class DropoutModel:
    """Functions of the model with dropout law ``law``; entries of theta are scalars or broadcast against the rows' axis.

    Parameters
    ----------
    law : type of DropoutLaw
    """

    def __init__(self, law: type[DropoutLaw]):
        self.law = law

    def log_likelihood(self, rows: Rows, theta: Theta) -> np.ndarray:
        """Log-likelihood of each row, full constant, shape (..., n)."""
        history, shape = _flatten(rows, theta)
        return self._likelihood(history, self._silence(history)).reshape(shape)

    def log_likelihood_gradient(self, rows: Rows, theta: Theta) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihood (n,) and its gradient (k, n) with respect to the log parameters; theta scalar or (n,)."""
        history, _ = _flatten(rows, theta)
        quiet = self._silence(history, gradient=True)
        by = quiet.gradient
        assert by is not None
        r, alpha = history.theta[:2]
        rate = alpha + history.t_x
        by_r = _gather(log_rising_slope, rows, r, history)
        by_r -= r * np.log1p(history.t_x / alpha)
        by_r += by[0] * (r / (r + history.x))
        by_alpha = (r * history.t_x - history.x * alpha + by[1] * alpha) / rate
        by_law = self.law(*history.theta[2:]).pull_back(history.t_x, by[2:])
        return self._likelihood(history, quiet), np.vstack([by_r, by_alpha, by_law])

    def log_probability_alive(self, rows: Rows, theta: Theta, ahead: float = 0.0) -> np.ndarray:
        """Log P(alive at T + ahead | data), shape (..., n)."""
        history, shape = _flatten(rows, theta)
        value = self._silence(history).log_alive
        if ahead:
            value = value + self._future(history)[2].log_survival(ahead)
        return value.reshape(shape)

    def conditional_expectation(self, rows: Rows, horizon: float, theta: Theta) -> np.ndarray:
        """E[X(T, T + horizon] | data], shape (..., n)."""
        return self.discounted_residual_transactions(rows, 0.0, theta, horizon)

    def discounted_residual_transactions(
        self, rows: Rows, delta: float, theta: Theta, horizon: float = np.inf
    ) -> np.ndarray:
        r"""Discounted expected transactions after T, P(alive) · E[λ] · ∫₀ʰ e^(−δu) S(T+u)/S(T) du, shape (..., n).

        delta is the discount intensity per unit of time, above 0 where the horizon is infinite.
        """
        history, shape = _flatten(rows, theta)
        p, rate, law = self._future(history)
        with np.errstate(under="ignore"):
            value = np.exp(self._silence(history).log_alive) * (p / rate) * law.lifetime(horizon, delta)
        return value.reshape(shape)

    def conditional_count_log_proba(self, rows: Rows, horizon: float, theta: Theta, max_count: int) -> np.ndarray:
        """Log P(X(T, T + horizon) = j | data) for j = 0 .. max_count, shape (..., n, max_count + 1)."""
        history, shape = _flatten(rows, theta)
        now = self._silence(history)
        value = now.log_alive[:, None] + _count_log_proba(*self._future(history), horizon, max_count)
        value[:, 0] = np.minimum(np.logaddexp(now.log_gone, value[:, 0]), 0.0)
        return value.reshape(*shape, max_count + 1)

    def future_counts(
        self, rows: Rows, horizon: float, theta: Theta, rng: np.random.Generator, *, pace: Numbers = 1.0
    ) -> np.ndarray:
        """One simulated number of purchases in (T, T + horizon] for each draw of theta and row, rates multiplied by ``pace``."""
        history, shape = _flatten(rows, theta)
        p, rate, law = self._future(history)
        size = history.x.size
        alive = rng.random(size) < np.exp(self._silence(history).log_alive)
        there = np.where(alive, np.minimum(law.sample(size, rng), horizon), 0.0)
        mean = rng.gamma(np.broadcast_to(p, size)) / rate * there
        mean = mean.reshape(shape) * pace
        return rng.poisson(np.minimum(mean, MOST_EXPECTED)).astype(float)

    def next_purchase_log_survival(self, rows: Rows, s: Numbers, theta: Theta) -> np.ndarray:
        """Log P(no purchase in (T, T + s] | data), s broadcasting against the rows' axis, shape (..., n)."""
        history, shape = _flatten(rows, theta, s)
        now, later = self._silence(history), silence(*self._future(history), history.extra)
        return np.minimum(np.logaddexp(now.log_gone, now.log_alive + later.log_proba), 0.0).reshape(shape)

    def next_purchase_quantile(self, rows: Rows, quantile: float, theta: Theta) -> np.ndarray:
        """Time after T by which the next purchase has come with probability ``quantile``, given that one comes, (..., n).

        Newton steps on the log probability that it comes later, in log(1 + time / rate), within a bracket.
        """
        history, shape = _flatten(rows, theta)
        p, rate, law = self._future(history)
        p, rate = (np.broadcast_to(value, history.x.shape) for value in (p, rate))
        ever = -np.expm1(silence(p, rate, law, ENDLESS).log_proba)
        lower, upper = np.zeros(p.shape), np.log1p(ENDLESS / rate)
        x = np.minimum(-np.log1p(-quantile) / p, upper / 2)
        for _ in range(100):
            u = rate * np.expm1(x)
            come = -np.expm1(silence(p, rate, law, u).log_proba)
            later = ever - come
            lower, upper = np.where(come < quantile * ever, x, lower), np.where(come >= quantile * ever, x, upper)
            with np.errstate(all="ignore"):
                speed = p * np.exp(law.log_survival(u) - p * x)
                step = np.log(later / ((1 - quantile) * ever)) * later / speed
            inside = np.isfinite(step) & (x + step > lower) & (x + step < upper)
            new = np.where(inside, x + step, (lower + upper) / 2)
            done = np.abs(new - x) <= 1e-12 * new
            x = new
            if done.all():
                break
        return (rate * np.expm1(x)).reshape(shape) if quantile > 0 else np.zeros(shape)

    def expectation(self, t: Numbers, theta: Theta) -> np.ndarray:
        """E[X(0, t]] of a new customer, broadcasting over t."""
        arrays = np.broadcast_arrays(t, *theta)
        t, r, alpha, *law = (np.asarray(value, dtype=float).ravel() for value in arrays)
        return (r / alpha * self.law(*law).lifetime(t)).reshape(arrays[0].shape)[()]

    def count_log_proba(self, t: Numbers, theta: Theta, max_count: int) -> np.ndarray:
        """Log P(X(t) = j), j = 0 .. max_count, of a new customer, shape (..., max_count + 1)."""
        arrays = np.broadcast_arrays(t, *theta)
        t, r, alpha, *law = (np.asarray(value, dtype=float).ravel() for value in arrays)
        return _count_log_proba(r, alpha, self.law(*law), t, max_count).reshape(*arrays[0].shape, max_count + 1)

    def simulate(self, n: int, T: Any, theta: Theta, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Repeat transactions of n new customers within T: customer index and time, the purchase at 0 not included."""
        r, alpha, *law = theta
        rate = rng.gamma(r, size=n) / alpha
        end = np.minimum(self.law(*law).sample(n, rng), T)
        customer = np.repeat(np.arange(n), rng.poisson(rate * end))
        return customer, rng.random(customer.size) * end[customer]

    # ---- small parts ----------------------------------------------------------------------------------------------

    def _silence(self, history: _History, gradient: bool = False) -> Silence:
        """Return what the time from the last purchase to T says, given the purchases."""
        r, alpha, *law = history.theta
        after = self.law(*law).after(history.t_x)
        return silence(r + history.x, alpha + history.t_x, after, history.T - history.t_x, gradient)

    def _future(self, history: _History) -> tuple[Any, Any, DropoutLaw]:
        """Shape and rate of the purchase rate, and dropout law, of a customer alive at T."""
        r, alpha, *law = history.theta
        return r + history.x, alpha + history.T, self.law(*law).after(history.T)

    def _likelihood(self, history: _History, quiet: Silence) -> np.ndarray:
        r, alpha, *law = history.theta
        value = _gather(log_rising, history.rows, r, history)
        value -= r * np.log1p(history.t_x / alpha)
        value -= history.x * np.log(alpha + history.t_x)
        value += self.law(*law).log_survival(history.t_x)
        value += quiet.log_proba
        return value


class _History:
    """Rows and parameters, flattened to one axis; scalar parameters stay scalars."""

    def __init__(self, rows: Rows, columns: Sequence[np.ndarray], theta: list, extra: Any):
        self.rows, self.theta, self.extra = rows, theta, extra
        self.x, self.t_x, self.T = columns


def _flatten(rows: Rows, theta: Sequence[Any], extra: Any = 0.0) -> tuple[_History, tuple[int, ...]]:
    """Return the arguments on one axis of size (draws · n,), and the shape to give back to results."""
    shape = np.broadcast_shapes(rows.x.shape, np.shape(extra), *(np.shape(value) for value in theta))

    def flat(value: Any) -> Any:
        value = np.asarray(value, dtype=float)
        return float(value) if value.ndim == 0 else np.broadcast_to(value, shape).ravel()

    columns = [flat(value) for value in (rows.x, rows.t_x, rows.T)]
    return _History(rows, columns, [flat(value) for value in theta], flat(extra)), shape


def _gather(function: Any, rows: Rows, r: Any, history: _History) -> np.ndarray:
    """function(r, x) for each entry, computed on the distinct counts alone where r is a scalar."""
    if np.ndim(r) == 0:
        table = function(r, rows.x_values)[rows.x_code]
        return table if table.size == history.x.size else np.tile(table, history.x.size // max(table.size, 1))
    return function(r, history.x)


def _count_log_proba(p: Any, alpha: Any, law: DropoutLaw, t: Any, max_count: int) -> np.ndarray:
    """Log P(j purchases within t), j = 0 .. max_count, of customers with rates Gamma(p, alpha), shape (n, max_count + 1)."""
    j = np.arange(max_count + 1.0)
    value = count_log_weights(p, alpha, law, t, max_count)
    value += log_rising(np.reshape(p, (-1, 1)), j)
    value -= gammaln(j + 1)
    return np.minimum(value, 0.0)
