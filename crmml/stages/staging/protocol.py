"""What a stager is, and the two simplest: a rule of the user's own, and a column of stages already in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from ... import frames
from ...exceptions import DataError
from ...fitting import atomic
from ...frames import expressions as ex
from ...transactions.activity import Activity, Grid, last_period, make_grid, to_log_engine
from ...transactions.log import CUSTOMER, TIME, codes_of, is_missing
from ...transactions.opening import open_log
from ...transactions.rhythm import totals_before
from ...typing import Frame, Moment
from ..process.space import as_stage_space
from .base import PeriodStager


@runtime_checkable
class Stager(Protocol):
    """Anything that assigns stages to a transaction log; no base class is needed.

    ``stages`` is a :class:`StageSpace`, or names in their order; ``fit(log)`` learns what it needs and returns the stager;
    ``assign(log)`` returns a frame customer_id, period, stage. The stage of a period may use events up to its end only.
    ``assign`` may take ``period`` and ``observation_end``, which :func:`crmml.transactions.stage_panel` passes on.

    Examples
    --------
    >>> from crmml.stages.staging.lifecycle import LifecycleStager
    >>> from crmml.stages.staging.protocol import Stager
    >>> isinstance(LifecycleStager(), Stager)
    True
    """

    @property
    def stages(self) -> Any:
        """The stages."""

    def fit(self, log: Frame) -> Any:
        """Learn from a training log."""

    def assign(self, log: Frame) -> Any:
        """Return customer_id, period, stage."""


class RuleStager(PeriodStager):
    """Assigns stages by a rule of the user's own on what each customer did up to the end of each period.

    Parameters
    ----------
    rule : callable
        ``rule(frame)`` returns one stage (name or code) per row. The frame is pandas, one row per customer and complete period
        since the first purchase, sorted by both: customer_id; period (its first day); days (its length); purchases
        (purchase days so far) and period_purchases (in this period); days_since_last and tenure (days from the last, and
        the first, purchase to the period's last day); with ``value`` also value (so far) and period_value. A rule that
        looks at other rows must not look at later ones.
    stages : StageSpace or sequence of str
    period : {"D", "W", "M", "Y"}, default=None
        As in :class:`crmml.stages.staging.lifecycle.LifecycleStager`.
    customer_id, timestamp : str
    value : str, default=None

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from crmml.stages.staging.protocol import RuleStager
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "timestamp": ["2024-01-09", "2024-02-20", "2024-02-01"]})
    >>> stager = RuleStager(lambda f: np.where(f["days_since_last"] > 15, "late", "due"), ["due", "late"])
    >>> stager.assign(log, observation_end="2024-02-29")
      customer_id     period stage
    0           a 2024-01-01  late
    1           a 2024-02-01   due
    2           b 2024-02-01  late
    """

    def __init__(
        self,
        rule: Callable[[pd.DataFrame], Any],
        stages: Any,
        period: str | None = None,
        *,
        customer_id: str = "customer_id",
        timestamp: str = "timestamp",
        value: str | None = None,
    ):
        self.rule = rule
        self.stages = stages
        self.period = period
        self.customer_id = customer_id
        self.timestamp = timestamp
        self.value = value

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @atomic
    def fit(self, log: Frame, y: None = None, *, observation_end: Moment | None = None) -> RuleStager:
        """Do nothing: a rule has nothing to learn."""
        return self

    def assign(
        self,
        log: Frame,
        *,
        period: str | None = None,
        observation_end: Moment | None = None,
        include_incomplete: bool = False,
    ) -> Any:
        """Assign a stage to every customer at the end of every complete period since the first purchase.

        Parameters and result are those of :meth:`crmml.stages.staging.lifecycle.LifecycleStager.assign`.

        Raises
        ------
        DataError
            Where the log cannot be used, or the rule gives no stage, or not one a row.
        """
        every = self._period(period)
        activity = self._read(log, self.value, observation_end)
        grid = make_grid(activity, every, include_incomplete)
        found = np.asarray(self.rule(self._frame(activity, grid)), dtype=object)
        if found.shape != grid.customer.shape:
            raise DataError(
                [f"it returned the shape {found.shape} for {grid.customer.size:,} rows; return one stage a row"],
                "the rule",
            )
        codes = as_stage_space(self.stages).codes(found)
        if missing := int(np.isnan(codes).sum()):
            raise DataError([f"it returned no stage for {missing:,} of {codes.size:,} rows"], "the rule")
        return self._answer(activity, grid, codes.astype(np.int64))

    def _frame(self, activity: Activity, grid: Grid) -> pd.DataFrame:
        begin = activity.offsets[grid.customer]
        columns: dict[str, Any] = {
            "customer_id": activity.ids.to_pandas().to_numpy()[grid.customer],
            "period": grid.first_day.astype("datetime64[D]").astype("datetime64[us]"),
            "days": grid.last_day - grid.first_day + 1,
            "purchases": grid.event - begin + 1,
            "period_purchases": grid.n_events,
            "days_since_last": grid.last_day - activity.day[grid.event],
            "tenure": grid.last_day - activity.day[begin],
        }
        if activity.value is not None:
            so_far = totals_before(activity.value, activity.offsets) + activity.value
            columns["value"] = so_far[grid.event]
            start = grid.event - grid.n_events
            columns["period_value"] = so_far[grid.event] - np.where(start >= begin, so_far[start], 0.0)
        return pd.DataFrame(columns)


class ColumnStager(PeriodStager):
    """Takes the stages from a column of the log: the last one recorded in a period.

    A period without a record is unobserved and has no row.

    Parameters
    ----------
    column : str
        Stage names, or codes; missing entries record nothing.
    stages : StageSpace or sequence of str
    period : {"D", "W", "M", "Y"}, default=None
        As in :class:`crmml.stages.staging.lifecycle.LifecycleStager`.
    customer_id, timestamp : str

    Examples
    --------
    >>> import pandas as pd
    >>> from crmml.stages.staging.protocol import ColumnStager
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "a"], "grade": ["new", "loyal", "new"],
    ...                     "timestamp": ["2024-01-09", "2024-01-20", "2024-03-31"]})
    >>> ColumnStager("grade", ["new", "loyal"]).assign(log)
      customer_id     period  stage
    0           a 2024-01-01  loyal
    1           a 2024-03-01    new
    """

    def __init__(
        self,
        column: str,
        stages: Any,
        period: str | None = None,
        *,
        customer_id: str = "customer_id",
        timestamp: str = "timestamp",
    ):
        self.column = column
        self.stages = stages
        self.period = period
        self.customer_id = customer_id
        self.timestamp = timestamp

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @atomic
    def fit(self, log: Frame, y: None = None, *, observation_end: Moment | None = None) -> ColumnStager:
        """Do nothing: a column has nothing to learn."""
        return self

    def assign(
        self,
        log: Frame,
        *,
        period: str | None = None,
        observation_end: Moment | None = None,
        include_incomplete: bool = False,
    ) -> Any:
        """Return the last stage recorded for each customer in each complete period.

        Parameters and result are those of :meth:`crmml.stages.staging.lifecycle.LifecycleStager.assign`, but for periods without a
        record, which are left out.

        Raises
        ------
        DataError
            Where the log cannot be used, a value is not a stage, or a customer has two stages at one moment.
        """
        every = self._period(period)
        frames.check_columns(frames.wrap(log), [self.customer_id, self.timestamp, self.column], "the transaction log")
        read, end = open_log(log, self.customer_id, self.timestamp, None, observation_end)
        stage = ex.col(self.column)
        missing = is_missing(self.column, read.frame.collect_schema()[self.column])
        records = read.frame.filter(~missing).select(
            ex.col(CUSTOMER),
            frames.period_index(ex.col(TIME), "D", read.frame).alias("__day"),
            ex.col(TIME),
            stage.alias("__stage"),
        )
        last = records.group_by(CUSTOMER, "__day").agg(ex.col(TIME).max())
        final = frames.collected(last.join(records, on=[CUSTOMER, "__day", TIME], how="inner").unique())
        if not len(final):
            raise DataError([f"column {self.column!r} records no stage"], "the transaction log")
        who, _ = codes_of(final[CUSTOMER])
        day = final["__day"].to_numpy().astype(np.int64)
        order = np.lexsort((day, who))
        who, day = who[order], day[order]
        if (twice := int(((np.diff(who) == 0) & (np.diff(day) == 0)).sum())) > 0:
            raise DataError(
                [f"{twice:,} times a customer has two stages at one moment; keep the one that holds"],
                "the transaction log",
            )
        codes = as_stage_space(self.stages).codes(final["__stage"].to_pandas())[order].astype(np.int64)
        number = frames.period_of(day, every)
        chosen = np.append((np.diff(who) != 0) | (np.diff(number) != 0), True)
        chosen &= number <= last_period(int(day.min()), end, every, include_incomplete)
        ids, names = final[CUSTOMER][order[chosen]], as_stage_space(self.stages).names
        return to_log_engine(log, ids, frames.first_day_of(number[chosen], every), names, codes[chosen])
