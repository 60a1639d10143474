"""Which of two labels is churn, as classifiers and metrics agree on it."""

from __future__ import annotations

import re
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import FeatureWarning, warn
from ..typing import Label

#: Answers to "did the customer churn?" that need no telling, the one that says so second.
_ANSWERS = ({"0", "1"}, {"0.0", "1.0"}, {"false", "true"}, {"no", "yes"})
#: Pairs of numbers whose second is the event wherever classifiers are known.
_CODES = ((0, 1), (-1, 1))
#: Words of a column's name to which yes is the answer of those who stay, and words that turn it round.
_STAYING = re.compile(
    r"stay(s|ed|er|ing)?|retain(ed)?|retention|renew(ed|al)?|active|alive|loyal|kept|remain(ed|s|ing)?"
)
_TURNING = re.compile(r"no|not|non|in|un|never|churn(ed|er)?|left|lost|gone")


def one_type(values: pd.Series) -> pd.Series:
    """Blank texts as missing, and labels of several types as numbers where they are, else as text."""
    if values.dtype != object and not isinstance(values.dtype, pd.StringDtype):
        return values
    values = values.astype(object)
    values = pd.Series(
        [None if isinstance(value, str) and not value.strip() else value for value in values], dtype=object
    )
    known = values.dropna()
    if len(set(known.map(type))) <= 1:
        return values
    if known.map(lambda value: isinstance(value, (Real, np.bool_))).all():
        return values.astype(np.float64)
    return values.map(str, na_action="ignore")


def churn_last(
    classes: np.ndarray, churned: Label | None, column: str | None = None
) -> tuple[np.ndarray, list[str], list[str]]:
    """Return two labels with churn second, the faults, and what is to be warned of.

    Without ``churned``, 1 against 0 or -1, true against false and yes against no need no telling. Of other numbers
    the larger is churn, as scikit-learn has it, and this is warned of. Other labels do not say which is churn.

    Parameters
    ----------
    classes : ndarray of shape (2,)
        The labels in sorted order.
    churned : label or None
        The one that means churn.
    column : str, default=None
        Name of the column of labels, where it has one: yes is no churn where it asks who stayed.

    Examples
    --------
    >>> churn_last(np.asarray(["Churn", "No Churn"]), "Churn")[0].tolist()
    ['No Churn', 'Churn']
    >>> churn_last(np.asarray(["Churn", "No Churn"]), None)[1]
    ["the labels 'Churn' and 'No Churn' do not tell which of them is churn; say churned='Churn' or churned='No Churn'"]
    """
    first, second = classes.tolist()
    cure = f"say churned={first!r} or churned={second!r}"
    if churned is not None:
        if churned == second:
            return classes, [], []
        if churned == first:
            return classes[::-1].copy(), [], []
        return classes, [f"churned={churned!r} is neither of the labels {first!r} and {second!r}; {cure}"], []
    numeric = classes.dtype.kind in "biuf" or all(isinstance(label, Real) for label in (first, second))
    words = {str(label).strip().lower().rstrip(".") for label in (first, second)}
    if not (numeric or words in _ANSWERS):
        return classes, [f"the labels {first!r} and {second!r} do not tell which of them is churn; {cure}"], []
    if column is not None and _asks_who_stayed(column):
        return classes, [f"the labels are of the column {column!r}, in which {second!r} reads as staying; {cure}"], []
    if numeric and (first, second) not in _CODES:
        return classes, [], [f"Of the labels {first!r} and {second!r} the larger is taken for churn; {cure}."]
    return classes, [], []


def _asks_who_stayed(column: str) -> bool:
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", column).lower()
    parts = re.split(r"[^a-z]+", words)
    return any(map(_STAYING.fullmatch, parts)) and not any(map(_TURNING.fullmatch, parts))


def warn_of(notes: list[str]) -> None:
    """Warn of what was assumed."""
    for note in notes:
        warn(note, FeatureWarning)


def label_of(model: Any, y: Any) -> Any:
    """The label that a fitted classifier's second probability is of, where it is among those of y; else None."""
    classes = getattr(model, "classes_", None)
    if classes is None or len(classes) != 2:
        return None
    label = np.asarray(classes).tolist()[1]
    return label if any(label == entry for entry in pd.unique(pd.Series(np.asarray(y)).dropna()).tolist()) else None
