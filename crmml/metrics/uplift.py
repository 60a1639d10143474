"""How well a score ranks customers by what an action changes."""

from __future__ import annotations

import numpy as np

from ..checks import Faults, check_choice, check_number
from ..typing import ArrayLike
from .inputs import descending_groups, read_uplift


def qini_score(y: ArrayLike, score: ArrayLike, treatment: ArrayLike, *, ties: str = "row") -> float:
    r"""Mean height of the Qini curve above that of a random order, per treated customer [1]_.

    .. math:: Q = \frac{1}{n} \sum_{k=1}^{n}
        \frac{1}{N_t} \left[ Y_t(k) - Y_c(k) \frac{N_t(k)}{N_c(k)} \right] - \frac{ATE}{2},

    where :math:`N_t(k), N_c(k)` count the treated and the controls among the k highest scores, :math:`Y_t(k), Y_c(k)` add up
    their outcomes, and ATE is the difference of mean outcomes. Without controls yet, the second term is 0.

    Parameters
    ----------
    y : array of shape (n,)
        Outcomes, any unit.
    score : array of shape (n,)
        Higher where the action is expected to do more.
    treatment : array of shape (n,)
        1 for treated, 0 for control.
    ties : {"row", "line"}, default="row"
        Equal scores are taken in the order of rows, or the curve is a straight line across them, which no order changes.

    Returns
    -------
    float
        In units of y. 0 is expected of a random score.

    References
    ----------
    .. [1] Radcliffe, N. J. (2007), Using control groups to target on predicted lift. Direct Marketing Analytics Journal 1,
       14-21.

    Examples
    --------
    >>> qini_score([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0])
    0.375
    """
    y, score, treated = read_uplift(y, score, treatment)
    faults = Faults("ties")
    faults.check(check_choice, ties, "ties", ("row", "line"))
    faults.refuse()
    curve = _qini_curve(y, score, treated)
    if ties == "line":
        _, last = descending_groups(score)
        curve = np.interp(np.arange(1, y.size + 1), np.append(0, last + 1), np.append(0.0, curve[last]))
    effect = y[treated].mean() - y[~treated].mean()
    return float(curve.mean() - effect / 2)


def _qini_curve(y: np.ndarray, score: np.ndarray, treated: np.ndarray) -> np.ndarray:
    order = np.argsort(-score, kind="stable")
    y, t = y[order], treated[order]
    n_t, n_c = np.cumsum(t), np.cumsum(~t)
    y_t, y_c = np.cumsum(y * t), np.cumsum(y * ~t)
    return (y_t - y_c * n_t / np.maximum(n_c, 1)) / n_t[-1]


def uplift_at_k(y: ArrayLike, score: ArrayLike, treatment: ArrayLike, *, share: float = 0.3) -> float:
    """Difference of mean outcomes between treated and controls among the highest scores.

    Parameters
    ----------
    y, score, treatment : arrays of shape (n,)
        As in `qini_score`.
    share : float, default=0.3
        Part of all customers looked at, in (0, 1]; the number is rounded down, ties are taken in the order of rows.

    Returns
    -------
    float
        NaN where the part has no treated or no controls.

    Examples
    --------
    >>> uplift_at_k([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0], share=0.5)
    1.0
    """
    y, score, treated = read_uplift(y, score, treatment)
    faults = Faults("uplift")
    faults.check(check_number, share, "share", above=0, most=1)
    faults.refuse()
    top = np.argsort(-score, kind="stable")[: max(int(share * y.size + 1e-9), 1)]  # .29 of 100 rows are 29
    t = treated[top]
    if t.all() or not t.any():
        return np.nan
    return float(y[top][t].mean() - y[top][~t].mean())
