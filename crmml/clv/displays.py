"""Plots of models of purchases and spend, in the manner of scikit-learn's displays.

Each display has ``from_estimator`` (which computes), its figures as attributes, and ``plot(ax=None)``, which returns itself
with ``ax_`` and ``figure_``. matplotlib is loaded only when something is plotted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import gaussian_kde
from sklearn.utils.validation import check_is_fitted

from .. import frames
from ..checks import check_choice, check_count, check_number, check_numbers
from ..exceptions import DataError
from ..inference import Posterior
from ..results import DisplayMixin
from ..transactions.compression import unique_rows
from ..typing import ArrayLike, Estimator, FrameLike, Seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Places that are computed for a picture, at most.
MOST_STEPS = 10_000
OURS, THEIRS = "tab:blue", "black"


@dataclass
class FrequencyRecencyDisplay(DisplayMixin):
    """What a model expects of customers of one T, by frequency and recency.

    Attributes
    ----------
    frequency, recency : ndarrays of shape (k,), (m,)
    value : ndarray of shape (k, m)
        NaN where frequency 0 has a recency above 0.
    of : {"predict", "probability_alive"}
    T, horizon : float
    unit : str
        In words.
    """

    frequency: np.ndarray
    recency: np.ndarray
    value: np.ndarray
    of: str
    T: float
    horizon: float
    unit: str

    @classmethod
    def from_estimator(
        cls,
        model: Estimator,
        *,
        T: float,
        of: str = "predict",
        horizon: float | None = None,
        max_frequency: int = 20,
        steps: int = 40,
    ) -> FrequencyRecencyDisplay:
        """Compute the matrix for customers observed for T, in the fitted unit."""
        check_is_fitted(model)
        T, steps = check_number(T, "T", above=0), check_count(steps, "steps", least=1, most=MOST_STEPS)
        max_frequency = check_count(max_frequency, "max_frequency", least=1, most=MOST_STEPS)
        of = check_choice(of, "of", ("predict", "probability_alive"))
        frequency, recency = np.arange(max_frequency + 1), np.linspace(0, T, steps + 1)
        x, t_x = (grid.ravel() for grid in np.meshgrid(frequency, recency, indexing="ij"))
        legal = (x == 0) == (t_x == 0)
        rows = pd.DataFrame({"frequency": x, "recency": t_x, "T": float(T)})[legal]
        value = np.full(x.size, np.nan)
        if of == "predict":
            value[legal] = model.predict(rows, horizon)
        else:
            value[legal] = model.probability_alive(rows)
        horizon = model.horizon if horizon is None else horizon
        shape = (frequency.size, recency.size)
        return cls(frequency, recency, value.reshape(shape), of, float(T), float(horizon), model._unit_word())

    def plot(self, ax: Axes | None = None) -> FrequencyRecencyDisplay:
        """Draw the matrix with its scale."""
        ax = self._axes(ax)
        mesh = ax.pcolormesh(self.recency, self.frequency, self.value, shading="nearest", cmap="viridis")
        label = f"Purchases expected in {self.horizon:g} {self.unit}" if self.of == "predict" else "P(alive)"
        self.figure_.colorbar(mesh, ax=ax, label=label)
        ax.set(
            title=f"Customers known for {self.T:g} {self.unit}",
            xlabel=f"Recency: {self.unit} from first to last purchase",
            ylabel="Frequency: repeat purchases",
        )
        return self


@dataclass
class AliveHistoryDisplay(DisplayMixin):
    """P(alive) of one customer over time, falling in silence and rising at each purchase.

    Attributes
    ----------
    time : ndarray of shape (n,)
        Since the first purchase.
    probability : ndarray of shape (n,)
    purchases : ndarray of shape (k,)
        Times of repeat purchases.
    unit : str
    """

    time: np.ndarray
    probability: np.ndarray
    purchases: np.ndarray
    unit: str

    @classmethod
    def from_estimator(
        cls, model: Estimator, purchases: ArrayLike, *, T: float, steps: int = 400
    ) -> AliveHistoryDisplay:
        """Compute from the times of a customer's repeat purchases after the first, up to T, in the fitted unit."""
        T, steps = check_number(T, "T", above=0), check_count(steps, "steps", least=2, most=MOST_STEPS)
        times = np.sort(check_numbers(purchases, "purchases"))
        if times.size and not (times[0] > 0 and times[-1] <= T):
            raise DataError(["times of repeat purchases must be above 0 and at most T"], "the purchases")
        time = np.unique(np.concatenate([np.linspace(0, T, steps), times, times - 1e-9 * T]))
        time = time[time >= 0]
        x = np.searchsorted(times, time, side="right")
        recency = np.where(x > 0, times[np.maximum(x - 1, 0)] if times.size else 0.0, 0.0)
        rows = pd.DataFrame({"frequency": x, "recency": recency, "T": time})
        return cls(time, model.probability_alive(rows), times, model._unit_word())

    def plot(self, ax: Axes | None = None) -> AliveHistoryDisplay:
        """Draw the curve with the purchases."""
        ax = self._axes(ax)
        ax.plot(self.time, self.probability, color=OURS, label="P(alive)")
        ax.vlines(self.purchases, 0, 1, color="grey", linewidth=0.8, linestyle=":", label="Purchases")
        ax.set(
            title="How sure can we be that the customer is still one?",
            xlabel=f"{self.unit.capitalize()} since the first purchase",
            ylabel="P(alive)",
            ylim=(0, 1.02),
        )
        ax.legend(loc="lower left", frameon=False)
        return self


