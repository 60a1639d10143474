"""Plots of relationship stages, in the manner of scikit-learn's displays.

Each display has a ``from_…`` that computes, its figures as attributes, and ``plot(ax=None)``, which returns itself with
``ax_`` and ``figure_``. matplotlib is loaded only when something is plotted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..checks import UNIT_WORDS
from ..exceptions import DataError
from ..results import DisplayMixin
from ..typing import Estimator, FrameLike
from .decisions.policy import StagePolicy
from .models.panel import check_panel
from .process.chain import StageChain
from .process.space import StageSpace, as_stage_space

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _labels(space: StageSpace) -> list[str]:
    return [space.label(name) for name in space.names]


@dataclass
class StageFlowDisplay(DisplayMixin):
    """How the stages' shares change over time, with a forecast after the last period.

    Attributes
    ----------
    stages : StageSpace
    share : ndarray of shape (n_periods, n_stages)
        Of the customers observed in each period; NaN where nobody was.
    n_observed : ndarray of shape (n_periods,)
    forecast : ndarray of shape (horizon, n_stages) or None
        Shares after the last period.
    """

    stages: StageSpace
    share: np.ndarray
    n_observed: np.ndarray
    forecast: np.ndarray | None = None

    @classmethod
    def from_panel(
        cls, X: FrameLike, stages: Any, *, chain: StageChain | None = None, horizon: int = 0
    ) -> StageFlowDisplay:
        """Compute shares from a panel, and a forecast by a chain.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        stages : StageSpace or sequence of str
        chain : StageChain, default=None
            Carries the last period's shares ahead.
        horizon : int, default=0
            Periods ahead.
        """
        panel, space = np.asarray(X, dtype=float), as_stage_space(stages)
        if faults := check_panel(panel, space, moves=False):
            raise DataError(faults, "the panel")
        counts = np.stack([(panel == i).sum(axis=0) for i in range(len(space))], axis=1)
        total = counts.sum(axis=1)
        share = np.divide(counts, total[:, None], out=np.full(counts.shape, np.nan), where=total[:, None] > 0)
        ahead = None
        if chain is not None and horizon:
            ahead = chain.forecast(share[total > 0][-1], horizon)[1:]
        return cls(space, share, total, ahead)

    def plot(self, ax: Axes | None = None) -> StageFlowDisplay:
        """Draw stacked shares; the forecast is pale, after a dashed line."""
        ax = self._axes(ax)
        colors = _colors(len(self.stages))
        seen = self.n_observed > 0
        at = np.arange(len(self.share))
        ax.stackplot(at[seen], self.share[seen].T, labels=_labels(self.stages), colors=colors)
        if self.forecast is not None:
            last = at[seen][-1]
            ahead = np.vstack([self.share[seen][-1], self.forecast])
            ax.stackplot(last + np.arange(len(ahead)), ahead.T, colors=colors, alpha=0.5)
            ax.axvline(last, color="black", linestyle="--", linewidth=1)
        ax.set(xlabel="Period", ylabel="Share of customers", ylim=(0, 1))
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        return self


@dataclass
class TransitionHeatmapDisplay(DisplayMixin):
    """Transition probabilities as colours, with the number of moves they rest on.

    Attributes
    ----------
    stages : StageSpace
    P : ndarray of shape (n_stages, n_stages)
    counts : ndarray of shape (n_stages, n_stages) or None
    """

    stages: StageSpace
    P: np.ndarray
    counts: np.ndarray | None = None

    @classmethod
    def from_chain(cls, chain: StageChain) -> TransitionHeatmapDisplay:
        """Take a chain's probabilities and counts."""
        return cls(chain.stages, chain.P, chain.counts)

    @classmethod
    def from_estimator(cls, model: Estimator) -> TransitionHeatmapDisplay:
        """Take the chain of a fitted model."""
        return cls.from_chain(model.chain_)

    def plot(self, ax: Axes | None = None) -> TransitionHeatmapDisplay:
        """Draw the matrix, rows the origins; each cell says its probability and how often the move was seen."""
        ax = self._axes(ax, (6.5, 5.5))
        possible = self.stages.allowed_moves
        image = ax.imshow(np.where(possible, self.P, np.nan), cmap="Blues", vmin=0, vmax=1)
        for i, j in np.ndindex(self.P.shape):
            if possible[i, j]:
                count = "" if self.counts is None else f"\n{self.counts[i, j]:,.0f}"
                ax.text(
                    j,
                    i,
                    f"{self.P[i, j]:.2f}{count}",
                    ha="center",
                    va="center",
                    color="white" if self.P[i, j] > 0.6 else "black",
                )
        names = _labels(self.stages)
        ax.set_xticks(range(len(names)), names, rotation=30, ha="right")
        ax.set_yticks(range(len(names)), names)
        ax.set(xlabel="To", ylabel="From")
        self.figure_.colorbar(image, ax=ax, label="Probability a period", shrink=0.8)
        return self


