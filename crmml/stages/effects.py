"""The effect of a covariate or action on rupture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class MarginalEffect:
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
