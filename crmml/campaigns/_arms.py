"""Who was treated with what, and which arm is the control."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .. import frames
from ..exceptions import DataError
from ..typing import ArrayLike

#: Names of a control arm, beside 0, False and any text that begins with "no ".
CONTROL_NAMES = frozenset(
    {"0", "control", "false", "hold-out", "holdout", "no", "none", "nothing", "placebo", "untreated"}
)
#: Rows below which nothing is learnt of an arm.
LEAST_ROWS = 10


class Arms(NamedTuple):
    """Arms of a campaign.

    Attributes
    ----------
    control : object
        Value of the control arm.
    treated : list
        Values of the other arms, sorted.
    code : ndarray of int, shape (n,)
        0 for control, k for the k-th of ``treated``.
    """

    control: Any
    treated: list
    code: np.ndarray


def read_arms(treatment: Any, control: str | float, n: int, *, least: int = LEAST_ROWS) -> Arms:
    """Return the arms, or one error with every fault.

    Raises
    ------
    DataError
        Treatment missing or of another length, a control that is unknown or cannot be told, an arm without rows or with
        fewer than ``least``.
    """
    column = _read_column(treatment, n)
    values = _sorted(pd.unique(column.astype(object)).tolist())
    faults = _empty_categories(column, values)
    if len(values) > max(20, n // 20):
        faults.append(
            f"treatment has {len(values):,} values in {n:,} rows; it must name the arm of the campaign, such as 0 and 1"
        )
        raise DataError(faults, "the treatment")
    control = _read_control(control, values, faults)
    if len(values) < 2:
        many = "the only sample is" if n == 1 else f"all {n:,} rows are"
        faults.append(
            f"{many} of arm {_listed(values)} (n_samples={n}); an effect needs customers who were treated and a control arm"
        )
    if faults:
        raise DataError(faults, "the treatment")
    treated = [value for value in values if value != control]
    code = pd.Index([control, *treated], dtype=object).get_indexer(pd.Index(column, dtype=object))
    counts = np.bincount(code, minlength=len(values))
    faults = [
        f"arm {value!r} has {count:,} rows; at least {least} are needed, so leave the arm out or join it to another"
        for value, count in zip([control, *treated], counts.tolist(), strict=True)
        if count < least
    ]
    if faults:
        raise DataError(faults, "the treatment")
    return Arms(control, treated, code)


def _read_column(treatment: Any, n: int) -> pd.Series:
    """The arms as a column without gaps, one value in each cell."""
    column = to_series(treatment)
    if column is None or len(column) != n:
        shape = np.shape(treatment)
        raise DataError([f"treatment has shape {shape}; ({n},) is expected, one arm per customer"], "the treatment")
    if missing := int(column.isna().sum()):
        raise DataError(
            [
                f"treatment is missing in {missing:,} of {n:,} rows; leave these rows out, or find out what they were given: "
                "who was not contacted is the control arm, not a missing value"
            ],
            "the treatment",
        )
    if lists := int(frames.unhashable(column).sum()):
        raise DataError(
            [f"treatment holds lists or their like in {lists:,} of {n:,} rows; it must name one arm per customer"],
            "the treatment",
        )
    return column


def _empty_categories(column: pd.Series, values: list) -> list[str]:
    """Arms that a categorical column declares and nobody is in."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return []
    empty = [value for value in column.cat.categories.tolist() if value not in values]
    return [f"arm {value!r} has no rows; take it out of the categories, or add its customers" for value in empty]


def _read_control(control: Any, values: list, faults: list[str]) -> Any:
    """The control arm, as given or told by its name; what is wrong is noted."""
    if control is None:
        control, fault = _told(values)
        faults += [fault] if fault else []
    elif control not in values:
        faults.append(f"control={control!r} is not among the arms; there are {_listed(values)}")
    return control


def _listed(values: list) -> str:
    return ", ".join(repr(value) for value in values[:8])


def to_series(values: ArrayLike) -> pd.Series | None:
    """A column of any engine as a pandas series; None where it is no single column."""
    if isinstance(values, pd.Series):
        return values
    if isinstance(values, pd.DataFrame):
        return values.iloc[:, 0] if values.shape[1] == 1 else None
    if isinstance(values, pd.Categorical):
        return pd.Series(values)
    if values is None or np.isscalar(values):
        return None
    array = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    return pd.Series(array) if array.ndim == 1 else None


def _sorted(values: list) -> list:
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=str)


def _told(values: list) -> tuple[Any, str | None]:
    """The control among the arms, by its name; or what to do where it cannot be told."""
    found = [
        value
        for value in values
        if (
            str(value).strip().lower() in CONTROL_NAMES or str(value).strip().lower().startswith("no ")
            if isinstance(value, str)
            else value == 0
        )
    ]
    if len(found) == 1:
        return found[0], None
    why = "more than one looks like it" if found else "none is 0 or named as controls are"
    return None, f"which of the arms {_listed(values)} is the control cannot be told ({why}); say control=..."
