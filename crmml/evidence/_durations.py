"""Durations of which some are not over: restricted mean and median of the Kaplan-Meier curve, with their errors."""

from __future__ import annotations

import numpy as np
from scipy import stats

from ..metrics import kaplan_meier


def _counts(duration: np.ndarray, event: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Events and numbers at risk at the times of events."""
    at_risk = len(duration) - np.searchsorted(np.sort(duration), at, side="left")
    ended = np.sort(duration[event])
    events = np.searchsorted(ended, at, side="right") - np.searchsorted(ended, at, side="left")
    return events, at_risk


def restricted_mean(duration: np.ndarray, event: np.ndarray, limit: float) -> tuple[float, float]:
    r"""Mean time until the end or until ``limit``, whichever comes first, and its variance.

    .. math:: \mu = \int_0^\tau \hat S(t)\, dt, \qquad \widehat{\mathrm{Var}} = \frac{m}{m-1} \sum_{t_i \le \tau}
        \left[\int_{t_i}^\tau \hat S(t)\, dt\right]^2 \frac{d_i}{n_i (n_i - d_i)},

    m the number of events (Kaplan and Meier 1958); without censoring it is s² / n, nearly.
    """
    at, survival = kaplan_meier(duration, event)
    events, at_risk = _counts(duration, event, at)
    inside = at < limit
    at, survival, events, at_risk = at[inside], survival[inside], events[inside], at_risk[inside]
    width = np.diff(np.concatenate([[0.0], at, [limit]]))
    area = width * np.append(1.0, survival)
    ahead = np.cumsum(area[::-1])[::-1][1:]
    left = at_risk - events
    terms = np.divide(ahead**2 * events, at_risk * left, out=np.zeros(len(at)), where=left > 0)
    m = int(event.sum())
    return float(area.sum()), float(terms.sum() * (m / (m - 1) if m > 1 else 1.0))


def median(duration: np.ndarray, event: np.ndarray, coverage: float) -> tuple[float, float, float]:
    """Median and its interval by Brookmeyer and Crowley (1982) on the log-log scale; infinite where it is not reached."""
    at, survival = kaplan_meier(duration, event)
    events, at_risk = _counts(duration, event, at)
    left = at_risk - events
    greenwood = np.cumsum(np.divide(events, at_risk * left, out=np.full(len(at), np.inf), where=left > 0))
    z = stats.norm.ppf(0.5 + coverage / 2)
    lower, upper = np.zeros(len(at)), np.zeros(len(at))
    inner = (survival > 0) & (survival < 1)
    centre = np.log(-np.log(survival[inner]))
    half = z * np.sqrt(greenwood[inner]) / np.abs(np.log(survival[inner]))
    lower[inner], upper[inner] = np.exp(-np.exp(centre + half)), np.exp(-np.exp(centre - half))
    return _crossing(at, survival), _crossing(at, lower), _crossing(at, upper)


def _crossing(at: np.ndarray, curve: np.ndarray) -> float:
    below = np.flatnonzero(curve <= 0.5 + 1e-12)
    return float(at[below[0]]) if below.size else float("inf")


def median_difference(
    before: tuple[np.ndarray, np.ndarray], after: tuple[np.ndarray, np.ndarray], coverage: float, n_resamples: int, rng
) -> tuple[float, float, float]:
    """Change of the median with a percentile bootstrap interval, cases drawn again in each group."""
    ends = np.array([[_drawn_median(*group, rng) for group in (before, after)] for _ in range(n_resamples)])
    with np.errstate(invalid="ignore"):
        change = ends[:, 1] - ends[:, 0]
        estimate = _median_of(*after) - _median_of(*before)
    if not np.isfinite(estimate):
        return float("nan"), float("nan"), float("nan")
    if np.isnan(change).any():
        return estimate, float("nan"), float("nan")
    lower, upper = np.quantile(change, [(1 - coverage) / 2, (1 + coverage) / 2], method="inverted_cdf")
    return estimate, _known(lower), _known(upper)


def _known(edge: float) -> float:
    return float(edge) if np.isfinite(edge) else float("nan")


def _median_of(duration: np.ndarray, event: np.ndarray) -> float:
    return _crossing(*kaplan_meier(duration, event))


def _drawn_median(duration: np.ndarray, event: np.ndarray, rng) -> float:
    rows = rng.randint(0, len(duration), len(duration))
    return _median_of(duration[rows], event[rows]) if event[rows].any() else float("inf")
