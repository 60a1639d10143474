"""Plots of segments: the pyramid, the grid of recency by frequency, and the concentration curve.

Each display has a ``from_…`` that computes, its figures as attributes, and ``plot(ax=None)``, which returns itself with
``ax_`` and ``figure_``. matplotlib is loaded only when something is plotted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..exceptions import shortened
from ..results import DisplayMixin
from ..typing import FrameLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class PyramidDisplay(DisplayMixin):
    """The customer pyramid, and beside each tier its share of the customers and of the value.

    Attributes
    ----------
    tiers : list of str
        From the top.
    customers, value : ndarrays of shape (n_tiers,)
        Shares of the customers and of the value.
    value_lower, value_upper : ndarrays of shape (n_tiers,)
    name : str
        Of the value.
    title : str
    """

    tiers: list[str]
    customers: np.ndarray
    value: np.ndarray
    value_lower: np.ndarray
    value_upper: np.ndarray
    name: str
    title: str = ""

    @classmethod
    def from_estimator(cls, model: Any, X: FrameLike | None = None, *, of: str | None = None) -> PyramidDisplay:
        """Take a fitted segmenter's customers, or those of X; see :meth:`from_result`."""
        return cls.from_result(model.profile(X), of=of)

    @classmethod
    def from_result(cls, profile: Any, *, of: str | None = None) -> PyramidDisplay:
        """Take a profile, of one customer type where there are types.

        Parameters
        ----------
        profile : SegmentProfile
        of : str, default=None
            The customer type.

        Raises
        ------
        ValueError
            When the profile has no value, or has types and ``of`` is none of them.
        """
        if profile.value is None:
            raise ValueError("the profile has no value to share out.")
        table = profile.table
        if profile.by is not None:
            there = list(dict.fromkeys(table[profile.by]))
            if of not in there:
                raise ValueError(f"of={of!r} must be one of the types of {profile.by}: {', '.join(map(repr, there))}.")
            table = table[table[profile.by] == of]
        names = ("share", "value_share", "value_share_lower", "value_share_upper")
        customers, value, lower, upper = (table[name].to_numpy(dtype=float) for name in names)
        title = "" if profile.by is None else f"{profile.by} {of}"
        return cls(table["segment"].tolist(), customers, value, lower, upper, profile.value, title)

    def plot(self, ax: Axes | None = None) -> PyramidDisplay:
        """Draw tiers of equal height, their shares as bars to the right with the interval of the value."""
        ax = self._axes(ax, (8.0, 0.9 + 0.75 * len(self.tiers)))
        n = len(self.tiers)
        colors = _colors(n)
        start = 1.15  # of the bars, in units of the pyramid's half-width
        for k in range(n):
            bottom = n - 1 - k
            upper, lower = k / n, (k + 1) / n
            ax.fill([-upper, upper, lower, -lower], [bottom + 0.97, bottom + 0.97, bottom, bottom], color=colors[k])
            for at, share, color in ((0.7, self.customers[k], "0.6"), (0.28, self.value[k], colors[k])):
                if share == share:
                    ax.barh(bottom + at, share, left=start, height=0.34, color=color)
            if self.value_lower[k] == self.value_lower[k]:
                ax.plot(
                    start + np.asarray([self.value_lower[k], self.value_upper[k]]),
                    [bottom + 0.28] * 2,
                    "k-",
                    linewidth=1,
                )
            end = np.nanmax([self.value[k], self.value_upper[k], 0.0])
            ax.text(
                start + 0.02 + self.customers[k],
                bottom + 0.7,
                f"{self.customers[k]:.1%} of customers",
                va="center",
                fontsize=8,
            )
            worth = f"{self.value[k]:.1%} of {self.name}" if self.value[k] == self.value[k] else f"no {self.name}"
            ax.text(start + 0.02 + end, bottom + 0.28, worth, va="center", fontsize=8)
        ax.spines["left"].set_visible(False)
        ax.set_yticks(n - np.arange(n) - 0.52, [shortened(str(tier)) for tier in self.tiers])
        ax.tick_params(axis="y", length=0)
        ticks = np.asarray([0, 0.25, 0.5, 0.75, 1.0])
        ax.set_xticks(start + ticks, [f"{tick:.0%}" for tick in ticks])
        ax.set_xlim(-1.1, start + 1.45)
        ax.set_ylim(0, n)
        ax.set_xlabel(f"Share of customers (grey) and of {self.name} (line: interval)", loc="right")
        if self.title:
            ax.set_title(self.title)
        return self


