"""Charts of churn: how many customers of each segment are still there after a time, and what moves a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import check_count
from ..exceptions import DataError
from ..metrics import kaplan_meier
from ..results import DisplayMixin
from ..typing import ArrayLike, Estimator, FrameLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class SurvivalDisplay(DisplayMixin):
    """Share of customers that have not churned, by segment.

    Attributes
    ----------
    table : DataFrame
        segment, customers, time, survival (seen, by Kaplan and Meier) and predicted (NaN without a model).
    unit : str
    """

    table: pd.DataFrame
    unit: str

    @classmethod
    def from_predictions(
        cls,
        duration: ArrayLike,
        event: ArrayLike,
        segment: Any = None,
        *,
        unit: str,
        model: Estimator | None = None,
        X: FrameLike | None = None,
        n_times: int = 50,
    ) -> SurvivalDisplay:
        """Compute from what was seen, beside a model's prediction.

        Parameters
        ----------
        duration, event : arrays of shape (n,)
        segment : array of shape (n,), default=None
            None puts all customers together.
        unit : str
            Of the durations, for the axis: "months".
        model : fitted HazardChurnClassifier, default=None
            Its mean survival of each segment is drawn beside.
        X : frame, default=None
            The features of the same customers, for the model.
        n_times : int, default=50

        Raises
        ------
        DataError
            When lengths differ.
        """
        frames.check_aligned("the rows", duration=duration, event=event, segment=segment, X=X)
        duration, event = np.asarray(duration, dtype=np.float64), np.asarray(event)
        labels = np.full(duration.size, "all customers") if segment is None else np.asarray(segment)
        if labels.shape != duration.shape:
            raise DataError([f"segment has shape {labels.shape}; {duration.shape} is expected"], "segments")
        times = np.linspace(0, duration.max(), n_times)
        predicted = None if model is None else model.predict_survival(X, times)
        parts = []
        for name in pd.unique(labels):
            rows = labels == name
            _, survival = kaplan_meier(duration[rows], event[rows], times)
            # nothing is known of a segment after its longest duration
            survival = np.where(times <= duration[rows].max(), survival, np.nan)
            parts.append(
                pd.DataFrame(
                    {
                        "segment": name,
                        "customers": int(rows.sum()),
                        "time": times,
                        "survival": survival,
                        "predicted": np.nan if predicted is None else predicted[rows].mean(axis=0),
                    }
                )
            )
        return cls(pd.concat(parts, ignore_index=True), unit)

    def plot(self, ax: Axes | None = None) -> SurvivalDisplay:
        """Draw a step line for each segment, and a dashed line for what the model predicts."""
        ax = self._axes(ax)
        for name, rows in self.table.groupby("segment", sort=False):
            label = f"{name} ({rows['customers'].iloc[0]:,})"
            (line,) = ax.step(rows["time"], 100 * rows["survival"], where="post", label=label)
            if rows["predicted"].notna().any():
                ax.plot(rows["time"], 100 * rows["predicted"], linestyle="--", color=line.get_color(), linewidth=1)
        ax.set(
            title="Customers still there" + (" (dashed: predicted)" if self.table["predicted"].notna().any() else ""),
            xlabel=f"Time since the start, {self.unit}",
            ylabel="% of customers",
            ylim=(0, 102),
        )
        ax.legend(frameon=False)
        return self


@dataclass
class ContributionDisplay(DisplayMixin):
    """What each column adds to the log-odds of churn, its mean size over customers.

    Attributes
    ----------
    table : DataFrame
        column and size, the largest first.
    """

    table: pd.DataFrame

    @classmethod
    def from_result(cls, result: Any, *, n_columns: int = 15) -> ContributionDisplay:
        """Take the strongest columns of an `Explanation`.

        Parameters
        ----------
        result : Explanation
        n_columns : int, default=15
        """
        n_columns = check_count(n_columns, "n_columns", least=1)
        size = result.contributions.abs().mean().sort_values(ascending=False, kind="stable").iloc[:n_columns]
        return cls(pd.DataFrame({"column": size.index.to_numpy(), "size": size.to_numpy()}))

    def plot(self, ax: Axes | None = None) -> ContributionDisplay:
        """Draw a bar for each column, the strongest on top."""
        ax = self._axes(ax, size=(7.0, max(2.0, 0.35 * len(self.table) + 1.2)))
        ax.barh(self.table["column"].astype(str), self.table["size"], color="#1f5a8a")
        ax.invert_yaxis()
        ax.set(title="What moves the score of churn", xlabel="Mean size of the contribution, log-odds")
        return self
