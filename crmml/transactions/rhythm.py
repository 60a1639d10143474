"""Pure numerics of customers' own rhythms: the pooled law of gaps, expected gaps, arcs, growth. Knows no frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln, psi

from ..inference import maximize

#: Standard deviations of the weak normal prior on log pooled gap (around the mean gap seen), log strength (around 0),
#: the logit of the mean probability of never coming back (around 0) and its log agreement (around log 2, the uniform law):
#: proper whatever the log, without weight where there are many gaps.
PRIOR_SD = np.array([2.0, 1.0, 1.5, 1.0])
BOX = 12.0


@dataclass(frozen=True)
class PooledGaps:
    """The law of gaps of all customers: μ, r, π, φ, the log-likelihood without the prior, and whether it was found."""

    pooled: float
    strength: float
    gone: float
    agreement: float
    log_likelihood: float
    converged: bool


@dataclass(frozen=True)
class EventState:
    """What is known of a customer right after each purchase, one entry an event.

    Attributes
    ----------
    expected : ndarray of shape (n_events,)
        Expected time to the next purchase.
    purchases : ndarray of int
        Purchases in the present arc, this one included.
    arc_start : ndarray of int
        Time of the present arc's first purchase.
    arc : ndarray of int
        Ruptures before this purchase.
    """

    expected: np.ndarray
    purchases: np.ndarray
    arc_start: np.ndarray
    arc: np.ndarray


def gap_log_likelihood(
    k: np.ndarray, s: np.ndarray, c: np.ndarray, pooled: float, strength: float, gone: float, agreement: float
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood of k gaps of total length s and an open one of length c, and its gradient.

    Parameters
    ----------
    k, s, c : ndarrays of shape (n,)
    pooled, strength : float
        μ and r of the gamma law of rates, shape r and rate r μ. Above 0.
    gone, agreement : float
        π and φ of the beta law of the probability of never coming back after a purchase, with the parameters φ π and
        φ (1 - π): its mean, between 0 and 1, and how much customers agree, above 0.

    Returns
    -------
    value : ndarray of shape (n,)
    gradient : ndarray of shape (4, n)
        With respect to log μ, log r, logit π and log φ.
    """
    rate, a, b = strength * pooled, agreement * gone, agreement * (1 - gone)
    unique_k, code = np.unique(k, return_inverse=True)

    def of_k(function):
        parts = function(strength + unique_k) - function(strength), function(b + unique_k) - function(b)
        return parts[0][code], parts[1][code], (function(agreement) - function(agreement + unique_k + 1))[code]

    shape = strength + k
    closed, through = np.log(rate + s), np.log(rate + s + c)
    still = np.exp(-shape * (through - closed))
    either = a + (b + k) * still
    waiting = (b + k) * still / either
    buying, staying, leaving = of_k(gammaln)
    value = buying + staying + leaving + strength * np.log(rate) - shape * closed + np.log(either)
    buying, staying, leaving = of_k(psi)
    by_rate = strength / rate - shape * ((1 - waiting) / (rate + s) + waiting / (rate + s + c))
    by_strength = buying + np.log(rate) - (1 - waiting) * closed - waiting * through
    by_a, by_b = leaving + 1 / either, staying + leaving + still / either
    gradient = [
        rate * by_rate,
        strength * by_strength + rate * by_rate,
        agreement * gone * (1 - gone) * (by_a - by_b),
        a * by_a + b * by_b,
    ]
    return value, np.stack(gradient)


def fit_gaps(k: np.ndarray, s: np.ndarray, c: np.ndarray, weight: np.ndarray) -> PooledGaps:
    """Maximise the weighted log-likelihood of gaps plus the weak log-prior, over log μ, log r, logit π and log φ.

    Parameters
    ----------
    k, s, c, weight : ndarrays of shape (n,)
        Closed gaps, their total length, the open gap, and customers that each row stands for; some k above 0.
    """
    centre = np.array([np.log((weight @ s) / (weight @ k)), 0.0, 0.0, np.log(2.0)])

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        pooled, strength, agreement = np.exp(theta[[0, 1, 3]])
        value, gradient = gap_log_likelihood(k, s, c, pooled, strength, expit(theta[2]), agreement)
        off = (theta - centre) / PRIOR_SD
        return float(weight @ value - off @ off / 2), gradient @ weight - off / PRIOR_SD

    found = maximize(objective, centre, lower=centre - BOX, upper=centre + BOX, scale=float(weight.sum()))
    off = (found.theta - centre) / PRIOR_SD
    pooled, strength, agreement = (float(entry) for entry in np.exp(found.theta[[0, 1, 3]]))
    log_likelihood = found.log_likelihood + float(off @ off) / 2
    return PooledGaps(pooled, strength, float(expit(found.theta[2])), agreement, log_likelihood, found.converged)


