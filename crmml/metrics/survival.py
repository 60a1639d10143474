"""Metrics for time to churn when some customers have not churned yet."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import frames
from ..typing import ArrayLike
from .inputs import numbers, require


def kaplan_meier(
    duration: ArrayLike, event: ArrayLike, times: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""Product-limit estimate of the share surviving beyond each time [1]_.

    .. math:: \hat S(t) = \prod_{t_i \le t} \left(1 - \frac{d_i}{n_i}\right),

    d events among n customers at risk at each time with events; one censored at that very time is still at risk.

    Parameters
    ----------
    duration : array of shape (n,)
        Time seen, any unit, at least 0.
    event : array of shape (n,)
        Whether it ended with the event; else it is censored.
    times : array-like, default=None
        Where to evaluate; None takes the times of events.

    Returns
    -------
    times, survival : ndarrays

    References
    ----------
    .. [1] Kaplan, E. L. and Meier, P. (1958), Nonparametric estimation from incomplete observations. JASA 53, 457-481.

    Examples
    --------
    >>> kaplan_meier([1, 2, 2, 3], [1, 1, 0, 1])
    (array([1., 2., 3.]), array([0.75, 0.5 , 0.  ]))
    """
    duration, event = _read(duration, event)
    at, survival = _product_limit(duration, event)
    if times is None:
        return at, survival
    asked, faults = numbers(np.atleast_1d(times), "times", np.size(times))
    require(faults, "times")
    asked = asked.reshape(np.shape(times))
    return asked, _step(at, survival, asked, side="right")


