"""Forest of changes: each indicator's change with its interval, points and percent in panels of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..exceptions import DataError
from ..results import DisplayMixin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Panels from left to right: the column of the change, its axis, and which rows.
_PANELS = {
    "points": ("Change in percentage points", "change"),
    "amount": ("Change", "change"),
    "percent": ("Change in % of the former level", "relative"),
}

_COLUMNS = ["title", "panel", "change", "lower", "upper", "better"]


@dataclass
class BeforeAfterForestDisplay(DisplayMixin):
    """Changes of indicators with their intervals; an unknown interval is a hollow point.

    Attributes
    ----------
    table : DataFrame
        title, panel ("points", "amount" or "percent"), change, lower, upper, better ("higher", "lower", or "" where it
        is not known); NaN ends are unknown.
    coverage : float
    axes_ : ndarray of Axes
        One per panel, after ``plot``.
    """

    table: pd.DataFrame
    coverage: float

    @classmethod
    def from_result(cls, result: Any) -> BeforeAfterForestDisplay:
        """Take the changes of a table of indicators, or of one comparison of before and after.

        Shares appear in percentage points; every indicator appears in percent of its former level. Changes of a table in
        minutes, days or money have no common axis and appear in percent only.

        Parameters
        ----------
        result : IndicatorTable or BeforeAfter
        """
        rows = _of_table(result) if hasattr(result, "definitions") else _of_comparison(result)
        return cls(pd.DataFrame(rows, columns=_COLUMNS), result.coverage)

    def plot(self, ax: Axes | None = None) -> BeforeAfterForestDisplay:
        """Draw the panels side by side.

        Parameters
        ----------
        ax : Axes, default=None
            Only where there is one panel; several need a figure of their own.

        Raises
        ------
        DataError
            When there is no change to draw.
        ValueError
            When ``ax`` is given for more than one panel.
        """
        panels = [panel for panel in _PANELS if (self.table["panel"] == panel).any()]
        if not panels:
            raise DataError(["no indicator has a change that is known"], "the forest")
        titles = list(dict.fromkeys(self.table["title"]))
        size = (5.0 + 3.2 * len(panels), 1.4 + 0.42 * len(titles))
        if ax is not None:
            if len(panels) > 1:
                raise ValueError(
                    "points and percent have no common axis; leave ax out, or keep one panel of the table."
                )
            axes = [self._axes(ax)]
        else:
            import matplotlib.pyplot as plt

            _, grid = plt.subplots(1, len(panels), figsize=size, layout="constrained", sharey=True, squeeze=False)
            axes = [self._axes(one) for one in grid[0]]
        self.axes_ = np.array(axes)
        place = {title: len(titles) - 1 - k for k, title in enumerate(titles)}
        for panel, one in zip(panels, axes, strict=True):
            self._panel(one, self.table[self.table["panel"] == panel], place)
            one.set_xlabel(_PANELS[panel][0])
        axes[0].set_yticks([place[title] for title in titles], titles)
        axes[0].set_ylim(-0.6, len(titles) - 0.4)
        self._legend(axes[-1])
        self.ax_ = axes[0]
        return self

    def _panel(self, ax: Axes, rows: pd.DataFrame, place: dict[str, int]) -> None:
        ax.axvline(0, color="0.4", linewidth=1, linestyle="--")
        for title, change, lower, upper, better in (
            rows[["title", "change", "lower", "upper", "better"]].to_numpy().tolist()
        ):
            y, known = place[title], not (np.isnan(lower) or np.isnan(upper))
            good = (change > 0) == (better == "higher")
            color = "0.4" if change == 0 or not better else "tab:blue" if good else "tab:orange"
            if known:
                ax.plot([lower, upper], [y, y], color=color, linewidth=2, solid_capstyle="butt")
            ax.plot(
                [change], [y], "o", color=color, markersize=7, markerfacecolor=color if known else "white",
                markeredgewidth=1.5,
            )  # fmt: skip
            ax.annotate(f"{change:+.3g}", (change, y), (0, 6), textcoords="offset points", ha="center", fontsize=8)
        ax.margins(x=0.12)
        ax.grid(axis="x", color="0.92")
        ax.set_axisbelow(True)

    def _legend(self, ax: Axes) -> None:
        from matplotlib.lines import Line2D

        unknown = self.table[["lower", "upper"]].isna().any(axis=1)
        entries = []
        good = (self.table["change"] > 0) == (self.table["better"] == "higher")
        for rows, color, text in ((good, "tab:blue", "to the better"), (~good, "tab:orange", "to the worse")):
            if (rows & (self.table["change"] != 0) & (self.table["better"] != "")).any():
                entries.append(Line2D([], [], color=color, marker="o", linewidth=2, label=text))
        if unknown.any():
            entries.append(
                Line2D([], [], color="0.3", marker="o", markerfacecolor="white", linewidth=0, label="interval unknown")
            )
        title = f"{self.coverage:.0%} intervals" if not unknown.all() else None
        ax.legend(handles=entries, title=title, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _of_table(found: Any) -> list[tuple]:
    rows = []
    for row in found.table.to_dict("records"):
        definition = found.definitions[row["indicator"]]
        plain = row["statistic"] in ("share", "mean", "ratio", "change")
        title = definition.title if plain else f"{definition.title}, {row['statistic']}"
        for panel, estimate, of in (("points", "change", "change"), ("percent", "relative_change", "relative")):
            if (panel == "percent" or definition.is_share) and not np.isnan(row[estimate]):
                ends = row[f"{of}_lower"], row[f"{of}_upper"]
                rows.append((title, panel, row[estimate], *ends, definition.better))
    return rows


def _of_comparison(found: Any) -> list[tuple]:
    rate = found.kind == "rate"
    scale = 100 if rate else 1
    change = [scale * value for value in (found.change, found.lower, found.upper)]
    rows = [(found.outcome, "points" if rate else "amount", *change, "")]
    if not np.isnan(found.relative_change):
        relative = [100 * value for value in (found.relative_change, found.relative_lower, found.relative_upper)]
        rows.append((found.outcome, "percent", *relative, ""))
    return rows
