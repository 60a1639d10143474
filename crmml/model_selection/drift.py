"""Do features and scores still come from where the model learnt them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import frames
from ..exceptions import DataError
from ..metrics.stability import population_stability_index, stability_noise, stability_shares
from ..results import IntervalDisplay, Result
from ..typing import Estimator, Frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Customary limits of the population stability index.
WATCH, MOVED = 0.10, 0.25


@dataclass(frozen=True)
class DriftReport(Result):
    """Population stability of each column and of the score.

    Attributes
    ----------
    table : DataFrame
        column, psi, noise (what chance alone stays below in 95 of 100 samples), verdict ("stable", "watch" or "moved"),
        missing_before, missing_after (shares); the score, where there is one, comes first. Worst columns first.
    n_before, n_after : int
    """

    table: pd.DataFrame
    n_before: int
    n_after: int

    @property
    def verdict(self) -> str:
        """The worst of the score's verdict and, with one step of mercy, of the columns'."""
        worst = {"stable": 0, "watch": 1, "moved": 2}
        score = self.table.loc[self.table["column"] == "score", "verdict"]
        columns = self.table.loc[self.table["column"] != "score", "verdict"].map(worst)
        level = max(
            int(score.map(worst).max()) if len(score) else 0, int(columns.max() if len(columns) else 0) - len(score)
        )
        return ("stable", "watch", "moved")[max(level, 0)]

    def plot(self, ax: Axes | None = None) -> IntervalDisplay:
        """Draw the population stability index of each column, from 0.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        IntervalDisplay
            A line from 0 to each index.
        """
        table = pd.DataFrame(
            {
                "quantity": self.table["column"].astype(str) + " (" + self.table["verdict"] + ")",
                "value": self.table["psi"],
                "lower": 0.0,
                "upper": self.table["psi"],
            }
        )
        return IntervalDisplay(table, title="Population stability index").plot(ax=ax)

    def describe(self) -> str:
        """Say the verdict, which columns moved, and what to do."""
        moved = self.table[self.table["verdict"] != "stable"]
        named = ", ".join(f"{row.column} ({row.psi:.2f}, {row.verdict})" for row in moved.iloc[:6].itertuples())
        advice = {
            "stable": "Scores can be used as they are.",
            "watch": "Look at these columns, and check calibration as soon as labels are there.",
            "moved": "Fit the model again on recent snapshots before its scores decide anything.",
        }[self.verdict]
        what = f"These have moved: {named}." if len(moved) else "No column has moved."
        return f"{self.n_before:,} customers before and {self.n_after:,} after: {self.verdict}. {what} {advice}"


def drift_report(before: Frame, after: Frame, *, classifier: Estimator | None = None, n_bins: int = 10) -> DriftReport:
    """Compare the features of two snapshots, and the scores of a classifier on them, by population stability [1]_.

    Parameters
    ----------
    before, after : frames of any engine
        Features at an earlier and a later cutoff, with the same columns (one called customer_id is left out).
    classifier : fitted classifier, default=None
        Its probabilities are compared as the column "score".
    n_bins : int, default=10
        Of numbers.

    Returns
    -------
    DriftReport
        "watch" from 0.10 and "moved" from 0.25 on, if also above what chance gives with these numbers of customers.

    Raises
    ------
    DataError
        When a column is gone, or a frame has no rows.

    References
    ----------
    .. [1] Siddiqi, N. (2006), Credit Risk Scorecards. Wiley, chapter 10.

    Examples
    --------
    >>> before = pd.DataFrame({"recency": np.arange(1000.0), "plan": ["a", "b"] * 500})
    >>> drift_report(before, before.assign(plan="a")).describe()
    '1,000 customers before and 1,000 after: moved. These have moved: plan (3.80, moved). Fit the model again on recent
    snapshots before its scores decide anything.'
    """
    names = [name for name in frames.wrap(before).collect_schema().names() if name != "customer_id"]
    old = frames.to_columns(before, names)
    frames.check_names(names, frames.wrap(after).collect_schema().names(), "the later features")
    new = frames.to_columns(after, names)
    if not len(old) or not len(new):
        raise DataError([f"there are {len(old):,} customers before and {len(new):,} after; both need some"], "drift")
    rows = [_row(name, old[name], new[name], n_bins) for name in names]
    rows.sort(key=lambda row: -row["psi"])
    if classifier is not None:
        old_score, new_score = (pd.Series(classifier.predict_proba(frame)[:, 1]) for frame in (before, after))
        rows.insert(0, _row("score", old_score, new_score, n_bins))
    return DriftReport(pd.DataFrame(rows), len(old), len(new))


def _row(name: Any, old: pd.Series, new: pd.Series, n_bins: int) -> dict[str, Any]:
    psi = population_stability_index(old, new, n_bins=n_bins)
    p, _ = stability_shares(old, new, n_bins=n_bins)
    noise = stability_noise(p.size, len(old), len(new))
    verdict = "stable" if psi < max(WATCH, noise) else "watch" if psi < MOVED else "moved"
    return {
        "column": name,
        "psi": psi,
        "noise": noise,
        "verdict": verdict,
        "missing_before": float(np.mean(old.isna())),
        "missing_after": float(np.mean(new.isna())),
    }
