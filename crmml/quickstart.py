"""The main job end to end on CDNOW: a transaction log becomes scored customers, checked against held-out weeks.

Everything it writes lies in one folder: the summary and the scores as Parquet, three plots, and an MLflow run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from . import scoring, tracking
from .checks import DAYS_PER_UNIT
from .clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma
from .clv.displays import CalibrationDisplay, TrackingDisplay
from .datasets import load_cdnow
from .exceptions import DataError
from .files import replacing, write_table
from .transactions import clean, split_calibration_holdout, summarize
from .typing import Estimator

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: 39 weeks to fit, 39 weeks to check.
CALIBRATION_END, OBSERVATION_END = "1997-09-30", "1998-06-30"
UNIT, PERIOD = "W", "D"
#: How the log is measured.
MEASURE: dict[str, Any] = {"value": "value", "period": PERIOD, "unit": UNIT, "observation_end": OBSERVATION_END}
MODEL_NAME = "cdnow-clv"
SUMMARY, SCORES = "summary.parquet", "scores.parquet"
PLOTS = ("tracking.png", "calibration.png", "concentration.png")


@dataclass(frozen=True)
class HoldoutCheck:
    """What a model expected of weeks it had not seen, beside what happened.

    Attributes
    ----------
    expected, actual : ndarray of shape (n_customers,)
        Repeat transactions of each customer in the held-out time.
    duration : float
        Length of the held-out time, in the summary's unit.
    """

    expected: np.ndarray
    actual: np.ndarray
    duration: float

    @property
    def miss(self) -> float:
        """Expected less actual transactions, all customers together."""
        return float(self.expected.sum() - self.actual.sum())

    @property
    def metrics(self) -> dict[str, float]:
        """Totals, their relative difference and the root mean squared error per customer."""
        actual = float(self.actual.sum())
        return {
            "holdout_transactions": actual,
            "holdout_expected": float(self.expected.sum()),
            "holdout_error": self.miss / actual if actual else float("nan"),
            "holdout_rmse": float(np.sqrt(np.mean((self.expected - self.actual) ** 2))),
        }

    def sentence(self, unit: str = "weeks") -> str:
        """Say by how much the held-out time was missed, in transactions and percent."""
        expected, actual = self.expected.sum(), self.actual.sum()
        lead = (
            f"Over the {self.duration:g} held-out {unit} the customers bought {actual:,.0f} times again; "
            f"the model, fitted on the time before, expected {expected:,.0f}"
        )
        if not actual:
            return f"{lead}."
        word = "too many" if self.miss > 0 else "too few"
        return f"{lead}: {abs(self.miss):,.0f} {word}, a miss of {abs(self.miss) / actual:.1%}."


@dataclass(frozen=True)
class Findings:
    """What a quickstart found and wrote.

    Attributes
    ----------
    sentences : tuple of str
        What was found, in plain words.
    metrics : mapping
        The same in numbers, as logged.
    files : tuple of Path
        What was written.
    next_steps : tuple of (str, str)
        What each command to type next is for, and the command.
    """

    sentences: tuple[str, ...]
    metrics: Mapping[str, float]
    files: tuple[Path, ...]
    next_steps: tuple[tuple[str, str], ...]


def quickstart(
    folder: str | os.PathLike = ".", *, overwrite: bool = False, on_step: Callable[[str], None] | None = None
) -> Findings:
    """Run the main job on CDNOW, offline: clean, summarise, fit, check, track, score, plot.

    BG/NBD is fitted on the first 39 weeks and checked against the 39 weeks that follow; then it is fitted with
    Gamma-Gamma on all 78 weeks to value every customer's next year.

    Parameters
    ----------
    folder : path, default="."
        Where everything is written; it is made when it does not exist.
    overwrite : bool, default=False
        Whether the files of an earlier quickstart may be replaced.
    on_step : callable, default=None
        Called with a few words before each step.

    Returns
    -------
    Findings

    Raises
    ------
    DataError
        When the folder holds files of an earlier quickstart and ``overwrite`` is False; nothing is written then.
    """
    step = on_step or (lambda words: None)
    folder = Path(folder).resolve()
    _refuse_to_overwrite(folder, overwrite)
    folder.mkdir(parents=True, exist_ok=True)

    step("Reading and cleaning the CDNOW log")
    log, report = clean(load_cdnow(), value="value")
    step("Summarising every customer")
    split = split_calibration_holdout(log, calibration_end=CALIBRATION_END, **MEASURE)
    summary = summarize(log, **MEASURE)

    step("Fitting on 39 weeks and checking against the 39 that follow")
    early = BetaGeoNBD().fit(split)
    check = check_holdout(early, split)

    step("Fitting on all 78 weeks")
    clv = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y").fit(summary)

    step("Recording the run in MLflow")
    value = clv.predict(summary)
    figures = {
        "tracking.png": plot_tracking(early, log),
        "calibration.png": plot_calibration(early, split),
        "concentration.png": plot_concentration(value),
    }
    metrics = {**check.metrics, **_value_metrics(value)}
    uri = tracking.local_uri(folder)
    _record(early, clv, summary, metrics, figures, uri)

    step("Scoring every customer")
    write_table(summary, folder / SUMMARY)
    scoring.score(f"models:/{MODEL_NAME}@champion", folder / SUMMARY, folder / SCORES, overwrite=overwrite, uri=uri)
    for name, figure in figures.items():
        save_figure(figure, folder / name)

    return Findings(
        sentences=(str(report), check.sentence(), *_value_sentences(value)),
        metrics=metrics,
        files=tuple(folder / name for name in (SUMMARY, SCORES, *PLOTS, "mlflow.db")),
        next_steps=_next_steps(),
    )


def _record(
    early: Estimator,
    clv: Estimator,
    summary: pd.DataFrame,
    metrics: Mapping[str, float],
    figures: Mapping[str, Figure],
    uri: str,
) -> None:
    """Record both fits, their numbers and plots as one run, and make the model of value the champion."""
    with tracking.track("quickstart", run_name="BG/NBD and Gamma-Gamma on CDNOW", uri=uri) as run:
        run.log_params({"calibration_end": CALIBRATION_END, **MEASURE})
        run.log_fit(early)
        run.log_fit(clv, "all_weeks_")
        run.log_metrics(metrics)
        for name, figure in figures.items():
            run.log_figure(figure, name)
        run.log_model(clv, MODEL_NAME, summary)
    tracking.promote(MODEL_NAME, uri=uri)


def check_holdout(model: Estimator, split: pd.DataFrame) -> HoldoutCheck:
    """Set a fitted transaction model's expectation beside what a calibration-holdout summary says happened."""
    duration = float(split["duration_holdout"].iloc[0])
    return HoldoutCheck(model.predict(split, duration), split["frequency_holdout"].to_numpy(float), duration)


