"""Totals over customers: what they will buy together, with parameters, the clock's shock and luck in the interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..checks import check_cells, check_choice, check_coverage, check_generator
from ..typing import ArrayLike, Estimator, FrameLike, Seed
from ._groups import read_groups, totals_frame
from ._intervals import LARGEST_COUNT, by_share, count_draws, sorted_unique
from ._operational_time import Ahead
from ._posterior import BLOCK

#: Draws that must not move between calls come from this seed.
KEPT_SEED = 0

#: Draws of totals.
TOTAL_DRAWS = 4000
#: Posterior draws at which totals are computed; the rest follows from them by regression.
PARAMETER_DRAWS = 120


class TotalsMixin:
    """Totals over the customers of a summary, for a model of transactions."""

    def total_interval(
        self,
        X: FrameLike,
        horizon: float | None = None,
        *,
        by: str | ArrayLike | None = None,
        coverage: float = 0.9,
        kind: str = "outcome",
        n_draws: int = 1000,
    ) -> pd.DataFrame:
        """Transactions of all customers together, or of groups of them, in (T, T + horizon], with an interval.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
        horizon : float, default=None
            In the fitted unit; None takes the constructor's.
        by : str or array-like of shape (n_customers,), default=None
            Groups of customers, such as cohorts or segments: a column of X, or one label for each customer.
        coverage : float, default=0.9
        kind : {"outcome", "mean"}, default="outcome"
            "outcome": of what will be seen: uncertain parameters, the shock of the calendar that is common to all where the model
            was fitted on a learnt clock, and luck. "mean": without luck. Without a clock every week is taken to be like any other,
            and the interval is too narrow wherever that is not so.
        n_draws : int, default=1000
            Posterior draws to use.

        Returns
        -------
        DataFrame
            One row for each group (``total`` without ``by``): expected, lower, upper.

        Raises
        ------
        DataError
            When labels are missing, or not one for each customer.
        """
        model: Any = self
        coverage, kind = check_coverage(coverage), check_choice(kind, "kind", ("outcome", "mean"))
        columns, vectors = model._fitted_summary(X), model._draws(n_draws)
        code, labels = read_groups(X, by, len(columns))
        ahead = model._ahead(X, model._horizon(horizon))
        expected, drawn = count_totals(model, columns, code, ahead, vectors, kind)
        return totals_frame(labels, expected, drawn, coverage)

    def draws(
        self,
        X: FrameLike,
        horizon: float | None = None,
        *,
        n_draws: int = 400,
        kind: str = "outcome",
        random_state: Seed = None,
    ) -> np.ndarray:
        """Draws of each customer's transactions in (T, T + horizon], for what is no interval.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
        horizon : float, default=None
            In the fitted unit; None takes the constructor's.
        n_draws : int, default=400
            Posterior draws.
        kind : {"outcome", "mean"}, default="outcome"
            "outcome": the number of transactions, with uncertain parameters, the shock of the calendar that is common to all, and
            each customer's own luck. "mean": its expectation, without luck.
        random_state : int, Generator, RandomState or None
            For luck; None takes the same at every call.

        Returns
        -------
        ndarray of shape (n_draws, n_customers)
            A row is one state of the world: its parameters and its calendar are those of all customers.
        """
        model: Any = self
        kind = check_choice(kind, "kind", ("outcome", "mean"))
        rng = check_generator(KEPT_SEED if random_state is None else random_state)
        columns, vectors = model._fitted_summary(X), model._draws(n_draws)
        ahead = model._ahead(X, model._horizon(horizon))
        check_cells(draws=len(vectors), customers=len(columns))
        result = np.empty((len(vectors), len(columns)))
        step = max(1, BLOCK // len(vectors))
        for at in range(0, len(columns), step):
            block = columns[at : at + step]
            if kind == "outcome":
                pace = ahead.shares(len(vectors))[:, None]
                result[:, at : at + step] = count_draws(model, block, vectors, ahead.time, rng, pace)
            else:
                result[:, at : at + step] = mean_draws(model, block, vectors, ahead)
        return result


def mean_draws(model: Estimator, columns: np.ndarray, vectors: np.ndarray, ahead: Ahead) -> np.ndarray:
    """Expected transactions of each draw and row, (draws, n)."""
    rows, layout = model._rows(columns), model._layout()

    def at(some: np.ndarray, share: float) -> np.ndarray:
        return model._quantity("predict", rows, layout.theta(some, columns), ahead=ahead, share=share)

    return by_share(ahead.shares(len(vectors)), vectors, at)


def count_totals(
    model: Estimator, columns: np.ndarray, group: np.ndarray, ahead: Ahead, vectors: np.ndarray, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Expected totals of purchases, (groups,), and draws of them, (TOTAL_DRAWS, groups)."""
    unique, code = sorted_unique(columns)
    weight = np.zeros((int(group.max(initial=0)) + 1, len(unique)))
    np.add.at(weight, (group, code), 1.0)
    rows, layout, options = model._rows(unique), model._layout(), model._options()

    def total(theta: list, time: float) -> np.ndarray:
        return model.numerics.conditional_expectation(rows, time, theta, **options) @ weight.T

    theta = model._theta(unique)
    expected = total(theta, ahead.time)
    rng = np.random.default_rng(2)
    draws = _shocked(lambda time: total(theta, time), expected, ahead, rng)
    draws *= _by_parameters(lambda some: total(layout.theta(some, unique), ahead.time), model, vectors, rng)
    if kind == "outcome":
        spread = weight @ count_variance(model, unique, ahead.time)
        draws = _lucky(draws, expected, spread, rng)
    return expected, draws


