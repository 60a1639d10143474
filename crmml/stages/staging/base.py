"""What stagers that look at a log period by period share: the period, the purchase days, a frame like the log's."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ...checks import UNIT_WORDS, unknown_choice
from ...results import NotebookMixin
from ...transactions.activity import PERIODS, Activity, Grid, read_activity, to_log_engine
from ..process.space import as_stage_space


class PeriodStager(NotebookMixin, BaseEstimator):
    """Common part of stagers that look at a log period by period."""

    period: str | None
    customer_id: str
    timestamp: str
    #: A StageSpace, or the names in their order.
    stages: Any

    def _period(self, asked: str | None) -> str:
        """Return the one period that the stager and the call name; months where neither does."""
        if asked is not None and self.period is not None and asked != self.period:
            raise ValueError(
                f"period={asked!r} was asked for, but the stager was made with period={self.period!r}; name it once."
            )
        period = asked or self.period or "M"
        if period not in PERIODS:
            raise unknown_choice(period, "period", [f"{name!r} ({UNIT_WORDS[name]})" for name in PERIODS])
        return period

    def _read(self, log: Any, value: str | None, observation_end: Any) -> Activity:
        return read_activity(log, self.customer_id, self.timestamp, value, observation_end)

    def _answer(self, activity: Activity, grid: Grid, codes: np.ndarray) -> Any:
        names = as_stage_space(self.stages).names
        return to_log_engine(activity.native, activity.ids[grid.customer], grid.first_day, names, codes)
