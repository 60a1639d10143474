"""Whether customers who are said to gain five points do gain five points."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from ..checks import Faults, check_coverage, check_draws
from ..inference import wilson_interval
from ..typing import ArrayLike
from .inputs import read_uplift, require

#: Treated, and controls, that a bin needs for a difference with an interval.
LEAST = 2
#: How many such bins a message names.
SHOWN = 3


def uplift_calibration_table(
    y: ArrayLike, uplift: ArrayLike, treatment: ArrayLike, *, n_bins: int = 10, coverage: float = 0.9
) -> pd.DataFrame:
    """Mean predicted uplift of each bin beside the difference of mean outcomes that was seen in it, with its interval.

    Bins hold equal numbers of customers by predicted uplift; equal predictions stay together. The interval is Newcombe's of a
    difference of shares [1]_ where y is 0 and 1, else Welch's of a difference of means [2]_.

    Parameters
    ----------
    y : array of shape (n,)
        Outcomes, any unit, of customers treated at random and not seen by the model.
    uplift : array of shape (n,)
        Predicted, in units of y.
    treatment : array of shape (n,)
        1 for treated, 0 for control.
    n_bins : int, default=10
    coverage : float, default=0.9

    Returns
    -------
    DataFrame
        lower, upper (smallest and largest prediction), customers, treated, controls, predicted (mean), observed, observed_lower,
        observed_upper, variance (of observed), from the lowest predictions to the highest.

    Raises
    ------
    DataError
        When a bin has fewer than 2 treated or controls, or most predictions of a y of 0 and 1 lie beyond [-1, 1].

    References
    ----------
    .. [1] Newcombe, R. G. (1998), Interval estimation for the difference between independent proportions: comparison of eleven
       methods. Statistics in Medicine 17, 873-890, method 10.
    .. [2] Welch, B. L. (1947), The generalization of "Student's" problem when several different population variances are
       involved. Biometrika 34, 28-35.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> uplift, treatment = rng.choice([0.0, 0.2], 4000), rng.integers(0, 2, 4000)
    >>> y = rng.random(4000) < 0.3 + uplift * treatment
    >>> table = uplift_calibration_table(y, uplift, treatment, n_bins=2)
    >>> table[["predicted", "observed", "observed_lower", "observed_upper"]].round(3)
       predicted  observed  observed_lower  observed_upper
    0        0.0    -0.026        -0.060          0.008
    1        0.2     0.196         0.161          0.231
    """
    y, uplift, treated = read_uplift(y, uplift, treatment)
    binary = bool(np.isin(y, (0, 1)).all())
    if binary and (beyond := int((np.abs(uplift) > 1).sum())) * 2 > y.size:
        fault = f"{beyond:,} of {y.size:,} predictions lie beyond [-1, 1], though y is 0 or 1: they look like percent; divide by 100"
        require([fault], "the predicted uplift")
    wrong = Faults("the bins")
    wrong.check(check_draws, n_bins, "n_bins")
    wrong.check(check_coverage, coverage)
    wrong.refuse()
    edges = np.unique(np.quantile(uplift, np.arange(1, n_bins) / n_bins, method="higher"))
    part = np.searchsorted(edges, uplift, side="right")
    _, part = np.unique(part, return_inverse=True)
    n_parts = int(part.max()) + 1
    n = np.stack([np.bincount(part[rows], minlength=n_parts) for rows in (~treated, treated)])
    thin = np.flatnonzero((n < LEAST).any(axis=0)).tolist()
    faults = [
        f"bin {k + 1} of {n_parts} has {n[1, k]:,} treated and {n[0, k]:,} controls; at least {LEAST} of each are needed, so take "
        "fewer bins"
        for k in thin[:SHOWN]
    ]
    require(faults + ([f"so it is in {len(thin) - SHOWN:,} more bins"] if len(thin) > SHOWN else []), "the bins")
    arms = [(part[rows], y[rows]) for rows in (~treated, treated)]
    mean = np.stack([np.bincount(code, values, n_parts) for code, values in arms]) / n
    off = [np.bincount(code, (values - m[code]) ** 2, n_parts) for (code, values), m in zip(arms, mean, strict=True)]
    variance = np.stack(off) / (n - 1) / n
    observed, total = mean[1] - mean[0], variance.sum(axis=0)
    lower, upper = _newcombe(mean, n, coverage) if binary else _welch(observed, variance, n, coverage)
    order = np.lexsort((uplift, part))
    first = np.searchsorted(part[order], np.arange(n_parts))
    last = np.append(first[1:], y.size) - 1
    return pd.DataFrame(
        {
            "lower": uplift[order][first],
            "upper": uplift[order][last],
            "customers": n.sum(axis=0),
            "treated": n[1],
            "controls": n[0],
            "predicted": np.bincount(part, uplift, n_parts) / n.sum(axis=0),
            "observed": observed,
            "observed_lower": lower,
            "observed_upper": upper,
            "variance": total,
        }
    )


def uplift_calibration_error(y: ArrayLike, uplift: ArrayLike, treatment: ArrayLike, *, n_bins: int = 10) -> float:
    r"""Typical distance between predicted and true uplift of the bins, the noise of what was seen taken off [1]_.

    .. math:: \sqrt{\max\Big(0,\; \sum_k \frac{n_k}{n} \big[(\bar\tau_k - \hat\delta_k)^2 - \hat v_k\big]\Big)},

    where :math:`\bar\tau_k` is the mean prediction in bin k of `uplift_calibration_table`, :math:`\hat\delta_k` the difference of
    mean outcomes and :math:`\hat v_k = s_t^2/n_t + s_c^2/n_c` its variance. Effects are weak and differences noisy: without
    :math:`\hat v_k` a perfect model would look wrong, the more so the more bins there are.

    Parameters
    ----------
    y, uplift, treatment : arrays of shape (n,)
        As in `uplift_calibration_table`.
    n_bins : int, default=10

    Returns
    -------
    float
        In units of y. 0 where nothing is off beyond chance.

    References
    ----------
    .. [1] Xu, Y. & Yadlowsky, S. (2022), Calibration error for heterogeneous treatment effects. AISTATS, 9280-9303.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> uplift, treatment = rng.uniform(0, 0.4, 20_000), rng.integers(0, 2, 20_000)
    >>> y = rng.random(20_000) < 0.3 + uplift * treatment
    >>> [round(uplift_calibration_error(y, uplift + shift, treatment, n_bins=5), 3) for shift in (0.0, 0.2)]
    [0.0, 0.202]
    """
    table = uplift_calibration_table(y, uplift, treatment, n_bins=n_bins)
    squared = (table["predicted"] - table["observed"]) ** 2 - table["variance"]
    return float(np.sqrt(max(0.0, (table["customers"] * squared).sum() / table["customers"].sum())))


def _newcombe(mean: np.ndarray, n: np.ndarray, coverage: float) -> tuple[np.ndarray, np.ndarray]:
    lower, upper = wilson_interval(mean, n, coverage=coverage)
    down = np.hypot(mean[1] - lower[1], upper[0] - mean[0])
    up = np.hypot(upper[1] - mean[1], mean[0] - lower[0])
    return mean[1] - mean[0] - down, mean[1] - mean[0] + up


def _welch(
    difference: np.ndarray, variance: np.ndarray, n: np.ndarray, coverage: float
) -> tuple[np.ndarray, np.ndarray]:
    total = variance.sum(axis=0)
    weight = (variance**2 / (n - 1)).sum(axis=0)
    # where nothing varies the degrees of freedom do not matter
    freedom = np.divide(total**2, weight, out=np.ones_like(total), where=weight > 0)
    half = stdtrit(freedom, 0.5 + coverage / 2) * np.sqrt(total)
    return difference - half, difference + half
