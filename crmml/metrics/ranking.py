"""How well a score ranks customers: lift, cumulative gains and the Gini coefficient of value."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults, check_number
from ..typing import ArrayLike, Label
from .inputs import descending_groups, numbers, read_binary, require


def top_decile_lift(
    y_true: ArrayLike, y_score: ArrayLike, *, share: float = 0.1, churned: Label | None = None
) -> float:
    """Event rate among the customers with the highest scores, divided by that of all.

    Parameters
    ----------
    y_true : array of shape (n,)
        Two labels, such as 0 and 1.
    y_score : array of shape (n,)
    share : float, default=0.1
        Part of the customers looked at, in (0, 1]. Customers tied at the edge count in part, as in any random order.
    churned : label, default=None
        The label of the event, for labels that do not tell (1, true and yes do).

    Returns
    -------
    float
        1 for a score that says nothing; NaN where there are no events.

    Examples
    --------
    >>> top_decile_lift([1, 0, 0, 0, 0], [0.9, 0.1, 0.2, 0.3, 0.4], share=0.2)
    5.0
    """
    faults = Faults("the lift")
    faults.check(check_number, share, "share", above=0, most=1)
    faults.refuse()
    contacted, found = _gains(*read_binary(y_true, y_score, churned=churned))
    return float(np.interp(share, contacted, found) / share)


def cumulative_gains(
    y_true: ArrayLike, y_score: ArrayLike, *, shares: ArrayLike | None = None, churned: Label | None = None
) -> pd.DataFrame:
    """Share of all events found by contacting a growing share of customers, highest scores first.

    Parameters
    ----------
    y_true, y_score : arrays of shape (n,)
    shares : array-like, default=None
        Shares of customers; None takes 5 %, 10 % ... 100 %.
    churned : label, default=None
        The label of the event, for labels that do not tell (1, true and yes do).

    Returns
    -------
    DataFrame
        share, gain (share of all events) and lift (gain / share).

    Examples
    --------
    >>> cumulative_gains([1, 0, 1, 0], [0.9, 0.2, 0.4, 0.5], shares=[0.25, 0.5, 1.0])
       share  gain  lift
    0   0.25   0.5   2.0
    1   0.50   0.5   1.0
    2   1.00   1.0   1.0
    """
    given = np.arange(1, 21) / 20 if shares is None else np.atleast_1d(shares)
    share, faults = numbers(given, "shares", given.size)
    if not faults and not (share.size and ((share > 0) & (share <= 1)).all()):
        faults.append("shares must lie in (0, 1], one at least")
    require(faults, "cumulative gains")
    contacted, found = _gains(*read_binary(y_true, y_score, churned=churned))
    gain = np.interp(share, contacted, found)
    return pd.DataFrame({"share": share, "gain": gain, "lift": gain / share})


def _gains(y: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the gains curve: share contacted and share of events found; groups of equal scores are straight lines."""
    order, last = descending_groups(score)
    total = y.sum()
    found = np.cumsum(y[order])[last] / total if total else np.full(last.size, np.nan)
    return np.append(0.0, (last + 1) / y.size), np.append(0.0 if total else np.nan, found)


def normalized_gini(y_true: ArrayLike, y_score: ArrayLike) -> float:
    r"""Gini coefficient of the value ranked by a score, over that of the value ranked by itself [1]_.

    With the Lorenz curve of value in falling order of the score, the area above the diagonal is divided by that of the
    perfect order. It is 1 for a perfect ranking, 0 for a random one, negative for one that is the wrong way round.
    Customers of equal score share their value.

    Parameters
    ----------
    y_true : array of shape (n,)
        Amounts, at least 0, for instance spend over the horizon.
    y_score : array of shape (n,)

    Returns
    -------
    float
        NaN where all amounts are equal.

    References
    ----------
    .. [1] Wang, X., Liu, T. and Miao, J. (2019), A deep probabilistic model for customer lifetime value prediction.
       arXiv:1912.07753, section 5.

    Examples
    --------
    >>> round(normalized_gini([0.0, 10.0, 5.0, 85.0], [1.0, 3.0, 2.0, 4.0]), 4)
    1.0
    """
    frames.check_aligned("amounts and scores", y_true=y_true, y_score=y_score)
    y, faults = numbers(y_true, "y_true", np.size(y_true))
    score, more = numbers(y_score, "y_score", y.size)
    faults += more
    if not faults and (y < 0).any():
        faults.append(f"{int((y < 0).sum()):,} amounts are negative; a Lorenz curve needs amounts of at least 0")
    require(faults, "amounts and scores")
    best = _area(y, y)
    return float(_area(y, score) / best) if best > 0 else np.nan


def _area(y: np.ndarray, score: np.ndarray) -> float:
    order, last = descending_groups(score)
    share = np.append(0.0, (last + 1) / y.size)
    value = np.append(0.0, np.cumsum(y[order])[last] / max(y.sum(), np.finfo(float).tiny))
    return float(np.trapezoid(value - share, share))
