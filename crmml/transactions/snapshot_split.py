"""Splitting snapshots by time, so that no training label is learnt after the moment a test row is judged from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator

from .. import frames
from ..checks import check_choice, check_count, check_random_state, check_unit
from ..exceptions import DataError
from ..typing import ArrayLike, FrameLike, Seed
from .snapshot_data import SnapshotData
from .times import Length, moment_text, to_timedelta


class SnapshotSplit(BaseCrossValidator):
    """Train on earlier cutoffs, test on a later one, with an embargo that keeps training labels clear of the test cutoff.

    A training row of cutoff c has its label from [c, c + horizon). It may teach a model that is tested at cutoff t only
    where c + embargo ≤ t, with an embargo of at least the horizon [1]_: else the training labels hold what the test
    customers did after t. The last ``n_splits`` cutoffs that leave something to train on are the test cutoffs, one a
    split, the earliest first.

    Parameters
    ----------
    n_splits : int, default=3
    horizon : float, timedelta or str
        Length of the label windows, a number in ``unit``, or such as "90D".
    embargo : float, timedelta or str, default=None
        Least distance from a training cutoff to the test cutoff; None takes the horizon. Not below it.
    groups : {"customer", None}, default="customer"
        "customer": customers are dealt into as many parts as there are splits (two at least); a split tests one part and
        trains on the others, so that no customer is on both sides, nor tested twice. None: only time separates the two
        sides, and all eligible customers are tested at every test cutoff.
    unit : {"h", "D", "W", "M", "Y"}, default="D"
    random_state : int, RandomState or None, default=None
        Deals the customers; with None each call to ``split`` deals them anew.

    References
    ----------
    .. [1] López de Prado, M. (2018), Advances in Financial Machine Learning, Wiley, section 7.4 (purging and embargo).

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from crmml.datasets import load_cdnow_sample
    >>> from crmml.transactions import SnapshotSplit, snapshots
    >>> data = snapshots(load_cdnow_sample(), cutoffs=["1997-07-01", "1997-10-01", "1998-01-01", "1998-04-01"],
    ...                  horizon=90, features=["rfm"])
    >>> cv = SnapshotSplit(n_splits=2, horizon=90, groups=None)
    >>> cross_val_score(LogisticRegression(max_iter=1000), data.X, data.y, groups=data.groups, cv=cv, scoring="roc_auc").round(3)
    array([0.815, 0.835])
    """

    #: Splitting needs the groups, as scikit-learn's metadata routing asks it.
    __metadata_request__split = {"groups": True}  # noqa: RUF012  # scikit-learn's convention

    def __init__(
        self,
        n_splits: int = 3,
        horizon: Length | None = None,
        embargo: Length | None = None,
        groups: str | None = "customer",
        *,
        unit: str = "D",
        random_state: Seed = None,
    ):
        self.n_splits = n_splits
        self.horizon = horizon
        self.embargo = embargo
        self.groups = groups
        self.unit = unit
        self.random_state = random_state

    def __repr__(self) -> str:
        return f"SnapshotSplit(n_splits={self.n_splits!r}, horizon={self.horizon!r}, embargo={self.embargo!r}, groups={self.groups!r})"

    def get_n_splits(
        self, X: FrameLike | None = None, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> int:
        """Number of splits."""
        return self.n_splits

    def split(
        self, X: FrameLike, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows to train on and to test on.

        Parameters
        ----------
        X : frame or array of n rows
        y : ignored
        groups : frame with columns customer_id, cutoff and perhaps label_end, SnapshotData, or array of cutoffs
            ``data.groups`` of :func:`snapshots`. None looks for the columns in X. An array of cutoffs knows no customers
            and needs ``groups=None`` in the constructor.

        Raises
        ------
        ValueError
            For parameters out of range, an embargo below the horizon among them.
        DataError
            When cutoffs or customers cannot be found, labels reach further than the horizon, or fewer cutoffs than
            ``n_splits`` leave something to train on.
        """
        horizon, embargo = self._lengths()
        frames.check_aligned("the snapshots", X=X, y=y, groups=groups)
        keys = _keys(X, groups, need_customer=self.groups is not None)
        cutoff = pd.DatetimeIndex(keys["cutoff"])
        if "label_end" in keys and (longest := (pd.DatetimeIndex(keys["label_end"]) - cutoff).max()) > horizon:
            raise DataError(
                [
                    f"their labels reach {longest} past the cutoff, but horizon={self.horizon!r}; give SnapshotSplit the labels' own"
                ],
                "the snapshots",
            )
        moments = cutoff.unique().sort_values()
        testable = [moment for moment in moments if moments[0] + embargo <= moment]
        if len(testable) < self.n_splits:
            shown = ", ".join(moment_text(moment) for moment in moments)
            raise DataError(
                [
                    f"{len(testable)} of its {len(moments)} cutoffs ({shown}) leave a training cutoff at least "
                    f"{embargo / pd.Timedelta(days=1):g} days "
                    f"earlier, but n_splits={self.n_splits}; add earlier cutoffs, or ask for fewer splits"
                ],
                "the list of cutoffs",
            )
        part = self._parts(keys["customer_id"]) if self.groups is not None else None
        for number, moment in enumerate(testable[-self.n_splits :]):
            train, test = cutoff + embargo <= moment, cutoff == moment
            if part is not None:
                train, test = train & (part != number), test & (part == number)
            if not (train.any() and test.any()):
                side = "trained on" if not train.any() else "tested"
                raise DataError(
                    [f"at cutoff {moment_text(moment)} no row is left to be {side}; use fewer splits or groups=None"],
                    "the snapshots",
                )
            yield np.flatnonzero(train), np.flatnonzero(test)

    def _lengths(self) -> tuple[pd.Timedelta, pd.Timedelta]:
        check_unit(self.unit)
        check_count(self.n_splits, "n_splits", least=1)
        check_choice(self.groups, "groups", ("customer", None))
        if self.horizon is None:
            raise ValueError("horizon=None must be the length of the label windows, such as '90D'.")
        horizon = to_timedelta(self.horizon, self.unit, "horizon")
        embargo = horizon
        if self.embargo is not None:
            none = isinstance(self.embargo, (int, float)) and self.embargo == 0
            embargo = pd.Timedelta(0) if none else to_timedelta(self.embargo, self.unit, "embargo")
        if embargo < horizon:
            raise ValueError(
                f"embargo={self.embargo!r} is shorter than horizon={self.horizon!r}: training labels would reach past the test "
                "cutoff and hold what the test customers did. Give an embargo of at least the horizon, or None."
            )
        return horizon, embargo

    def _parts(self, customer: Any) -> np.ndarray:
        code, unique = pd.factorize(pd.Series(np.asarray(customer)), sort=True)
        order = check_random_state(self.random_state).permutation(len(unique))
        return (order % max(self.n_splits, 2))[code]


