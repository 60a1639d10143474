"""Plots of relationship stages, in the manner of scikit-learn's displays.

Each display has a ``from_…`` that computes, its figures as attributes, and ``plot(ax=None)``, which returns itself with
``ax_`` and ``figure_``. matplotlib is loaded only when something is plotted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..exceptions import DataError
from ..results import DisplayMixin
from ..typing import FrameLike
from .models.panel import check_panel
from .process.chain import StageChain
from .process.displays import stage_colors, stage_labels
from .process.space import StageSpace, as_stage_space

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    def from_predictions(
        cls, X: FrameLike, stages: StageSpace | Sequence[str], *, chain: StageChain | None = None, horizon: int = 0
    ) -> StageFlowDisplay:
        """Compute shares from a panel of stages, and a forecast by a chain.

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
        colors = stage_colors(len(self.stages))
        seen = self.n_observed > 0
        at = np.arange(len(self.share))
        ax.stackplot(at[seen], self.share[seen].T, labels=stage_labels(self.stages), colors=colors)
        if self.forecast is not None:
            last = at[seen][-1]
            ahead = np.vstack([self.share[seen][-1], self.forecast])
            ax.stackplot(last + np.arange(len(ahead)), ahead.T, colors=colors, alpha=0.5)
            ax.axvline(last, color="black", linestyle="--", linewidth=1)
        ax.set(xlabel="Period", ylabel="Share of customers", ylim=(0, 1))
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        return self
