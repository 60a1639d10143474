"""Group-time effects of a staggered roll-out as contrasts of cohort means, and their errors; plain numerics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ..inference.intervals import is_spread

#: The cohort of units that are not treated within the periods seen.
NEVER = np.iinfo(np.int64).max


#: Clusters of a cohort below which groups' movements before treatment are not compared.
LEAST_CLUSTERS = 5


@dataclass(frozen=True)
class GroupTime:
    """Which group-time effects the data identify, and the contrast of cohort means that estimates each.

    Attributes
    ----------
    cohorts : ndarray of shape (n_cohorts,)
        First treated period of each, sorted; NEVER last where there is one.
    sizes : ndarray of shape (n_cohorts,)
    group, time : ndarrays of shape (n_effects,)
        Cohort and period of each effect.
    contrast : ndarray of shape (n_effects, n_cohorts, n_periods)
        Its weights on the cohorts' mean outcomes.
    unidentified : int
        Cohort and period pairs after treatment for which no control is left.
    """

    cohorts: np.ndarray
    sizes: np.ndarray
    group: np.ndarray
    time: np.ndarray
    contrast: np.ndarray
    unidentified: int


def group_time(first: np.ndarray, n_periods: int, control: str, anticipation: int) -> GroupTime:
    """Lay out ATT(g, t) for each treated cohort g and period t other than its base g - 1 - anticipation.

    Parameters
    ----------
    first : int array of shape (n_units,)
        First treated period, 1 + anticipation or later, or NEVER.
    control : {"never", "not_yet"}
    """
    cohorts, sizes = np.unique(first, return_counts=True)
    groups, times, contrasts, lost = [], [], [], 0
    for at, g in enumerate(cohorts):
        if g == NEVER:
            continue
        base = int(g) - 1 - anticipation
        for t in range(n_periods):
            if t == base:
                continue
            later = cohorts > max(t, base) + anticipation if control == "not_yet" else cohorts == NEVER
            chosen = later & (cohorts != g)
            if not chosen.any():
                lost += t >= g
                continue
            contrast = np.zeros((len(cohorts), n_periods))
            shares = np.where(chosen, sizes, 0) / sizes[chosen].sum()
            contrast[:, t] -= shares
            contrast[:, base] += shares
            contrast[at, t] += 1.0
            contrast[at, base] -= 1.0
            groups.append(int(g))
            times.append(t)
            contrasts.append(contrast)
    shape = (len(contrasts), len(cohorts), n_periods)
    return GroupTime(
        cohorts, sizes, np.array(groups, dtype=int), np.array(times, dtype=int), np.reshape(contrasts, shape), lost
    )


@dataclass(frozen=True)
class Errors:
    """Estimates of several contrasts with what their errors are made of.

    Attributes
    ----------
    estimate, std_error, df : ndarrays of shape (k,)
    scores : ndarray of shape (n_clusters, k)
        Contribution of each cluster; the covariance is scores.T @ scores.
    stratum : ndarray of int, shape (n_clusters,)
        Cohort of each cluster; 0 for all where clusters cross cohorts.
    """

    estimate: np.ndarray
    std_error: np.ndarray
    df: np.ndarray
    scores: np.ndarray
    stratum: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        """Of the estimates, shape (k, k)."""
        return self.scores.T @ self.scores

    def interval(self, coverage: float) -> tuple[np.ndarray, np.ndarray]:
        """Student-t intervals, one contrast at a time."""
        half = np.where(self.varies, stats.t.ppf(0.5 + coverage / 2, self.df) * self.std_error, np.nan)
        return self.estimate - half, self.estimate + half

    def p_value(self) -> np.ndarray:
        """Two-sided, of no effect; missing where the data show no noise at all."""
        with np.errstate(divide="ignore", invalid="ignore"):
            p = 2 * stats.t.sf(np.abs(self.estimate) / self.std_error, self.df)
        return np.where(self.varies, p, np.nan)

    @property
    def varies(self) -> np.ndarray:
        """Where the standard errors say anything."""
        return is_spread(self.std_error, self.estimate)

    def joint_p_value(self) -> tuple[float, float, int]:
        r"""Wald statistic, p-value and rank of the hypothesis that all are zero.

        Hotelling's F with the degrees of freedom of Krishnamoorthy and Yu [1]_, which are Satterthwaite's where there is one
        contrast: :math:`(k + k^2) / \sum_h \frac{1}{n_h - 1} [tr((V_h V^{-1})^2) + (tr V_h V^{-1})^2]`, with :math:`V_h` what
        cohort h adds to the covariance V. Missing where they are too few for so many contrasts, or a cohort has fewer than 5
        clusters: with 3, the test rejected 12 to 16 % of the time where it promised 5 %, with 5 or more 4 to 7 %.

        References
        ----------
        .. [1] Krishnamoorthy, K. and Yu, J. (2004), Modified Nel and Van der Merwe test for the multivariate Behrens-Fisher
           problem. Statistics & Probability Letters 66(2), 161-169.
        """
        values, vectors = np.linalg.eigh(self.covariance)
        kept = values > values.max(initial=0.0) * len(values) * np.finfo(float).eps
        k = int(kept.sum())
        if k == 0:
            return float("nan"), float("nan"), k
        root = vectors[:, kept] / np.sqrt(values[kept])
        wald = float(((self.estimate @ root) ** 2).sum())
        scores, spread = self.scores @ root, 0.0
        for h, n in enumerate(np.bincount(self.stratum)):
            part = scores[self.stratum == h].T @ scores[self.stratum == h]
            spread += ((part**2).sum() + np.trace(part) ** 2) / max(n - 1, 1)
        df = (k + k**2) / spread
        rest = df - k + 1
        if rest <= 0 or np.bincount(self.stratum).min() < LEAST_CLUSTERS:
            return wald, float("nan"), k
        return wald, float(stats.f.sf(wald * rest / (k * df), k, rest)), k

    def uniform_critical(self, coverage: float, n_resamples: int, rng: np.random.RandomState) -> float:
        """Critical value of the largest |t|, made as wide as Student's t for the fewest degrees of freedom.

        Gaussian multipliers of the clusters' scores are normal draws with the scores' covariance, and are drawn as such.
        """
        live = self.std_error > 0
        least = float(stats.t.ppf(0.5 + coverage / 2, self.df).max())
        if live.sum() < 2:
            return least
        df, scores = float(self.df[live].min()), self.scores[:, live] / self.std_error[live]
        values, vectors = np.linalg.eigh(scores.T @ scores)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        largest = np.abs(rng.standard_normal((n_resamples, len(root))) @ root.T).max(axis=1)
        largest /= np.sqrt(rng.chisquare(df, n_resamples) / df)
        return max(float(np.quantile(largest, coverage)), least)


def errors_of(
    Y: np.ndarray, first: np.ndarray, cohorts: np.ndarray, contrast: np.ndarray, cluster: np.ndarray | None = None
) -> Errors:
    r"""Estimate contrasts of cohort means with errors clustered by unit or by coarser clusters.

    With unit i of cohort h contributing :math:`\psi_i = C_h \cdot (Y_i - \bar Y_h) / n_h`, the variance is
    :math:`\sum_h \frac{n_h}{n_h - 1} \sum_{i \in h} \psi_i^2`, its degrees of freedom are Welch's and Satterthwaite's.
    Clusters inside cohorts are treated likewise with sums over clusters; for clusters that cross cohorts the factor is
    G / (G - 1), with G - 1 degrees of freedom.
    """
    k, at = len(contrast), np.searchsorted(cohorts, first)
    estimate, psi = np.zeros(k), np.zeros((len(Y), k))
    for h in range(len(cohorts)):
        rows = at == h
        mean = Y[rows].mean(axis=0)
        estimate += contrast[:, h] @ mean
        psi[rows] = (Y[rows] - mean) @ contrast[:, h].T / rows.sum()
    stratum = at
    if cluster is not None:
        n_clusters = int(cluster.max()) + 1
        sums = np.zeros((n_clusters, k))
        np.add.at(sums, cluster, psi)
        nested = len(np.unique(np.column_stack([cluster, at]), axis=0)) == n_clusters
        stratum = np.zeros(n_clusters, dtype=int)
        if nested:
            stratum[cluster] = at
        psi = sums
    members = np.bincount(stratum)
    scores = psi * np.sqrt(members / np.maximum(members - 1, 1))[stratum][:, None]
    parts = np.zeros((len(members), k))
    np.add.at(parts, stratum, scores**2)
    variance = parts.sum(axis=0)
    spread = (parts**2 / np.maximum(members - 1, 1)[:, None]).sum(axis=0)
    most = len(psi) - len(members)
    df = np.divide(variance**2, spread, out=np.full(k, float(most)), where=spread > 0)
    scale = np.abs(Y).max() if Y.size else 0.0
    tiny = variance <= (1e-12 * scale) ** 2
    variance, scores = np.where(tiny, 0.0, variance), np.where(tiny, 0.0, scores)
    estimate = np.where(tiny & (np.abs(estimate) <= 1e-12 * scale), 0.0, estimate)
    return Errors(estimate, np.sqrt(variance), df, scores, stratum)