@dataclass
class RuptureCurveDisplay(DisplayMixin):
    """How likely it is, from each stage, that the relationship has broken, by time ahead.

    Attributes
    ----------
    names : tuple of str
        Stages that are neither rupture nor absorbing.
    horizons : ndarray of shape (k,)
    probability : ndarray of shape (n_names, k)
    lower, upper : ndarray of the same shape, or None
        Interval from the posterior.
    coverage : float
    unit : str
        What the horizon is counted in, in words.
    """

    names: tuple[str, ...]
    horizons: np.ndarray
    probability: np.ndarray
    lower: np.ndarray | None
    upper: np.ndarray | None
    coverage: float
    unit: str

    @classmethod
    def from_chain(cls, chain: Any, *, horizon: int = 24, coverage: float = 0.9) -> RuptureCurveDisplay:
        """Compute the curves of a chain or generator, with bands where it carries a posterior.

        Parameters
        ----------
        chain : StageChain or StageGenerator
        horizon : int, default=24
            Periods, or units of time, ahead.
        coverage : float, default=0.9
        """
        inside = chain.stages.transient_mask
        horizons = np.arange(horizon + 1)
        probability = chain.rupture_probability(horizons)[inside]
        ends = chain.interval("rupture_probability", horizons, coverage=coverage)[inside] if chain.has_draws else None
        length = getattr(chain, "period", None) or getattr(chain, "unit", None)
        names = tuple(label for label, keep in zip(_labels(chain.stages), inside, strict=True) if keep)
        lower, upper = (None, None) if ends is None else (ends[..., 0], ends[..., 1])
        return cls(names, horizons, probability, lower, upper, coverage, UNIT_WORDS[length] if length else "periods")

    @classmethod
    def from_estimator(cls, model: Estimator, *, horizon: int = 24, coverage: float = 0.9) -> RuptureCurveDisplay:
        """Compute the curves of a fitted model's chain or generator."""
        return cls.from_chain(getattr(model, "chain_", None) or model.generator_, horizon=horizon, coverage=coverage)

    def plot(self, ax: Axes | None = None) -> RuptureCurveDisplay:
        """Draw a curve for each stage, with its band."""
        ax = self._axes(ax)
        for k, (name, color) in enumerate(zip(self.names, _colors(len(self.names) + 1), strict=False)):
            ax.plot(self.horizons, self.probability[k], color=color, label=name)
            if self.lower is not None and self.upper is not None:
                ax.fill_between(self.horizons, self.lower[k], self.upper[k], color=color, alpha=0.2, linewidth=0)
        ax.set(xlabel=f"{self.unit.capitalize()} ahead", ylabel="Probability of rupture", ylim=(0, 1))
        ax.legend(title="Stage now", frameon=False)
        return self


@dataclass
class PolicyTableDisplay(DisplayMixin):
    """A policy as a table: the action, value and probability of rupture of each stage.

    Attributes
    ----------
    table : DataFrame
        stage, action, value and, where there is a rupture, rupture_probability; as text.
    title : str
    """

    table: pd.DataFrame
    title: str

    @classmethod
    def from_policy(cls, policy: StagePolicy) -> PolicyTableDisplay:
        """Take the table of a policy."""
        table = policy.table()
        text = pd.DataFrame(
            {
                "Stage": [policy.stages.label(name) for name in table["stage"]],
                "Action now": [
                    action if share > 1 - 1e-6 else f"{action} ({share:.0%})"
                    for action, share in zip(table["action"], table["probability"], strict=True)
                ],
                "Value": [f"{value:,.2f}" for value in table["value"]],
            }
        )
        if "rupture_probability" in table:
            text["Rupture"] = [f"{value:.1%}" for value in table["rupture_probability"]]
        span = "for ever" if policy.horizon is None else f"over {policy.horizon} periods"
        return cls(text, f"Value {span}; rupture within {policy.rupture_horizon} periods")

    def plot(self, ax: Axes | None = None) -> PolicyTableDisplay:
        """Draw the table."""
        ax = self._axes(ax, (7.0, 0.6 + 0.4 * (len(self.table) + 1)))
        ax.axis("off")
        drawn = ax.table(
            cellText=self.table.to_numpy().tolist(), colLabels=list(self.table.columns), loc="center", cellLoc="left"
        )
        drawn.auto_set_font_size(False)
        drawn.set_fontsize(10)
        drawn.scale(1, 1.5)
        ax.set_title(self.title, fontsize=11)
        return self


def _colors(n: int) -> list:
    """Return colours from calm to alarming, which tell the order of the stages."""
    import matplotlib as mpl

    return [mpl.colormaps["viridis_r"](k) for k in np.linspace(0.05, 0.95, max(n, 2))][:n]
