"""From a transaction log to a long frame of stages, by any stager."""

from __future__ import annotations

import inspect
from typing import Any

from .. import frames
from ..exceptions import DataError
from ..typing import Frame, Moment

COLUMNS = ("customer_id", "period", "stage")


def stage_panel(
    log: Frame,
    *,
    stager: Any,
    period: str | None = None,
    customer_id: str | None = None,
    timestamp: str | None = None,
    observation_end: Moment | None = None,
) -> Any:
    """Assign every customer a stage in every period of a transaction log.

    Parameters
    ----------
    log : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
        One row per transaction.
    stager : object
        Anything with ``stages``, ``fit(log)`` and ``assign(log)``, such as
        :class:`crmml.stages.LifecycleStager`. A fitted one is used as it is; an unfitted one (without an attribute that ends
        in an underscore) is fitted on this log first, in place. To follow customers as time goes on, fit the stager once on
        a training log: what it learnt, and with it earlier stages, would else change with every new log.
    period : {"D", "W", "M", "Y"}, default=None
        Length of a period. None takes the stager's own, and months where it names none; naming two that differ is
        refused.
    customer_id, timestamp : str, default=None
        Columns of the log; None takes those that the stager names.
    observation_end : str, date or datetime, default=None
        Last instant observed, inclusive; None takes the last event. Only complete periods are assigned.

    Returns
    -------
    frame in the engine of the log
        customer_id, period (its first day), stage; what :func:`crmml.stages.to_panel` takes.

    Raises
    ------
    DataError
        Where the log cannot be used.
    TypeError
        Where the object is not a stager, or cannot take an argument that was given.
    ValueError
        Where the stager names another period.

    Examples
    --------
    >>> from crmml.datasets import load_cdnow_sample
    >>> from crmml.stages.staging.recency import RecencyStager
    >>> from crmml.transactions.stage_panel import stage_panel
    >>> long = stage_panel(load_cdnow_sample(), stager=RecencyStager(n=3, win_back=True), period="M")
    >>> long["stage"].value_counts().to_dict()
    {'lost': 27219, 'recency_1': 5460, 'recency_2': 4065, 'recency_3': 3387}
    """
    asked = {"period": period, "observation_end": observation_end}
    given = _given(stager, {name: entry for name, entry in asked.items() if entry is not None})
    renamed = _renamed(log, stager, {"customer_id": customer_id, "timestamp": timestamp})
    if not _is_fitted(stager):
        stager.fit(renamed, **{name: entry for name, entry in given.items() if name in _options(stager.fit)})
    result = stager.assign(renamed, **given)
    frames.check_columns(frames.wrap(result), COLUMNS, f"the frame that {type(stager).__name__}.assign returned")
    return result


def _given(stager: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """The arguments that the stager is to be called with; refused where it is not a stager, or does not take them."""
    if lacks := [name for name in ("stages", "fit", "assign") if not hasattr(stager, name)]:
        raise TypeError(
            f"{type(stager).__name__} is not a stager, it lacks {', '.join(lacks)}; give an object with stages, fit(log) and "
            "assign(log)."
        )
    own, period = getattr(stager, "period", None), asked.get("period")
    if period is not None and own is not None and own != period:
        raise ValueError(f"period={period!r} was asked for, but the stager was made with period={own!r}; name it once.")
    given = {name: entry for name, entry in asked.items() if name != "period" or own is None}
    takes = _options(stager.assign)
    if refused := [name for name in given if name not in takes]:
        raise TypeError(f"{type(stager).__name__}.assign takes no {' or '.join(refused)}; set it in the stager itself.")
    return given


def _renamed(log: Any, stager: Any, asked: dict[str, str | None]) -> Any:
    """The log with the named columns under the names that the stager reads."""
    mapping = {
        name: getattr(stager, what, what)
        for what, name in asked.items()
        if name is not None and name != getattr(stager, what, what)
    }
    if not mapping:
        return log
    frame = frames.wrap(log)
    frames.check_columns(frame, list(mapping), "the transaction log")
    names = frame.collect_schema().names()
    if taken := [new for new in mapping.values() if new in names and new not in mapping]:
        raise DataError(
            [
                f"it has a column {new!r} beside the one that was named; tell the stager the columns' names instead"
                for new in taken
            ],
            "the transaction log",
        )
    return frames.unwrap(frame.rename(mapping))


def _options(method: Any) -> set[str]:
    parameters = inspect.signature(method).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return {"period", "observation_end"}
    return {parameter.name for parameter in parameters}


def _is_fitted(stager: Any) -> bool:
    says = getattr(stager, "__sklearn_is_fitted__", None)
    if says is not None:
        return bool(says())
    return any(name.endswith("_") and not name.startswith("_") for name in getattr(stager, "__dict__", {}))
