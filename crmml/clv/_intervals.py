"""Intervals of a transaction model's predictions: of the expectation, and of the outcome itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from ..exceptions import warn
from ..transactions.compression import unique_rows
from ..typing import Estimator
from ._covariates import CovariateLayout
from ._operational_time import Ahead
from ._posterior import interval_by_blocks

#: Draws used for the distribution of an outcome, whose own spread far exceeds what more draws would add.
OUTCOME_DRAWS = 100
#: Counts looked at first; few customers buy more often.
FIRST_COUNTS = 4
#: A predictive count distribution is extended until its upper quantile is inside, up to this many.
LARGEST_COUNT = 1 << 14


def holding(bounds: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Bounds (n, 2) with the end nearest to the estimate moved to it where the interval would leave it out.

    An estimate at the edge of what is plausible, as where a likelihood has no interior optimum, lies beyond every equal-tailed
    interval; one that holds it holds at least as much of the posterior.
    """
    return np.column_stack([np.minimum(bounds[:, 0], estimate), np.maximum(bounds[:, 1], estimate)])


def product(value: np.ndarray | float, times: np.ndarray) -> np.ndarray:
    """Value times a number of purchases, 0 where nothing is bought at all, an infinite value included."""
    with np.errstate(invalid="ignore"):
        return np.where(times == 0, 0.0, value * times)


@contextmanager
def each_warning_once() -> Iterator[None]:
    """Give each warning once, however many of the parts of an answer give it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for category, text in dict.fromkeys((found.category, str(found.message)) for found in caught):
        warn(text, category)


def mean_interval(
    model: Estimator,
    columns: np.ndarray,
    vectors: np.ndarray,
    coverage: float,
    quantity: str,
    ahead: Ahead,
    **arguments,
) -> np.ndarray:
    """Interval of a model's expectation or probability, (n, 2): quantiles over posterior draws and the clock's shocks."""
    layout = model._layout()
    shares = ahead.shares(len(vectors))

    def function(block: np.ndarray, draws: np.ndarray) -> np.ndarray:
        rows = model._rows(block)

        def at(theta: list, share: float) -> np.ndarray:
            return model._quantity(quantity, rows, theta, ahead=ahead, share=share, **arguments)

        return by_share(shares, draws, lambda some, share: at(layout.theta(some, block), share))

    unique, code = sorted_unique(columns)
    return interval_by_blocks(function, unique, vectors, coverage)[code]


def by_share(shares: np.ndarray, vectors: np.ndarray, compute: Callable[[np.ndarray, float], np.ndarray]) -> np.ndarray:
    """Results of ``compute(vectors, share)`` along a first axis of draws, those of equal shares at a time."""
    levels = np.unique(shares)
    if levels.size == 1:
        return compute(vectors, float(levels[0]))
    result: np.ndarray | None = None
    for level in levels:
        which = shares == level
        part = compute(vectors[which], float(level))
        if result is None:
            result = np.empty((len(vectors), *part.shape[1:]))
        result[which] = part
    assert result is not None
    return result


def count_interval(
    model: Estimator, columns: np.ndarray, vectors: np.ndarray, coverage: float, ahead: Ahead
) -> np.ndarray:
    """Interval of the number of transactions itself, (n, 2): quantiles of the posterior predictive distribution.

    The predictive probability of each count is its average over posterior draws; the bounds are the smallest counts whose
    cumulated probability reaches (1 - coverage)/2 and (1 + coverage)/2, so that the interval holds at least ``coverage``.
    """
    layout, tail = model._layout(), (1 - coverage) / 2
    vectors = vectors[:OUTCOME_DRAWS]
    shares = ahead.shares(len(vectors))
    unique, code = sorted_unique(columns)
    result = np.full((len(unique), 2), -1.0)
    left, size = np.arange(len(unique)), FIRST_COUNTS
    while left.size:
        step = max(1, 500_000 // (size * len(vectors)))
        for at in range(0, left.size, step):
            which = left[at : at + step]
            block = unique[which]
            log_proba = count_log_proba(model, block, layout, vectors, ahead.time, shares, size)
            cumulated = np.cumsum(np.exp(log_proba).mean(axis=0), axis=-1)
            for side, level in enumerate((tail, 1 - tail)):
                inside = cumulated >= level - 1e-12
                result[which, side] = np.where(inside[:, -1], inside.argmax(axis=-1), np.inf)
        left = left[np.isinf(result[left, 1])]
        size *= 4
        if size > LARGEST_COUNT and left.size:
            raise ValueError(
                f"{left.size:,} customers may buy more than {LARGEST_COUNT:,} times within the horizon; take a shorter one."
            )
    return result[code]


def next_purchase_interval(model: Estimator, columns: np.ndarray, vectors: np.ndarray, coverage: float) -> np.ndarray:
    """Interval of the time to the next purchase itself, given that there is one, (n, 2).

    For each posterior draw the time at one level of probability; the levels are spread evenly over (0, 1) and shuffled
    over the draws, so that together the times are a sample of the posterior predictive distribution.
    """
    layout = model._layout()
    levels = np.random.default_rng(0).permutation((np.arange(len(vectors)) + 0.5) / len(vectors))

    def function(block: np.ndarray, draws: np.ndarray) -> np.ndarray:
        rows, options = model._rows(block), model._options()
        times = [
            model.numerics.next_purchase_quantile(rows, float(level), layout.theta(draw[None, :], block), **options)
            for level, draw in zip(levels, draws, strict=True)
        ]
        return np.stack([np.reshape(time, len(block)) for time in times])

    unique, code = sorted_unique(columns)
    return interval_by_blocks(function, unique, vectors, coverage)[code]


def count_log_proba(
    model: Estimator,
    columns: np.ndarray,
    layout: CovariateLayout,
    vectors: np.ndarray,
    time: float,
    shares: np.ndarray,
    size: int,
) -> np.ndarray:
    """Log probabilities (draws, n, size + 1) of the counts within each draw's share of a time on the clock."""
    rows, options = model._rows(columns), model._options()

    def at(some: np.ndarray, share: float) -> np.ndarray:
        return model.numerics.conditional_count_log_proba(
            rows, time * share, layout.theta(some, columns), size, **options
        )

    return by_share(shares, vectors, at)


