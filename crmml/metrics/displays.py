"""Charts of a churn score: lift and cumulative gain, profit by threshold, and reliability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..results import DisplayMixin
from ..typing import ArrayLike, Estimator, FrameLike
from .calibration import calibration_table
from .inputs import descending_groups, read_binary
from .profit import CampaignProfit, maximum_profit
from .ranking import cumulative_gains

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OURS, _THEIRS = "#1f5a8a", "#b5532a"


def _scores(model: Any, X: Any) -> np.ndarray:
    return model.predict_proba(X)[:, 1] if hasattr(model, "predict_proba") else model.decision_function(X)


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
    def from_predictions(cls, y_true: ArrayLike, y_score: ArrayLike) -> LiftDisplay:
        """Compute from labels and scores, shape (n,) each."""
        y, score = read_binary(y_true, y_score)
        return cls(cumulative_gains(y, score, shares=np.arange(1, 101) / 100), float(y.mean()))

    @classmethod
    def from_estimator(cls, model: Estimator, X: FrameLike, y: ArrayLike) -> LiftDisplay:
        """Compute with the model's churn probabilities of X."""
        return cls.from_predictions(y, _scores(model, X))

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
class ProfitDisplay(DisplayMixin):
    """Profit per customer of contacting a growing share, with the share that pays best.

    Attributes
    ----------
    rate, profit : ndarrays
        Share contacted, and profit per customer of the base in the currency of the costs.
    best : CampaignProfit
    """

    rate: np.ndarray
    profit: np.ndarray
    best: CampaignProfit

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        clv: float = 200.0,
        incentive_cost: float = 10.0,
        contact_cost: float = 1.0,
        acceptance: float = 0.3,
    ) -> ProfitDisplay:
        """Compute from labels and scores; costs as in `maximum_profit`."""
        best = maximum_profit(
            y_true,
            y_score,
            clv=clv,
            incentive_cost=incentive_cost,
            contact_cost=contact_cost,
            acceptance=acceptance,
            return_details=True,
        )
        y, score = read_binary(y_true, y_score)
        order, last = descending_groups(score)
        if last.size > 2000:
            last = last[np.linspace(0, last.size - 1, 2000).astype(np.int64)]
        churners, contacted = np.cumsum(y[order])[last] / y.size, (last + 1) / y.size
        profit = (acceptance * (clv - incentive_cost) - contact_cost) * churners - (incentive_cost + contact_cost) * (
            contacted - churners
        )
        return cls(np.append(0.0, contacted), np.append(0.0, profit), best)

    @classmethod
    def from_estimator(cls, model: Estimator, X: FrameLike, y: ArrayLike, **costs: Any) -> ProfitDisplay:
        """Compute with the model's churn probabilities of X."""
        return cls.from_predictions(y, _scores(model, X), **costs)

    def plot(self, ax: Axes | None = None) -> ProfitDisplay:
        """Draw the curve and mark the threshold chosen."""
        ax = self._axes(ax)
        ax.plot(100 * self.rate, self.profit, color=_OURS)
        ax.axhline(0, color="grey", linewidth=1)
        ax.plot([100 * self.best.rate], [self.best.profit], "o", color=_THEIRS)
        ax.annotate(
            f" best: {self.best.rate:.1%} contacted,\n scores from {self.best.threshold:.3g} on",
            (100 * self.best.rate, self.best.profit),
            va="top",
        )
        ax.set(
            title="Profit of contacting the customers most likely to churn",
            xlabel="Customers contacted, % (highest scores first)",
            ylabel="Profit per customer of the base",
        )
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
        return cls.from_predictions(y, model.predict_proba(X)[:, 1], **options)

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
