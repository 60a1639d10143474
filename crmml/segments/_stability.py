r"""How many clusters: those that come back in other customers, and more surely than where there are none.

For each k, two disjoint resamples of the customers are clustered, and both clusterings predicted on the same held-out customers.
How well a cluster comes back is its Jaccard agreement with the most alike one of the other clustering [1]_; a pair of resamples
agrees as its *weakest* cluster does, in both directions, so that a single arbitrary cut is not hidden by the clusters that are
real. :math:`S_k` is the mean over pairs. Resamples are small (at most 300), since in very large ones any cut is stable where the
best clustering is unique, cluster or not [2]_.

Even customers without clusters are cut stably along their longest direction. So :math:`S_k` is compared with the same figure in
reference data that have no clusters but are else as alike as can be: each number's margin smoothed by the critical bandwidth at
which it has one mode only [3]_, rescaled to its variance, tied together by the normal scores' correlations (a normal copula);
categories, and numbers of few distinct values, keep their margin, categories being drawn independently. :math:`S_k` must be at
least 0.75 and above that of every reference data set.

A cluster that is only long is cut stably too. So neighbours must also be apart: of the held-out customers on the line between two
centres (at 0 and 1), those from 1/4 to 3/4 must be at most 3/4 of those within 1/4 of the emptier centre; a density with one mode
there has at least as many. This too is a mean, over random halves, of the pair of neighbours that is least apart. The largest k
that passes is chosen; none is k = 1.

References
----------
.. [1] Hennig, C. (2007), Cluster-wise assessment of cluster stability. Computational Statistics & Data Analysis 52(1), 258-271:
   a cluster below 0.75 is not to be trusted.
.. [2] Ben-David, S., von Luxburg, U. and Pál, D. (2006), A sober look at clustering stability. COLT, 5-19.
.. [3] Silverman, B. W. (1981), Using kernel density estimates to investigate multimodality. JRSS B 43(1), 97-99.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from ._cluster_fits import Fitted

#: Agreement of the weakest cluster, from which on a clustering is stable (Hennig 2007).
STABLE = 0.75
#: Agreement of the first pairs below which no further ones are looked at.
FIRST_PAIRS, HOPELESS = 5, 0.55
#: Customers in a resample, at most, and held out.
RESAMPLE, HELD_OUT = 300, 1200
#: Reference data sets, and pairs of resamples in each.
REFERENCES, REFERENCE_PAIRS = 8, 5
#: Customers between two neighbours, as a share of those at the emptier one, from which on they are one cluster.
APART = 0.75
#: A number with fewer distinct values keeps its margin in the reference.
FEW_VALUES = 20
#: Customers below which no clusters are looked for, and in a resample for each cluster.
LEAST_CUSTOMERS, LEAST_OF_CLUSTER = 40, 4
_BINS = 512

#: What is told of each k that was looked at.
FIGURES = ("k", "agreement", "std_error", "between", "reference", "limit")

#: Clusters each of the samples (n_samples, m, d) given.
Clusterer = Callable[[np.ndarray, int, np.random.RandomState], list[Fitted]]


def weakest_agreement(a: np.ndarray, b: np.ndarray, k: int) -> float:
    """Jaccard agreement of the cluster that is found again least, in [0, 1].

    Parameters
    ----------
    a, b : ndarrays of int of shape (n,)
        Two clusterings of the same customers, codes below k.
    k : int

    Examples
    --------
    >>> import numpy as np
    >>> weakest_agreement(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]), 2)
    1.0
    >>> weakest_agreement(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), 2)
    0.5
    """
    both = np.bincount(a.astype(np.int64) * k + b, minlength=k * k).reshape(k, k).astype(float)
    either = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
    jaccard = both / np.maximum(either, 1)
    return float(min(jaccard.max(axis=1).min(), jaccard.max(axis=0).min()))


def agreement_of_pairs(
    Z: np.ndarray, k: int, n_pairs: int, cluster: Clusterer, rng: np.random.RandomState
) -> np.ndarray:
    """Weakest agreement of each of ``n_pairs`` pairs of disjoint resamples, on customers held out from both."""
    n = len(Z)
    m = min(RESAMPLE, int(0.4 * n))
    orders = np.stack([rng.permutation(n)[: 2 * m + HELD_OUT] for _ in range(n_pairs)])
    fitted = cluster(Z[orders[:, : 2 * m].reshape(2 * n_pairs, m)], k, rng)
    found = np.empty(n_pairs)
    for pair, order in enumerate(orders):
        held_out = Z[order[2 * m :]]
        one, other = (predict(held_out) for predict, _ in fitted[2 * pair : 2 * pair + 2])
        found[pair] = weakest_agreement(one, other, k)
    return found


def valley(Z: np.ndarray, k: int, n_halves: int, cluster: Clusterer, rng: np.random.RandomState) -> float:
    """Customers between the two neighbours least apart, as a share of those at the emptier one; mean over random halves."""
    half = (len(Z) + 1) // 2
    orders = np.stack([rng.permutation(len(Z)) for _ in range(n_halves)])
    fitted = cluster(Z[orders[:, : min(half, 4 * RESAMPLE)]], k, rng)
    found = []
    for order, (predict, centres) in zip(orders, fitted, strict=True):
        held_out = Z[order[half:]]
        codes = predict(held_out)
        worst = 0.0
        for i, j in _neighbours(centres):
            line = centres[j] - centres[i]
            at = (held_out[(codes == i) | (codes == j)] - centres[i]) @ line / (line @ line)
            here, between, there = np.histogram(at, [-0.25, 0.25, 0.75, 1.25])[0]
            worst = max(worst, (between + 1) / (min(here, there) + 1))
        found.append(worst)
    return float(np.mean(found))


def _neighbours(centres: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of centres with no third one nearer to the middle between them."""
    pairs = []
    for i in range(len(centres)):
        for j in range(i + 1, len(centres)):
            distance = ((centres - (centres[i] + centres[j]) / 2) ** 2).sum(axis=1)
            if min(distance[i], distance[j]) <= distance.min() * (1 + 1e-9) and distance[i] > 0:
                pairs.append((i, j))
    return pairs


