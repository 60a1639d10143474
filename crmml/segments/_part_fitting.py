"""How customers of one type are clustered: scaled, sampled, the number of clusters chosen, fitted on all and put in order."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from ..exceptions import DataError, warn
from ._cluster_fits import by_kmeans, by_mixture, fit_mixture
from ._cluster_names import why_not
from ._fitted_part import FittedPart
from ._mixed_columns import MixedColumns
from ._stability import FIGURES, LEAST_CUSTOMERS, LEAST_OF_CLUSTER, RESAMPLE, choose_k
from .base import SegmentWarning


@dataclass(frozen=True)
class ClusterFit:
    """How one part is to be fitted: the hyper-parameters that do not concern reading.

    Attributes
    ----------
    n_clusters, method, max_clusters, log, sample_size, n_resamples
        As of :class:`crmml.segments.ClusterSegmenter`.
    subject : str
        For messages.
    """

    n_clusters: int | str
    method: str
    max_clusters: int
    log: str | Sequence[str]
    sample_size: int
    n_resamples: int
    subject: str

    def fit(
        self,
        features: Mapping[str, np.ndarray],
        rank_by: np.ndarray | None,
        weight: np.ndarray | None,
        label: str,
        rng: np.random.RandomState,
    ) -> tuple[FittedPart, np.ndarray]:
        """Scale, choose k, cluster, and order the clusters by ``rank_by``: the part, and each customer's place."""
        scale = MixedColumns(features, weight, self.log, label)
        Z = scale.encode(features)
        chosen = self._sample(len(Z), weight, rng)
        sample = Z[chosen]
        k, figures = self._number_of_clusters(sample, [at for _, at in scale.groups], label, rng)
        if k > 1 and (distinct := len(np.unique(sample, axis=0))) < k:
            raise DataError(
                [f"there are {distinct:,} different customers, fewer than the {k} clusters asked for"], self.subject
            )
        mass = np.ones(len(Z)) if weight is None else weight
        overall = np.average(Z, axis=0, weights=weight)
        centers, codes, spread, mixture = self._clusters(Z, sample, overall, weight, k, rng)
        size = np.bincount(codes, mass, minlength=k)
        position = np.argsort(np.lexsort((-size, -(size if rank_by is None else _means(rank_by, codes, mass, k)))))
        part = FittedPart(
            scale=scale,
            k=k,
            figures=figures,
            n=len(Z),
            n_sampled=len(chosen),
            centers=centers,
            position=position,
            overall=overall,
            variance=spread / float(mass.sum()) / Z.shape[1],
            mixture=mixture,
        )
        return part, position[codes].astype(np.int16)

    def _sample(self, n: int, weight: np.ndarray | None, rng: np.random.RandomState) -> np.ndarray:
        """The customers on whom k is chosen."""
        if n <= self.sample_size and weight is None:
            return np.arange(n)
        p = None if weight is None else weight / weight.sum()
        return np.sort(rng.choice(n, min(n, self.sample_size), replace=False, p=p))

    def _clusters(
        self,
        Z: np.ndarray,
        sample: np.ndarray,
        overall: np.ndarray,
        weight: np.ndarray | None,
        k: int,
        rng: np.random.RandomState,
    ) -> tuple[np.ndarray, np.ndarray, float, GaussianMixture | None]:
        """Centres, the customers' clusters, the sum of squared distances between the two, and the mixture."""
        if k > 1 and self.method == "kmeans":
            return *_kmeans(Z, sample, weight, k, rng), None
        if k > 1:
            mixture = fit_mixture(sample, k, rng, n_init=5)
            centers, codes = mixture.means_, mixture.predict(Z)
        else:
            mixture, centers, codes = None, overall[None], np.zeros(len(Z), dtype=np.int64)
        away = Z - centers[codes]
        mass = np.ones(len(Z)) if weight is None else weight
        return centers, codes, float(mass @ np.einsum("ij,ij->i", away, away)), mixture

    def _number_of_clusters(
        self, sample: np.ndarray, groups: Sequence[slice], label: str, rng: np.random.RandomState
    ) -> tuple[int, dict[str, np.ndarray]]:
        """The k that is stable, or the one asked for, and the figures of those looked at; warns where none is stable."""
        wanted: int | None = None if isinstance(self.n_clusters, str) else self.n_clusters
        inside = f" in {label}" if label else ""
        if len(sample) < LEAST_CUSTOMERS or (wanted is not None and (wanted < 2 or self.n_resamples < 2)):
            if wanted is None:
                warn(
                    f"{len(sample)} customers{inside} are too few to look for clusters ({LEAST_CUSTOMERS} at least): they are one "
                    "segment. Give a whole n_clusters to divide them nonetheless.",
                    SegmentWarning,
                )
            return wanted or 1, {name: np.empty(0) for name in FIGURES}
        at_most = max(2, min(RESAMPLE, int(0.4 * len(sample))) // LEAST_OF_CLUSTER)
        candidates = list(range(2, min(self.max_clusters, at_most) + 1)) if wanted is None else [min(wanted, at_most)]
        cluster = by_mixture if self.method == "mixture" else by_kmeans
        with (
            warnings.catch_warnings(),
            threadpool_limits(limits=1),
        ):  # a second thread only waits on samples of this size
            warnings.simplefilter("ignore", ConvergenceWarning)  # resamples may have fewer distinct customers than k
            k, figures = choose_k(sample, groups, candidates, max(2, self.n_resamples), cluster, rng)
        if k == 1:
            warn(_nothing_found(wanted, inside, why_not(figures)), SegmentWarning)
        return wanted or k, figures


def _nothing_found(wanted: int | None, inside: str, why: str) -> str:
    if wanted is None:
        return (
            f"No clusters were found{inside}, so that there is one segment: {why}. Give a whole n_clusters to divide customers "
            "nonetheless, or other columns."
        )
    return (
        f"{wanted} clusters were asked for{inside} and are given, but {why}: take them for a convenient "
        "division, not for kinds of customers."
    )


def _kmeans(
    Z: np.ndarray, sample: np.ndarray, weight: np.ndarray | None, k: int, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray, float]:
    """K-means of all customers, from the centres found in the sample where it is smaller."""
    seed, larger = rng.randint(2**31 - 1), len(Z) > len(sample)
    found = KMeans(k, n_init=10, random_state=seed).fit(
        sample if larger else Z, sample_weight=None if larger else weight
    )
    if larger:
        found = KMeans(k, init=found.cluster_centers_, n_init=1, random_state=seed, copy_x=False).fit(
            Z, sample_weight=weight
        )
    return found.cluster_centers_, found.labels_, found.inertia_


def _means(column: np.ndarray, codes: np.ndarray, mass: np.ndarray, k: int) -> np.ndarray:
    """Mean of a column in each cluster, least where nothing is known."""
    known = ~np.isnan(column)
    total = np.bincount(codes[known], (mass * np.where(known, column, 0.0))[known], minlength=k)
    count = np.bincount(codes[known], mass[known], minlength=k)
    return np.where(count > 0, total / np.where(count > 0, count, 1), -np.inf)
