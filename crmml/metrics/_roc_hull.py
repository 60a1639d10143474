"""Corners of the ROC convex hull without sorting all scores."""

from __future__ import annotations

import numpy as np
from sklearn.isotonic import isotonic_regression

#: Buckets that scores are counted in first.
BUCKETS = 1 << 16
#: Scores below which sorting them all is as quick.
SMALL = 20_000


def hull_corners(y: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of customers contacted and of churners among them at each corner, from nobody to everyone.

    Scores are counted in buckets of equal width first. Points of the curve inside a bucket lie below and right of the point
    with all its churners and none of its stayers; where that point is not above the hull of the buckets' ends, no corner can
    be inside. Only the scores of the other buckets are sorted. The result is exact.

    Parameters
    ----------
    y : ndarray of bool, shape (n,)
    score : ndarray of float, shape (n,)
    """
    lower, upper = score.min(), score.max()
    if y.size < SMALL or not 0 < upper - lower < np.inf:
        return _majorant(*_curve(y, score)[:2])
    # rounding keeps the order: a higher score is never in a lower bucket; the last bit is the label
    code = _bucket(score, lower, upper)
    code += code
    code += y
    pairs = np.bincount(code, minlength=2 * BUCKETS).reshape(-1, 2)[::-1]
    inside, churned = pairs.sum(axis=1), pairs[:, 1]
    used = np.flatnonzero(inside)
    inside, churned = inside[used], churned[used]
    contacted, churners = np.cumsum(inside), np.cumsum(churned)
    corner_x, corner_y = _majorant(contacted, churners)
    # the highest point a bucket could hold, and the hull above the same number of stayers
    before_x, before_y = contacted - inside, churners - churned
    height = _height(corner_x - corner_y, corner_y, before_x - before_y)
    is_open = (churners > height - 0.5) & (churned > 0) & (churned < inside)
    rows = _rows_in(used[is_open], code)
    if rows.size > y.size // 10:
        # many equal scores: a bucket of one score has no inside
        of_score = np.full(BUCKETS, np.nan)
        bucket = code.take(rows) >> 1
        of_score[bucket] = score.take(rows)
        mixed = np.zeros(BUCKETS, dtype=bool)
        mixed[bucket[of_score.take(bucket) != score.take(rows)]] = True
        is_open &= mixed[::-1][used]
        rows = _rows_in(used[is_open], code)
    fine_x, fine_y, at = _curve(y.take(rows), score.take(rows))
    # counts before each open bucket, of all customers instead of those in open buckets
    place = np.searchsorted(used, len(pairs) - 1 - _bucket(at, lower, upper))
    fine_x += (before_x - _before(inside * is_open))[place]
    fine_y += (before_y - _before(churned * is_open))[place]
    x, first = np.unique(np.concatenate([corner_x[1:], fine_x]), return_index=True)
    return _majorant(x, np.concatenate([corner_y[1:], fine_y])[first])


def _bucket(score: np.ndarray, lower: float, upper: float) -> np.ndarray:
    if 0 <= lower <= upper / 2:  # from 0 on, which spares a subtraction
        return (score * ((BUCKETS - 1) / upper)).astype(np.int64)
    return ((score - lower) * ((BUCKETS - 1) / (upper - lower))).astype(np.int64)


def _rows_in(places: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Rows of the buckets at these places, counted from the highest."""
    wanted = np.zeros(2 * BUCKETS, dtype=bool)
    wanted[2 * (BUCKETS - 1 - places)] = wanted[2 * (BUCKETS - 1 - places) + 1] = True
    return np.flatnonzero(wanted.take(code))


def _before(count: np.ndarray) -> np.ndarray:
    return np.cumsum(count) - count


def _curve(y: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Contacted and churners at the end of each group of equal scores, from the highest; and the score of each group."""
    if y.size and score.min() >= 0:
        # numbers of one sign are in the order of their bits, and the bit of the sign is free for the label
        packed = (np.ascontiguousarray(score).view(np.uint64) << np.uint64(1)) | y
        packed.sort()
        packed = packed[::-1]
        ranked, label = (packed >> np.uint64(1)).view(np.float64), (packed & np.uint64(1)).astype(np.int64)
    else:
        order = np.argsort(score)[::-1]
        ranked, label = score[order], y[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if y.size else np.zeros(0, np.int64)
    return last + 1, np.cumsum(label)[last], ranked[last]


def _majorant(contacted: np.ndarray, churners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the least concave curve above the points, the origin included."""
    count = np.diff(contacted, prepend=0).astype(np.float64)
    share = np.diff(churners, prepend=0) / count
    # pooling adjacent violators of the share of churners leaves the slopes of the concave majorant
    slope = isotonic_regression(share, sample_weight=count, increasing=False)
    corner = np.flatnonzero(np.append(np.diff(slope) != 0, True))
    return np.append(0, contacted[corner]), np.append(0, churners[corner])


def _height(stayers: np.ndarray, churners: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Height of the hull above numbers of stayers; of several corners above one number, the highest."""
    upper = np.append(stayers[1:] != stayers[:-1], True)
    return np.interp(at, stayers[upper], churners[upper])
