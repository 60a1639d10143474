"""What is learnt from customers of one type by clustering: a scale, centres on it, and the order of the segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax
from sklearn.metrics import pairwise_distances, pairwise_distances_argmin
from sklearn.mixture import GaussianMixture

from ._mixed_columns import MixedColumns


@dataclass(frozen=True, eq=False)
class FittedPart:
    """What is learnt from the customers of one type, or of all: aggregates only.

    Attributes
    ----------
    scale : MixedColumns
    k : int
        Clusters.
    figures : dict of str to ndarray
        Of each k looked at: see ``stability_`` of :class:`crmml.segments.ClusterSegmenter`.
    n, n_sampled : int
        Customers, and those on whom k was chosen.
    centers : ndarray of shape (k, width)
        On the common scale.
    position : ndarray of int of shape (k,)
        Place of each cluster in ``segments_``.
    overall : ndarray of shape (width,)
        Mean of all customers on the common scale.
    variance : float
        Mean square within clusters and columns.
    mixture : GaussianMixture or None
        None for k-means.
    """

    scale: MixedColumns
    k: int
    figures: dict[str, np.ndarray]
    n: int
    n_sampled: int
    centers: np.ndarray
    position: np.ndarray
    overall: np.ndarray
    variance: float
    mixture: GaussianMixture | None

    @property
    def order(self) -> np.ndarray:
        """The clusters in the order of the segments."""
        return np.argsort(self.position)

    def at(self, position: np.ndarray) -> FittedPart:
        """The same clusters at other places among the segments."""
        return replace(self, position=position)

    def codes(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Place of each customer's segment."""
        Z = self.scale.encode(columns)
        nearest = pairwise_distances_argmin(Z, self.centers) if self.mixture is None else self.mixture.predict(Z)
        return self.position[nearest].astype(np.int16)

    def memberships(self, columns: Mapping[str, np.ndarray], width: int) -> np.ndarray:
        r"""Probability of each segment, (n, width): the mixture's, or :math:`\propto e^{-d^2 / 2 \sigma^2}` of k-means."""
        Z = self.scale.encode(columns)
        if self.mixture is not None:
            found = self.mixture.predict_proba(Z)
        else:
            found = softmax(-self._square(Z) / (2 * max(self.variance, 1e-12)), axis=1)
        placed = np.zeros((len(Z), width))
        placed[:, self.position] = found
        return placed

    def likelihood(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Log-likelihood of each customer under the mixture, or minus the squared distance to the nearest centre, (n, 1)."""
        Z = self.scale.encode(columns)
        if self.mixture is not None:
            return self.mixture.score_samples(Z)[:, None]
        return -self._square(Z).min(axis=1)[:, None]

    def _square(self, Z: np.ndarray) -> np.ndarray:
        return pairwise_distances(Z, self.centers, metric="sqeuclidean")
