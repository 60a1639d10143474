"""Charts of uplift: what a growing share gains against drawing lots, and whether predictions come true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..checks import check_random_state
from ..exceptions import DataError
from ..metrics import MetricInterval, bootstrap_interval, qini_curve, qini_score, uplift_calibration_table
from ..metrics.inputs import read_uplift
from ..results import DisplayMixin
from ..typing import ArrayLike, Estimator, FrameLike, Seed
from ._arms import read_arms
from ._outcomes import read_outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OURS, _THEIRS = "#1f5a8a", "#b5532a"
#: Points at which a curve is drawn.
N_POINTS = 101


@dataclass
class UpliftDisplay(DisplayMixin):
    """Qini curve with a band from customers drawn again, beside the line of a random order.

    Attributes
    ----------
    table : DataFrame
        share, gain, gain_lower, gain_upper, random: gains per treated customer, in units of y.
    qini : MetricInterval
    binary : bool
        Whether y is 0 and 1; gains are then shown in points.
    name : str
    """

    table: pd.DataFrame
    qini: MetricInterval
    binary: bool
    name: str = ""

    @classmethod
    def from_predictions(
        cls,
        y: ArrayLike,
        uplift: ArrayLike,
        treatment: ArrayLike,
        *,
        n_resamples: int = 200,
        coverage: float = 0.9,
        random_state: Seed = None,
        name: str = "",
    ) -> UpliftDisplay:
        """Compute from outcomes, scores and treatment (1 and 0), shape (n,) each, of customers the model has not seen.

        Parameters
        ----------
        y, uplift, treatment : arrays of shape (n,)
        n_resamples : int, default=200
            Of customers, for the band and the interval.
        coverage : float, default=0.9
            Of the band at each share by itself, and of the interval of the Qini.
        random_state : int, RandomState or None, default=None
        name : str, default=""
            Of the model, for the title.
        """
        y, score, treated = read_uplift(y, uplift, treatment)
        share = np.linspace(0, 1, N_POINTS)
        rng = check_random_state(random_state)
        qini = bootstrap_interval(
            qini_score, y, score, treated, coverage=coverage, n_resamples=n_resamples, random_state=rng, ties="line"
        )
        drawn: list[np.ndarray] = []
        while len(drawn) < n_resamples:
            rows = rng.randint(0, y.size, y.size)
            if 0 < treated[rows].sum() < y.size:
                drawn.append(_gain(y[rows], score[rows], treated[rows], share))
        lower, upper = np.quantile(drawn, [(1 - coverage) / 2, (1 + coverage) / 2], axis=0)
        gain = _gain(y, score, treated, share)
        table = pd.DataFrame(
            {"share": share, "gain": gain, "gain_lower": lower, "gain_upper": upper, "random": share * gain[-1]}
        )
        return cls(table, qini, bool(np.isin(y, (0, 1)).all()), name)

    @classmethod
    def from_estimator(
        cls,
        model: Estimator,
        X: FrameLike,
        y: ArrayLike,
        *,
        treatment: ArrayLike,
        arm: str | float | None = None,
        **options: Any,
    ) -> UpliftDisplay:
        """Compute with a fitted model's uplift of X; ``arm`` says which one where there are several.

        Raises
        ------
        DataError
            When the arm is not one of the model's.
        """
        y, uplift, treated, name = _of_arm(model, X, y, treatment, arm)
        return cls.from_predictions(y, uplift, treated, **{"name": name, **options})

    def plot(self, ax: Axes | None = None) -> UpliftDisplay:
        """Draw the curve, its band and the random line."""
        ax = self._axes(ax)
        table, scale = self.table, 100 if self.binary else 1
        x = 100 * table["share"]
        ax.fill_between(
            x,
            scale * table["gain_lower"],
            scale * table["gain_upper"],
            color=_OURS,
            alpha=0.18,
            linewidth=0,
            label=f"{self.qini.coverage:.0%} band",
        )
        ax.plot(x, scale * table["gain"], color=_OURS, label="By predicted uplift")
        ax.plot(x, scale * table["random"], color="grey", linestyle="--", linewidth=1, label="Random order")
        unit = 100 if self.binary else 1
        ax.set(
            title=f"{self.name + ': ' if self.name else ''}gain by share treated\n"
            f"Qini {unit * self.qini.estimate:.3g} ({self.qini.coverage:.0%} interval {unit * self.qini.lower:.3g} to "
            f"{unit * self.qini.upper:.3g}){' points' if self.binary else ''}",
            xlabel="Customers treated, % (highest predicted uplift first)",
            ylabel="Gain, percentage points of all treated" if self.binary else "Gain per treated customer, units of y",
            xlim=(0, 100),
        )
        ax.legend(frameon=False, loc="lower right")
        return self


@dataclass
class UpliftCalibrationDisplay(DisplayMixin):
    """Observed against predicted uplift, bin by bin.

    Attributes
    ----------
    table : DataFrame
        As from `crmml.metrics.uplift_calibration_table`.
    coverage : float
    binary : bool
    """

    table: pd.DataFrame
    coverage: float
    binary: bool

    @classmethod
    def from_predictions(
        cls, y: ArrayLike, uplift: ArrayLike, treatment: ArrayLike, *, n_bins: int = 10, coverage: float = 0.9
    ) -> UpliftCalibrationDisplay:
        """Compute from outcomes, predictions and treatment (1 and 0), shape (n,) each."""
        table = uplift_calibration_table(y, uplift, treatment, n_bins=n_bins, coverage=coverage)
        return cls(table, coverage, bool(np.isin(np.asarray(y), (0, 1)).all()))

    @classmethod
    def from_estimator(
        cls,
        model: Estimator,
        X: FrameLike,
        y: ArrayLike,
        *,
        treatment: ArrayLike,
        arm: str | float | None = None,
        **options: Any,
    ) -> UpliftCalibrationDisplay:
        """Compute with a fitted model's uplift of X; ``arm`` says which one where there are several."""
        y, uplift, treated, _ = _of_arm(model, X, y, treatment, arm)
        return cls.from_predictions(y, uplift, treated, **options)

    def plot(self, ax: Axes | None = None) -> UpliftCalibrationDisplay:
        """Draw a point with its interval for each bin, and the line of perfect predictions."""
        ax = self._axes(ax)
        scale = 100 if self.binary else 1
        table = scale * self.table[["predicted", "observed", "observed_lower", "observed_upper"]]
        error = np.abs(table[["observed_lower", "observed_upper"]].to_numpy().T - table["observed"].to_numpy())
        ends = [table["predicted"].min(), table["predicted"].max()]
        ax.axhline(0, color="lightgrey", linewidth=1)
        ax.plot(ends, ends, color="grey", linestyle="--", linewidth=1, label="Predictions come true")
        ax.errorbar(
            table["predicted"],
            table["observed"],
            yerr=error,
            fmt="o",
            color=_OURS,
            capsize=2,
            label=f"Seen, {self.coverage:.0%} interval",
        )
        unit = "percentage points" if self.binary else "units of y"
        ax.set(
            title="Does predicted uplift come true?",
            xlabel=f"Predicted uplift, {unit}",
            ylabel=f"Observed difference, {unit}",
        )
        ax.legend(frameon=False, loc="upper left")
        return self


def _gain(y: np.ndarray, score: np.ndarray, treated: np.ndarray, share: np.ndarray) -> np.ndarray:
    curve = qini_curve(y, score, treated)
    return np.interp(share, curve["share"], curve["gain"])


def _of_arm(model: Any, X: Any, y: Any, treatment: Any, arm: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Outcomes, uplift and 0 or 1 of the customers in one arm and the control, and a name for the title."""
    last = model[-1] if hasattr(model, "steps") else model
    known = last.arms_.tolist()
    if arm is None and len(known) == 1:
        arm = known[0]
    if arm not in known:
        raise DataError([f"arm={arm!r} is not one of {', '.join(map(repr, known))}; say which"], "the display")
    uplift = model.predict(X)
    uplift = uplift if uplift.ndim == 1 else uplift[:, known.index(arm)]
    arms = read_arms(treatment, last.control_, len(uplift), least=1)
    if arm not in arms.treated:
        raise DataError([f"no customer is in arm {arm!r}"], "the treatment")
    rows = np.isin(arms.code, (0, arms.treated.index(arm) + 1))
    name = type(last).__name__ + ("" if len(known) == 1 else f", arm {arm}")
    return read_outcome(y, len(uplift))[rows], uplift[rows], arms.code[rows] > 0, name
