"""The lever: the arc of a relationship on which a small change does most against rupture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from ._process import StageProcess


@dataclass(frozen=True)
class Lever:
    """The best arc, and what moving one percentage point of probability onto it does.

    Attributes
    ----------
    origin : str
        Stage whose arc into rupture gives the probability up.
    to : str
        Stage that takes it: the compensating arc is origin → to.
    effect : float
        Change for each unit of probability moved: of expected periods to rupture, or of its probability by the horizon.
    horizon : number or None
        Periods (or units) ahead, None where the effect is on the expected time.
    available : float
        Probability on the arc origin → rupture, all that could be moved.
    table : DataFrame
        Every lever, best first, with columns origin, to, available, effect.
    unit : str or None
        None for a chain; for a generator what time is counted in, in words, effects and what is available being those of
        intensities per unit.
    """

    origin: str
    to: str
    effect: float
    horizon: Any
    available: float
    table: pd.DataFrame
    unit: str | None = None

    def describe(self) -> str:
        """Say the lever in a plain sentence."""
        if self.horizon is None:
            change = f"puts rupture off by {self.effect / 100:.2f} {self.unit or 'periods'} on average"
        else:
            change = (
                f"lowers the probability of rupture within {self.horizon} {self.unit or 'periods'} by {-self.effect:.2f} "
                "percentage points"
            )
        if self.unit is not None:
            goes = "that is taken away" if self.to == self.origin else f"that leads to {self.to!r} instead"
            return (
                f"The best lever is {self.origin!r}: each 0.01 of its intensity of rupture {goes} {change} (small changes; the "
                f"intensity is {self.available:.3g}, counted in {self.unit})."
            )
        return (
            f"The best lever is {self.origin!r}: each percentage point of its customers who stay as {self.to!r} instead of breaking "
            f"{change} (small changes; {100 * self.available:.1f} % of {self.origin!r} break in a period)."
        )


def best_lever(process: StageProcess, weight: np.ndarray, horizon: Any, unit: str | None = None) -> Lever:
    """Return the lever with the greatest effect on the customers given by weights over the stages.

    Raises
    ------
    ValueError
        When no arc into rupture has any probability.
    """
    D = process.rupture_sensitivity(horizon)
    inside = weight > 0
    effect = np.tensordot(weight[inside] / weight.sum(), D[inside], axes=1)
    into = process.matrix[:, process.stages.rupture_mask].sum(axis=1)
    usable = (
        process.stages.allowed_moves
        & (into > 0)[:, None]
        & ~process.stages.rupture_mask
        & ~process.stages.rupture_mask[:, None]
    )
    usable &= ~process.stages.absorbing_mask[:, None]
    if not usable.any():
        raise ValueError("No stage has a move into rupture with probability above 0, so there is no lever.")
    origin, to = np.nonzero(usable)
    names = np.array(process.stages.names, dtype=object)
    table = pd.DataFrame(
        {"origin": names[origin], "to": names[to], "available": into[origin], "effect": effect[usable]}
    )
    table = table.sort_values("effect", ascending=horizon is not None, ignore_index=True, kind="stable")
    best = table.iloc[0]
    return Lever(best["origin"], best["to"], float(best["effect"]), horizon, float(best["available"]), table, unit)
