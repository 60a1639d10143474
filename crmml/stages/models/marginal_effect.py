"""What a covariate or an action changes in the probability of rupture: the question, its answer, the words for it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ...results import Result


@dataclass(frozen=True)
class EffectQuestion:
    """What is asked of a marginal effect, checked: customers, the covariate, its two values, and how far ahead."""

    panel: np.ndarray
    columns: dict[str, np.ndarray]
    covariate: str
    values: tuple[Any, ...]
    at: tuple[Any, ...]
    horizon: int
    coverage: float
    stages: tuple[str, ...]

    def effect(self, model: Any, rows: np.ndarray) -> np.ndarray:
        """Return the change in the probability of rupture: over all customers of some rows, then by stage."""
        last = model.last_stage(self.panel[rows])
        own = model._last_values({name: value[rows] for name, value in self.columns.items()}, self.panel[rows])
        first, second = (
            model._broken_by(last, own | {self.covariate: np.full(len(rows), value)}, self.horizon) for value in self.at
        )
        inside = model.stages_.transient_mask[last]
        difference, stage = (second - first)[inside], last[inside]
        by_stage = [difference[stage == i].mean() if (stage == i).any() else np.nan for i in range(len(self.stages))]
        return np.array([difference.mean(), *by_stage])

    def again(self, model: Any, seed: int) -> np.ndarray:
        """Return the same of a model fitted to customers drawn with replacement."""
        rows = np.random.default_rng(seed).integers(0, len(self.panel), len(self.panel))
        other = clone(model).set_params(unvisited="stay" if model.unvisited == "raise" else model.unvisited)
        other.set_params(stages=model.stages_)
        other._known_categories = model.categories_
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            other.fit(self.panel[rows], covariates={name: value[rows] for name, value in self.columns.items()})
        return self.effect(other, rows)

    def answer(self, point: np.ndarray, draws: np.ndarray) -> MarginalEffect:
        """Return the effect with the percentile interval of the draws."""
        tails = [(1 - self.coverage) / 2, (1 + self.coverage) / 2]
        seen = ~np.isnan(draws).all(axis=0)
        lower, upper = np.full((2, len(point)), np.nan)
        lower[seen], upper[seen] = np.nanquantile(draws[:, seen], tails, axis=0)
        by_stage = pd.DataFrame({"stage": self.stages, "effect": point[1:], "lower": lower[1:], "upper": upper[1:]})
        return MarginalEffect(
            self.covariate,
            self.values,
            self.horizon,
            float(point[0]),
            float(lower[0]),
            float(upper[0]),
            self.coverage,
            by_stage.dropna(subset="effect", ignore_index=True),
        )


@dataclass(frozen=True)
class MarginalEffect(Result):
    """Average change in the probability of rupture when a covariate goes from one value to another.

    Attributes
    ----------
    covariate : str
    values : (from, to)
    horizon : int
        Periods ahead.
    effect, lower, upper : float
        Difference of probabilities, averaged over customers whose relationship is not broken, and its interval.
    coverage : float
    by_stage : DataFrame
        The same by the stage customers are in: stage, effect, lower, upper.
    """

    covariate: str
    values: tuple[Any, Any]
    horizon: int
    effect: float
    lower: float
    upper: float
    coverage: float
    by_stage: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return the effect over all customers, then by stage: stage, effect, lower, upper."""
        whole = pd.DataFrame({"stage": ["all"], "effect": [self.effect], "lower": [self.lower], "upper": [self.upper]})
        return pd.concat([whole, self.by_stage], ignore_index=True)

    def describe(self) -> str:
        """Say the effect in plain sentences."""
        word = "lowers" if self.effect < 0 else "raises"
        sure = (
            "" if self.lower > 0 or self.upper < 0 else " The interval holds 0: the data do not tell which way it goes."
        )
        periods = f"{self.horizon} period{'s' * (self.horizon != 1)}"
        return (
            f"{self.covariate} at {self.values[1]} instead of {self.values[0]} {word} the probability of rupture within {periods} by "
            f"{100 * abs(self.effect):.2f} percentage points on average ({self.coverage:.0%} interval of the change "
            f"{100 * self.lower:+.2f} to {100 * self.upper:+.2f}).{sure} It is the effect of acting only where who got it was "
            "decided by chance or by the covariates."
        )
