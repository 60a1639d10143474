"""How customers, or their value, flow between segments; matplotlib is loaded only when something is plotted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..results import DisplayMixin
from .migration import SegmentMigration
from .value_movement import ValueMovement

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
    def from_migration(cls, chain: SegmentMigration) -> MigrationFlowDisplay:
        """Take the counts of a migration, those who came included."""
        n = len(chain) - 1
        flow = np.zeros((n + 1, n + 1))
        flow[:n] = np.asarray(chain.counts)[:n]
        flow[n, :n] = [count for _, count in chain.new_segments]
        names = chain.stages.names
        return cls((*names[:n], chain.new), names, flow)

    @classmethod
    def from_value_movement(
        cls, movement: ValueMovement, *, gone: str = "gone", new: str = "new"
    ) -> MigrationFlowDisplay:
        """Take the value of each move: that after, or before of those who have gone.

        Parameters
        ----------
        movement : ValueMovement
        gone, new : str
            As they were called.
        """
        origins, targets = (*movement.segments, new), (*movement.segments, gone)
        flow = np.zeros((len(origins), len(targets)))
        for row in movement.table.to_dict("records"):
            at = origins.index(row["from"]), targets.index(row["to"])
            flow[at] += row["value_before" if row["move"] == "gone" else "value_after"]
        if (flow < 0).any():
            raise ValueError("A flow of negative value cannot be drawn; show customers by from_migration.")
        return cls(origins, targets, flow, "value (after; before of those gone)")

    def plot(self, ax: Axes | None = None) -> MigrationFlowDisplay:
        """Draw the flows; each has the colour of its origin, and segments say their size."""
        import matplotlib.pyplot as plt
        from matplotlib.patches import PathPatch, Rectangle
        from matplotlib.path import Path

        ax = self._axes(ax, (8.0, 5.5))
        total = self.flow.sum() or 1.0
        left, right = (self._places(sizes / total) for sizes in (self.flow.sum(axis=1), self.flow.sum(axis=0)))
        gaps = max(int((self.flow.sum(axis=axis) > 0).sum()) for axis in (0, 1)) - 1
        bottom = -_GAP * max(gaps, 0)
        palette = [*plt.get_cmap("tab10").colors]  # type: ignore[attr-defined]
        grey = (0.55, 0.55, 0.55)
        colors = [palette[i % 7] for i in range(len(self.origins) - 1)] + [grey]
        out, into = left.copy(), right.copy()
        for i, j in np.ndindex(self.flow.shape):
            if not (width := float(self.flow[i, j] / total)):
                continue
            a, b = float(out[i]), float(into[j])
            out[i], into[j] = a - width, b - width
            points = [
                (0.04, a),
                (0.5, a),
                (0.5, b),
                (0.96, b),
                (0.96, b - width),
                (0.5, b - width),
                (0.5, a - width),
                (0.04, a - width),
            ]
            kinds = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
            ax.add_patch(PathPatch(Path([*points, points[0]], kinds), facecolor=colors[i], alpha=0.45, linewidth=0))
        for x, tops, names, sizes, side in (
            (0.0, left, self.origins, self.flow.sum(axis=1), "right"),
            (0.96, right, self.targets, self.flow.sum(axis=0), "left"),
        ):
            last = np.inf
            for i, (top, name, size) in enumerate(zip(tops, names, sizes, strict=True)):
                if not size:
                    continue
                height = size / total
                color = colors[i] if i < len(names) - 1 else grey
                ax.add_patch(Rectangle((x, top - height), 0.04, height, color=color, linewidth=0))
                at = min(top - height / 2, last - 2 * _LEAST_LABEL)
                last = at
                ax.text(x - 0.015 if side == "right" else x + 0.055, at, f"{name}  {size:,.0f}", ha=side, va="center")
        ax.set(xlim=(-0.02, 1.02), ylim=(bottom - 0.04, 1.02), xticks=[0.02, 0.98], yticks=[])
        ax.set_xticklabels(["before", "after"])
        ax.set_title(f"Width: {self.measure}", fontsize=10)
        ax.tick_params(length=0)
        ax.spines[["left", "bottom"]].set_visible(False)
        return self

    @staticmethod
    def _places(sizes: np.ndarray) -> np.ndarray:
        """Upper edge of each segment, from the top of the plot, with gaps between those that have any."""
        before = np.concatenate([[0.0], np.cumsum(sizes + _GAP * (sizes > 0))[:-1]])
        return 1.0 - before
