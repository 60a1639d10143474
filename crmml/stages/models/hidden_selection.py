"""How many hidden stages there are, by BIC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ...exceptions import in_number
from ...results import Result
from ...typing import FrameLike
from .hidden import HiddenMarkovStageModel


@dataclass(frozen=True)
class StageSelection(Result):
    """Hidden Markov models with different numbers of stages.

    Attributes
    ----------
    table : DataFrame
        n_stages, n_parameters, log_likelihood, aic, bic, converged.
    best : HiddenMarkovStageModel
        The one with the lowest BIC.
    models : dict
        All of them by number of stages.
    """

    table: pd.DataFrame
    best: HiddenMarkovStageModel
    models: dict[int, HiddenMarkovStageModel]

    def describe(self) -> str:
        """Say in a plain sentence how many stages were chosen and by how much."""
        ranked = sorted((model.bic_, n) for n, model in self.models.items())
        lead = in_number(f"BIC chooses {ranked[0][1]} stages")
        if len(ranked) == 1:
            return f"{lead}, the only number tried."
        return f"{lead}, {ranked[1][0] - ranked[0][0]:,.1f} below the next best ({ranked[1][1]})."


def select_n_stages(
    X: FrameLike, candidates: Iterable[int], emission: str = "poisson", **settings: Any
) -> StageSelection:
    """Fit a hidden Markov model with each number of stages and choose by BIC.

    Parameters
    ----------
    X : array-like of shape (n_customers, n_periods)
    candidates : iterable of int
        Numbers of stages.
    emission : {"poisson", "categorical", "gaussian"}, default="poisson"
    **settings
        Of :class:`HiddenMarkovStageModel`.

    Returns
    -------
    StageSelection

    Examples
    --------
    >>> import numpy as np
    >>> from crmml.stages import select_n_stages
    >>> X = np.random.default_rng(0).poisson(2.0, (200, 8))
    >>> select_n_stages(X, [1, 2], n_init=1, std_errors=False).best.rates_.shape
    (1,)
    """
    models = {int(n): HiddenMarkovStageModel(int(n), emission, **settings).fit(X) for n in candidates}
    if not models:
        raise ValueError("candidates must name at least one number of stages.")
    table = pd.DataFrame(
        [(n, m.n_parameters_, m.log_likelihood_, m.aic_, m.bic_, m.converged_) for n, m in models.items()],
        columns=["n_stages", "n_parameters", "log_likelihood", "aic", "bic", "converged"],
    )
    return StageSelection(table, min(models.values(), key=lambda model: model.bic_), models)
