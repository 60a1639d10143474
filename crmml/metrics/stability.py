"""Has a distribution moved between two snapshots?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import chi2

from ..checks import Faults, check_count, check_draws, check_probability
from ..exceptions import shown
from ..typing import ArrayLike


def population_stability_index(expected: ArrayLike, actual: ArrayLike, *, n_bins: int = 10) -> float:
    r"""Population stability index (PSI) of one column between two samples [1]_.

    .. math:: \sum_k (q_k - p_k) \ln \frac{q_k}{p_k},

    p and q being the shares of bins in the two samples: deciles of the first sample for numbers, values for text, and one
    bin more for what is missing. Half a customer is added to each bin, so that an empty one gives no infinity.

    Parameters
    ----------
    expected, actual : arrays of shape (n,) and (m,)
        The column before and after.
    n_bins : int, default=10
        Of numbers.

    Returns
    -------
    float
        At least 0. See `stability_noise` for what chance alone gives.

    References
    ----------
    .. [1] Yurdakul, B. and Naranjo, J. (2020), Statistical properties of the population stability index. Journal of Risk
       Model Validation 14(4), 89-100.

    Examples
    --------
    >>> before = np.arange(1000) / 1000
    >>> round(population_stability_index(before, before), 6)
    0.0
    >>> round(population_stability_index(before, before**2), 2)
    0.38
    """
    p, q = stability_shares(expected, actual, n_bins=n_bins)
    return float(np.sum((q - p) * np.log(q / p)))


def stability_noise(n_bins: int, n_expected: int, n_actual: int, *, significance: float = 0.05) -> float:
    """What the PSI of two samples of one distribution exceeds with probability ``significance`` only.

    It is about (1/n + 1/m) times a chi-squared variable with n_bins - 1 degrees of freedom [1]_; the customary limits 0.1 and
    0.25 know nothing of n.

    References
    ----------
    .. [1] Yurdakul, B. and Naranjo, J. (2020), Statistical properties of the population stability index. Journal of Risk
       Model Validation 14(4), 89-100.

    Examples
    --------
    >>> round(stability_noise(10, 1000, 1000), 4)
    0.0338
    """
    faults = Faults("the noise of the index")
    faults.check(check_probability, significance, "significance", open_interval=True)
    faults.check(check_draws, n_bins, "n_bins")
    for name, count in (("n_expected", n_expected), ("n_actual", n_actual)):
        faults.check(check_count, count, name, least=1)
    faults.refuse()
    return float(chi2.ppf(1 - significance, max(n_bins - 1, 1)) * (1 / n_expected + 1 / n_actual))


def stability_shares(expected: ArrayLike, actual: ArrayLike, *, n_bins: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Shares of each bin in both samples, as `population_stability_index` compares them."""
    faults = Faults("PSI")
    faults.check(check_draws, n_bins, "n_bins")
    for name, given in (("expected", expected), ("actual", actual)):
        if np.ndim(given) != 1 or not len(given):  # type: ignore[arg-type]  # a dimension has a length
            faults.add(f"{name} must be a column with rows; it is {shown(given)}")
    faults.refuse()
    before, after = pd.Series(expected), pd.Series(actual)
    if pd.api.types.is_numeric_dtype(before.dtype) and pd.api.types.is_numeric_dtype(after.dtype):
        edges = np.unique(before.dropna().astype(float).quantile(np.arange(1, n_bins) / n_bins).to_numpy())
        codes = [np.searchsorted(edges, column.astype(float), side="left") for column in (before, after)]
        codes = [np.where(column.isna(), -1, code) for column, code in zip((before, after), codes, strict=True)]
    else:
        text = [column.astype("string") for column in (before, after)]
        joined, _ = pd.factorize(pd.concat(text, ignore_index=True))
        codes = [joined[: len(before)], joined[len(before) :]]
    bins = np.unique(np.concatenate(codes))
    counts = [np.bincount(np.searchsorted(bins, code), minlength=bins.size) + 0.5 for code in codes]
    p, q = (count / count.sum() for count in counts)
    return p, q
