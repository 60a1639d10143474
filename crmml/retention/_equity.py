"""What every family of models answers when it is asked for the value of a change of retention."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class EquityChange:
    """Value of all customers before and after a change.

    Parameters
    ----------
    n_customers, before, after : float
    draws : ndarray of shape (n_draws,) or None
        Of the gain; None where nothing is uncertain.
    words : str
        How the change was taken.
    life_before, life_after, period
        Expected life in periods, where retention is a constant rate.
    """

    n_customers: float
    before: float
    after: float
    draws: np.ndarray | None
    words: str
    life_before: float | None = None
    life_after: float | None = None
    period: str | None = None
