"""The posterior of a fitted model, and intervals of its predictions, computed in blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..inference import MaximumLikelihood, Posterior, maximize, sample_posterior
from ..typing import Estimator, Seed
from ._covariates import CovariateLayout
from ._prior import NormalPrior

#: Draws × rows computed at a time: some arrays of this size fit a cache of a few MB and memory stays small.
BLOCK = 40_000


@dataclass(frozen=True)
class FitData:
    """What a posterior needs of the data: unique rows, their weights and the coordinates that were fitted.

    It stays in memory with the fitted model and is left out when the model is stored or copied to another process.
    """

    columns: np.ndarray
    weight: np.ndarray
    layout: CovariateLayout
    matrix: np.ndarray
    optimum: MaximumLikelihood
    start: np.ndarray


def draw_posterior(
    model: Estimator, data: FitData, prior: NormalPrior, n_draws: int, random_state: Seed
) -> tuple[Posterior, np.ndarray]:
    """Return the posterior on the natural scale, and its draws (n_draws, k) as fitted vectors."""
    rows, k = model._rows(data.columns), data.layout.n_parameters
    likelihood = model._objective(data.layout, data.matrix, data.columns, data.weight)

    def penalised(u: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = likelihood(u)
        return value + float(prior.log_density(u)), gradient + prior.gradient(u)

    def log_density(u: np.ndarray) -> np.ndarray:
        total = np.empty(len(u))
        step = max(1, BLOCK // max(len(data.weight), 1))
        for at in range(0, len(u), step):
            theta = data.layout.theta(u[at : at + step] @ data.matrix.T, data.columns)
            total[at : at + step] = model._log_likelihood(rows, theta) @ data.weight
        return total + prior.log_density(u)

    box = 20 * prior.sd
    begin = np.where(np.abs(data.optimum.theta - prior.location) < 4 * prior.sd, data.optimum.theta, prior.location)
    mode = maximize(
        penalised, begin, lower=prior.location - box, upper=prior.location + box, scale=float(data.weight.sum())
    )

    def natural(u: np.ndarray) -> np.ndarray:
        vector = u @ data.matrix.T
        vector[:, :k] = np.exp(vector[:, :k])
        return vector

    posterior = sample_posterior(
        log_density,
        mode.theta,
        mode.covariance,
        names=data.layout.names,
        transform=natural,
        n_draws=n_draws,
        random_state=random_state,
    )
    vectors = posterior.draws.to_numpy(dtype=float, copy=True)
    vectors[:, :k] = np.log(vectors[:, :k])
    return posterior, vectors


def interval_by_blocks(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
    columns: np.ndarray,
    vectors: np.ndarray,
    coverage: float,
) -> np.ndarray:
    """Equal-tailed quantiles over the draws, shape (n, 2), a block of rows at a time.

    Parameters
    ----------
    function : callable
        ``function(block of columns, vectors)`` returns the quantity for each draw and row, (draws, rows).
    columns : ndarray of shape (n, c)
    vectors : ndarray of shape (draws, k)
    coverage : float
    """
    tail = (1 - coverage) / 2
    result = np.empty((len(columns), 2))
    step = max(1, BLOCK // len(vectors))
    for at in range(0, len(columns), step):
        block = columns[at : at + step]
        result[at : at + step] = np.quantile(function(block, vectors), [tail, 1 - tail], axis=0, method="nearest").T
    return result
