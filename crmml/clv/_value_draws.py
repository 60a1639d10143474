"""Draws of what customers are worth: parameters, and luck where the outcome is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..transactions.compression import unique_rows
from ..typing import Estimator
from ._intervals import by_share, count_draws, product, sorted_unique
from ._operational_time import Ahead
from ._posterior import BLOCK, interval_by_blocks


@dataclass(frozen=True)
class Outlook:
    """What is known of money to come: draws of the posteriors of both models, paired, the horizon and the discount.

    Attributes
    ----------
    transactions, spend : fitted estimators
    vectors, spend_vectors : ndarrays of shape (n_draws, k)
        The two posteriors are independent given the data, so that any pairing will do.
    margin, delta : float
        The discount intensity in the unit of the transaction model.
    ahead : Ahead
        The horizon, plain and on the model's clock.
    """

    transactions: Estimator
    spend: Estimator
    vectors: np.ndarray
    spend_vectors: np.ndarray
    margin: float
    delta: float
    ahead: Ahead

    @cached_property
    def shares(self) -> np.ndarray:
        """How much of the expected horizon passes on the clock in each draw: the shock that is common to all customers."""
        return self.ahead.shares(len(self.vectors))

    def mean(self, timing: np.ndarray, place: np.ndarray, money: np.ndarray) -> np.ndarray:
        """Expected value of each draw and row, (draws, n), of rows ``timing[place]`` and money (frequency, mean amount)."""
        bought = self._expected(timing, discounted=True)
        return product(self.margin * self.spend._mean_draws(money, self.spend_vectors), bought[:, place])

    def outcome(self, timing: np.ndarray, place: np.ndarray, money: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Value of the purchases and amounts that each draw simulates for each row, (draws, n).

        Where money is discounted every purchase is by the same factor, the discounted expectation over the undiscounted one.
        """
        pace = self.shares[:, None]
        counts = count_draws(self.transactions, timing[place], self.vectors, self.ahead.time, rng, pace)
        total = self.spend._total_draws(money, self.spend_vectors, counts, rng)
        if not self.delta:
            return product(self.margin * total, np.ones(1))
        bought, mean = self._expected(timing, discounted=True), self._expected(timing, discounted=False)
        factor = np.divide(bought, mean, out=np.ones_like(mean), where=mean > 0)
        return product(self.margin * total, factor[:, place])

    def _expected(self, timing: np.ndarray, discounted: bool) -> np.ndarray:
        """Expected numbers of purchases of each draw and row, (draws, n): the one place where a common shock enters them."""
        model = self.transactions
        rows, layout = model._rows(timing), model._layout()
        quantity = "discounted_expected_transactions" if discounted else "predict"

        def at(vectors: np.ndarray, share: float) -> np.ndarray:
            theta = layout.theta(vectors, timing)
            return model._quantity(quantity, rows, theta, ahead=self.ahead, share=share, delta=self.delta)

        return by_share(self.shares, self.vectors, at)


def value_interval(
    outlook: Outlook,
    timing: np.ndarray,
    money: np.ndarray,
    coverage: float,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Interval of each customer's value, (n, 2): of the outcome where there is a generator for luck, else of the expectation."""
    timing, timing_code = sorted_unique(timing)
    parts, _, code = unique_rows(timing_code, *money.T)
    rows = np.column_stack(parts)
    order = np.argsort(rows[:, 0], kind="stable")

    def value(block: np.ndarray, _: np.ndarray) -> np.ndarray:
        own, place = np.unique(block[:, 0].astype(np.intp), return_inverse=True)
        if rng is None:
            return outlook.mean(timing[own], place, block[:, 1:])
        return outlook.outcome(timing[own], place, block[:, 1:], rng)

    bounds = np.empty((len(rows), 2))
    bounds[order] = interval_by_blocks(value, rows[order], outlook.vectors, coverage)
    return bounds[code]


def value_totals(
    outlook: Outlook, timing: np.ndarray, money: np.ndarray, group: np.ndarray, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Draws of the value of groups of customers, (n_draws, n_groups), a block of customers at a time."""
    total = np.zeros((len(outlook.vectors), int(group.max(initial=0)) + 1))
    step = max(1, BLOCK // len(outlook.vectors))
    for at in range(0, len(timing), step):
        block = slice(at, at + step)
        drawn = value_draws(outlook, timing[block], money[block], rng)
        np.add.at(total.T, group[block], drawn.T)
    return total


def value_draws(
    outlook: Outlook, timing: np.ndarray, money: np.ndarray, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Draws of each customer's value, (n_draws, n); with a generator every customer has luck of their own."""
    timing, code = sorted_unique(timing)
    order, result = np.argsort(code, kind="stable"), np.empty((len(outlook.vectors), len(code)))
    step = max(1, BLOCK // len(outlook.vectors))
    for at in range(0, len(code), step):
        which = order[at : at + step]
        own, place = np.unique(code[which], return_inverse=True)
        if rng is None:
            result[:, which] = outlook.mean(timing[own], place, money[which])
        else:
            result[:, which] = outlook.outcome(timing[own], place, money[which], rng)
    return result
