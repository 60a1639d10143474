"""Stage panels: one row per customer, one column per period, float codes into the stages, NaN where nothing was observed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ... import frames
from ...exceptions import DataError
from ...typing import Frame
from ..process.space import StageSpace, as_stage_space

#: Cells of a panel that are looked at at once; small enough for the cache.
BLOCK = 65_536


def to_panel(
    long: Frame,
    stages: Any,
    *,
    customer_id: str = "customer_id",
    period: str = "period",
    stage: str = "stage",
    every: str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Turn a long frame of stages into a panel.

    Parameters
    ----------
    long : frame of any engine
        One row per customer and period, in any order. A period without a row, or whose stage is missing, is unobserved.
    stages : StageSpace or sequence of str
        The stages; the column holds their names or their codes.
    customer_id, period, stage : str
        Names of the columns. Periods are whole numbers, one apart, or dates.
    every : {"D", "W", "M", "Y"}, default=None
        The length of a period where periods are dates. None finds it: months where every date is the first of one, weeks
        where all fall on one weekday, else days.

    Returns
    -------
    X : ndarray of shape (n_customers, n_periods)
        Float codes into ``stages``, NaN unobserved; the columns run from the first period of the frame to its last.
    customer_id : ndarray of shape (n_customers,)
        Whose row it is, sorted.

    Raises
    ------
    DataError
        Naming and counting what is wrong: unknown stages, missing customers or periods, a customer's period twice.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmml.stages import to_panel
    >>> long = pd.DataFrame({"customer_id": ["a", "a", "b"], "period": [3, 1, 2], "stage": ["loyal", "new", "new"]})
    >>> to_panel(long, ["new", "loyal"])
    (array([[ 0., nan,  1.],
           [nan,  0., nan]]), array(['a', 'b'], dtype=object))
    """
    space = as_stage_space(stages)
    frame = frames.to_columns(long, [customer_id, period, stage])
    faults = [
        f"column {name!r} is missing in {int(count):,} of {len(frame):,} rows"
        for name in (customer_id, period)
        if (count := frame[name].isna().sum())
    ]
    customers, wrong = frames.alike(frame[customer_id], customer_id)
    faults += wrong
    if faults or not len(frame):
        raise DataError(faults or ["it has no rows"], "the long frame of stages")
    codes = space.codes(frame[stage])
    at = _period_numbers(frame[period], period, every)
    ids, who = np.unique(customers.to_numpy(dtype=object), return_inverse=True)
    first = at.min()
    n_periods = int(at.max() - first) + 1
    cell = who.astype(np.int64) * n_periods + (at - first)
    order = np.sort(cell)
    if (twice := int((np.diff(order) == 0).sum())) > 0:
        raise DataError(
            [f"{twice:,} rows repeat a customer's period; keep one row per customer and period"],
            "the long frame of stages",
        )
    if n_periods > 100 * max(len(np.unique(at)), 10):
        raise DataError(
            [f"the periods span {n_periods:,} values of which {len(np.unique(at)):,} occur; number them one apart"],
            "the long frame of stages",
        )
    X = np.full(len(ids) * n_periods, np.nan)
    X[cell] = codes
    return X.reshape(len(ids), n_periods), ids


def check_panel(X: np.ndarray, space: StageSpace, *, moves: bool = True) -> list[str]:
    """Return the faults of a panel: codes that are not stages, and moves that the space rules out, each counted.

    A move is looked at between two periods that follow each other, both observed.
    """
    n = len(space)
    seen = ~np.isnan(X)
    wrong = seen & ~((X >= 0) & (n > X) & (np.floor(X) == X))
    if wrong.any():
        shown = ", ".join(f"{value:g}" for value in np.unique(X[wrong])[:3])
        return [
            f"{int(wrong.sum()):,} of {int(seen.sum()):,} stages are none of the space ({shown}); the codes are 0 to {n - 1}: "
            f"{', '.join(space.names)}"
        ]
    if not moves or X.shape[1] < 2:
        return []
    return forbidden_moves(count_transitions(X, n), space)


