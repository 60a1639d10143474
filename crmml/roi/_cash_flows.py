"""Dated payments of both ledgers within a window, and what they come to for one set, or many draws, of the unknowns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..amounts.uncertain_amounts import Quantity, draw_inputs, merged_inputs
from ..checks import DAYS_PER_UNIT
from .ledger_rows import LedgerRow

#: Cells of days × draws that are held at once.
_CELLS = 4_000_000


class CashFlows:
    """Payments of costs and benefits from ``start`` on and before ``end``.

    Only rows with a price count. Money is that of the rows: the caller has seen to it that there is one currency.
    """

    def __init__(
        self, costs: Sequence[LedgerRow], benefits: Sequence[LedgerRow], start: pd.Timestamp, end: pd.Timestamp
    ) -> None:
        self.start, self.end = start, end
        priced = [(row, True) for row in costs if row.priced] + [(row, False) for row in benefits if row.priced]
        self.rows = [row for row, _ in priced]
        self.is_cost = np.array([cost for _, cost in priced], dtype=bool)
        self.is_direct = np.array([row.direct for row in self.rows], dtype=bool)
        length = (end - start).days
        days, owner = [], []
        for k, row in enumerate(self.rows):
            day = np.asarray((row.dates() - start).days)
            day = day[(day >= 0) & (day < length)]
            days.append(day)
            owner.append(np.full(len(day), k))
        self.day = np.concatenate(days) if days else np.empty(0, dtype=int)
        self.owner = np.concatenate(owner) if owner else np.empty(0, dtype=int)
        used = [self.rows[k].amount for k in np.unique(self.owner)]
        self.inputs = merged_inputs(amount for amount in used if isinstance(amount, Quantity))

    def draw(self, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draw the money of one payment of each row, (n_rows, n_draws)."""
        return self.amounts(draw_inputs(self.inputs, n_draws, rng), n_draws)

    def amounts(self, values: Mapping[str, Any] | None = None, n: int = 1) -> np.ndarray:
        """Money of one payment of each row, (n_rows, n): expected, or for given values of the unknowns.

        A cost below 0, which a normal distribution admits with a probability of a thousandth, is taken as 0.
        """
        money = np.zeros((len(self.rows), n))
        for k in np.unique(self.owner):
            amount = self.rows[k].amount
            if not isinstance(amount, Quantity):
                money[k] = amount
            else:
                money[k] = amount.mean if values is None else amount.at(values)
        money[self.is_cost] = np.maximum(money[self.is_cost], 0.0)
        return money

    def totals(
        self, money: np.ndarray, *, before: int | None = None, direct: bool = False, annual_rate: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cost and gain before a day counted from the start, discounted to the start, shape (n,) each."""
        counted = np.zeros(len(self.rows))
        seen = self.day < before if before is not None else np.ones(len(self.day), dtype=bool)
        np.add.at(counted, self.owner[seen], self._discount(self.day[seen], annual_rate))
        gain = ~self.is_cost & (self.is_direct if direct else True)
        return counted[self.is_cost] @ money[self.is_cost], counted[gain] @ money[gain]

    def cumulative(
        self, money: np.ndarray, *, direct: bool = False, annual_rate: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Days with payments (k,), and cost and gain up to and including each, (k, n)."""
        days, at = np.unique(self.day, return_inverse=True)
        weight = np.zeros((len(days), len(self.rows)))
        np.add.at(weight, (at, self.owner), self._discount(self.day, annual_rate))
        weight = np.cumsum(weight, axis=0)
        gain = ~self.is_cost & (self.is_direct if direct else True)
        return days, weight[:, self.is_cost] @ money[self.is_cost], weight[:, gain] @ money[gain]

    def payback(
        self, money: np.ndarray, *, direct: bool = False, annual_rate: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return two days for each column of money, inf for never: the day of payback, and that from which it lasts.

        The first is the first day on which cumulative gain is at least cumulative cost, not before the first cost; the second
        the first from which it stays so to the end of the window.
        """
        n = money.shape[1]
        when, lasting = np.full(n, np.inf), np.full(n, np.inf)
        block = max(1, _CELLS // max(len(np.unique(self.day)), 1))
        for at in range(0, n, block):
            days, cost, gain = self.cumulative(money[:, at : at + block], direct=direct, annual_rate=annual_rate)
            paid = (gain - cost >= -1e-12 * cost) & (cost > 0)
            for found, since in ((when, paid), (lasting, np.logical_and.accumulate(paid[::-1])[::-1])):
                ever = since.any(axis=0)
                found[at : at + block][ever] = days[since.argmax(axis=0)[ever]]
        return when, lasting

    def _discount(self, day: np.ndarray, annual_rate: float) -> np.ndarray:
        return np.exp(-np.log1p(annual_rate) * day / DAYS_PER_UNIT["Y"])
