"""Cut points by shares of the customers: equal values are never parted, and each share is met as nearly as ties allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: Rows scored at a time, so that what is compared stays in the cache.
BLOCK = 1 << 16
#: By how much of the number of customers a target may miss a whole number and still be taken for it.
ROUNDING = 1e-12
#: From how many cut points on a search among them is faster than comparing with each.
MANY = 24


def quantile_cuts(
    values: np.ndarray, below: Sequence[float] | np.ndarray, weight: np.ndarray | None = None
) -> np.ndarray:
    """Least value of the upper part, for each share of the customers that should lie below it.

    Boundaries lie between neighbouring distinct values. Each share takes the boundary whose share is nearest; of two that are
    equally near the lower one, so that the customers between them go up. The result does not depend on the order of rows.

    Parameters
    ----------
    values : ndarray of shape (n,)
        No NaN; n at least 1.
    below : sequence of float
        Ascending, in (0, 1).
    weight : ndarray of shape (n,), default=None
        How many customers a row stands for, above 0.

    Returns
    -------
    ndarray of shape (len(below),)
        Ascending: least values of the upper parts; -inf where nobody is below, inf where everybody is.
    """
    share = np.asarray(below, dtype=np.float64)
    if weight is not None:
        return _weighted(values, share, weight)
    n = values.size
    target = share * n
    rank = np.clip(np.ceil(target - ROUNDING * n).astype(np.int64) - 1, 0, n - 1)
    inner = np.unique(rank)
    parted = np.partition(values, inner)
    ends = np.append(inner, n - 1)
    found: dict[float, tuple[int, int, float]] = {}
    cuts = np.empty(share.size)
    for j, k in enumerate(rank):
        at = float(parted[k])
        if at not in found:
            lower = int(np.count_nonzero(values < at))
            through = int(np.count_nonzero(values <= at))
            found[at] = (lower, through, _next_above(parted, ends, int(k), at) if through < n else np.inf)
        lower, through, after = found[at]
        cuts[j] = _nearest(target[j], lower, through, n, at, after)
    return cuts


def _nearest(target: float, lower: float, through: float, total: float, at: float, after: float) -> float:
    if target - lower <= through - target + ROUNDING * total:
        return at if lower > 0 else -np.inf
    return after


def _next_above(parted: np.ndarray, ends: np.ndarray, k: int, at: float) -> float:
    """Least value above ``at``, looked for block by block to the right of rank k."""
    start = k + 1
    for end in ends[ends > k]:
        block = parted[start : end + 1]
        above = block[block > at]
        if above.size:
            return float(above.min())
        start = end + 1
    return np.inf


def _weighted(values: np.ndarray, share: np.ndarray, weight: np.ndarray) -> np.ndarray:
    distinct, code = np.unique(values, return_inverse=True)
    through = np.cumsum(np.bincount(code, weight))
    total = through[-1]
    target = share * total
    place = np.minimum(np.searchsorted(through, target - ROUNDING * total), distinct.size - 1)
    lower = np.append(0.0, through)[place]
    after = np.append(distinct, np.inf)[place + 1]
    return np.asarray(
        [
            _nearest(target[j], lower[j], through[k], total, float(distinct[k]), float(after[j]))
            for j, k in enumerate(place)
        ]
    )


def reached(values: np.ndarray, cuts: np.ndarray, descending: bool = False) -> np.ndarray:
    """How many cut points each value reaches; a value equal to one reaches it.

    Parameters
    ----------
    values : ndarray of shape (n,)
    cuts : ndarray of shape (k,)
        Ascending.
    descending : bool, default=False
        Low values are the good ones: a cut point is reached from above.

    Returns
    -------
    ndarray of int of shape (n,)
        0 to k.
    """
    dtype = np.uint8 if cuts.size < 256 else np.int32
    counts = np.zeros(values.size, dtype=dtype)
    if cuts.size > MANY:
        if descending:
            return (cuts.size - np.searchsorted(cuts, values, side="left")).astype(dtype)
        return np.searchsorted(cuts, values, side="right").astype(dtype)
    compare = np.less_equal if descending else np.greater_equal
    mark: Any = np.empty(min(BLOCK, values.size), dtype=bool)
    for start in range(0, values.size, BLOCK):
        block, count = values[start : start + BLOCK], counts[start : start + BLOCK]
        for cut in cuts:
            compare(block, cut, out=mark[: block.size])
            np.add(count, mark[: block.size].view(np.uint8), out=count)
    return counts
