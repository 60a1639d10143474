"""Intervals of means and of shares."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri, stdtrit

from ..checks import check_coverage
from ..exceptions import shown
from ..frames import check_aligned
from ..typing import ArrayLike


def student_interval(
    total: ArrayLike, squares: ArrayLike, n: ArrayLike, *, coverage: float = 0.9
) -> tuple[np.ndarray, np.ndarray]:
    r"""Student's interval of a mean [1]_ from the sum and the sum of squares of n values.

    .. math:: \bar x \pm t_{n-1} \sqrt{\frac{\sum x^2 - n \bar x^2}{n (n - 1)}}

    Parameters
    ----------
    total, squares, n : float or arrays of one shape
        Sum of the values, sum of their squares, and how many there are.
    coverage : float, default=0.9

    Returns
    -------
    lower, upper : ndarrays
        In the unit of the values; NaN where n is below 2.

    References
    ----------
    .. [1] Student (1908), The probable error of a mean. Biometrika 6, 1-25.

    Examples
    --------
    >>> lower, upper = student_interval(10.0, 30.0, 4, coverage=0.95)
    >>> round(float(lower), 4), round(float(upper), 4)
    (0.4457, 4.5543)
    """
    total, squares = np.asarray(total, dtype=np.float64), np.asarray(squares, dtype=np.float64)
    n = np.where(np.asarray(n) > 1, n, np.nan)
    mean = total / n
    half = stdtrit(n - 1, 0.5 + check_coverage(coverage) / 2) * np.sqrt(
        np.maximum(squares - n * mean**2, 0.0) / (n * (n - 1))
    )
    return mean - half, mean + half


def is_spread(std_error: Any, estimate: Any) -> Any:
    """Whether a standard error says anything: where nothing varies it is 0, or rounding.

    Parameters
    ----------
    std_error, estimate : float or arrays of one shape

    Returns
    -------
    bool or ndarray of bool

    Examples
    --------
    >>> is_spread(0.1, 5.0), is_spread(0.0, 5.0), is_spread(1e-16, 5.0)
    (True, False, False)
    """
    return std_error > 1e-12 * abs(estimate)


def wilson_interval(rate: ArrayLike, n: ArrayLike, *, coverage: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval of a share seen in n trials [1]_.

    Parameters
    ----------
    rate, n : float or arrays of one shape
        The share, in [0, 1], and the number of trials, above 0. A share that is NaN has an interval of NaN.
    coverage : float, default=0.9

    Returns
    -------
    lower, upper : ndarrays

    Raises
    ------
    ValueError
        For shares outside [0, 1], and shares of no trials.

    References
    ----------
    .. [1] Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference. JASA 22, 209-212.

    Examples
    --------
    >>> lower, upper = wilson_interval(0.5, 100, coverage=0.95)
    >>> round(float(lower), 4), round(float(upper), 4)
    (0.4038, 0.5962)
    """
    check_aligned("shares and trials", rate=rate, n=n)
    try:
        rate, n = np.asarray(rate, dtype=np.float64), np.asarray(n, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError("rate and n must be numbers, or arrays of them.") from None
    with np.errstate(invalid="ignore"):
        if ((rate < 0) | (rate > 1)).any():
            raise ValueError(f"rate={shown(rate)} must lie in [0, 1]; NaN is a share that is not known.")
        if (~(n > 0) & ~np.isnan(rate)).any():
            raise ValueError(f"n={shown(n)} must be above 0: nothing is known of a share in no trials.")
    z2 = ndtri(0.5 + check_coverage(coverage) / 2) ** 2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * rate * (1 - rate) / n + z2**2 / (4 * n**2)) / (1 + z2 / n)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
