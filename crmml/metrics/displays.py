"""Charts of a churn score: lift and cumulative gain, and reliability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..results import DisplayMixin
from ..typing import ArrayLike, Estimator, FrameLike, Label
from .calibration import calibration_table
from .inputs import read_binary, scores_of
from .labels import label_of
from .ranking import cumulative_gains

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OURS, _THEIRS = "#1f5a8a", "#b5532a"


@dataclass
class LiftDisplay(DisplayMixin):
    """Share of all churners found by contacting a share of customers, and the lift.

    Attributes
    ----------
    table : DataFrame
        share, gain, lift.
    churn_rate : float
    """

    table: pd.DataFrame
    churn_rate: float

    @classmethod
    def from_predictions(cls, y_true: ArrayLike, y_score: ArrayLike, *, churned: Label | None = None) -> LiftDisplay:
        """Compute from labels and scores, shape (n,) each; ``churned`` as in `cumulative_gains`."""
        y, score = read_binary(y_true, y_score, churned=churned)
        return cls(cumulative_gains(y, score, shares=np.arange(1, 101) / 100), float(y.mean()))

    @classmethod
    def from_estimator(cls, model: Estimator, X: FrameLike, y: ArrayLike) -> LiftDisplay:
        """Compute with the model's churn probabilities of X."""
        return cls.from_predictions(y, scores_of(model, X), churned=label_of(model, y))

    def plot(self, ax: Axes | None = None, *, lift: bool = False) -> LiftDisplay:
        """Draw cumulative gain, or with ``lift`` the lift."""
        ax = self._axes(ax)
        share = 100 * self.table["share"]
        if lift:
            ax.plot(share, self.table["lift"], color=_OURS)
            ax.axhline(1, color="grey", linewidth=1, linestyle="--")
            ax.set(ylabel="Times the churn rate of all", title="Lift", ylim=(0, None))
        else:
            ax.plot(np.append(0, share), np.append(0, 100 * self.table["gain"]), color=_OURS, label="By score")
            perfect = [0, 100 * self.churn_rate, 100]
            ax.plot(perfect, [0, 100, 100], color=_THEIRS, linestyle=":", label="Perfect order")
            ax.plot([0, 100], [0, 100], color="grey", linewidth=1, linestyle="--", label="Random order")
            ax.set(ylabel="Churners found, % of all churners", title="Cumulative gain")
            ax.legend(frameon=False)
        ax.set(xlabel="Customers contacted, % (highest scores first)")
        return self


@dataclass
class ReliabilityDisplay(DisplayMixin):
    """Churn rate against predicted probability, with the number of customers behind each point.

    Attributes
    ----------
    table : DataFrame
        As from `calibration_table`.
    """

    table: pd.DataFrame

    @classmethod
    def from_predictions(cls, y_true: ArrayLike, y_prob: ArrayLike, **options: Any) -> ReliabilityDisplay:
        """Compute from labels and probabilities; options of `calibration_table`."""
        return cls(calibration_table(y_true, y_prob, **options))

    @classmethod
    def from_estimator(cls, model: Estimator, X: FrameLike, y: ArrayLike, **options: Any) -> ReliabilityDisplay:
        """Compute with the model's churn probabilities of X."""
        return cls.from_predictions(y, model.predict_proba(X)[:, 1], **{"churned": label_of(model, y), **options})

    def plot(self, ax: Axes | None = None) -> ReliabilityDisplay:
        """Draw points with intervals; the number at each is its customers."""
        ax = self._axes(ax)
        table = self.table
        ax.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
        error = np.abs(table[["rate_lower", "rate_upper"]].to_numpy().T - table["rate"].to_numpy())
        ax.errorbar(table["probability"], table["rate"], yerr=error, fmt="o", color=_OURS, capsize=2)
        for p, upper, n in zip(table["probability"], table["rate_upper"], table["customers"], strict=True):
            ax.annotate(f"{n:,}", (p, upper), ha="center", va="bottom", fontsize=8, color="grey")
        ax.set(
            title="Do predicted probabilities come true?",
            xlabel="Predicted probability of churn",
            ylabel="Share that churned",
            xlim=(0, 1),
            ylim=(0, 1.05),
        )
        return self
