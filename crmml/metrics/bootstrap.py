"""An interval for any metric, by drawing customers again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults, check_coverage, check_draws, check_random_state
from ..exceptions import DataError
from ..results import Result
from ..typing import ArrayLike, Seed
from .inputs import require


@dataclass(frozen=True)
class MetricInterval(Result):
    """An estimate and its bootstrap interval; it unpacks to (estimate, lower, upper, coverage).

    Attributes
    ----------
    estimate, lower, upper, coverage : float
    """

    estimate: float
    lower: float
    upper: float
    coverage: float

    def __iter__(self) -> Iterator[float]:
        return iter((self.estimate, self.lower, self.upper, self.coverage))

    def describe(self) -> str:
        """Say it in a sentence."""
        return f"{self.estimate:.4g}, {self.coverage:.0%} interval {self.lower:.4g} to {self.upper:.4g}"


def bootstrap_interval(
    metric: Callable[..., float],
    *arrays: Any,
    coverage: float = 0.9,
    n_resamples: int = 499,
    groups: ArrayLike | None = None,
    random_state: Seed = None,
    **options: Any,
) -> MetricInterval:
    """Percentile bootstrap interval of a metric [1]_.

    Parameters
    ----------
    metric : callable
        Called as ``metric(*arrays, **options)``; returns a number.
    *arrays : arrays of length n
        Rows are drawn together, with replacement.
    coverage : float, default=0.9
    n_resamples : int, default=499
    groups : array of shape (n,), default=None
        Rows of one group, such as one customer at several cutoffs, are drawn together.
    random_state : int, RandomState or None, default=None
    **options
        Passed to the metric: costs, n_bins and so on.

    Returns
    -------
    MetricInterval
        (estimate, lower, upper, coverage), the estimate on the arrays as given. Resamples on which the metric is NaN (without
        churners, say) are drawn again.

    Raises
    ------
    DataError
        When the lengths differ, or the metric is NaN on the arrays themselves.

    References
    ----------
    .. [1] Efron, B. and Tibshirani, R. J. (1993), An Introduction to the Bootstrap. Chapman & Hall, chapter 13.

    Examples
    --------
    >>> from sklearn.metrics import roc_auc_score
    >>> rng = np.random.default_rng(0)
    >>> y = rng.random(500) < 0.3
    >>> print(bootstrap_interval(roc_auc_score, y, y + rng.normal(size=500), random_state=0).describe())
    0.7685, 90% interval 0.7246 to 0.808
    """
    named = {f"arrays[{number}]": array for number, array in enumerate(arrays)}
    frames.check_aligned("the bootstrap", **named, groups=groups)
    columns = [np.asarray(array) for array in arrays]
    lengths = {len(column) for column in columns}
    faults = Faults("the bootstrap")
    if len(lengths) != 1:
        faults.add(f"the arrays have lengths {sorted(lengths)}; one is needed")
    faults.check(check_coverage, coverage)
    faults.check(check_draws, n_resamples, "n_resamples")
    faults.refuse()
    (n,) = lengths
    estimate = float(metric(*columns, **options))
    require([] if estimate == estimate else ["the metric is not a number on the rows given"], "the bootstrap")
    rng = check_random_state(random_state)
    rows_of = _rows_of(groups, n)
    values: list[float] = []
    for _ in range(20 * n_resamples):
        rows = _draw(rng, rows_of, n)
        value = _value(metric, [column[rows] for column in columns], options)
        if value == value:
            values.append(value)
        if len(values) == n_resamples:
            break
    require(
        [] if len(values) == n_resamples else ["nearly every resample lacks a class; more events are needed"],
        "the bootstrap",
    )
    lower, upper = np.quantile(values, [(1 - coverage) / 2, (1 + coverage) / 2])
    return MetricInterval(estimate, float(lower), float(upper), coverage)


def _rows_of(groups: Any, n: int) -> list[np.ndarray] | None:
    if groups is None:
        return None
    codes, names = pd.factorize(np.asarray(groups))
    require([] if codes.size == n else [f"groups has {codes.size} entries for {n} rows"], "the bootstrap")
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes, minlength=len(names)))[:-1])


def _draw(rng: np.random.RandomState, rows_of: list[np.ndarray] | None, n: int) -> np.ndarray:
    if rows_of is None:
        return rng.randint(0, n, n)
    return np.concatenate([rows_of[k] for k in rng.randint(0, len(rows_of), len(rows_of))])


def _value(metric: Callable[..., float], columns: list[np.ndarray], options: dict[str, Any]) -> float:
    """NaN where a resample has lost a class: metrics of scikit-learn raise or warn there."""
    if columns[0].dtype.kind != "f" and len(set(columns[0].tolist())) < 2:
        return float("nan")
    try:
        return float(metric(*columns, **options))
    except DataError:  # the arrays themselves were good: this resample has lost an arm, or fills a bin no more
        return float("nan")
