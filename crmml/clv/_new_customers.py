"""Expectations and simulation of customers who have just come, known by their covariates alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..checks import check_count, check_generator, check_not_negative
from ..typing import ArrayLike, Frame, Numbers, Seed

#: Customers simulated at a time, at most.
MOST_SIMULATED = 10_000_000
#: Counts whose probabilities are asked for, at most: more would be millions of numbers for a thousand customers.
MOST_COUNTS = 100_000


class NewCustomersMixin:
    """What a transaction model says of customers without a history."""

    numerics: Any
    _options: Callable[[], dict]
    _new_customer: Callable[[Any], list]

    def expected_purchases(self, t: Numbers, covariates: Mapping[str, float] | None = None) -> np.ndarray:
        """Expected number of repeat transactions of a new customer by time t after the first purchase.

        Parameters
        ----------
        t : float or array-like
            In the fitted unit, at least 0.
        covariates : mapping of str to float, default=None
            The customer's covariates, needed where the model has any.

        Returns
        -------
        ndarray of the shape of t
        """
        t, theta = check_not_negative(t, "t"), self._new_customer(covariates)
        return self.numerics.expectation(t, theta, **self._options())

    def count_proba(self, t: float, max_count: int = 10, covariates: Mapping[str, float] | None = None) -> np.ndarray:
        """P(X(t) = j), j = 0 .. max_count, of a new customer.

        Parameters
        ----------
        t : float
            In the fitted unit, at least 0.
        max_count : int, default=10
        covariates : mapping of str to float, default=None
            The customer's covariates, needed where the model has any.

        Returns
        -------
        ndarray of shape (max_count + 1,)
        """
        t, theta = check_not_negative(t, "t"), self._new_customer(covariates)
        return np.exp(
            self.numerics.count_log_proba(
                t, theta, check_count(max_count, "max_count", most=MOST_COUNTS), **self._options()
            )
        )

    def simulate(
        self, n: int, T: ArrayLike, random_state: Seed = None, covariates: Frame | Mapping[str, ArrayLike] | None = None
    ) -> pd.DataFrame:
        """Simulate the transactions of n new customers.

        Parameters
        ----------
        n : int
        T : float or array-like of shape (n,)
            How long each is observed, in the fitted unit.
        random_state : int, Generator, RandomState or None
        covariates : frame of n rows, default=None
            The customers' covariates, needed where the model has any.

        Returns
        -------
        DataFrame
            customer_id (0 .. n - 1) and time since the customer's first transaction, which is itself a row at time 0.
        """
        n, theta = check_count(n, "n", most=MOST_SIMULATED), self._new_customer(covariates)
        length = np.broadcast_to(np.asarray(check_not_negative(T, "T"), dtype=float), (n,))
        customer, time = self.numerics.simulate(n, length, theta, check_generator(random_state), **self._options())
        customer = np.concatenate([np.arange(n), customer])
        time = np.concatenate([np.zeros(n), time])
        order = np.lexsort((time, customer))
        return pd.DataFrame({"customer_id": customer[order], "time": time[order]})
