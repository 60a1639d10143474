"""Whether a probability of 20 % comes true two times in ten."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..checks import Faults, check_choice, check_coverage, check_draws
from ..inference import wilson_interval
from ..typing import ArrayLike, Label
from .inputs import read_binary


def expected_calibration_error(
    y_true: ArrayLike, y_prob: ArrayLike, *, n_bins: int = 10, bins: str = "width", churned: Label | None = None
) -> float:
    r"""Mean distance between probability and event rate over bins, weighted by customers [1]_.

    .. math:: \sum_k \frac{n_k}{n}\,|\bar p_k - \bar y_k|

    Parameters
    ----------
    y_true : array of shape (n,)
        Two labels, such as 0 and 1.
    y_prob : array of shape (n,)
        In [0, 1].
    n_bins : int, default=10
    bins : {"width", "count"}, default="width"
        Of equal width on [0, 1], or of equal numbers of customers (equal probabilities stay together).
    churned : label, default=None
        The label of the event, for labels that do not tell (1, true and yes do).

    Returns
    -------
    float

    References
    ----------
    .. [1] Naeini, M. P., Cooper, G. F. and Hauskrecht, M. (2015), Obtaining well calibrated probabilities using Bayesian
       binning. AAAI, 2901-2907.

    Examples
    --------
    >>> round(expected_calibration_error([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.9]), 3)
    0.225
    """
    table = calibration_table(y_true, y_prob, n_bins=n_bins, bins=bins, churned=churned)
    return float((table["customers"] * (table["probability"] - table["rate"]).abs()).sum() / table["customers"].sum())


def calibration_table(
    y_true: ArrayLike,
    y_prob: ArrayLike,
    *,
    n_bins: int = 10,
    bins: str = "width",
    coverage: float = 0.9,
    churned: Label | None = None,
) -> pd.DataFrame:
    """Mean probability and event rate of each bin, with Wilson's interval of the rate [1]_.

    Parameters
    ----------
    y_true, y_prob : arrays of shape (n,)
    n_bins, bins, churned
        As in `expected_calibration_error`; empty bins are left out.
    coverage : float, default=0.9

    Returns
    -------
    DataFrame
        lower, upper (edges), customers, probability (mean), rate, rate_lower, rate_upper.

    References
    ----------
    .. [1] Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference. JASA 22, 209-212.

    Examples
    --------
    >>> table = calibration_table([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.9], n_bins=2)
    >>> table[["lower", "upper", "customers", "probability", "rate"]]
       lower  upper  customers  probability  rate
    0    0.0    0.5          2         0.20   0.0
    1    0.5    1.0          2         0.75   1.0
    """
    y, p = read_binary(y_true, y_prob, probability=True, churned=churned)
    faults = Faults("bins")
    faults.check(check_draws, n_bins, "n_bins")
    faults.check(check_choice, bins, "bins", ("width", "count"))
    faults.check(check_coverage, coverage)
    faults.refuse()
    if bins == "width":
        edges = np.arange(n_bins + 1) / n_bins
        part = np.minimum((p * n_bins).astype(np.int64), n_bins - 1)
    else:
        edges = np.unique(np.append(np.quantile(p, np.arange(n_bins) / n_bins), p.max()))
        part = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, max(edges.size - 2, 0))
        edges = edges if edges.size > 1 else np.append(edges, edges)
    count = np.bincount(part, minlength=edges.size - 1)
    used = count > 0
    n = count[used]
    mean = np.bincount(part, p, count.size)[used] / n
    rate = np.bincount(part, y, count.size)[used] / n
    lower, upper = wilson_interval(rate, n, coverage=coverage)
    return pd.DataFrame(
        {
            "lower": edges[:-1][used],
            "upper": edges[1:][used],
            "customers": n,
            "probability": mean,
            "rate": rate,
            "rate_lower": lower,
            "rate_upper": upper,
        }
    )
