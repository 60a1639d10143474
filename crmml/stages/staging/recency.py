"""Stages by the number of periods since the last purchase, as Pfeifer and Carraway have them."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from ... import frames
from ...exceptions import LogWarning, warn
from ...fitting import atomic
from ...transactions.activity import PERIODS, make_grid
from ...typing import Frame, Moment
from ..process.space import StageSpace, recency_stages
from .base import PeriodStager


class RecencyStager(PeriodStager):
    """Assigns the stages of :func:`recency_stages` to a transaction log: periods since the last purchase, and lost.

    A customer is in recency 1 at the end of a period with a purchase, in recency 2 after one period without, and lost
    after ``n`` of them [1]_. There is nothing to learn.

    Parameters
    ----------
    n : int, default=5
        Number of recencies before lost.
    period : {"D", "W", "M", "Y"}, default=None
        As in :class:`crmml.stages.staging.lifecycle.LifecycleStager`.
    customer_id, timestamp : str
        Columns of the log.
    win_back : bool, default=False
        Whether a purchase leads back from lost to recency 1. Without it lost absorbs, as in [1]_, where a customer who
        returns counts as a new one: later purchases change nothing, and their customers are counted in a warning.

    References
    ----------
    .. [1] Pfeifer, P. E. and Carraway, R. L. (2000), Modeling customer relationships as Markov chains. Journal of
       Interactive Marketing 14 (2), 43-55.

    Examples
    --------
    >>> import pandas as pd
    >>> from crmml.stages.staging.recency import RecencyStager
    >>> log = pd.DataFrame({"customer_id": [7, 7], "timestamp": ["2024-01-09", "2024-03-20"]})
    >>> RecencyStager(n=2).assign(log, observation_end="2024-05-31")["stage"].tolist()
    ['recency_1', 'recency_2', 'recency_1', 'recency_2', 'lost']
    """

    _parameter_constraints: ClassVar[dict] = {
        "n": [Interval(Integral, 1, None, closed="left")],
        "period": [StrOptions(set(PERIODS)), None],
        "customer_id": [str],
        "timestamp": [str],
        "win_back": ["boolean"],
    }

    def __init__(
        self,
        n: int = 5,
        period: str | None = None,
        *,
        customer_id: str = "customer_id",
        timestamp: str = "timestamp",
        win_back: bool = False,
    ):
        self.n = n
        self.period = period
        self.customer_id = customer_id
        self.timestamp = timestamp
        self.win_back = win_back

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @property
    def stages(self) -> StageSpace:
        """Recency 1 to n, and lost."""
        space = recency_stages(self.n)
        if not self.win_back:
            return space
        moves = space.allowed_moves
        moves[self.n, 0] = True
        return StageSpace(space.names, rupture="lost", allowed=moves, labels=space.labels)

    @atomic
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, log: Frame, y: None = None, *, observation_end: Moment | None = None) -> RecencyStager:
        """Do nothing but check the parameters."""
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

        Warns
        -----
        LogWarning
            With the number of customers who bought after they were lost, unless ``win_back``.
        """
        self._validate_params()
        every = self._period(period)
        activity = self._read(log, None, observation_end)
        grid = make_grid(activity, every, include_incomplete)
        bought = frames.period_of(activity.day, every)
        since = frames.period_of(grid.first_day, every) - bought[grid.event]
        codes = np.minimum(since, self.n)
        if not self.win_back:
            gap = np.diff(bought, prepend=bought[0])
            gap[activity.offsets[:-1]] = 0
            returned = np.cumsum(gap > self.n)
            before = returned[activity.offsets[:-1]] - (gap[activity.offsets[:-1]] > self.n)
            back = returned[grid.event] > before[grid.customer]
            codes[back] = self.n
            if back.any():
                count = np.unique(grid.customer[back]).size
                warn(
                    f"{count:,} of {activity.offsets.size - 1:,} customers bought again after they were lost and stay lost; "
                    "win_back=True opens the arc back to recency_1.",
                    LogWarning,
                )
        return self._answer(activity, grid, codes)
