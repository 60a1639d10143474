"""Rows of customers at cutoffs, with their labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import frames
from ..exceptions import DataError
from ..results import IntervalDisplay, Result
from .times import moment_text, to_moment

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class SnapshotData(Result):
    """Rows of customers at cutoffs, sorted by cutoff and customer; unpacks as ``X, y, cutoff, customer_id``.

    Attributes
    ----------
    X : frame of shape (n_rows, n_features)
        In the engine of the log. No identifier and no cutoff among its columns.
    y : ndarray of shape (n_rows,)
        1 where the customer made no purchase in [cutoff, cutoff + horizon), else 0: int, or float with NaN where rows
        whose label window is not complete were asked for.
    cutoff : ndarray of datetime64, shape (n_rows,)
    customer_id : ndarray of shape (n_rows,)
    horizon : Timedelta
        Length of the label window.
    """

    X: Any
    y: np.ndarray
    cutoff: np.ndarray
    customer_id: np.ndarray
    horizon: pd.Timedelta

    def __iter__(self) -> Iterator[Any]:
        return iter((self.X, self.y, self.cutoff, self.customer_id))

    def __len__(self) -> int:
        return self.y.size

    @property
    def groups(self) -> pd.DataFrame:
        """Columns customer_id, cutoff, label_end: what :class:`SnapshotSplit` takes as ``groups``."""
        end = self.cutoff + self.horizon.to_timedelta64()
        return pd.DataFrame({"customer_id": self.customer_id, "cutoff": self.cutoff, "label_end": end})

    def at(self, *cutoffs: Any) -> SnapshotData:
        """The rows of some cutoffs only.

        Raises
        ------
        DataError
            When a cutoff is not among them.
        """
        wanted = [to_moment(cutoff) for cutoff in cutoffs]
        there = pd.DatetimeIndex(np.unique(self.cutoff))
        if lacking := [moment for moment in wanted if moment not in there]:
            raise DataError(
                [
                    f"{moment_text(moment)} is no cutoff; there are {', '.join(map(moment_text, there))}"
                    for moment in lacking
                ],
                "the snapshots",
            )
        rows = np.flatnonzero(np.isin(self.cutoff, np.asarray(wanted, dtype=self.cutoff.dtype)))
        X = frames.like(frames.taken(frames.wrap(self.X), rows), self.X)
        return SnapshotData(
            frames.set_ruler(X, frames.get_ruler(self.X)),
            self.y[rows],
            self.cutoff[rows],
            self.customer_id[rows],
            self.horizon,
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each cutoff: cutoff, n_rows, n_labelled, churned (the share of those labelled)."""
        label = pd.Series(self.y.astype(np.float64))
        by_cutoff = label.groupby(pd.Series(self.cutoff, name="cutoff"))
        columns = {"n_rows": by_cutoff.size(), "n_labelled": by_cutoff.count(), "churned": by_cutoff.mean()}
        return pd.DataFrame(columns).reset_index()

    def plot(self, ax: Axes | None = None) -> IntervalDisplay:
        """Draw the share of customers that churned, cutoff by cutoff."""
        table = self.to_frame()
        words = [f"{moment_text(moment)} ({n:,})" for moment, n in zip(table["cutoff"], table["n_rows"], strict=True)]
        shares = pd.DataFrame({"quantity": words, "value": table["churned"], "lower": np.nan, "upper": np.nan})
        return IntervalDisplay(shares, title="Share that bought nothing in the horizon after the cutoff").plot(ax=ax)

    def describe(self) -> str:
        """One sentence: rows, customers, cutoffs, the share that churned, and whether label windows overlap."""
        cutoffs = pd.DatetimeIndex(np.unique(self.cutoff))
        known = self.y[~np.isnan(self.y.astype(np.float64))]
        n, customers = len(self), len(pd.unique(pd.Series(self.customer_id)))
        text = (
            f"{n:,} rows of {customers:,} customers at {len(cutoffs)} cutoff{'s' if len(cutoffs) != 1 else ''} from "
            f"{moment_text(cutoffs[0])} to {moment_text(cutoffs[-1])}"
        )
        days = self.horizon / pd.Timedelta(days=1)
        text += (
            f"; {known.mean():.1%} bought nothing in the {days:g} days after" if known.size else "; none is labelled"
        )
        if known.size < n:
            text += f", {n - known.size:,} rows have no label yet"
        if len(cutoffs) > 1 and cutoffs.to_series().diff().min() < self.horizon:
            text += ". Label windows overlap: split with SnapshotSplit, whose embargo keeps training labels clear of the test cutoff"
        return text + "."
