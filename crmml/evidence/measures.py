"""What is known of an indicator in one window: a share of a number of cases, an average with its spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import is_number
from ..exceptions import DataError
from ..typing import ArrayLike


@dataclass(frozen=True)
class Share:
    """A share, as counts: 140 of 200 customers kept.

    Parameters
    ----------
    count, n : int
        Cases with the property, and all cases; 0 <= count <= n, n above 0.

    Raises
    ------
    DataError

    Examples
    --------
    >>> Share(140, 200).rate
    0.7
    """

    count: int
    n: int

    def __post_init__(self) -> None:
        faults = []
        whole = all(is_number(value) and value == int(value) for value in (self.count, self.n))
        if not whole:
            faults.append(
                f"Share({self.count!r}, {self.n!r}) needs two whole numbers: cases with the property, and all cases"
            )
        elif self.n <= 0:
            faults.append(f"there are {self.n} cases, the group is empty; a share needs at least one")
        elif not 0 <= self.count <= self.n:
            faults.append(
                f"{self.count} of {self.n} cases is a rate outside 0 to 100 %; the part cannot exceed the whole"
            )
        if faults:
            raise DataError(faults, "the share")
        object.__setattr__(self, "count", int(self.count))
        object.__setattr__(self, "n", int(self.n))

    @property
    def rate(self) -> float:
        """The share as a fraction."""
        return self.count / self.n


@dataclass(frozen=True)
class Average:
    """An average of cases: their mean, standard deviation (divisor n - 1) and number.

    Parameters
    ----------
    mean, sd : float
        In the unit of the indicator.
    n : int
        At least 2.

    Raises
    ------
    DataError

    Examples
    --------
    >>> Average(mean=30.0, sd=8.0, n=25)
    Average(mean=30.0, sd=8.0, n=25)
    """

    mean: float
    sd: float
    n: int

    def __post_init__(self) -> None:
        faults = []
        if not is_number(self.mean):
            faults.append(f"the mean is {self.mean!r}, no finite number")
        if not (is_number(self.sd) and self.sd >= 0):
            faults.append(f"the standard deviation is {self.sd!r}; it must be a number of at least 0")
        if not (is_number(self.n) and self.n == int(self.n) and self.n >= 2):
            faults.append(
                f"the number of cases is {self.n!r}; a spread needs at least 2; give the bare mean where it is not known"
            )
        if faults:
            raise DataError(faults, "the average")

    @classmethod
    def of(cls, values: ArrayLike) -> Average:
        """Summarise values of shape (n,)."""
        values = np.asarray(values, dtype=np.float64)
        return cls(float(values.mean()), float(values.std(ddof=1)) if values.size > 1 else float("nan"), values.size)