@dataclass
class CalibrationDisplay(DisplayMixin):
    """Held-out purchases, expected and made, by how often customers had bought before.

    Attributes
    ----------
    bucket : ndarray of shape (k,)
        Frequency in calibration; the last stands for itself and above.
    expected, actual : ndarrays of shape (k,)
        Means a customer.
    n_customers : ndarray of shape (k,)
    duration : float
    unit : str
    """

    bucket: np.ndarray
    expected: np.ndarray
    actual: np.ndarray
    n_customers: np.ndarray
    duration: float
    unit: str

    @classmethod
    def from_estimator(cls, model: Estimator, split: FrameLike, *, max_frequency: int = 7) -> CalibrationDisplay:
        """Compute from a calibration-holdout summary, as :func:`crmml.transactions.split_calibration_holdout` gives it."""
        max_frequency = check_count(max_frequency, "max_frequency", least=1, most=MOST_STEPS)
        held = frames.to_columns(split, ["frequency", "frequency_holdout", "duration_holdout"])
        duration = float(held["duration_holdout"].iloc[0])
        expected = model.predict(split, duration)
        bucket = np.minimum(held["frequency"].to_numpy(dtype=int), max_frequency)
        count = np.bincount(bucket, minlength=max_frequency + 1)
        share = np.where(count > 0, count, np.nan)
        actual = np.bincount(bucket, held["frequency_holdout"], minlength=max_frequency + 1) / share
        mean = np.bincount(bucket, expected, minlength=max_frequency + 1) / share
        return cls(np.arange(max_frequency + 1), mean, actual, count, duration, model._unit_word())

    def plot(self, ax: Axes | None = None) -> CalibrationDisplay:
        """Draw bars side by side."""
        ax = self._axes(ax)
        ax.bar(self.bucket - 0.2, self.actual, 0.4, color=THEIRS, label="What customers did")
        ax.bar(self.bucket + 0.2, self.expected, 0.4, color=OURS, label="What the model expected")
        last = self.bucket[-1]
        labels = [f"{k}{'+' if k == last else ''}\n({n:,})" for k, n in zip(self.bucket, self.n_customers, strict=True)]
        ax.set_xticks(self.bucket, labels)
        ax.set(
            title=f"Purchases in the {self.duration:g} held-out {self.unit}",
            xlabel="Repeat purchases before (in brackets: customers)",
            ylabel=f"Mean purchases a customer in {self.duration:g} {self.unit}",
        )
        ax.legend(frameon=False)
        return self


@dataclass
class TrackingDisplay(DisplayMixin):
    """Repeat purchases of all customers over time, expected and made, cumulative or unit by unit.

    Attributes
    ----------
    time : ndarray of shape (n,)
        Ends of the steps, since the first customer arrived, in the fitted unit.
    expected, actual : ndarrays of shape (n,)
        Cumulative.
    split_at : float or None
        Where the time seen by the model ends.
    unit : str
    """

    time: np.ndarray
    expected: np.ndarray
    actual: np.ndarray
    split_at: float | None
    unit: str

    @classmethod
    def from_estimator(
        cls,
        model: Estimator,
        start: ArrayLike,
        purchases: ArrayLike,
        *,
        until: float,
        split_at: float | None = None,
        step: float = 1.0,
    ) -> TrackingDisplay:
        """Compute from times on one clock in the fitted unit.

        Parameters
        ----------
        model : fitted transaction model
        start : array-like of shape (n_customers,)
            When each customer's first purchase was.
        purchases : array-like of shape (n_repeat_purchases,)
            When the repeat purchases were, of all customers together.
        until : float
            End of the plot.
        split_at : float, default=None
            End of the calibration period.
        step : float, default=1.0
        """
        start, purchases = check_numbers(start, "start"), np.sort(check_numbers(purchases, "purchases"))
        origin = start.min()
        until, step = check_number(until, "until", above=float(origin)), check_number(step, "step", above=0)
        check_number((until - origin) / step, "the number of steps, (until - first start) / step,", most=MOST_STEPS)
        time = np.arange(step, until - origin + step * 1e-9, step)
        actual = np.searchsorted(purchases, time + origin, side="right").astype(float)
        (first,), count, _ = unique_rows(start - origin)
        expected = np.array([float(model.expected_purchases(np.maximum(t - first, 0.0)) @ count) for t in time])
        return cls(time, expected, actual, None if split_at is None else split_at - origin, model._unit_word())

    def plot(self, ax: Axes | None = None, *, incremental: bool = False) -> TrackingDisplay:
        """Draw cumulative purchases, or with ``incremental`` those of each step."""
        ax = self._axes(ax)
        expected, actual = self.expected, self.actual
        if incremental:
            expected, actual = (np.diff(values, prepend=0.0) for values in (expected, actual))
        ax.plot(self.time, actual, color=THEIRS, label="What customers did")
        ax.plot(self.time, expected, color=OURS, linestyle="--", label="What the model expected")
        if self.split_at is not None:
            ax.axvline(self.split_at, color="grey", linewidth=1)
            ax.annotate(" not seen by the model", (self.split_at, 0), ha="left", va="bottom", color="grey")
        ax.set(
            title="Repeat purchases of all customers",
            xlabel=f"{self.unit.capitalize()} since the first customer arrived",
            ylabel="Purchases in each step" if incremental else "Purchases so far",
            ylim=(0, None),
        )
        ax.legend(frameon=False)
        return self


