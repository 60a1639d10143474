r"""Customers of old: acquired before the log, and known only because they bought within its entry period.

Their time counts from the log's start, all their purchases are repeat purchases, and their likelihood is conditional on at least
one of them within the entry period of length E [1]_,

.. math:: L_i / (1 - P(X(E) = 0)),

with parameters of their own, each a factor times that of new customers: who is still there, and buys often enough to be seen
early, is not a draw from those who come.

References
----------
.. [1] Cox, D. R. and Oakes, D. (1984), Analysis of Survival Data, Chapman & Hall, section 1.3 (left truncation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .numerics.protocol import TransactionNumerics
from .numerics.rows import Rows


def entry_faults(window: np.ndarray, frequency: np.ndarray, T: np.ndarray) -> list[str]:
    """Faults of the column entry_window, one sentence each."""
    faults = []
    if wrong := int(np.count_nonzero(~(np.isfinite(window) & (window >= 0)))):
        faults.append(f"column 'entry_window' is missing, infinite or below 0 in {wrong:,} rows; summarize makes it")
        return faults
    old = window > 0
    if np.unique(window[old]).size > 1:
        faults.append("column 'entry_window' holds entry periods of several lengths; give the summary of one log")
    if wrong := int(np.count_nonzero(old & (frequency < 1))):
        faults.append(
            f"{wrong:,} customers of old have frequency 0, although they are known by a purchase within the entry period; summarize "
            "counts it"
        )
    if wrong := int(np.count_nonzero(old & (window > T * (1 + 1e-9)))):
        faults.append(
            f"{wrong:,} customers of old have an entry_window longer than T; observation ends after the entry period"
        )
    return faults


def _of(theta: Sequence[Any], old: np.ndarray) -> list[Any]:
    """Parameters of some of the rows: those that are the row's own are picked."""
    return [value[..., old] if np.ndim(value) and np.shape(value)[-1] == old.size else value for value in theta]


def _is_old(rows: Rows) -> np.ndarray:
    assert rows.window is not None
    return rows.window > 0


def _unseen(rows: Rows, old: np.ndarray) -> Rows:
    assert rows.window is not None
    window = rows.window[old]
    none = np.zeros(window.size)
    return Rows(none, none, window)


def truncated(
    value: np.ndarray, numerics: TransactionNumerics, rows: Rows, theta: Sequence[Any], **options: Any
) -> np.ndarray:
    """Log-likelihoods (..., n) with those of customers of old conditional on being seen."""
    old = _is_old(rows)
    unseen = numerics.log_likelihood(_unseen(rows, old), _of(theta, old), **options)
    value = np.array(value, dtype=float)
    value[..., old] -= _log_complement(unseen)
    return value


def truncated_gradient(
    value: np.ndarray,
    gradient: np.ndarray,
    numerics: TransactionNumerics,
    rows: Rows,
    theta: Sequence[Any],
    **options: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihoods (n,) and their gradient (k, n) with those of customers of old conditional on being seen."""
    old = _is_old(rows)
    unseen, slope = numerics.log_likelihood_gradient(_unseen(rows, old), _of(theta, old), **options)
    value, gradient = value.copy(), gradient.copy()
    value[old] -= _log_complement(unseen)
    gradient[:, old] += slope * np.exp(unseen - _log_complement(unseen))
    return value, gradient


def _log_complement(log_probability: np.ndarray) -> np.ndarray:
    """log(1 - p) of log p, kept finite where p rounds to 1."""
    log_probability = np.minimum(log_probability, -1e-15)
    return np.where(
        log_probability > -np.log(2), np.log(-np.expm1(log_probability)), np.log1p(-np.exp(log_probability))
    )