def forbidden_moves(counts: np.ndarray, space: StageSpace) -> list[str]:
    """Return one fault for each move that was counted although the space rules it out."""
    faults = []
    for i, j in zip(*np.nonzero((counts > 0) & ~space.allowed_moves), strict=True):
        times = f"{int(counts[i, j]):,} move{'s' if counts[i, j] > 1 else ''}"
        if space.absorbing_mask[i]:
            cure = f"out of {space.names[i]!r}, which was declared absorbing; if it can be left, do not declare it"
        else:
            cure = "along an arc that the space does not allow; add it to allowed if it can happen"
        faults.append(f"{times} from {space.names[i]!r} to {space.names[j]!r}: {cure}")
    return faults


def count_transitions(X: np.ndarray, n_stages: int, sample_weight: np.ndarray | None = None) -> np.ndarray:
    """Count the moves between periods that follow each other, both observed, within each customer's row.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_periods)
        Codes, NaN unobserved.
    n_stages : int
    sample_weight : ndarray of shape (n_customers,), default=None
        How many customers each row stands for.

    Returns
    -------
    ndarray of shape (n_stages, n_stages)
        Rows are origins.
    """
    counts = np.zeros((n_stages + 1) ** 2)
    rows = max(1, BLOCK // max(X.shape[1], 1))
    for at in range(0, len(X), rows):
        block = X[at : at + rows]
        if (missing := np.isnan(block)).any():
            block = np.where(missing, n_stages, block)
        codes = block.astype(np.intp)
        pair = codes[:, :-1] * (n_stages + 1)
        pair += codes[:, 1:]
        weight = None if sample_weight is None else np.repeat(sample_weight[at : at + rows], pair.shape[1])
        counts += np.bincount(pair.ravel(), weights=weight, minlength=(n_stages + 1) ** 2)
    return counts.reshape(n_stages + 1, n_stages + 1)[:n_stages, :n_stages]


def last_observed(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each customer's last observed stage (−1 where there is none) and the column it stands in."""
    seen = ~np.isnan(X)
    column = X.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)
    value = X[np.arange(len(X)), column]
    return np.where(np.isnan(value), -1, value).astype(int), column


def _period_numbers(column: pd.Series, name: str, every: str | None) -> np.ndarray:
    if isinstance(column.dtype, pd.PeriodDtype):
        return column.astype("int64").to_numpy()
    if column.dtype.kind in "iu":
        return column.to_numpy(dtype=np.int64)
    if column.dtype.kind == "f" or (column.dtype == object and column.map(lambda v: isinstance(v, int | float)).all()):
        number = column.to_numpy(dtype=float)
        if (number != np.floor(number)).any():
            raise DataError([f"column {name!r} has periods that are not whole numbers"], "the long frame of stages")
        return number.astype(np.int64)
    try:
        dates = column if column.dtype.kind == "M" else pd.to_datetime(column, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise DataError(
            [f"column {name!r} holds neither whole numbers nor dates such as 2024-03-01"], "the long frame of stages"
        ) from error
    return _numbers_of_dates(dates, every)


def _numbers_of_dates(dates: pd.Series, every: str | None) -> np.ndarray:
    """Return the number of the day, week, month or year of each date; the length is seen from the dates where it is not given."""
    days = dates.to_numpy(dtype="datetime64[D]").astype(np.int64)
    every = every or ("M" if (dates.dt.day == 1).all() else "W" if len(np.unique(days % 7)) == 1 else "D")
    if every == "D":
        return days
    if every == "W":
        return (days + 3) // 7
    year, month = dates.dt.year.to_numpy(dtype=np.int64), dates.dt.month.to_numpy(dtype=np.int64)
    if every == "M":
        return 12 * year + month - 1
    if every == "Y":
        return year
    raise ValueError(f"every={every!r} must be 'D', 'W', 'M' or 'Y'.")