@dataclass
class SpendDisplay(DisplayMixin):
    """Mean amounts of repeat customers: their distribution, and what the spend model makes of it.

    Attributes
    ----------
    amount : ndarray of shape (n,)
        Where densities are given.
    observed, modelled : ndarrays of shape (n,)
        Densities: a kernel estimate of customers' mean amounts, and of means simulated for customers with the same counts.
    """

    amount: np.ndarray
    observed: np.ndarray
    modelled: np.ndarray

    @classmethod
    def from_estimator(
        cls, model: Estimator, X: FrameLike, *, random_state: Seed = None, points: int = 200
    ) -> SpendDisplay:
        """Compute from a fitted :class:`GammaGamma` and its summary."""
        points = check_count(points, "points", least=2, most=MOST_STEPS)
        x, m = frames.to_columns(X, ["frequency", "monetary_value"]).to_numpy(dtype=float).T
        seen = (x > 0) & (m > 0)
        counts, means = x[seen].astype(int), m[seen]
        if means.size < 2 or np.ptp(means) <= 1e-9 * means.max():
            raise DataError(
                ["mean amounts above 0 of repeat customers do not vary, so that there is no distribution to draw"],
                "the summary",
            )
        amounts = model.simulate(counts, random_state)
        simulated = np.bincount(np.repeat(np.arange(counts.size), counts), amounts) / counts
        lower, upper = np.log(np.quantile(means, [0.002, 0.998]))
        amount = np.exp(np.linspace(lower, upper, points))
        observed, modelled = (gaussian_kde(np.log(v))(np.log(amount)) / amount for v in (means, simulated))
        return cls(amount, observed, modelled)

    def plot(self, ax: Axes | None = None) -> SpendDisplay:
        """Draw both densities."""
        ax = self._axes(ax)
        ax.plot(self.amount, self.observed, color=THEIRS, label="Customers' mean amounts")
        ax.plot(self.amount, self.modelled, color=OURS, linestyle="--", label="The model's")
        ax.set(
            title="What repeat customers spend at a time",
            xlabel="Mean amount (in the money of the data)",
            ylabel="Density",
        )
        ax.legend(frameon=False)
        return self


@dataclass
class PosteriorDisplay(DisplayMixin):
    """Marginal posteriors of a model's parameters, with medians and 90 % intervals.

    Attributes
    ----------
    posterior : Posterior
    axes_ : list of Axes
        One a parameter, after :meth:`plot`.
    """

    posterior: Posterior
    axes_: list = field(default_factory=list)

    @classmethod
    def from_estimator(cls, model: Estimator, *, n_draws: int = 4000, random_state: Seed = None) -> PosteriorDisplay:
        """Sample the model's posterior."""
        return cls(model.sample_posterior(n_draws, random_state))

    def plot(self, figure: Figure | None = None) -> PosteriorDisplay:
        """Draw one histogram a parameter."""
        if figure is None:
            import matplotlib.pyplot as plt

            figure = plt.figure(figsize=(2.6 * self.posterior.draws.shape[1], 3), layout="constrained")
        table = self.posterior.summary()
        self.figure_, self.axes_ = figure, list(np.atleast_1d(figure.subplots(1, len(table))))
        for ax, (name, row) in zip(self.axes_, table.iterrows(), strict=True):
            ax.hist(self.posterior.draws[name], bins=50, density=True, color=OURS, alpha=0.6)
            ax.axvline(row["median"], color=THEIRS)
            ax.axvspan(row["lower"], row["upper"], color="grey", alpha=0.15)
            ax.set(title=str(name), yticks=[], xlabel=f"{row['median']:.3g} [{row['lower']:.3g}, {row['upper']:.3g}]")
        return self
