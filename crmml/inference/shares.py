"""Intervals of shares."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri


def wilson_interval(rate: Any, n: Any, *, coverage: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval of a share seen in n trials [1]_.

    Parameters
    ----------
    rate, n : float or arrays of one shape
        The share, in [0, 1], and the number of trials, above 0.
    coverage : float, default=0.9

    Returns
    -------
    low, high : ndarrays

    References
    ----------
    .. [1] Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference. JASA 22, 209-212.

    Examples
    --------
    >>> low, high = wilson_interval(0.5, 100, coverage=0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.4038, 0.5962)
    """
    rate, n = np.asarray(rate, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z2 = ndtri(0.5 + coverage / 2) ** 2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * rate * (1 - rate) / n + z2**2 / (4 * n**2)) / (1 + z2 / n)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