def own_rhythm(
    time: np.ndarray, offsets: np.ndarray, pooled: float, strength: float, rupture_lateness: float
) -> EventState:
    """Walk through every customer's purchases, all customers at once, and say what is known after each.

    Parameters
    ----------
    time : ndarray of int, shape (n_events,)
        Distinct times of purchase, customer by customer, ascending within each.
    offsets : ndarray of int, shape (n_customers + 1,)
        Where each customer's events begin.
    pooled, strength, rupture_lateness : float
    """
    start, left = _by_rank(offsets)
    expected = np.empty(time.size)
    purchases = np.ones(time.size, dtype=np.int64)
    arc_start, arc = time.copy(), np.zeros(time.size, dtype=np.int64)
    gaps, total = np.zeros(start.size), np.zeros(start.size)
    expected[start] = pooled
    for rank in range(1, left.size):
        n = left[rank]
        now = start[:n] + rank
        before = now - 1
        gap = (time[now] - time[before]).astype(np.float64)
        broken = gap > rupture_lateness * expected[before]
        kept = ~broken
        gaps[:n] += kept
        total[:n] += np.where(kept, gap, 0.0)
        expected[now] = (strength * pooled + total[:n]) / (strength + gaps[:n])
        purchases[now] = np.where(broken, 1, purchases[before] + 1)
        arc_start[now] = np.where(broken, time[now], arc_start[before])
        arc[now] = arc[before] + broken
    return EventState(expected, purchases, arc_start, arc)


def growth(
    time: np.ndarray,
    state: EventState,
    recent_gaps: int,
    value: np.ndarray | None = None,
    offsets: np.ndarray | None = None,
) -> np.ndarray:
    """How many times faster the latest gaps of the arc are than its earlier ones, after each event; in money with values.

    The latest are ``recent_gaps``, but at most half of the arc's gaps. Both sides are shrunk towards the arc's own mean
    with the weight of one gap, and amounts with that of one purchase, so that a steady customer has 1. Also 1 where
    there are less than two gaps.
    """
    gaps = state.purchases - 1
    latest = np.minimum(recent_gaps, gaps // 2)
    at = np.arange(time.size)
    middle = time[at - latest]
    recent, older = (time - middle).astype(np.float64), (middle - state.arc_start).astype(np.float64)
    ratio = _shrunk_ratio(older, gaps - latest, recent, latest)
    if value is not None and offsets is not None:
        so_far = totals_before(value, offsets) + value
        recent = so_far - so_far[at - latest]
        older = so_far[at - latest] - (so_far - value)[at - gaps]
        ratio = ratio * _shrunk_ratio(recent, latest, older, state.purchases - latest)
    return np.where(latest > 0, ratio, 1.0)


def _shrunk_ratio(one: np.ndarray, n_one: np.ndarray, other: np.ndarray, n_other: np.ndarray) -> np.ndarray:
    """Mean of one part over the mean of the other, both shrunk towards the mean of all; 1 where all is nothing."""
    mean = (one + other) / np.maximum(n_one + n_other, 1)
    ratio = np.ones(mean.size)
    np.divide((mean + one) * (1 + n_other), (1 + n_one) * (mean + other), out=ratio, where=mean > 0)
    return ratio


def totals_before(value: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Sum of each customer's earlier values at each event, added up within the customer, so that no other changes it."""
    start, left = _by_rank(offsets)
    before = np.zeros(value.size)
    for rank in range(1, left.size):
        now = start[: left[rank]] + rank
        before[now] = before[now - 1] + value[now - 1]
    return before


def _by_rank(offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Customers' first events, those with most events first, and how many customers have more than 0, 1, 2 ... events."""
    n_events = np.diff(offsets)
    order = np.argsort(-n_events, kind="stable")
    sizes = n_events[order]
    left = np.searchsorted(-sizes, -np.arange(1, (sizes[0] if sizes.size else 0) + 1), side="right")
    return offsets[:-1][order], left
