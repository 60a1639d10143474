"""The types that public signatures speak of.

Nothing here is checked at run time; the checks are in :mod:`crmml.checks` and in :mod:`crmml.frames`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

__all__ = [
    "ArrayLike",
    "Day",
    "Estimator",
    "Frame",
    "FrameLike",
    "Label",
    "Moment",
    "Numbers",
    "Period",
    "Refunds",
    "Seed",
    "Theta",
    "Unit",
    "Window",
]


@runtime_checkable
class Frame(Protocol):
    """A dataframe of any engine: pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark."""

    @property
    def columns(self) -> Any:
        """Its columns, or their names."""


#: A frame whose columns are picked by name, or an array whose columns go by position.
FrameLike: TypeAlias = Frame | ArrayLike
#: A label of one of two classes.
Label: TypeAlias = str | float | bool
#: A unit of time: hours, days, weeks, months of 365.25/12 days, years of 365.25 days.
Unit: TypeAlias = Literal["h", "D", "W", "M", "Y"]
#: A bucket of time: an hour, a day, a week from Monday, a calendar month or year.
Period: TypeAlias = Literal["h", "D", "W", "M", "Y"]
#: What to do with refunds.
Refunds: TypeAlias = Literal["net", "drop", "raise"]
#: An instant, in text in ISO 8601.
Moment: TypeAlias = str | dt.date | dt.datetime | np.datetime64 | pd.Timestamp
#: A day of the calendar, in text the year first.
Day: TypeAlias = str | dt.date | dt.datetime | np.datetime64 | pd.Timestamp
#: A stretch of time: its start, and its end, which is exclusive, or its length such as "6M".
Window: TypeAlias = tuple[Day, Day]
#: Where random numbers come from; None draws afresh.
Seed: TypeAlias = int | np.random.Generator | np.random.RandomState | np.random.SeedSequence | None
#: One number, or one for each row or draw.
Numbers: TypeAlias = float | np.ndarray
#: The parameters of a model in the order of its declaration: a number each, or one for each draw or row.
Theta: TypeAlias = Sequence[Any]
#: An estimator in the manner of scikit-learn.
Estimator: TypeAlias = BaseEstimator
