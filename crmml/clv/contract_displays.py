"""Plots of contractual models, in the manner of :mod:`crmml.clv.displays`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..checks import check_count, check_coverage, check_number
from ..results import DisplayMixin
from ..typing import ArrayLike, Estimator
from ._survivors import read_cohorts
from .displays import MOST_STEPS, OURS, THEIRS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class SurvivorsDisplay(DisplayMixin):
    """Share of customers who stayed: cohorts as observed, and the model's curve with its interval.

    Attributes
    ----------
    time : ndarray of shape (n,)
        Renewals, or time.
    expected, lower, upper : ndarrays of shape (n,)
        Survival of the model and its interval, which is the uncertainty of the parameters.
    observed : mapping of str to ndarray
        Shares of each cohort at 0, 1, 2, ...
    coverage : float
    split_at : float or None
        Where what the model has seen ends.
    unit : str
    """

    time: np.ndarray
    expected: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    observed: Mapping[str, np.ndarray]
    coverage: float
    split_at: float | None
    unit: str

    @classmethod
    def from_estimator(
        cls,
        model: Estimator,
        survivors: ArrayLike | Mapping[str, ArrayLike],
        *,
        until: int | None = None,
        split_at: float | None = None,
        coverage: float = 0.9,
        covariates: Mapping[str, float] | None = None,
        n_draws: int = 1000,
    ) -> SurvivorsDisplay:
        """Compute from a fitted contractual model and cohorts' counts, as ``fit_survivors`` takes them.

        Parameters
        ----------
        model : fitted contractual model
        survivors : sequence of int, or a mapping or list of them
        until : int, default=None
            Last renewal drawn; None takes the longest cohort's.
        split_at : float, default=None
            End of what the model has seen.
        coverage : float, default=0.9
        covariates : mapping of str to float, default=None
            Those of the curve, where the model has any.
        n_draws : int, default=1000
        """
        check_is_fitted(model)
        cohorts, coverage = read_cohorts(survivors), check_coverage(coverage)
        longest = max(counts.size for counts in cohorts.values()) - 1
        end = check_count(longest if until is None else until, "until", least=1, most=MOST_STEPS)
        split_at = None if split_at is None else check_number(split_at, "split_at", least=0)
        time = np.arange(end + 1.0) if model._discrete else np.linspace(0, end, min(20 * end, MOST_STEPS) + 1)
        drawn, tail = model._survival_draws(time, covariates, n_draws), (1 - coverage) / 2
        expected = model.survival(time, covariates)
        lower, upper = np.quantile(drawn, [tail, 1 - tail], axis=0)
        observed = {name: counts / counts[0] for name, counts in cohorts.items()}
        unit = "renewals" if model._discrete else model._unit_word()
        return cls(
            time, expected, np.minimum(lower, expected), np.maximum(upper, expected), observed, coverage, split_at, unit
        )

    def plot(self, ax: Axes | None = None) -> SurvivorsDisplay:
        """Draw the model's curve over the cohorts' points."""
        ax = self._axes(ax)
        ax.fill_between(
            self.time, self.lower, self.upper, color=OURS, alpha=0.2, label=f"{100 * self.coverage:g} % interval of it"
        )
        ax.plot(self.time, self.expected, color=OURS, label="What the model expects")
        for k, share in enumerate(self.observed.values()):
            label = None if k else "What customers did"
            ax.plot(np.arange(share.size), share, "o", color=THEIRS, markersize=4, alpha=0.8, label=label)
        if self.split_at is not None:
            ax.axvline(self.split_at, color="grey", linewidth=1)
            ax.annotate(" not seen by the model", (self.split_at, 0), ha="left", va="bottom", color="grey")
        ax.set(
            title="How many customers stay?",
            xlabel=self.unit.capitalize(),
            ylabel="Share still customers",
            ylim=(0, 1.02),
        )
        ax.legend(frameon=False)
        return self
