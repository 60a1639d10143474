"""Bars of the channels' credit, method by method."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..exceptions import shortened
from ..results import DisplayMixin

if TYPE_CHECKING:
    from matplotlib.axes import Axes


#: Letters of a channel's name from which on names are turned, lest they lie on each other.
LONG_LABEL = 10


@dataclass
class AttributionDisplay(DisplayMixin):
    """Shares of the conversions by channel and method, with intervals.

    Attributes
    ----------
    attributions : tuple of Attribution
        Of the same paths.
    """

    attributions: tuple[Any, ...]

    @classmethod
    def from_result(cls, result: Any) -> AttributionDisplay:
        """Take one attribution, or several of the same channels, as from `attribute_all`.

        Parameters
        ----------
        result : Attribution or sequence of Attribution

        Raises
        ------
        ValueError
            When there is none, or the channels differ.
        """
        found = (result,) if hasattr(result, "channels") else tuple(result)
        if not found or len({each.channels for each in found}) != 1:
            raise ValueError("the attributions must be at least one, all of the same channels.")
        return cls(found)

    def plot(self, ax: Axes | None = None) -> AttributionDisplay:
        """Draw a group of bars for each channel, those with the most credit first."""
        import matplotlib as mpl

        channels = self.attributions[0].channels
        order = np.argsort(-np.mean([found.share for found in self.attributions], axis=0), kind="stable")
        ax = self._axes(ax, (max(7.0, 1.2 * len(channels) + 2), 4.5))
        width = 0.8 / len(self.attributions)
        colors = mpl.colormaps["viridis"](np.linspace(0.1, 0.9, len(self.attributions)))
        for i, (found, color) in enumerate(zip(self.attributions, colors, strict=True)):
            at = np.arange(len(channels)) + (i - (len(self.attributions) - 1) / 2) * width
            share = 100 * found.share[order]
            ax.bar(at, share, width, color=color, label=found.method.replace("_", " "))
            if found.lower is not None and found.upper is not None:
                total = found.credit.sum()
                ends = 100 * np.array([found.lower[order], found.upper[order]]) / total
                error = np.maximum(np.array([share - ends[0], ends[1] - share]), 0.0)
                ax.errorbar(at, share, yerr=error, fmt="none", ecolor="black", elinewidth=0.8, capsize=1.5)
        first = self.attributions[0]
        ax.axhline(0, color="black", linewidth=0.8)
        labels = [textwrap.fill(shortened(channels[i]), 24) for i in order]
        ax.set_xticks(np.arange(len(channels)), labels)
        if max(map(len, labels)) > LONG_LABEL:
            ax.tick_params(axis="x", rotation=30)
            for label in ax.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
        ax.set(
            title=f"Credit for {first.n_conversions:,} conversion{'s' if first.n_conversions != 1 else ''}",
            xlabel="Channel",
            ylabel="Share of the conversions, %"
            + (f" ({first.coverage:.0%} intervals)" if first.lower is not None else ""),
        )
        ax.legend(title="Method", frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return self
