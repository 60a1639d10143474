r"""The scale of one column among mixed ones: a number's, and a category's.

A number is taken as :math:`(x - \mathrm{median}) / \min(\mathrm{IQR} / 1.349, \mathrm{sd})`, by its standard deviation alone where
the IQR is 0; a category as one column for each of its values, 1 or 0 times :math:`1/\sqrt{1 - \sum_j p_j^2}`, :math:`p_j` the share
of value j. :class:`crmml.segments._mixed_columns.MixedColumns` says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import skew

#: Interquartile range of the standard normal law: an IQR over this is a standard deviation, for normal columns.
NORMAL_IQR = 1.3489795003921634
#: Skewness from which on a column without negative numbers is taken in logarithms.
SKEWED = 1.0
#: Numbers on the common scale stop here, so that no square of them overflows.
FARTHEST = 1e100


@dataclass(frozen=True)
class NumberScale:
    """How a number is put on the common scale.

    Attributes
    ----------
    logarithm : {0, 1, 2}
        0 for none, 1 for log x, 2 for log(1 + x / unit).
    unit : float
        Median of the numbers above 0.
    least : float
        Least number seen; in logarithms what is below counts as that.
    middle, size : float
        Median, and what counts as 1; size is 0 for a column that does not vary.
    by_deviation : bool
        Whether size is the standard deviation because the interquartile range is 0.
    """

    logarithm: int = 0
    unit: float = 1.0
    least: float = 0.0
    middle: float = 0.0
    size: float = 0.0
    by_deviation: bool = False

    @classmethod
    def learnt(cls, column: np.ndarray, weight: np.ndarray | None, *, may_log: bool, auto: bool) -> NumberScale:
        """Learn the scale of a column; ``auto`` takes logarithms only where they bring a skewness above 1 down."""
        known = ~np.isnan(column)
        x, w = column[known], None if weight is None else weight[known]
        if not x.size or x.min() == x.max():
            return cls()
        scale = cls()
        if may_log and x.min() >= 0:
            logged = cls(1 if x.min() > 0 else 2, float(np.median(x[x > 0])), float(x.min()))
            skewness = skew(x / x.max())
            if not auto or (skewness > SKEWED and abs(skew(logged.logged(x))) < skewness):
                scale = logged
        x = scale.logged(x)
        largest = float(np.abs(x).max())
        x = x / largest  # squares of very large or small numbers are none
        lower, middle, upper = _quantiles(x, w, (0.25, 0.5, 0.75))
        robust = (upper - lower) / NORMAL_IQR
        deviation = float(np.sqrt(np.average((x - np.average(x, weights=w)) ** 2, weights=w)))
        flat = robust <= 1e-9 * deviation
        size = deviation if flat or robust > deviation else robust
        return replace(scale, middle=float(middle) * largest, size=float(size) * largest, by_deviation=bool(flat))

    @property
    def varies(self) -> bool:
        """Whether the column tells customers apart."""
        return self.size != 0

    def logged(self, x: np.ndarray) -> np.ndarray:
        """Logarithms where the column has them; what is below the least number seen counts as that."""
        if not self.logarithm:
            return x
        x = np.maximum(x, self.least)
        return np.log(x) if self.logarithm == 1 else np.log1p(x / self.unit)

    def encode(self, column: np.ndarray) -> np.ndarray:
        """Numbers on the common scale; what is missing is in the middle."""
        if not self.varies:
            return np.zeros(len(column))
        with np.errstate(over="ignore"):
            scaled = (self.logged(column) - self.middle) / self.size
        return np.where(np.isnan(scaled), 0.0, np.clip(scaled, -FARTHEST, FARTHEST))

    def decode(self, place: float) -> float:
        """The number at a place of the common scale."""
        x = place * self.size + self.middle
        if self.logarithm:
            x = np.exp(x) if self.logarithm == 1 else np.expm1(x) * self.unit
        return float(x)


@dataclass(frozen=True, eq=False)
class CategoryScale:
    """How a category is put on the common scale.

    Attributes
    ----------
    values : list of str
        Sorted.
    share : ndarray of shape (n_values,)
        Of the customers.
    size : float
        What membership in a value counts; 0 for a category that does not vary.
    """

    values: list[str]
    share: np.ndarray
    size: float

    @classmethod
    def learnt(cls, column: np.ndarray, weight: np.ndarray | None) -> CategoryScale:
        """Learn the values of a column and their shares."""
        codes, values = pd.factorize(column, sort=True)
        known = codes >= 0
        mass = np.bincount(codes[known], None if weight is None else weight[known], minlength=len(values))
        share = mass / mass.sum() if mass.sum() else mass
        spread = 1 - float(share @ share)
        size = spread**-0.5 if len(values) > 1 and spread > 0 else 0.0
        return cls([str(value) for value in values], share, size)

    @property
    def varies(self) -> bool:
        """Whether the column tells customers apart."""
        return len(self.values) > 1

    def encode(self, column: np.ndarray) -> np.ndarray:
        """Memberships on the common scale, (n, n_values); what is missing or new is at the shares of all."""
        codes = pd.Index(self.values).get_indexer(pd.Index(column))
        rows = np.vstack([np.eye(len(self.values)), self.share]) * self.size
        return rows[codes]

    def encode_shares(self, shares: Mapping[str, float]) -> np.ndarray:
        """Shares of the values, as :meth:`decode` gives them, on the common scale."""
        return self.size * np.asarray([shares.get(value, 0.0) for value in self.values])

    def decode(self, place: np.ndarray) -> dict[str, float]:
        """The share of each value at a place of the common scale."""
        share = np.clip(place / self.size, 0.0, 1.0) + 0.0 if self.size else self.share
        return dict(zip(self.values, np.asarray(share).tolist(), strict=True))


def _quantiles(x: np.ndarray, weight: np.ndarray | None, levels: Sequence[float]) -> np.ndarray:
    if weight is None:
        return np.quantile(x, levels)
    order = np.argsort(x, kind="stable")
    reached = np.cumsum(weight[order])
    return x[order][np.minimum(np.searchsorted(reached, np.asarray(levels) * reached[-1]), len(x) - 1)]
