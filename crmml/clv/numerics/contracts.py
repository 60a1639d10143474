"""What the numerics of a contractual model offer: functions on arrays, and the rows they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...typing import Numbers, Theta


@dataclass(frozen=True)
class ContractRows:
    """How far n customers (or n unique rows) were seen to come, and whether they are customers still.

    Attributes
    ----------
    recency : ndarray of shape (n,)
        Renewals survived, or time.
    T : ndarray of shape (n,)
        Renewal opportunities or time observed, recency <= T; who has recency = T is alive at T.
    left_by : ndarray of shape (n,)
        When at the latest somebody with recency < T left, at least recency. Where it equals recency, in continuous time, that is
        when. Discrete time reads none of it: such a customer left at renewal recency + 1.
    """

    recency: np.ndarray
    T: np.ndarray
    left_by: np.ndarray

    @property
    def lost(self) -> np.ndarray:
        """Who left, (n,)."""
        return self.recency < self.T

    def __len__(self) -> int:
        return self.T.size


class ContractNumerics(Protocol):
    """Functions of rows or times and of parameters theta, in the order of the model's ``parameter_names``.

    Each entry of theta is a scalar, one value for each row, or draws of shape (m, 1) or (m, n); results broadcast over them.
    Nothing is NaN for legal input. Times are whole numbers of renewals in discrete time.
    """

    def log_survival(self, start: Numbers, ahead: Numbers, theta: Theta) -> np.ndarray:
        """Return ln P(customer at start + ahead | customer at start)."""

    def log_likelihood(self, rows: ContractRows, theta: Theta) -> np.ndarray:
        """Return the log-likelihood of each row (..., n), with the full constant."""

    def log_likelihood_gradient(self, rows: ContractRows, theta: Theta) -> tuple[np.ndarray, np.ndarray]:
        """Return the log-likelihood (n,) and its gradient (k, n) with respect to the log parameters."""

    def expected_time(self, start: np.ndarray, horizon: float, theta: Theta, delta: float = 0.0) -> np.ndarray:
        """Return the expected number of renewals, or time, within a horizon of a customer at start, discounted."""

    def retention_elasticity(self, start: np.ndarray, theta: Theta, delta: float) -> np.ndarray:
        """Return d ln V / d ln r of the endless discounted expected time V, r the retention rate at any time."""

    def lifetimes(self, n: int, theta: Theta, rng: np.random.Generator) -> np.ndarray:
        """Return how many renewals, or how long, each of n simulated customers stays."""
