"""What the numerics of a model of transactions offer: functions on arrays, in a module or an object."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ...typing import Numbers, Theta
from .rows import Rows


class TransactionNumerics(Protocol):
    """Functions of rows (x, t_x, T) and parameters theta, in the order of the model's ``parameter_names``.

    Each entry of theta is a scalar, one value for each row, or draws of shape (m, 1) or (m, n); results broadcast over them.
    Nothing is NaN for legal input. Three further functions are used where they are there: ``weighted_total(rows, weight)``,
    which returns a function of theta that gives the weighted log-likelihood and its gradient faster than row by row;
    ``discounted_residual_transactions(rows, delta, theta, horizon)``, where the discounted expectation has a form of its own; and
    ``future_counts(rows, horizon, theta, rng, pace=1.0)``, which simulates numbers of transactions, purchase rates being multiplied
    by ``pace``, (m, 1) or a number, and spares the inversion of probabilities.
    """

    def log_likelihood(self, rows: Rows, theta: Theta, **options: Any) -> np.ndarray:
        """Return the log-likelihood of each row (..., n), with the full constant."""

    def log_likelihood_gradient(self, rows: Rows, theta: Theta, **options: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the log-likelihood (n,) and its gradient (k, n) with respect to the log parameters."""

    def log_probability_alive(self, rows: Rows, theta: Theta, ahead: float = 0.0, **options: Any) -> np.ndarray:
        """Return log P(alive at T + ahead) of each row (..., n)."""

    def conditional_expectation(self, rows: Rows, horizon: float, theta: Theta, **options: Any) -> np.ndarray:
        """Return the expected number of transactions in (T, T + horizon] of each row (..., n)."""

    def conditional_count_log_proba(
        self, rows: Rows, horizon: float, theta: Theta, max_count: int, **options: Any
    ) -> np.ndarray:
        """Return log P(X(T, T + horizon) = j), j = 0 .. max_count on a last axis (..., n, max_count + 1)."""

    def next_purchase_quantile(self, rows: Rows, quantile: float, theta: Theta, **options: Any) -> np.ndarray:
        """Return the time by which the next purchase has come with a probability, given that one comes (..., n)."""

    def expectation(self, t: Numbers, theta: Theta, **options: Any) -> np.ndarray:
        """Return the expected number of repeat transactions of a new customer by time t."""

    def count_log_proba(self, t: Numbers, theta: Theta, max_count: int, **options: Any) -> np.ndarray:
        """Return log P(X(t) = j), j = 0 .. max_count, of a new customer."""

    def simulate(
        self, n: int, T: np.ndarray, theta: Theta, rng: np.random.Generator, **options: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return customers (0 .. n - 1) and times of simulated repeat purchases within T (n,)."""
