"""Curves of uplift: what was gained by treating a growing share, best scores first; and one arm against the control."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..typing import ArrayLike
from .inputs import descending_groups, read_uplift, require
from .uplift import _qini_curve


def qini_curve(y: ArrayLike, score: ArrayLike, treatment: ArrayLike) -> pd.DataFrame:
    r"""Gain of treating the highest scores, per treated customer: the curve whose height `qini_score` averages [1]_.

    .. math:: G(k) = \frac{1}{N_t} \left[ Y_t(k) - Y_c(k) \frac{N_t(k)}{N_c(k)} \right]

    Parameters
    ----------
    y, score, treatment : arrays of shape (n,)
        As in `qini_score`.

    Returns
    -------
    DataFrame
        share (of customers, from 0 to 1), gain (G), random (share × the difference of mean outcomes), one row after each group
        of equal scores, so that the curve is a straight line across them.

    References
    ----------
    .. [1] Radcliffe, N. J. (2007), Using control groups to target on predicted lift. Direct Marketing Analytics Journal 1,
       14-21.

    Examples
    --------
    >>> qini_curve([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0])
       share  gain  random
    0   0.00   0.0     0.0
    1   0.25   0.5     0.0
    2   0.50   0.5     0.0
    3   0.75   0.5     0.0
    4   1.00   0.0     0.0
    """
    y, score, treated = read_uplift(y, score, treatment)
    _, last = descending_groups(score)
    share = np.append(0, last + 1) / y.size
    gain = np.append(0.0, _qini_curve(y, score, treated)[last])
    effect = y[treated].mean() - y[~treated].mean()
    return pd.DataFrame({"share": share, "gain": gain, "random": share * effect})


def uplift_curve(y: ArrayLike, score: ArrayLike, treatment: ArrayLike) -> pd.DataFrame:
    r"""Difference of mean outcomes among the highest scores, and what treating them gains per customer of the base [1]_.

    .. math:: U(k) = \frac{Y_t(k)}{N_t(k)} - \frac{Y_c(k)}{N_c(k)}, \qquad \text{gain}(k) = \frac{k}{n} U(k)

    Parameters
    ----------
    y, score, treatment : arrays of shape (n,)
        As in `qini_score`.

    Returns
    -------
    DataFrame
        share, uplift (U), gain, random (share × the difference of mean outcomes), one row after each group of equal scores from
        where there are treated and controls on.

    References
    ----------
    .. [1] Gutierrez, P. & Gérardy, J.-Y. (2017), Causal inference and uplift modelling: a review of the literature. PMLR 67,
       1-13.

    Examples
    --------
    >>> uplift_curve([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0])
       share  uplift   gain  random
    0   0.50     1.0  0.500     0.0
    1   0.75     0.5  0.375     0.0
    2   1.00     0.0  0.000     0.0
    """
    y, score, treated = read_uplift(y, score, treatment)
    order, last = descending_groups(score)
    ranked, t = y[order], treated[order]
    n_t, n_c = np.cumsum(t)[last], np.cumsum(~t)[last]
    known = (n_t > 0) & (n_c > 0)
    y_t, y_c = np.cumsum(ranked * t)[last], np.cumsum(ranked * ~t)[last]
    uplift = y_t[known] / n_t[known] - y_c[known] / n_c[known]
    share = (last[known] + 1) / y.size
    return pd.DataFrame({"share": share, "uplift": uplift, "gain": share * uplift, "random": share * uplift[-1]})


def against_control(
    arm: str | float, control: str | float, treatment: ArrayLike, *arrays: Any
) -> tuple[np.ndarray, ...]:
    """Customers of one arm and of the control, for metrics that know two arms.

    Parameters
    ----------
    arm, control : object
        Values of ``treatment``.
    treatment : array of shape (n,)
    *arrays : arrays of length n
        Outcomes, scores of this arm.

    Returns
    -------
    tuple of ndarrays
        The arrays' rows of the two arms, then 1 for the arm and 0 for control: the order in which metrics take them.

    Raises
    ------
    DataError
        When either has no customers.

    Examples
    --------
    >>> y, score, treatment = [1, 0, 1, 0, 1], [0.5, 0.4, 0.3, 0.2, 0.1], ["call", "none", "letter", "none", "letter"]
    >>> [part.tolist() for part in against_control("letter", "none", treatment, y, score)]
    [[0, 1, 0, 1], [0.4, 0.3, 0.2, 0.1], [0, 1, 0, 1]]
    """
    named = {f"arrays[{number}]": array for number, array in enumerate(arrays)}
    frames.check_aligned("the treatment", treatment=treatment, **named)
    labels = np.asarray(treatment, dtype=object) if not isinstance(treatment, np.ndarray) else treatment
    given = [np.asarray(array) for array in arrays]
    faults = [
        f"an array has {len(array):,} rows for {len(labels):,} arms" for array in given if len(array) != len(labels)
    ]
    treated, untreated = np.asarray(labels == arm), np.asarray(labels == control)
    there = ", ".join(repr(value) for value in pd.unique(pd.Series(labels)).tolist()[:8])
    faults += [
        f"no customer is in arm {name!r}; there are {there}"
        for name, rows in ((arm, treated), (control, untreated))
        if not rows.any()
    ]
    faults += [f"arm and control are both {arm!r}"] if arm == control else []
    require(faults, "the treatment")
    rows = treated | untreated
    return (*(array[rows] for array in given), treated[rows].astype(np.int64))