def _keys(X: Any, groups: Any, *, need_customer: bool) -> pd.DataFrame:
    """The cutoff of each row, its customer and the end of its label where they are known."""
    if groups is None:
        groups = X
    if isinstance(groups, SnapshotData):
        return groups.groups
    wanted = ["cutoff", *(["customer_id"] if need_customer else [])]
    if frames.is_frame(groups):
        names = frames.wrap(groups).collect_schema().names()
        if any(name not in names for name in wanted):
            raise DataError(
                [
                    f"they have no column {name!r}; pass groups=data.groups of the snapshots"
                    for name in wanted
                    if name not in names
                ],
                "the groups",
            )
        return frames.to_columns(groups, [name for name in ("customer_id", "cutoff", "label_end") if name in names])
    array = np.asarray(groups)
    if array.ndim == 1 and np.issubdtype(array.dtype, np.datetime64):
        if need_customer:
            raise DataError(
                [
                    "they are cutoffs alone, so customers cannot be kept apart; pass groups=data.groups of the snapshots, or make "
                    "the splitter with groups=None"
                ],
                "the groups",
            )
        return pd.DataFrame({"cutoff": array})
    raise DataError(
        ["cutoffs cannot be found in them; pass groups=data.groups of the snapshots: columns customer_id and cutoff"],
        "the groups",
    )