def _shocked(total: Any, expected: np.ndarray, ahead: Ahead, rng: np.random.Generator) -> np.ndarray:
    """Totals (draws, groups) at the estimate, under the clock's shocks: interpolated over the time that passes on it."""
    if ahead.is_certain:
        return np.broadcast_to(expected, (TOTAL_DRAWS, expected.size)).copy()
    assert ahead.clock is not None
    time = ahead.clock.draws(ahead.end, ahead.horizon, ahead.unit, n_draws=TOTAL_DRAWS, random_state=rng)
    nodes = np.unique(np.concatenate([[0.0], np.quantile(time, [0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98, 1])]))
    values = np.stack([total(float(node)) for node in nodes])
    return np.stack([np.interp(time, nodes, value) for value in values.T], axis=1)


def _by_parameters(total: Any, model: Estimator, vectors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Factors (draws, groups) by which uncertain parameters move the totals: the logarithm is regressed on the parameters.

    Totals move nearly as a product of powers of the parameters, so that some draws give the direction for all, and what the
    regression leaves is added back at random.
    """
    some = vectors[:PARAMETER_DRAWS]
    with np.errstate(divide="ignore"):
        level = np.log(np.maximum(np.stack([total(vector) for vector in some]), 1e-300))
    own = np.log(np.maximum(total(model.theta_), 1e-300))
    if len(some) < 2 * some.shape[1] + 4:
        return np.exp(level[rng.integers(len(some), size=TOTAL_DRAWS)] - own)
    centre, spread = some.mean(axis=0), some.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    design = np.column_stack([np.ones(len(some)), (some - centre) / spread])
    slope = np.linalg.lstsq(design, level, rcond=None)[0]
    left = level - design @ slope
    picked = vectors[rng.integers(len(vectors), size=TOTAL_DRAWS)]
    fitted = np.column_stack([np.ones(TOTAL_DRAWS), (picked - centre) / spread]) @ slope
    return np.exp(fitted + left[rng.integers(len(some), size=TOTAL_DRAWS)] - own)


def _lucky(draws: np.ndarray, expected: np.ndarray, variance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Totals as they turn out: negative binomial with the draw's mean and the variance that customers' luck adds up to."""
    mean = np.maximum(draws, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(expected > 0, np.maximum(variance - expected, 0.0) / expected**2, 0.0)  # beyond Poisson
    heterogeneous = np.where(excess > 1e-12, excess, 1.0)
    gamma = np.where(excess > 1e-12, rng.gamma(1 / heterogeneous, heterogeneous, size=draws.shape), 1.0)
    return rng.poisson(np.minimum(mean * gamma, 1e15)).astype(float)


def count_variance(model: Estimator, columns: np.ndarray, time: float) -> np.ndarray:
    """Variance of each row's number of purchases at the estimate, (n,)."""
    result = np.zeros(len(columns))
    left, size = np.arange(len(columns)), 32
    while left.size:
        step = max(1, 2_000_000 // size)
        unsure = []
        for at in range(0, left.size, step):
            which = left[at : at + step]
            block = columns[which]
            p = np.exp(
                model.numerics.conditional_count_log_proba(
                    model._rows(block), time, model._theta(block), size, **model._options()
                )
            )
            count = np.arange(size + 1.0)
            mean, square = p @ count, p @ count**2
            result[which] = np.maximum(square - mean**2, 0.0)
            unsure.append(which[p.sum(axis=1) < 1 - 1e-7])
        left = np.concatenate(unsure)
        size *= 4
        if size > LARGEST_COUNT:
            break
    return result
