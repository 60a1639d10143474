"""Customers' rows as arrays, with the unique counts kept beside them.

Gamma functions of ``r + x`` are needed only once for each distinct count ``x``; :class:`Rows` keeps the distinct counts
and each row's place among them, so that a likelihood computes a small table and gathers from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

#: Expected purchases are taken to be at most so many where their number is simulated.
MOST_EXPECTED = 1e15


@dataclass(frozen=True)
class Rows:
    """Frequency, recency and observation length of n customers (or of n unique rows).

    Attributes
    ----------
    x : ndarray of shape (n,)
        Repeat transactions, float dtype, whole numbers of at least 0.
    t_x : ndarray of shape (n,)
        Recency: time of the last transaction after the first, 0 where x = 0.
    T : ndarray of shape (n,)
        Time between the first transaction and the end of observation, t_x <= T.
    window : ndarray of shape (n,) or None
        Above 0 for customers of old, who are known only because they bought within so long from the start; None where all are
        new.
    """

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    window: np.ndarray | None = field(default=None, kw_only=True)

    @cached_property
    def _counts(self) -> tuple[np.ndarray, np.ndarray]:
        return distinct(self.x)

    @property
    def x_values(self) -> np.ndarray:
        """Distinct counts, ascending, shape (m,)."""
        return self._counts[0]

    @property
    def x_code(self) -> np.ndarray:
        """Each row's index into ``x_values``, shape (n,)."""
        return self._counts[1]

    @cached_property
    def count_and_length(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distinct pairs (x, T) and each row's index among them: arrays of shape (m,), (m,), (n,)."""
        T_values, T_code = distinct(self.T)
        pair, code = distinct(self.x_code * np.intp(T_values.size) + T_code)
        x_index, T_index = np.divmod(pair, T_values.size)
        return self.x_values[x_index], T_values[T_index], code

    def __len__(self) -> int:
        return self.x.size


def distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct values, ascending, and the index of each entry among them (hash-based, so linear in n)."""
    from pandas import factorize

    codes, unique = factorize(values)
    order = np.argsort(unique, kind="stable")
    rank = np.empty(order.size, dtype=np.intp)
    rank[order] = np.arange(order.size)
    return np.asarray(unique)[order], rank[codes]
