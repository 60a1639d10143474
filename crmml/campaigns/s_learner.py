"""Uplift as the difference of one model's predictions, with the customer treated and not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import FeatureWarning, warn
from ..fitting import atomic
from ..typing import ArrayLike, Estimator, FrameLike, Seed
from ._outcomes import check_kind, default_trees, expected, fit_on, member_of
from .base import CampaignRows, UpliftModel


class SLearner(UpliftModel):
    r"""One model of the outcome with the arm among its features; uplift is what changing the arm changes [1]_.

    .. math:: \hat\tau_k(x) = \hat\mu(x, k) - \hat\mu(x, 0)

    The arm comes as one column of 0 and 1 for each treated arm. A model without interactions, such as a plain linear one, gives
    everybody the same uplift (on the scale it is linear on): take one that finds interactions, such as trees, or put
    ``PolynomialFeatures(interaction_only=True)`` before it.

    Parameters
    ----------
    estimator : classifier or regressor, default=None
        As in `TLearner`; None takes small boosted trees.
    control, n_resamples, n_jobs, random_state
        As in `TLearner`.

    Attributes
    ----------
    arms_, control_, outcome_, counts_, average_effect_, models_, n_features_in_, feature_names_in_
        As in `TLearner`.

    References
    ----------
    .. [1] Künzel, S. R., Sekhon, J. S., Bickel, P. J. & Yu, B. (2019), Metalearners for estimating heterogeneous treatment
       effects using machine learning. PNAS 116(10), 4156-4165.

    Examples
    --------
    >>> from crmml.datasets import make_campaign
    >>> data = make_campaign(4000, arms=("letter", "call"), random_state=0)
    >>> X = data.drop(columns=["treatment", "outcome"])
    >>> model = SLearner(random_state=0).fit(X, data["outcome"], treatment=data["treatment"])
    >>> model.predict(X).shape, model.arms_.tolist(), model.control_
    ((4000, 2), ['call', 'letter'], 'control')
    """

    def __init__(
        self,
        estimator: Estimator | None = None,
        *,
        control: str | float | None = None,
        n_resamples: int = 0,
        n_jobs: int | None = None,
        random_state: Seed = None,
    ):
        self.estimator = estimator
        self.control = control
        self.n_resamples = n_resamples
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _check_outcome(self, y: np.ndarray, binary: bool) -> None:
        check_kind(self.estimator, binary, "estimator", y)

    def _fit_models(self, rows: CampaignRows, seed: int) -> dict[str, list]:
        kinds = rows.kinds | dict.fromkeys(_names(rows.X, len(rows.names) - 1), "number")
        X = _with_arm(rows.X, rows.code, len(rows.names) - 1)
        member = (
            default_trees(rows.binary, kinds, rows.y.size, seed)
            if self.estimator is None
            else member_of(self.estimator, X, kinds)
        )
        model = fit_on(member, X, rows.y, rows.weight, "all arms")
        return {"outcome": [model]}

    def _effects(self, models: dict[str, list], X: pd.DataFrame) -> np.ndarray:
        n_arms = len(self.arms_)
        (model,) = models["outcome"]
        control = expected(model, _with_arm(X, 0, n_arms))
        return np.column_stack([expected(model, _with_arm(X, k, n_arms)) - control for k in range(1, n_arms + 1)])

    @atomic
    def fit(
        self,
        X: FrameLike,
        y: ArrayLike,
        *,
        treatment: ArrayLike,
        propensity: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> SLearner:
        """Learn what each arm changes; as `TLearner.fit`.

        Warns
        -----
        FeatureWarning
            Also when the model makes no use of the arm, so that every uplift is 0.
        """
        super().fit(X, y, treatment=treatment, propensity=propensity, sample_weight=sample_weight)
        if (self.spread_ == 0).all():
            warn(
                "The model gives every customer an uplift of 0, because it makes no use of the columns of the arm (named "
                f"{', '.join(_names(pd.DataFrame(), len(self.arms_)))}): either a first step drops them, or too few customers "
                "were treated for it to find anything; XLearner is made for few.",
                FeatureWarning,
            )
        return self


def _names(X: pd.DataFrame, n_arms: int) -> list[str]:
    """Names for the columns of the arm that X has not got yet."""
    stem = "treated"
    while any(f"{stem}_{k}" in X for k in range(1, n_arms + 1)):
        stem = "_" + stem
    return [f"{stem}_{k}" for k in range(1, n_arms + 1)]


def _with_arm(X: pd.DataFrame, code: Any, n_arms: int) -> pd.DataFrame:
    """X with one column of 0 and 1 for each treated arm behind it."""
    names = _names(X, n_arms)
    added = {name: np.broadcast_to(np.equal(code, k + 1).astype(np.float64), (len(X),)) for k, name in enumerate(names)}
    return X.assign(**added)
