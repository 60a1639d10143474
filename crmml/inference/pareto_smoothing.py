r"""Pareto-smoothed importance weights and their diagnostic k.

The largest weights are replaced by the expected order statistics of a generalised Pareto distribution fitted to them;
its shape k says whether the weights can be trusted: below 0.7 an average converges at a practical rate, above it does
not [1]_. The shape is estimated by the empirical-Bayes method of [2]_.

References
----------
.. [1] Vehtari, A., Simpson, D., Gelman, A., Yao, Y. and Gabry, J. (2024), Pareto smoothed importance sampling. Journal of
   Machine Learning Research 25, 1-58.
.. [2] Zhang, J. and Stephens, M. A. (2009), A new and efficient estimation method for the generalized Pareto
   distribution. Technometrics 51, 316-325.
"""

from __future__ import annotations

import numpy as np

#: Above this shape the weights are not to be trusted.
MAX_K = 0.7


def pareto_smooth(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Smooth importance weights.

    Parameters
    ----------
    log_weights : ndarray of shape (n,)
        Unnormalised; minus infinity stands for a draw outside the target's support.

    Returns
    -------
    weights : ndarray of shape (n,)
        Normalised, sum 1.
    k : float
        Shape of the tail; infinite when fewer than five weights make a tail.

    Raises
    ------
    ValueError
        Without a finite weight, or with one that is missing or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> weights, k = pareto_smooth(np.zeros(1000))
    >>> round(float(weights.max() / weights.min()), 6), k
    (1.0, -inf)
    """
    log_weights = np.asarray(log_weights, dtype=float)
    usable = log_weights.ndim == 1 and not np.isnan(log_weights).any() and log_weights.max(initial=-np.inf) < np.inf
    if not usable or not np.isfinite(log_weights).any():
        raise ValueError(
            "log_weights must be an array of shape (n,) with a finite entry, and none that is missing or plus infinity; "
            f"{log_weights.size:,} were given in shape {log_weights.shape}."
        )
    weights = np.exp(log_weights - log_weights.max())
    n = weights.size
    tail = int(min(np.ceil(0.2 * n), np.ceil(3 * np.sqrt(n))))
    if tail < 5:
        return weights / weights.sum(), np.inf
    order = np.argsort(weights)
    largest = order[-tail:]
    cutoff = weights[order[-tail - 1]]
    excess = weights[largest] - cutoff
    if excess[-1] <= 1e-12:  # all alike: nothing to smooth
        return weights / weights.sum(), -np.inf
    positive = excess > 0
    k, sigma = fit_generalized_pareto(excess[positive])
    if not np.isfinite(k):
        return weights / weights.sum(), np.inf
    rank = (np.arange(1, tail + 1) - 0.5) / tail
    weights[largest] = np.minimum(cutoff + pareto_quantile(rank, k, sigma), 1.0)
    return weights / weights.sum(), float(k)


def fit_generalized_pareto(excess: np.ndarray) -> tuple[float, float]:
    """Return shape k and scale σ of a generalised Pareto distribution fitted to positive, ascending excesses."""
    n = excess.size
    if n < 2:
        return np.inf, 1.0
    quartile = excess[max(int(n / 4 + 0.5) - 1, 0)]
    if excess[-1] > 1e15 * quartile:  # beyond any shape that could be trusted
        return np.inf, 1.0
    m = 30 + int(np.sqrt(n))
    theta = 1 / excess[-1] + (1 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))) / (3 * quartile)
    theta = theta[theta != 0]
    shape = np.log1p(-theta[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-theta / shape) - shape - 1)
    weight = np.exp(profile - profile.max())
    weight /= weight.sum()
    best = float(weight @ theta)
    k = float(np.log1p(-best * excess).mean())
    # the published regularisation: ten observations' worth of k = 1/2
    return (n * k + 5) / (n + 10), -k / best


def pareto_quantile(p: np.ndarray, k: float, sigma: float) -> np.ndarray:
    """Quantile function of the generalised Pareto distribution."""
    if abs(k) < 1e-12:
        return -sigma * np.log1p(-p)
    return sigma * np.expm1(-k * np.log1p(-p)) / k
