"""The map of clusters, in the manner of scikit-learn's displays; matplotlib is loaded only when something is plotted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..checks import check_generator
from ..results import DisplayMixin
from ..typing import FrameLike, Seed
from .cluster import ClusterSegmenter

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class SegmentMapDisplay(DisplayMixin):
    """Segments on the two directions in which customers differ most (principal components of the common scale).

    Attributes
    ----------
    segments : tuple of str
    centers : ndarray of shape (n_segments, 2)
    share : ndarray of shape (n_segments,)
        Of the customers.
    explained : ndarray of shape (2,)
        Share of the variance that each direction shows.
    directions : tuple of str
        The columns that each direction rests on most.
    points : ndarray of shape (n, 2) or None
        A sample of the customers given, without their identifiers.
    codes : ndarray of shape (n,) or None
        Their segments.
    """

    segments: tuple[str, ...]
    centers: np.ndarray
    share: np.ndarray
    explained: np.ndarray
    directions: tuple[str, str]
    points: np.ndarray | None = None
    codes: np.ndarray | None = None

    @classmethod
    def from_estimator(
        cls,
        segmenter: ClusterSegmenter,
        X: FrameLike,
        *,
        customer_type: str | None = None,
        max_points: int = 2000,
        random_state: Seed = None,
    ) -> SegmentMapDisplay:
        """Compute the map of customers.

        Parameters
        ----------
        segmenter : ClusterSegmenter
            Fitted.
        X : as in ``fit``
        customer_type : str, default=None
            The type to map, where the segmenter has ``by``.
        max_points : int, default=2000
            Customers shown as points, drawn at random; 0 shows centres only.
        random_state : int, Generator, RandomState or None
        """
        check_is_fitted(segmenter)
        columns, types, codes = segmenter._predicted(X)
        part = segmenter.parts_[0]
        if segmenter.types_ is not None:
            if customer_type not in segmenter.types_:
                raise ValueError(
                    f"customer_type={customer_type!r} must be one of {', '.join(map(repr, segmenter.types_))}."
                )
            number = segmenter.types_.index(customer_type)
            part, inside = segmenter.parts_[number], types == number
            columns, codes = {name: column[inside] for name, column in columns.items()}, codes[inside]
        Z = part.scale.encode(columns)
        middle = Z.mean(axis=0)
        _, size, axes = np.linalg.svd(Z - middle, full_matrices=False)
        axes = axes[:2] * np.sign(axes[:2][np.arange(min(2, len(axes))), np.abs(axes[:2]).argmax(axis=1)])[:, None]
        total = float((size**2).sum())
        explained = np.zeros(2)
        explained[: len(size[:2])] = size[:2] ** 2 / total if total else 0.0
        if len(axes) < 2:
            axes = np.vstack([axes, np.zeros((2 - len(axes), Z.shape[1]))])
        order = part.order
        rows = check_generator(random_state).permutation(len(Z))[:max_points]
        share = np.bincount(codes, minlength=len(segmenter.segments_))[part.position[order]] / max(len(codes), 1)
        renumber = np.full(len(segmenter.segments_), -1)
        renumber[part.position[order]] = np.arange(len(order))
        return cls(
            tuple(segmenter.segments_[at] for at in part.position[order]),
            (part.centers[order] - middle) @ axes.T,
            share,
            explained,
            tuple(_direction(axis, part.scale.groups) for axis in axes),  # type: ignore[arg-type]
            (Z[rows] - middle) @ axes.T if max_points else None,
            renumber[codes[rows]] if max_points else None,
        )

    def plot(self, ax: Axes | None = None) -> SegmentMapDisplay:
        """Draw the centres, sized by their customers, over the sample."""
        import matplotlib.pyplot as plt

        ax = self._axes(ax, (8.0, 5.0))
        colors = plt.get_cmap("tab10" if len(self.segments) <= 10 else "tab20").colors  # type: ignore[attr-defined]
        for j, (name, center) in enumerate(zip(self.segments, self.centers, strict=True)):
            color = colors[j % len(colors)]
            if self.points is not None and self.codes is not None:
                ax.scatter(
                    self.points[self.codes == j, 0],
                    self.points[self.codes == j, 1],
                    s=6,
                    color=color,
                    alpha=0.25,
                    linewidths=0,
                )
            ax.scatter(center[0], center[1], s=80 + 700 * self.share[j], color=color, edgecolor="black", zorder=3)
            ax.annotate(str(j + 1), center, ha="center", va="center", zorder=4, fontsize=9, fontweight="bold")
            ax.scatter(
                [], [], s=60, color=color, edgecolor="black", label=f"{j + 1}  {name}: {self.share[j]:.0%} of customers"
            )
        for axis, way, share in zip("xy", self.directions, self.explained, strict=True):
            ax.set(**{f"{axis}label": f"{way} (scaled; {share:.0%} of variance)"})
        if self.points is not None and len(self.points):
            for axis, column in zip("xy", self.points.T, strict=True):
                lower, upper = np.quantile(column, [0.005, 0.995])
                lower, upper = (
                    min(lower, self.centers[:, "xy".index(axis)].min()),
                    max(upper, self.centers[:, "xy".index(axis)].max()),
                )
                room = 0.08 * (upper - lower) or 1.0
                ax.set(**{f"{axis}lim": (lower - room, upper + room)})
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.01), frameon=False, fontsize=9)
        return self


def _direction(axis: np.ndarray, groups: list[tuple[str, slice]]) -> str:
    """The one or two columns with the greatest loadings: "money, recency −"."""
    loads = []
    for name, at in groups:
        part = axis[at]
        loads.append((float(np.sqrt((part**2).sum())), name if len(part) > 1 or part[0] >= 0 else f"−{name}"))
    loads.sort(key=lambda item: -item[0])
    shown = [name for size, name in loads[:2] if size >= 0.4]
    return " and ".join(shown) or loads[0][1]
