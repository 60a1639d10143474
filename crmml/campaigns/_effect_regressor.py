"""The default regression of noisy effects: a line and small trees, averaged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline

from ..fitting import atomic
from ..tables.encoding import ColumnEncoder
from ..tables.members import fit_member
from ..typing import Seed


class EffectRegressor(RegressorMixin, BaseEstimator):
    """Mean of a ridge regression and of small boosted trees.

    Effects are weak and their noise is strong. The line finds effects that add up and shrinks to the mean effect where there
    are none, its penalty being chosen by leave-one-out; the trees find those that come with a threshold or turn round.

    Parameters
    ----------
    kinds : dict
        Kind of each column.
    random_state : int
    """

    def __init__(self, kinds: Any = None, random_state: Seed = 0):
        self.kinds = kinds
        self.random_state = random_state

    @atomic
    def fit(self, X: pd.DataFrame, y: np.ndarray, sample_weight: np.ndarray | None = None) -> EffectRegressor:
        """Fit both."""
        line = Pipeline(
            [
                ("columns", ColumnEncoder("linear", self.kinds)),
                ("regressor", RidgeCV(len(y) * np.logspace(-4, 1, 11))),
            ]
        )
        trees = Pipeline(
            [
                ("columns", ColumnEncoder("tree", self.kinds)),
                ("regressor", HistGradientBoostingRegressor(**small_trees(len(y), self.random_state))),
            ]
        )
        self.members_ = [fit_member(member, X, y, sample_weight) for member in (line, trees)]
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """The mean of both, shape (n,)."""
        return np.mean([member.predict(X) for member in self.members_], axis=0)


def small_trees(n: int, random_state: Seed) -> dict[str, Any]:
    """Options of boosted trees that cannot say much about few customers."""
    return {
        "learning_rate": 0.05,
        "max_iter": 60,
        "max_leaf_nodes": 4,
        "min_samples_leaf": max(100, n // 20),
        "random_state": random_state,
    }
