"""How unequally value is spread over customers: Lorenz curve, Gini coefficient and the share of the top, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..checks import check_coverage, check_draws, check_generator, check_probability, check_random_state
from ..exceptions import DataError
from ..frames.numbers import as_numbers
from ..metrics import MetricInterval
from ..results import Result
from ..typing import ArrayLike, Seed
from ._columns import fault
from .profile import counted, is_are, total_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Shares of customers that the curve is kept at: by 0.1 % up to 10 %, then by 1 %.
GRID = np.append(np.arange(101) / 1000, np.arange(11, 101) / 100)
#: Customers, from the top, that are resampled one by one where there are many; the others go in slices.
ONE_BY_ONE = 10_000
SLICES = 10_000


@dataclass(frozen=True)
class Concentration(Result):
    """A concentration curve, from the most valuable customer on, and what follows from it.

    Attributes
    ----------
    gini : MetricInterval
        Estimate, lower, upper, coverage. 0 where all are equal; (n - 1) / n where one customer has everything; above that only where
        some values are negative.
    customers : ndarray of shape (191,)
        Shares of the customers, from the top.
    share : ndarray of shape (191,)
        Share of the value that they have.
    lower, upper : ndarrays of shape (191,)
        Its bounds, point by point.
    draws : ndarray of shape (n_resamples, 191)
        The curves of the resamples.
    n_customers : int
    n_negative : int
        Customers of negative value.
    total : float
    """

    gini: MetricInterval
    customers: np.ndarray
    share: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    n_customers: int
    n_negative: int
    total: float
    draws: np.ndarray = field(repr=False)

    @property
    def curve(self) -> np.ndarray:
        """Shares of customers and of value, shape (191, 2)."""
        return np.column_stack([self.customers, self.share])

    def share_of_top(self, share: float) -> MetricInterval:
        """Share of the value that the top ``share`` of the customers have; straight lines between the curve's points.

        Raises
        ------
        ValueError
            When share is not between 0 and 1.
        """
        return self._between(0.0, check_probability(share, "share"))

    def tier_shares(self, shares: Sequence[float]) -> list[MetricInterval]:
        """Share of the value of each tier, the tiers being shares of the customers from the top.

        Raises
        ------
        ValueError
            When the shares are not above 0 or do not add up to 1.
        """
        if abs(sum(shares) - 1) > 1e-6 or min(shares) <= 0:
            raise ValueError(f"shares={list(shares)} must be above 0 and add up to 1.")
        ends = [0.0, *(min(float(end), 1.0) for end in np.cumsum(shares))]
        return [self._between(start, end) for start, end in pairwise(ends)]

    def _between(self, start: float, end: float) -> MetricInterval:
        lines = np.vstack([self.share, self.draws])
        place = [(np.searchsorted(GRID, at, side="right") - 1).clip(0, GRID.size - 2) for at in (start, end)]
        part = [(at - GRID[k]) / (GRID[k + 1] - GRID[k]) for at, k in zip((start, end), place, strict=True)]
        first, last = (lines[:, k] + f * (lines[:, k + 1] - lines[:, k]) for k, f in zip(place, part, strict=True))
        found = last - first
        lower, upper = np.quantile(found[1:], [(1 - self.gini.coverage) / 2, (1 + self.gini.coverage) / 2])
        return MetricInterval(float(found[0]), float(lower), float(upper), self.gini.coverage)

    def to_frame(self) -> pd.DataFrame:
        """Return the curve: customers, share, lower, upper."""
        return pd.DataFrame(
            {"customers": self.customers, "share": self.share, "lower": self.lower, "upper": self.upper}
        )

    def plot(self, ax: Axes | None = None) -> Any:
        """Draw the curve with its band.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        LorenzDisplay
        """
        from .displays import LorenzDisplay

        return LorenzDisplay.from_result(self).plot(ax=ax)

    def describe(self) -> str:
        """Say it in sentences."""
        parts = [
            f"{counted(self.n_customers, 'customer')} {is_are(self.n_customers)} worth {total_of(self.total)} in all."
        ]
        for share in (0.01, 0.05, 0.2):
            found = self.share_of_top(share)
            parts.append(
                f"The top {share:.0%} have {found.estimate:.1%} of it ({found.coverage:.0%} interval {found.lower:.1%} to "
                f"{found.upper:.1%})."
            )
        parts.append(
            f"The Gini coefficient is {self.gini.estimate:.3f} ({self.gini.lower:.3f} to {self.gini.upper:.3f})."
        )
        if self.n_negative:
            whose = f"{counted(self.n_negative, 'customer')} {is_are(self.n_negative, 'has', 'have')}"
            parts.append(f"{whose} negative value, so the curve passes 100 % and the Gini coefficient may too.")
        return " ".join(parts)


def concentration(
    values: ArrayLike, *, coverage: float = 0.9, n_resamples: int = 499, random_state: Seed = None
) -> Concentration:
    r"""Lorenz curve from the top, and Gini coefficient, of the customers' values.

    With values in falling order the curve is :math:`C(k/n) = \sum_{i \le k} v_{(i)} / \sum_i v_i` and
    :math:`G = \sum_i (n + 1 - 2i) v_{(i)} / (n \sum_i v_i)`, twice the area between curve and diagonal [1]_. Intervals are
    percentile bootstrap ones, the customers being drawn anew and ranked anew. Of more than 20,000 customers the first 10,000
    are drawn one by one and the others as 10,000 slices of neighbours, each with its mean.

    Such intervals are too short where few customers hold much, since a sample seldom has the largest there are: of 90 % intervals
    the Gini's held the truth in 89, 88 and 85 % of samples of 1,000 customers (exponential values, lognormal with sigma 1 and
    1.5), in 88, 83 and 76 % of 300 and in 87, 73 and 64 % of 100; those of the top 5 % in 89, 90 and 83, 87, 79 and 71, and 77, 67
    and 59 %. What is missed lies nearly always above.

    Parameters
    ----------
    values : array of shape (n,)
        Finite; the sum above 0.
    coverage : float, default=0.9
    n_resamples : int, default=499
    random_state : int, RandomState or None, default=None

    Returns
    -------
    Concentration

    Raises
    ------
    DataError
        When values are missing or infinite, or their sum is not above 0.

    References
    ----------
    .. [1] Gini, C. (1912), Variabilità e mutabilità; Lorenz, M. O. (1905), Methods of measuring the concentration of wealth.
       Publications of the American Statistical Association 9, 209-219.

    Examples
    --------
    >>> found = concentration([8.0, 1.0, 1.0, 0.0, 0.0], random_state=0)
    >>> round(found.gini.estimate, 3), round(found.share_of_top(0.2).estimate, 3)
    (0.68, 0.8)
    """
    coverage = check_coverage(coverage)
    n_resamples = check_draws(n_resamples, "n_resamples")
    given = _numbers(values)
    faults = [] if given.size else ["there are no customers"]
    faults += fault("value", np.isnan(given), "is missing", "drop or fill these rows")
    faults += fault("value", np.isinf(given), "is infinite", "repair these rows")
    ordered = -np.sort(-given)
    if not faults and not ordered.sum() > 0:
        faults = ["the values add up to no more than 0, so that nobody has a share of them"]
    if faults:
        raise DataError(faults, "the values")
    n = ordered.size
    gini, share = _gini_and_curve(np.ones(n), ordered)
    sizes, means = _cells(ordered)
    modern = isinstance(random_state, np.random.Generator | np.random.SeedSequence)
    rng: Any = check_generator(random_state) if modern else check_random_state(random_state)
    drawn = []
    for _ in range(n_resamples):
        counts = rng.multinomial(n, sizes / n).astype(np.float64)
        if counts @ means > 0:
            drawn.append(_gini_and_curve(counts, means))
    tails = [(1 - coverage) / 2, (1 + coverage) / 2]
    gini_lower, gini_upper = np.quantile([g for g, _ in drawn], tails)
    lower, upper = np.quantile([line for _, line in drawn], tails, axis=0)
    found = MetricInterval(gini, float(gini_lower), float(gini_upper), coverage)
    draws = np.stack([line for _, line in drawn])
    return Concentration(found, GRID, share, lower, upper, n, int((ordered < 0).sum()), float(ordered.sum()), draws)


def _numbers(values: Any) -> np.ndarray:
    shape = np.shape(values)
    if len(shape) != 1 and not (len(shape) == 2 and shape[1] == 1):
        raise DataError(
            [f"they have shape {shape}; give one number per customer, such as frame['value']"],
            "the values",
        )
    column = values if len(shape) == 1 else np.asarray(values).ravel()
    return as_numbers(column, "value", "the values")


def _cells(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Customers one by one, or where they are many the rest in slices: sizes and means."""
    if ordered.size <= ONE_BY_ONE + SLICES:
        return np.ones(ordered.size), ordered
    edges = np.unique(np.linspace(ONE_BY_ONE, ordered.size, SLICES + 1).astype(np.int64))
    sizes = np.diff(edges).astype(np.float64)
    means = np.add.reduceat(ordered, edges[:-1]) / sizes
    return np.append(np.ones(ONE_BY_ONE), sizes), np.append(ordered[:ONE_BY_ONE], means)


def _gini_and_curve(counts: np.ndarray, values: np.ndarray) -> tuple[float, np.ndarray]:
    """Of values in falling order, each held by so many customers."""
    through = np.append(0.0, np.cumsum(counts))
    worth = np.append(0.0, np.cumsum(counts * values))
    through, worth = through / through[-1], worth / worth[-1]
    gini = float(np.diff(through) @ (worth[1:] + worth[:-1]) - 1)
    return gini, np.interp(GRID, through, worth)
