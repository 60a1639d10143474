"""The two ways of clustering customers on a common scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

#: Keeps the mixture's covariances regular on the common scale, where a column's variance is about 1.
REGULAR = 1e-3


def by_kmeans(
    Z: np.ndarray, k: int, rng: np.random.RandomState
) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """K-means with four starts: what predicts codes, and the centres."""
    fitted = KMeans(k, n_init=4, max_iter=50, tol=1e-3, random_state=rng.randint(2**31 - 1)).fit(Z)
    centers = fitted.cluster_centers_
    half = (centers**2).sum(axis=1) / 2
    return (lambda rows: (half - rows @ centers.T).argmin(axis=1)), centers


def by_mixture(
    Z: np.ndarray, k: int, rng: np.random.RandomState
) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """A normal mixture with one start: what predicts codes, and the means."""
    fitted = fit_mixture(Z, k, rng, n_init=1)
    return fitted.predict, fitted.means_


def fit_mixture(Z: np.ndarray, k: int, rng: np.random.RandomState, n_init: int) -> GaussianMixture:
    """A normal mixture with full covariances."""
    return GaussianMixture(k, n_init=n_init, reg_covar=REGULAR, random_state=rng.randint(2**31 - 1)).fit(Z)