def _product_limit(duration: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = np.unique(duration[event])
    order = np.sort(duration)
    at_risk = duration.size - np.searchsorted(order, at, side="left")
    events = np.bincount(np.searchsorted(at, duration[event]), minlength=at.size)
    return at, np.cumprod(1 - events / at_risk)


def _step(at: np.ndarray, survival: np.ndarray, times: np.ndarray, *, side: Any) -> np.ndarray:
    return np.append(1.0, survival)[np.searchsorted(at, times, side=side)]


def brier_score_at(duration: ArrayLike, event: ArrayLike, survival: ArrayLike, times: ArrayLike) -> np.ndarray:
    r"""Brier score of predicted survival at each time, censoring weighted out [1]_.

    .. math:: BS(t) = \frac{1}{n} \sum_i \left[ \frac{\hat S_i(t)^2\, 1(T_i \le t, \delta_i = 1)}{\hat G(T_i-)}
        + \frac{(1 - \hat S_i(t))^2\, 1(T_i > t)}{\hat G(t)} \right],

    G being the Kaplan-Meier estimate of not being censored.

    Parameters
    ----------
    duration, event : arrays of shape (n,)
    survival : array of shape (n, n_times)
        Predicted probability of no event up to and including each time.
    times : array of shape (n_times,)
        Below the largest duration, so that somebody is still seen.

    Returns
    -------
    ndarray of shape (n_times,)
        0 is perfect; always saying 1/2 gives 1/4.

    References
    ----------
    .. [1] Graf, E., Schmoor, C., Sauerbrei, W. and Schumacher, M. (1999), Assessment and comparison of prognostic
       classification schemes for survival data. Statistics in Medicine 18, 2529-2545.

    Examples
    --------
    >>> brier_score_at([1, 2, 3], [1, 1, 1], [[0.0, 0.0], [1.0, 0.5], [1.0, 1.0]], [1.0, 2.0]).round(4)
    array([0.    , 0.0833])
    """
    duration, event = _read(duration, event, survival=survival)
    times, faults = numbers(np.atleast_1d(times), "times", np.size(times))
    flat, more = numbers(np.ravel(survival), "survival", np.size(survival))
    faults += more
    shape = (duration.size, times.size)
    if np.shape(survival) != shape and not (times.size == 1 and np.shape(survival) == shape[:1]):
        faults.append(f"survival has shape {np.shape(survival)}; {shape} is expected")
    elif not more and (wrong := int(((flat < 0) | (flat > 1)).sum())):
        faults.append(f"{wrong:,} values of survival are not probabilities; they must lie in [0, 1]")
    if early := int((times < 0).sum()):
        faults.append(f"{early} times are negative")
    if late := int((times >= duration.max()).sum()):
        faults.append(
            f"{late} times are not below the largest duration {duration.max():g}, where nobody is seen any more"
        )
    require(faults, "survival")
    survival = flat.reshape(shape)
    # events come before censoring at a tie: those who churned at t were not at risk of being censored at t
    at, free = _censoring(duration, event)
    own, then = _step(at, free, duration, side="left"), _step(at, free, times, side="right")
    score = np.zeros(times.size)
    for k, t in enumerate(times):
        gone, here = (duration <= t) & event, duration > t
        weight = np.zeros(duration.size)
        weight[gone] = 1 / own[gone]
        if then[k] > 0:
            weight[here] = 1 / then[k]
        score[k] = np.mean(weight * (survival[:, k] - here) ** 2)
    return score


def _censoring(duration: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kaplan-Meier of being censored; those with an event at the same time have left the risk set."""
    at = np.unique(duration[~event])
    order, events = np.sort(duration), np.sort(duration[event])
    at_risk = duration.size - np.searchsorted(order, at, side="left")
    at_risk = at_risk - (np.searchsorted(events, at, side="right") - np.searchsorted(events, at, side="left"))
    count = np.bincount(np.searchsorted(at, duration[~event]), minlength=at.size)
    return at, np.cumprod(1 - count / at_risk)


def integrated_brier_score(duration: ArrayLike, event: ArrayLike, survival: ArrayLike, times: ArrayLike) -> float:
    """Brier score averaged over time by the trapezoidal rule; parameters as in `brier_score_at`, at least two times.

    Examples
    --------
    >>> survival = [[0.0, 0.0], [1.0, 0.5], [1.0, 1.0]]
    >>> round(integrated_brier_score([1, 2, 3], [1, 1, 1], survival, [1.0, 2.0]), 4)
    0.0417
    """
    times, faults = numbers(np.atleast_1d(times), "times", np.size(times))
    require(faults, "times")
    require([] if times.size > 1 and (np.diff(times) > 0).all() else ["two or more rising times are needed"], "times")
    score = brier_score_at(duration, event, survival, times)
    return float(np.trapezoid(score, times) / (times[-1] - times[0]))


def concordance(duration: ArrayLike, event: ArrayLike, risk: ArrayLike) -> float:
    r"""Harrell's C: how often the customer with the higher risk churns first [1]_.

    Pairs are comparable when the shorter time ended with an event (or the times are equal and one only had the event); equal
    risks count one half.

    Parameters
    ----------
    duration, event : arrays of shape (n,)
    risk : array of shape (n,)
        Higher for customers expected to churn earlier.

    Returns
    -------
    float
        1/2 for a risk that says nothing; NaN where no pair is comparable.

    References
    ----------
    .. [1] Harrell, F. E., Califf, R. M., Pryor, D. B., Lee, K. L. and Rosati, R. A. (1982), Evaluating the yield of medical
       tests. JAMA 247, 2543-2546.

    Examples
    --------
    >>> concordance([1, 2, 3, 4], [1, 1, 0, 1], [4.0, 3.0, 2.0, 1.0])
    1.0
    """
    duration, event = _read(duration, event, risk=risk)
    risk, faults = numbers(risk, "risk", duration.size)
    require(faults, "risk")
    levels, code = np.unique(risk, return_inverse=True)
    counts = np.zeros(levels.size + 1, dtype=np.int64)  # a Fenwick tree over risks of those who last longer
    order = np.argsort(-duration, kind="stable")
    agree = pairs = 0.0
    seen = position = 0
    while position < order.size:
        stop = position
        while stop < order.size and duration[order[stop]] == duration[order[position]]:
            stop += 1
        same = order[position:stop]
        for i in same[~event[same]]:
            seen += _add(counts, code[i])
        for i in same[event[same]]:
            below, equal = _below(counts, code[i]), _below(counts, code[i] + 1)
            agree += below + 0.5 * (equal - below)
            pairs += seen
        for i in same[event[same]]:
            seen += _add(counts, code[i])
        position = stop
    return float(agree / pairs) if pairs else np.nan


def _add(counts: np.ndarray, level: int) -> int:
    level = int(level) + 1
    while level < counts.size:
        counts[level] += 1
        level += level & -level
    return 1


def _below(counts: np.ndarray, level: int) -> int:
    total, level = 0, int(level)
    while level > 0:
        total += counts[level]
        level -= level & -level
    return int(total)


def _read(duration: Any, event: Any, **beside: Any) -> tuple[np.ndarray, np.ndarray]:
    frames.check_aligned("durations and events", duration=duration, event=event, **beside)
    duration, faults = numbers(duration, "duration", np.size(duration))
    event, more = numbers(event, "event", duration.size)
    faults += more
    if not faults and (duration < 0).any():
        faults.append(f"{int((duration < 0).sum()):,} durations are negative")
    if not faults and not np.isin(event, (0, 1)).all():
        faults.append("event must be 1 where the customer churned and 0 where it is censored")
    if not duration.size:
        faults.append("it has no rows")
    require(faults, "durations and events")
    return duration, event == 1