def count_draws(
    model: Estimator,
    columns: np.ndarray,
    vectors: np.ndarray,
    horizon: float,
    rng: np.random.Generator,
    pace: np.ndarray | float = 1.0,
) -> np.ndarray:
    """One simulated number of transactions within the horizon for each draw and row, (draws, n).

    ``pace``, (draws, 1) or a number, multiplies the rate at which all customers buy.
    """
    simulate = getattr(model.numerics, "future_counts", None)
    if simulate is None:
        return _at_pace(_inverted_counts(model, columns, vectors, horizon, rng), pace, rng)
    theta = model._layout().theta(vectors, columns)
    return simulate(model._rows(columns), horizon, theta, rng, pace=pace, **model._options())


def _at_pace(counts: np.ndarray, pace: np.ndarray | float, rng: np.random.Generator) -> np.ndarray:
    """Counts at another pace, exact in their mean: thinned, or joined by a Poisson number more."""
    if np.all(np.asarray(pace) == 1):
        return counts
    kept = rng.binomial(counts.astype(np.int64), np.broadcast_to(np.minimum(pace, 1.0), counts.shape))
    return (kept + rng.poisson(counts * np.maximum(np.asarray(pace) - 1, 0.0))).astype(float)


def _inverted_counts(
    model: Estimator, columns: np.ndarray, vectors: np.ndarray, horizon: float, rng: np.random.Generator
) -> np.ndarray:
    """Simulated numbers of transactions by the inverse of their distribution, (draws, n)."""
    layout = model._layout()
    counts = np.full((len(vectors), len(columns)), -1.0)
    level = rng.random(counts.shape)
    left, size = np.arange(len(columns)), 16
    while left.size:
        step = max(1, 2_000_000 // (size * len(vectors)))
        for at in range(0, left.size, step):
            which = left[at : at + step]
            block = columns[which]
            log_proba = model.numerics.conditional_count_log_proba(
                model._rows(block), horizon, layout.theta(vectors, block), size, **model._options()
            )
            above = np.cumsum(np.exp(log_proba), axis=-1) >= level[:, which, None] - 1e-12
            counts[:, which] = np.where(above[..., -1], above.argmax(axis=-1), np.inf)
        left = left[np.isinf(counts[:, left]).any(axis=0)]
        size *= 4
        if size > LARGEST_COUNT and left.size:
            raise ValueError(
                f"{left.size:,} customers may buy more than {LARGEST_COUNT:,} times within the horizon; take a shorter one."
            )
    return counts


def sorted_unique(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unique rows, ordered by count and T so that neighbours share their expectations, and each row's place among them."""
    unique, _, code = unique_rows(*columns.T)
    rows = np.column_stack(unique)
    order = np.lexsort((rows[:, 1], rows[:, 2], rows[:, 0]))
    rank = np.empty(order.size, dtype=np.intp)
    rank[order] = np.arange(order.size)
    return rows[order], rank[code]
