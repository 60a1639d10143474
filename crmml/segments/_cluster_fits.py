"""The two ways of clustering customers on a common scale, each of many samples at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.mixture import GaussianMixture

#: What a fit gives: the function that predicts codes, and the centres (k, d).
Fitted = tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]

#: Keeps the mixture's covariances regular on the common scale, where a column's variance is about 1.
REGULAR = 1e-3
#: K-means of a sample: starts, iterations at most, and the centres' move (by their mean variance) that ends them.
STARTS, MAX_ITER, TOLERANCE = 4, 50, 1e-3
#: Distances that are looked at together: what stays in the processor's cache.
_TOGETHER = 100_000


def by_kmeans(samples: np.ndarray, k: int, rng: np.random.RandomState) -> list[Fitted]:
    """K-means of each sample, with four starts: what predicts codes, and the centres.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, m, d)
    k : int
    rng : RandomState
    """
    size = max(1, _TOGETHER // (STARTS * k * samples.shape[1]))
    parts = [kmeans_centers(samples[at : at + size], k, rng) for at in range(0, len(samples), size)]
    return [(_nearest(centers), centers) for centers in np.concatenate(parts)]


def by_mixture(samples: np.ndarray, k: int, rng: np.random.RandomState) -> list[Fitted]:
    """A normal mixture of each sample, with three starts: what predicts codes, and the means. Parameters as :func:`by_kmeans`."""
    fitted = [fit_mixture(sample, k, rng, n_init=3) for sample in samples]
    return [(mixture.predict, mixture.means_) for mixture in fitted]


def fit_mixture(Z: np.ndarray, k: int, rng: np.random.RandomState, n_init: int) -> GaussianMixture:
    """A normal mixture with full covariances, started from customers drawn apart from each other.

    A start from k-means, which may cut a long cluster across, can leave the mixture there.
    """
    seed = rng.randint(2**31 - 1)
    return GaussianMixture(k, n_init=n_init, init_params="k-means++", reg_covar=REGULAR, random_state=seed).fit(Z)


def _nearest(centers: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    half = (centers**2).sum(axis=1) / 2
    return lambda rows: (half - rows @ centers.T).argmin(axis=1)


def kmeans_centers(samples: np.ndarray, k: int, rng: np.random.RandomState) -> np.ndarray:
    r"""Centres of each sample by Lloyd's iterations from greedy k-means++ starts [1]_, the best of four by inertia.

    The samples, all of one size and small, go through each step together: some hundred fits of some hundred customers are else
    spent on calling (scikit-learn's KMeans takes one sample at a time). A centre that loses all its customers stays where it is.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, m, d)
    k : int
        At most m.
    rng : RandomState

    Returns
    -------
    ndarray of shape (n_samples, k, d)

    References
    ----------
    .. [1] Arthur, D. and Vassilvitskii, S. (2007), k-means++: the advantages of careful seeding. SODA, 1027-1035.

    Examples
    --------
    >>> import numpy as np
    >>> samples = np.array([[[0.0], [1.0], [10.0], [11.0]]])
    >>> np.sort(kmeans_centers(samples, 2, np.random.RandomState(0)), axis=1).tolist()
    [[[0.5], [10.5]]]
    """
    n, m, d = samples.shape
    middle = samples.mean(axis=1, keepdims=True)
    X = samples - middle
    across = np.ascontiguousarray(X.transpose(0, 2, 1))
    ones = np.concatenate([X, np.ones((n, m, 1))], axis=2)
    C = _starts(X, across, k, rng)
    tolerance = TOLERANCE * X.var(axis=1).mean(axis=1)
    active = np.arange(n)
    for _ in range(MAX_ITER):
        cost = _costs(across[active], C[active])
        mine = (cost <= cost.min(axis=2, keepdims=True)).astype(np.float64)
        sums = (mine.reshape(len(active), STARTS * k, m) @ ones[active]).reshape(len(active), STARTS, k, d + 1)
        count = sums[..., -1:]
        moved = np.where(count > 0, sums[..., :-1] / np.maximum(count, 1), C[active])
        step = ((moved - C[active]) ** 2).sum(axis=(2, 3)).max(axis=1)
        C[active] = moved
        active = active[step > tolerance[active]]
        if not len(active):
            break
    best = _costs(across, C).min(axis=2).sum(axis=2).argmin(axis=1)
    return C[np.arange(n), best] + middle


def _costs(across: np.ndarray, C: np.ndarray) -> np.ndarray:
    """Half the squared distance to each centre, but for the customer's own square: (n_samples, starts, k, m)."""
    n, starts, k, d = C.shape
    flat = C.reshape(n, starts * k, d)
    cost = (flat**2).sum(axis=2, keepdims=True) / 2 - flat @ across
    return cost.reshape(n, starts, k, -1)


def _starts(X: np.ndarray, across: np.ndarray, k: int, rng: np.random.RandomState) -> np.ndarray:
    """Greedy k-means++: of some customers drawn by their squared distance, the one that lowers inertia most; (n, starts, k, d)."""
    n, m, d = X.shape
    trials = 2 + int(np.log(k))
    square = (X**2).sum(axis=2)[:, None, None, :]
    each, start = np.arange(n)[:, None], np.arange(STARTS)
    C = np.empty((n, STARTS, k, d))
    C[:, :, 0] = X[each, rng.randint(m, size=(n, STARTS))]
    apart = np.maximum(2 * _costs(across, C[:, :, :1])[:, :, 0] + square[:, 0], 0)
    for j in range(1, k):
        reached = np.cumsum(apart, axis=2)
        level = rng.random_sample((n, STARTS, trials)) * reached[:, :, -1:]
        drawn = np.minimum((reached[:, :, None, :] <= level[..., None]).sum(axis=3), m - 1)
        tried = X[each[..., None], drawn]
        left = np.minimum(apart[:, :, None, :], np.maximum(2 * _costs(across, tried) + square, 0))
        best = left.sum(axis=3).argmin(axis=2)
        apart = left[each, start, best]
        C[:, :, j] = tried[each, start, best]
    return C
