"""Plots of policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ...results import DisplayMixin

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    def from_result(cls, policy: Any) -> PolicyTableDisplay:
        """Take the table of a policy.

        Parameters
        ----------
        policy : StagePolicy
        """
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
