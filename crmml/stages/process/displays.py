"""Plots of chains and generators: their probabilities, and how soon relationships break."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks import UNIT_WORDS
from ...exceptions import shortened
from ...results import DisplayMixin
from ...typing import Estimator
from .space import StageSpace

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def stage_labels(space: StageSpace) -> list[str]:
    """Return the labels of the stages, in their order."""
    return [space.label(name) for name in space.names]


def stage_colors(n: int) -> list:
    """Return colours from calm to alarming, which tell the order of the stages."""
    import matplotlib as mpl

    return [mpl.colormaps["viridis_r"](k) for k in np.linspace(0.05, 0.95, max(n, 2))][:n]


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
    def from_result(cls, chain: Any) -> TransitionHeatmapDisplay:
        """Take the probabilities of a chain, and the counts they rest on.

        Parameters
        ----------
        chain : StageChain
        """
        return cls(chain.stages, chain.matrix, chain.counts)

    @classmethod
    def from_estimator(cls, model: Estimator) -> TransitionHeatmapDisplay:
        """Take the chain of a fitted model."""
        return cls.from_result(model.chain_)

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
        names = stage_labels(self.stages)
        ax.set_xticks(range(len(names)), [shortened(name) for name in names], rotation=30, ha="right")
        ax.set_yticks(range(len(names)), [shortened(name) for name in names])
        ax.set(xlabel="To", ylabel="From")
        self.figure_.colorbar(image, ax=ax, label="Probability per period", shrink=0.8)
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
    def from_result(cls, chain: Any, *, horizon: int = 24, coverage: float = 0.9) -> RuptureCurveDisplay:
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
        names = tuple(label for label, keep in zip(stage_labels(chain.stages), inside, strict=True) if keep)
        lower, upper = (None, None) if ends is None else (ends[..., 0], ends[..., 1])
        return cls(names, horizons, probability, lower, upper, coverage, UNIT_WORDS[length] if length else "periods")

    @classmethod
    def from_estimator(cls, model: Estimator, *, horizon: int = 24, coverage: float = 0.9) -> RuptureCurveDisplay:
        """Compute the curves of a fitted model's chain or generator."""
        return cls.from_result(getattr(model, "chain_", None) or model.generator_, horizon=horizon, coverage=coverage)

    def plot(self, ax: Axes | None = None) -> RuptureCurveDisplay:
        """Draw a curve for each stage, with its band."""
        ax = self._axes(ax)
        for k, (name, color) in enumerate(zip(self.names, stage_colors(len(self.names) + 1), strict=False)):
            ax.plot(self.horizons, self.probability[k], color=color, label=shortened(name))
            if self.lower is not None and self.upper is not None:
                ax.fill_between(self.horizons, self.lower[k], self.upper[k], color=color, alpha=0.2, linewidth=0)
        ax.set(xlabel=f"{self.unit.capitalize()} ahead", ylabel="Probability of rupture", ylim=(0, 1))
        ax.legend(title="Stage now", frameon=False)
        return self