def choose_k(
    Z: np.ndarray,
    groups: Sequence[slice],
    candidates: Sequence[int],
    n_pairs: int,
    cluster: Clusterer,
    rng: np.random.RandomState,
) -> tuple[int, dict[str, np.ndarray]]:
    """The largest k whose clusters are stable, apart, and more stable than without clusters; 1 where there is none.

    Parameters
    ----------
    Z : ndarray of shape (n, d)
        Customers on a common scale.
    groups : sequence of slice
        The columns of Z that belong together: one for a number, several for a category.
    candidates : sequence of int
        From 2 on; a single one is looked at in full.
    n_pairs : int
    cluster : callable
        ``cluster(samples, k, rng)`` gives, of each of the samples (n_samples, m, d), a function that predicts codes, and the centres.
    rng : RandomState

    Returns
    -------
    k : int
    figures : dict of ndarray
        k, agreement, std_error, between, reference, limit; NaN where what came before decided.
    """
    agreement, error, between, reference, limit = np.full((5, len(candidates)), np.nan)
    chosen, single = 1, len(candidates) == 1
    for at, k in enumerate(candidates):
        found = agreement_of_pairs(Z, k, min(n_pairs, FIRST_PAIRS), cluster, rng)
        if (single or found.mean() >= HOPELESS) and n_pairs > FIRST_PAIRS:
            found = np.concatenate([found, agreement_of_pairs(Z, k, n_pairs - FIRST_PAIRS, cluster, rng)])
        agreement[at], error[at] = found.mean(), found.std(ddof=1) / np.sqrt(len(found))
    without: UnimodalReference | None = None
    for at in reversed(range(len(candidates))):
        if agreement[at] < STABLE and not single:
            continue
        between[at] = valley(Z, candidates[at], n_pairs // 2, cluster, rng)
        if between[at] > APART and not single:
            continue
        without = without or UnimodalReference(Z, groups)
        means = [
            agreement_of_pairs(without.draw(len(Z), rng), candidates[at], REFERENCE_PAIRS, cluster, rng).mean()
            for _ in range(REFERENCES)
        ]
        reference[at], limit[at] = np.mean(means), np.max(means)
        if agreement[at] >= STABLE and between[at] <= APART and agreement[at] > limit[at]:
            chosen = candidates[at]
            break
    figures = {"k": np.asarray(candidates), "agreement": agreement, "std_error": error, "between": between}
    return chosen, figures | {"reference": reference, "limit": limit}


class UnimodalReference:
    """Customers without clusters, as alike to those given as can be: see the module's head."""

    def __init__(self, Z: np.ndarray, groups: Sequence[slice]):
        self.Z = Z
        self.groups = groups
        self.numbers = [at.start for at in groups if at.stop - at.start == 1]
        columns = Z[:, self.numbers]
        scores = ndtri((np.apply_along_axis(rankdata, 0, columns) - 0.5) / len(Z)) if self.numbers else columns
        spread = scores.std(axis=0)
        scores = (scores - scores.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        self.root = np.linalg.cholesky(scores.T @ scores / len(Z) + 1e-8 * np.eye(len(self.numbers)))
        self.sorted = np.sort(columns, axis=0)
        self.bandwidth = [
            critical_bandwidth(column) if len(np.unique(column)) >= FEW_VALUES else 0.0 for column in self.sorted.T
        ]

    def draw(self, n: int, rng: np.random.RandomState) -> np.ndarray:
        """Draw n customers."""
        drawn = np.empty((n, self.Z.shape[1]))
        level = ndtr(rng.standard_normal((n, len(self.numbers))) @ self.root.T)
        for j, at in enumerate(self.numbers):
            column, h = self.sorted[:, j], self.bandwidth[j]
            place = np.minimum((level[:, j] * len(column)).astype(np.int64), len(column) - 1)
            values = column[place]
            if h:
                mean, variance = column.mean(), column.var()
                values = mean + (values + h * rng.standard_normal(n) - mean) / np.sqrt(1 + h**2 / variance)
            drawn[:, at] = values
        for at in self.groups:
            if at.stop - at.start > 1:
                drawn[:, at] = self.Z[rng.randint(len(self.Z), size=n), at]
        return drawn


def critical_bandwidth(x: np.ndarray) -> float:
    """The least bandwidth at which a normal kernel's density has one mode within the middle 95 % of the numbers.

    Tails are left out, where single customers make modes of their own; found on a grid of 512, to 1 %.
    """
    lower, upper = np.quantile(x, [0.025, 0.975])
    reach = upper - lower
    if reach <= 0:
        return 0.0
    count, edges = np.histogram(x, bins=_BINS, range=(lower - reach / 2, upper + reach / 2))
    width = edges[1] - edges[0]
    inside = slice(_BINS // 4, _BINS - _BINS // 4)

    def modes(bandwidth: float) -> int:
        density = gaussian_filter1d(count.astype(float), bandwidth, mode="constant", truncate=5.0)[inside]
        change = np.sign(np.diff(density))
        change = change[change != 0]
        return (
            int((np.diff(change) < 0).sum())
            + int(len(change) > 0 and change[0] < 0)
            + int(len(change) > 0 and change[-1] > 0)
        )

    small, large = 0.5, float(_BINS) / 2
    if modes(small) <= 1:
        return small * width
    while large / small > 1.01:
        middle = float(np.sqrt(small * large))
        small, large = (small, middle) if modes(middle) <= 1 else (middle, large)
    return large * width
