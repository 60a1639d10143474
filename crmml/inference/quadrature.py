r"""Discounted value of a stream whose cumulated amount M(t) is known.

Integration by parts turns the Stieltjes integral of a stream into an ordinary one of its smooth cumulated amount:

.. math:: \int_0^h e^{-\delta t} dM(t) = e^{-\delta h} M(h) + \delta \int_0^h e^{-\delta t} M(t) dt,\qquad M(0) = 0,

which is computed by Gauss-Legendre nodes in v = ln(1 + t/c): M moves on the scale c at first and slower and slower
after, and the discount factor ends the integral where it falls below rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ..checks import check_count, check_number

#: Nodes of the rule: 1e-12 relative for streams that slow down like a power of time.
NODES = 64
#: A rule of more nodes than this takes minutes to make.
MOST_NODES = 4096
#: exp(-DISCOUNTED_AWAY) is below rounding.
DISCOUNTED_AWAY = 42.0


def legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on (0, 1).

    Parameters
    ----------
    n : int
        From 1 to 4,096.

    Returns
    -------
    nodes, weights : ndarrays of shape (n,)

    Raises
    ------
    ValueError

    Examples
    --------
    >>> nodes, weights = legendre(3)
    >>> round(float(weights @ nodes**5), 12)    # exact for polynomials up to degree 2 n - 1
    0.166666666667
    """
    return _legendre(check_count(n, "n", least=1, most=MOST_NODES))


@lru_cache(maxsize=16)
def _legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (nodes + 1) / 2, weights / 2


def discounted_integral(
    cumulated: Callable[[float], np.ndarray], horizon: float, delta: float, scale: float, n_nodes: int = NODES
) -> np.ndarray:
    r"""Return :math:`\int_0^h e^{-\delta t} dM(t)` for each stream.

    Parameters
    ----------
    cumulated : callable
        ``cumulated(t)`` returns M(t), shape (n,), with M(0) = 0 and M growing at most linearly.
    horizon : float
        h, may be infinite when delta > 0.
    delta : float
        Discount intensity per unit of time, at least 0.
    scale : float
        Time over which M' changes, above 0; it places the nodes and needs no precision.
    n_nodes : int, default=64
        12 are enough for five digits.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError

    Examples
    --------
    >>> round(float(discounted_integral(lambda t: np.array(3.0 * t), np.inf, 0.1, 5.0)), 9)    # 3 / 0.1
    30.0
    """
    delta = check_number(delta, "delta", least=0)
    horizon = check_number(horizon, "horizon", least=0, infinite=delta > 0, meaning="it is endless only with delta > 0")
    scale = check_number(scale, "scale", least=0)
    if delta == 0:
        return cumulated(horizon)
    end = min(horizon, DISCOUNTED_AWAY / delta)
    c = min(max(scale, 1e-300), 1 / delta)
    top = np.log1p(end / c)
    nodes, weights = legendre(n_nodes)
    t = c * np.expm1(top * nodes)
    w = delta * np.exp(-delta * t) * top * weights * (t + c)
    total = np.asarray(np.exp(-delta * end) * cumulated(end) if np.isfinite(horizon) else 0.0)
    for time, weight in zip(t.tolist(), w.tolist(), strict=True):
        total = total + weight * cumulated(time)
    return total
