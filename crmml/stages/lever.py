"""The lever: the arc of a relationship on which a small change does most against rupture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from .chain import StageChain


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
    horizon : int or None
        Periods ahead, None where the effect is on the expected time.
    available : float
        Probability on the arc origin → rupture, all that could be moved.
    table : DataFrame
        Every lever, best first, with columns origin, to, available, effect.
    """

    origin: str
    to: str
    effect: float
    horizon: int | None
    available: float
    table: pd.DataFrame

    def describe(self) -> str:
        """Say the lever in a plain sentence."""
        if self.horizon is None:
            change = f"puts rupture off by {self.effect / 100:.2f} periods on average"
        else:
            change = f"lowers the probability of rupture within {self.horizon} periods by {-self.effect:.2f} percentage points"
        return (
            f"The best lever is {self.origin!r}: each percentage point of its customers who stay as {self.to!r} instead of breaking "
            f"{change} (small changes; {100 * self.available:.1f} % of {self.origin!r} break in a period)."
        )


def best_lever(chain: StageChain, weight: np.ndarray, horizon: int | None) -> Lever:
    """Return the lever with the greatest effect on the customers given by weights over the stages.

    Raises
    ------
    ValueError
        When no arc into rupture has any probability.
    """
    D = chain.rupture_sensitivity(horizon)
    inside = weight > 0
    effect = np.tensordot(weight[inside] / weight.sum(), D[inside], axes=1)
    into = chain.matrix[:, chain.stages.rupture_mask].sum(axis=1)
    usable = (
        chain.stages.allowed_moves
        & (into > 0)[:, None]
        & ~chain.stages.rupture_mask
        & ~chain.stages.rupture_mask[:, None]
    )
    usable &= ~chain.stages.absorbing_mask[:, None]
    if not usable.any():
        raise ValueError("No stage has a move into rupture with probability above 0, so there is no lever.")
    origin, to = np.nonzero(usable)
    names = np.array(chain.stages.names, dtype=object)
    table = pd.DataFrame(
        {"origin": names[origin], "to": names[to], "available": into[origin], "effect": effect[usable]}
    )
    table = table.sort_values("effect", ascending=horizon is not None, ignore_index=True, kind="stable")
    best = table.iloc[0]
    return Lever(best["origin"], best["to"], float(best["effect"]), horizon, float(best["available"]), table)
