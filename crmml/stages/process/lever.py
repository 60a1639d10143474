"""The lever: the arc of a relationship on which a small change does most against rupture.

Levers are compared by their elasticity: what saving one in a hundred of those who break from a stage does, the derivative
times the probability there is to be moved. An arc that hardly anybody takes is a poor lever, however steep its derivative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...exceptions import shown
from ...results import Result
from .space import StageSpace


@dataclass(frozen=True)
class Lever(Result):
    """The best arc, and what saving one in a hundred of those who break along it does.

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
    gain : float
        Effect times what is available, over 100: the change where one in a hundred of those who break is saved.
    table : DataFrame
        Every lever, best first by gain, with columns origin, to, available, effect, gain.
    unit : str or None
        None for a chain; for a generator what time is counted in, in words, effects and what is available being those of
        intensities per unit.
    """

    origin: str
    to: str
    effect: float
    horizon: Any
    available: float
    gain: float
    table: pd.DataFrame
    unit: str | None = None

    def describe(self) -> str:
        """Say the lever in a plain sentence."""
        time = self.unit or "periods"
        if self.horizon is None:
            delay = f"by {self.gain:.3g} {time} on average" if np.isfinite(self.gain) else "without end"
            change = f"puts rupture off {delay}"
        else:
            within = f"within {self.horizon} {time}" if np.isfinite(self.horizon) else "ever"
            change = f"lowers the probability of rupture {within} by {-100 * self.gain:.3g} percentage points"
        rate = (
            f"{100 * self.available:.2g} % a period"
            if self.unit is None
            else f"an intensity of {self.available:.2g}, in {self.unit}"
        )
        keep = "stay there" if self.to == self.origin else f"go to {shown(self.to)}"
        return (
            f"The best lever is {shown(self.origin)}: for every one in a hundred of those who break from it ({rate}) that can be "
            f"made to {keep} instead, it {change}."
        )


def best_lever(
    stages: StageSpace,
    matrix: np.ndarray,
    sensitivity: np.ndarray,
    weight: np.ndarray,
    horizon: Any,
    unit: str | None = None,
) -> Lever:
    """Return the lever with the greatest effect on the customers given by weights over the stages.

    ``sensitivity`` are the derivatives (n, n, n) that :meth:`StageProcess.rupture_sensitivity` gives for the horizon.

    Raises
    ------
    ValueError
        When no arc into rupture has any probability.
    """
    inside = weight > 0
    effect = np.tensordot(weight[inside] / weight.sum(), sensitivity[inside], axes=1)
    into = matrix[:, stages.rupture_mask].sum(axis=1)
    usable = stages.allowed_moves & (into > 0)[:, None] & ~stages.rupture_mask & ~stages.rupture_mask[:, None]
    usable &= ~stages.absorbing_mask[:, None]
    if not usable.any():
        raise ValueError("No stage has a move into rupture with probability above 0, so there is no lever.")
    origin, to = np.nonzero(usable)
    names = np.array(stages.names, dtype=object)
    table = pd.DataFrame(
        {"origin": names[origin], "to": names[to], "available": into[origin], "effect": effect[usable]}
    )
    table["gain"] = table["effect"] * table["available"] / 100
    table = table.sort_values("gain", ascending=horizon is not None, ignore_index=True, kind="stable")
    best = table.iloc[0]
    return Lever(
        best["origin"],
        best["to"],
        float(best["effect"]),
        horizon,
        float(best["available"]),
        float(best["gain"]),
        table,
        unit,
    )
