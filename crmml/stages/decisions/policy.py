"""What a decision process answers: which action in which stage, what it is worth, what it costs, what it prevents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ...exceptions import shortened
from ...results import Result
from ..process.chain import StageChain
from ..process.space import StageSpace


@dataclass(frozen=True)
class StagePolicy(Result):
    """A rule that says which action to take in each stage.

    Attributes
    ----------
    stages : StageSpace
    actions : tuple of str
    probabilities : ndarray of shape (n_stages, n_actions) or (horizon, n_stages, n_actions)
        Of taking each action in each stage; one table for ever, or one for each period of a horizon, for relationships not
        yet broken.
    after_rupture : ndarray of the same shape, or None
        The same for relationships that broke before and were won back.
    value : float
        Expected discounted reward less cost of a customer of the start mix, over the horizon or for ever.
    cost : float
        Expected discounted cost.
    rupture : float or None
        Probability that a customer of the start mix breaks within ``rupture_horizon`` periods; None without a rupture.
    rupture_horizon : int
    stage_value : ndarray of shape (n_stages,)
        Value of a customer in each stage.
    stage_rupture : ndarray of shape (n_stages,) or None
    horizon : int or None
        None is for ever.
    compared : DataFrame
        value, cost and rupture of always taking one action, for comparison.
    """

    stages: StageSpace
    actions: tuple[str, ...]
    probabilities: np.ndarray
    after_rupture: np.ndarray | None
    value: float
    cost: float
    rupture: float | None
    rupture_horizon: int
    stage_value: np.ndarray
    stage_rupture: np.ndarray | None
    horizon: int | None
    compared: pd.DataFrame = field(repr=False)

    @property
    def now(self) -> np.ndarray:
        """Probabilities of the actions in the present period, (n_stages, n_actions)."""
        return self.probabilities if self.probabilities.ndim == 2 else self.probabilities[0]

    def action(self, stage: str | int) -> str:
        """Return the action to take in a stage now: the most likely one, where chance decides."""
        at = self.stages.index(stage) if isinstance(stage, str) else int(stage)
        return self.actions[int(self.now[at].argmax())]

    def table(self) -> pd.DataFrame:
        """Return one row per stage: the action now, its probability, value, and probability of rupture."""
        table = pd.DataFrame(
            {
                "stage": self.stages.names,
                "action": [self.action(i) for i in range(len(self.stages))],
                "probability": self.now.max(axis=1),
                "value": self.stage_value,
            }
        )
        return table if self.stage_rupture is None else table.assign(rupture_probability=self.stage_rupture)

    def to_frame(self) -> pd.DataFrame:
        """Return the table: one row per stage."""
        return self.table()

    def describe(self) -> str:
        """Say in plain sentences what to do, what it is worth and what it prevents."""
        steps = []
        for i, name in enumerate(self.stages.names):
            if self.stages.absorbing_mask[i]:
                continue
            chance = self.now[i].max()
            sure = "" if chance > 1 - 1e-6 else f" (for {100 * chance:.0f} % of them, drawn by chance)"
            steps.append(f"{shortened(name)}: {shortened(self.action(i))}{sure}")
        span = "for ever" if self.horizon is None else f"over {self.horizon} periods"
        lines = [f"What to do now, by stage: {'; '.join(steps)}."]
        lines.append(f"A customer is worth {self.value:,.2f} {span}, after costs of {self.cost:,.2f}.")
        if self.rupture is not None:
            lines.append(
                f"The probability of rupture within {self.rupture_horizon} periods is {100 * self.rupture:.1f} %."
            )
        for row in self.compared.to_dict("records"):
            broken = "" if self.rupture is None else f" and a rupture probability of {100 * row['rupture']:.1f} %"
            lines.append(f"Always {shortened(row['action'])}: a value of {row['value']:,.2f}{broken}.")
        return "\n".join(lines)


@dataclass(frozen=True)
class RobustChoice(Result):
    """A policy chosen under uncertainty about the transition probabilities.

    Attributes
    ----------
    policy : StagePolicy
        The choice, evaluated at the point estimates.
    criterion : str
        What it maximises over the posterior.
    lower, upper, mean : float
        Interval and mean of its value over the posterior.
    coverage : float
    probability_best : float
        Share of the posterior draws in which no other candidate is worth more.
    table : DataFrame
        Candidates: the action in each stage, mean, lower, upper, quantile and probability_best; best first.
    """

    policy: StagePolicy
    criterion: str
    lower: float
    upper: float
    mean: float
    coverage: float
    probability_best: float
    table: pd.DataFrame = field(repr=False)

    def describe(self) -> str:
        """Say in plain sentences what was chosen and how sure it is."""
        return (
            f"{self.policy.describe()}\nIt was chosen for the best {self.criterion} over the uncertainty of the moves: a customer is "
            f"worth {self.lower:,.2f} to {self.upper:,.2f} ({self.coverage:.0%} interval), and it is the best of {len(self.table):,} "
            f"candidates with probability {100 * self.probability_best:.0f} %."
        )


def induced_chain(chains: dict[str, StageChain], probabilities: np.ndarray) -> StageChain:
    """Return the chain of a policy that is the same in every period."""
    first: Any = next(iter(chains.values()))
    P = np.einsum("sa,asj->sj", probabilities, np.stack([chain.P for chain in chains.values()]))
    space = first.stages
    plain = StageSpace(space.names, rupture=space.rupture, labels=space.labels)
    return StageChain(P / P.sum(axis=1, keepdims=True), plain, first.period)
