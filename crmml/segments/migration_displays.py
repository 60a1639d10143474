"""How customers, or their value, flow between segments; matplotlib is loaded only when something is plotted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..exceptions import shortened
from ..results import DisplayMixin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Space between two segments and the least height that a label needs, as shares of the plot.
_GAP, _LEAST_LABEL = 0.03, 0.022


@dataclass
class MigrationFlowDisplay(DisplayMixin):
    """Flows from segments before (left) to segments after (right), as wide as the customers, or their value, are many.

    Attributes
    ----------
    origins, targets : tuple of str
        From the top; the last origin are those who came, the last target those who have gone.
    flow : ndarray of shape (n_origins, n_targets)
    measure : str
        What the widths are.
    """

    origins: tuple[str, ...]
    targets: tuple[str, ...]
    flow: np.ndarray
    measure: str = "customers"

    @classmethod
    def from_result(cls, result: Any) -> MigrationFlowDisplay:
        """Take the customers of a migration, those who came included, or the value that moved.

        Parameters
        ----------
        result : SegmentMigration or ValueMovement
            Of value each move shows that after, or before of those who have gone.

        Raises
        ------
        ValueError
            Where a flow is negative.
        """
        origins, targets, flow, measure = result.flows()
        if (flow < 0).any():
            raise ValueError("A flow of negative value cannot be drawn; show customers, from migration().")
        return cls(origins, targets, flow, measure)

    def plot(self, ax: Axes | None = None) -> MigrationFlowDisplay:
        """Draw the flows; each has the colour of its origin, and segments say their size."""
        ax = self._axes(ax, (8.0, 5.5))
        total = self.flow.sum() or 1.0
        left, right = (self._places(sizes / total) for sizes in (self.flow.sum(axis=1), self.flow.sum(axis=0)))
        gaps = max(int((self.flow.sum(axis=axis) > 0).sum()) for axis in (0, 1)) - 1
        bottom = -_GAP * max(gaps, 0)
        self._draw_flows(ax, left, right, total)
        self._draw_segments(ax, 0.0, left, self.origins, self.flow.sum(axis=1) / total, total)
        self._draw_segments(ax, 0.96, right, self.targets, self.flow.sum(axis=0) / total, total)
        ax.set(xlim=(-0.02, 1.02), ylim=(bottom - 0.04, 1.02), xticks=[0.02, 0.98], yticks=[])
        ax.set_xticklabels(["before", "after"])
        ax.set_title(f"Width: {self.measure}", fontsize=10)
        ax.tick_params(length=0)
        ax.spines[["left", "bottom"]].set_visible(False)
        return self

    def _draw_flows(self, ax: Axes, left: np.ndarray, right: np.ndarray, total: float) -> None:
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        kinds = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
        colors, out, into = _colors(len(self.origins)), left.copy(), right.copy()
        for i, j in np.ndindex(self.flow.shape):
            if not (width := float(self.flow[i, j] / total)):
                continue
            a, b = float(out[i]), float(into[j])
            out[i], into[j] = a - width, b - width
            above = [(0.04, a), (0.5, a), (0.5, b), (0.96, b)]
            below = [(0.96, b - width), (0.5, b - width), (0.5, a - width), (0.04, a - width)]
            path = Path([*above, *below, above[0]], kinds)
            ax.add_patch(PathPatch(path, facecolor=colors[i], alpha=0.45, linewidth=0))

    @staticmethod
    def _draw_segments(
        ax: Axes, x: float, tops: np.ndarray, names: Sequence[str], heights: np.ndarray, total: float
    ) -> None:
        """Bars at x with their names beside them, no two labels on each other."""
        from matplotlib.patches import Rectangle

        last, at_left = np.inf, x == 0
        for top, name, height, color in zip(tops, names, heights, _colors(len(names)), strict=True):
            if not height:
                continue
            ax.add_patch(Rectangle((x, top - height), 0.04, height, color=color, linewidth=0))
            last = min(top - height / 2, last - 2 * _LEAST_LABEL)
            side, at = ("right", x - 0.015) if at_left else ("left", x + 0.055)
            ax.text(at, last, f"{shortened(name)}  {height * total:,.0f}", ha=side, va="center")

    @staticmethod
    def _places(sizes: np.ndarray) -> np.ndarray:
        """Upper edge of each segment, from the top of the plot, with gaps between those that have any."""
        before = np.concatenate([[0.0], np.cumsum(sizes + _GAP * (sizes > 0))[:-1]])
        return 1.0 - before


def _colors(n: int) -> list[tuple[float, ...]]:
    """One for each segment, and grey for the last: those who came, or have gone."""
    import matplotlib.pyplot as plt

    palette = [*plt.get_cmap("tab10").colors]  # type: ignore[attr-defined]
    return [palette[i % 7] for i in range(n - 1)] + [(0.55, 0.55, 0.55)]
