"""Intervals of what a contractual model predicts: of expectations, of single customers' outcomes, of totals."""

from __future__ import annotations

import numpy as np

from ..transactions.compression import unique_rows
from ..typing import Estimator
from ._intervals import OUTCOME_DRAWS
from ._posterior import BLOCK, interval_by_blocks

#: Renewals, or times, beyond which nobody looks for a customer's end.
FARTHEST = 1e12
#: Halvings of the stretch that holds a quantile in continuous time.
HALVINGS = 60


def mean_interval(model: Estimator, columns: np.ndarray, vectors: np.ndarray, coverage: float, of: str, **arguments):
    """Interval of an expectation or probability, (n, 2): quantiles over posterior draws, on unique rows."""
    layout = model._layout()

    def function(block: np.ndarray, draws: np.ndarray) -> np.ndarray:
        return model._quantity(of, block, layout.theta(draws, block), **arguments)

    unique, _, code = unique_rows(*columns.T)
    return interval_by_blocks(function, np.column_stack(unique), vectors, coverage)[code]


def lifetime_interval(
    model: Estimator, columns: np.ndarray, vectors: np.ndarray, coverage: float, horizon: float
) -> np.ndarray:
    """Interval of the renewals (or time) that each customer has left within the horizon, (n, 2).

    Quantiles of the posterior predictive distribution, whose survival is the mean over posterior draws; in discrete time the
    smallest counts whose cumulated probability reaches (1 - coverage)/2 and (1 + coverage)/2.
    """
    vectors, tail = vectors[:OUTCOME_DRAWS], (1 - coverage) / 2
    unique, _, code = unique_rows(*columns.T)
    rows = np.column_stack(unique)
    result = np.zeros((len(rows), 2))
    alive = np.flatnonzero(model._alive(rows))
    step = max(1, BLOCK // len(vectors))
    for at in range(0, alive.size, step):
        which = alive[at : at + step]
        for side, level in enumerate((tail, 1 - tail)):
            result[which, side] = _lifetime_quantile(model, rows[which], vectors, level, horizon)
    return result[code]


def _lifetime_quantile(model, rows, vectors, level: float, horizon: float) -> np.ndarray:
    theta, start = model._layout().theta(vectors, rows), rows[:, 1]

    def left_by(ahead: np.ndarray) -> np.ndarray:
        """Whether the customer has left by then with probability ``level``."""
        survival = np.exp(model.numerics.log_survival(start, ahead, theta)).mean(axis=0)
        return survival <= (1 - level) * (1 + 1e-12)

    lower, upper = np.zeros(len(rows)), np.ones(len(rows))
    end = min(horizon + 1, FARTHEST)
    while (late := ~left_by(upper) & (upper < end)).any():
        lower, upper = np.where(late, upper, lower), np.where(late, np.minimum(2 * upper, end), upper)
    for _ in range(HALVINGS):
        middle = (lower + upper) / 2
        if model._discrete:
            if not (upper - lower > 1).any():
                break
            middle = np.floor(middle)
        gone = left_by(middle)
        lower, upper = np.where(gone, lower, middle), np.where(gone, middle, upper)
    found = upper - 1 if model._discrete else upper
    return np.where(found >= FARTHEST - 1, np.inf, np.minimum(found, horizon))


def survivor_draws(
    model: Estimator,
    columns: np.ndarray,
    vectors: np.ndarray,
    group: np.ndarray,
    horizon: float,
    rng: np.random.Generator | None,
) -> np.ndarray:
    """Survivors of each group at the end of the horizon for each draw, (draws, groups); expected ones where there is no rng."""
    n_groups = int(group.max(initial=-1)) + 1
    totals = np.zeros((len(vectors), n_groups))
    alive = model._alive(columns)
    if not alive.any():
        return totals
    unique, count, _ = unique_rows(*columns[alive].T, group[alive])
    rows, place = np.column_stack(unique[:-1]), unique[-1].astype(np.intp)
    layout, step = model._layout(), max(1, BLOCK // len(vectors))
    for at in range(0, len(rows), step):
        block, size = rows[at : at + step], count[at : at + step]
        p = model._quantity("predict_survival", block, layout.theta(vectors, block), ahead=horizon)
        p = np.clip(np.broadcast_to(p, (len(vectors), len(block))), 0.0, 1.0)
        drawn = size * p if rng is None else _lucky(size, p, rng)
        for k in np.unique(place[at : at + step]):
            totals[:, k] += drawn[:, place[at : at + step] == k].sum(axis=1)
    return totals


def _lucky(size: np.ndarray, p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How many of ``size`` stay, each with probability p; of single customers by one uniform number, which is quicker."""
    return rng.random(p.shape) < p if (size == 1).all() else rng.binomial(size, p)