def holders_of(value: np.ndarray, share: float) -> int:
    """Return how few customers hold the given share of the whole value.

    Examples
    --------
    >>> holders_of(np.array([1.0, 6.0, 2.0, 1.0]), 0.5)
    1
    """
    ordered = np.sort(value)[::-1]
    return int(np.searchsorted(np.cumsum(ordered), share * ordered.sum() * (1 - 1e-12))) + 1


# ---- plots --------------------------------------------------------------------------------------------------------


def plot_tracking(model: Estimator, log: pd.DataFrame) -> Figure:
    """Plot cumulative repeat transactions, week by week: what happened, and what the model expected beforehand."""
    days = log[["customer_id", "timestamp"]].assign(timestamp=log["timestamp"].dt.normalize()).drop_duplicates()
    week = (days["timestamp"] - days["timestamp"].min()).dt.days / DAYS_PER_UNIT[UNIT]
    start = week.groupby(days["customer_id"]).transform("min")
    origin, ends = days["timestamp"].min(), (pd.Timestamp(CALIBRATION_END), pd.Timestamp(OBSERVATION_END))
    split_at, until = ((end - origin).days / DAYS_PER_UNIT[UNIT] for end in ends)
    figure, axes = _figure()
    TrackingDisplay.from_estimator(
        model, week.groupby(days["customer_id"]).min(), week[week > start], until=until, split_at=split_at
    ).plot(axes)
    return figure


def plot_calibration(model: Estimator, split: pd.DataFrame) -> Figure:
    """Plot mean held-out purchases, expected and actual, by how often customers had bought again before."""
    figure, axes = _figure()
    CalibrationDisplay.from_estimator(model, split).plot(axes)
    return figure


def plot_concentration(value: np.ndarray) -> Figure:
    """Plot the share of next year's value held by the most valuable customers."""
    held = np.concatenate([[0.0], np.cumsum(np.sort(value)[::-1]) / value.sum()])
    share = np.linspace(0, 1, held.size)
    half = holders_of(value, 0.5)
    figure, axes = _figure()
    axes.plot(100 * share, 100 * held, color="tab:blue", label="Expected next year")
    axes.plot(
        [0, 100], [0, 100], color="grey", linewidth=1, linestyle=":", label="If all customers were worth the same"
    )
    axes.plot([100 * half / value.size], [50], "o", color="black")
    note = f"  half of the value: {half:,} customers ({half / value.size:.1%})"
    axes.annotate(note, (100 * half / value.size, 50), va="top")
    axes.set(
        title="How few customers carry next year's value",
        xlabel=f"Share of the {value.size:,} customers, most valuable first (%)",
        ylabel="Share of next year's expected revenue (%)",
        xlim=(0, 100),
        ylim=(0, 100),
    )
    axes.legend(loc="lower right", frameon=False)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)


def _figure() -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


# ---- words --------------------------------------------------------------------------------------------------------


def _refuse_to_overwrite(folder: Path, overwrite: bool) -> None:
    there = [name for name in (SUMMARY, SCORES, *PLOTS) if (folder / name).exists()]
    if there and not overwrite:
        raise DataError(
            [f"it already holds {', '.join(there)}; say --overwrite to replace them, or name another folder"],
            f"the folder {folder}",
        )


def _value_metrics(value: np.ndarray) -> dict[str, float]:
    half = holders_of(value, 0.5)
    return {
        "value_next_year": float(value.sum()),
        "customers_holding_half": half,
        "share_holding_half": half / value.size,
    }


def _value_sentences(value: np.ndarray) -> tuple[str, ...]:
    half, most = holders_of(value, 0.5), holders_of(value, 0.8)
    n = value.size
    return (
        f"The {n:,} customers are expected to spend {value.sum():,.0f} dollars in the year to come.",
        f"Half of it comes from the {half:,} most valuable customers ({half / n:.1%} of all), "
        f"four fifths from {most:,} ({most / n:.1%}).",
    )


def _next_steps() -> tuple[tuple[str, str], ...]:
    columns = "--customer-id CUSTOMER --timestamp DATE --value AMOUNT --unit W"
    return (
        ("see the run, its numbers and plots", "mlflow ui --backend-store-uri sqlite:///mlflow.db"),
        ("fit on your own log (use your own column names)", f"crmml fit your_log.csv --name shop {columns}"),
        ("score its customers with that model", f"crmml score shop your_log.csv scores.parquet {columns}"),
    )