@dataclass
class RFMGridDisplay(DisplayMixin):
    """Customers, or their mean amount, by scores of recency and frequency.

    Attributes
    ----------
    figures : ndarray of shape (recency bins, frequency bins)
        Rows from recency score 1 up; NaN for a mean of nobody.
    customers : ndarray of shape (recency bins, frequency bins)
    label : str
        What the figures are.
    """

    figures: np.ndarray
    customers: np.ndarray
    label: str

    @classmethod
    def from_estimator(cls, model: Any, X: FrameLike, *, of: str = "customers") -> RFMGridDisplay:
        """Count the customers of X.

        Parameters
        ----------
        model : fitted RFMSegmenter
        X : frame or array
        of : {"customers", "value"}, default="customers"
            "value" shows the mean of what the profile shares out.
        """
        if of not in ("customers", "value"):
            raise ValueError(f"of={of!r} must be 'customers' or 'value'.")
        columns, types, _ = model._predicted(X)
        scores = model._scores(columns, types)
        known = ~np.isnan(scores).any(axis=1)
        shape = (model._sizes["recency"], model._sizes["frequency"])
        place = np.ravel_multi_index(tuple(scores[known, :2].astype(np.intp).T - 1), shape)
        counts = np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape)
        if of == "customers":
            return cls(counts.astype(np.float64), counts, "Customers")
        sums = np.bincount(place, columns[str(model._value_name)][known], minlength=counts.size).reshape(shape)
        means = np.divide(sums, counts, out=np.full(shape, np.nan), where=counts > 0)
        return cls(means, counts, f"Mean {model._value_name}")

    def plot(self, ax: Axes | None = None) -> RFMGridDisplay:
        """Draw the grid, the best customers at the top right, each cell with its figure."""
        ax = self._axes(ax, (1.6 + 0.95 * self.figures.shape[1], 1.2 + 0.7 * self.figures.shape[0]))
        shown = np.where(self.customers > 0, self.figures, np.nan)
        image = ax.imshow(shown, cmap="Blues", origin="lower", aspect="auto")
        limit = np.nanmean([np.nanmin(shown), np.nanmax(shown)]) if (self.customers > 0).any() else 0.0
        if shown.size <= 150:
            for (i, j), figure in np.ndenumerate(shown):
                text = f"{figure:,.0f}" if figure == figure else "–"
                ax.text(j, i, text, ha="center", va="center", fontsize=9, color="white" if figure > limit else "black")
        ax.set_xticks(range(shown.shape[1]), [str(k + 1) for k in range(shown.shape[1])])
        ax.set_yticks(range(shown.shape[0]), [str(k + 1) for k in range(shown.shape[0])])
        ax.set(xlabel="Frequency score (most frequent to the right)", ylabel="Recency score (most recent on top)")
        self.figure_.colorbar(image, ax=ax, label=self.label)
        return self


@dataclass
class LorenzDisplay(DisplayMixin):
    """The concentration curve with its band, and tiers marked on it.

    Attributes
    ----------
    found : Concentration
    tiers : list of (str, float)
        Name and end of each tier, as a share of the customers from the top.
    name : str
        Of the value.
    """

    found: Any
    tiers: list[tuple[str, float]]
    name: str = "value"

    @classmethod
    def from_result(
        cls,
        found: Any,
        *,
        shares: Sequence[float] | None = None,
        tiers: Sequence[str] | None = None,
        name: str = "value",
    ) -> LorenzDisplay:
        """Take a curve that :func:`concentration` computed.

        Parameters
        ----------
        found : Concentration
        shares : sequence of float, default=None
            Of tiers to mark, from the top.
        tiers : sequence of str, default=None
            Their names.
        name : str
            Of the value.
        """
        ends = [] if shares is None else [float(end) for end in np.cumsum(shares)]
        names = [f"{share:.3g}" for share in shares or []] if tiers is None else list(tiers)
        return cls(found, list(zip(names, ends, strict=True)), name)

    @classmethod
    def from_estimator(cls, model: Any, X: FrameLike, **options: Any) -> LorenzDisplay:
        """Compute the curve of X's values, and mark the tiers by their realised shares of X.

        Customers without a value are left out.

        Parameters
        ----------
        model : fitted PyramidSegmenter
        X : as in ``fit``
        **options
            coverage, n_resamples, random_state, as of :func:`concentration`.
        """
        _, _, codes = model._predicted(X)
        counts = np.bincount(codes[codes < len(model.segments_)], minlength=len(model.segments_))
        shares = (counts / max(counts.sum(), 1)).tolist()
        found = model.concentration(X, **options)
        return cls.from_result(found, shares=shares, tiers=model.segments_, name=model.value)

    def plot(self, ax: Axes | None = None) -> LorenzDisplay:
        """Draw the curve from the most valuable customer on, its band, the line of equality and the tiers' ends."""
        ax = self._axes(ax, (6.5, 5.0))
        found = self.found
        ax.fill_between(found.customers, found.lower, found.upper, color="tab:blue", alpha=0.25, linewidth=0)
        gini = found.gini
        label = f"Gini {gini.estimate:.2f} ({gini.coverage:.0%} interval {gini.lower:.2f} to {gini.upper:.2f})"
        ax.plot(found.customers, found.share, color="tab:blue", label=label)
        ax.plot([0, 1], [0, 1], color="0.5", linestyle="--", linewidth=1, label="all customers equal")
        before = 0.0
        for tier, end in self.tiers:
            if end >= 1 - 1e-9 or end == before:
                continue
            worth = found.share_of_top(end).estimate
            ax.plot([end, end], [0, worth], color="0.3", linewidth=0.8, linestyle=":")
            ax.plot(end, worth, "o", color="tab:red", markersize=5)
            ax.annotate(
                f"down to {tier}: {end:.1%} have {worth:.1%}",
                (end, worth),
                xytext=(8, -10),
                textcoords="offset points",
                fontsize=8,
                bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5},
            )
            before = end
        percent = np.arange(0, 1.01, 0.2)
        ax.set_xticks(percent, [f"{tick:.0%}" for tick in percent])
        ax.set_yticks(percent, [f"{tick:.0%}" for tick in percent])
        ax.set(xlabel="Customers, most valuable first", ylabel=f"Share of {self.name}", xlim=(0, 1), ylim=(0, None))
        ax.legend(loc="lower right", frameon=False)
        return self


def _colors(n: int) -> Any:
    import matplotlib as mpl

    return mpl.colormaps["viridis"](np.linspace(0.1, 0.85, n))
