"""Uplift by one model of an outcome that was changed so that its mean is the effect."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.model_selection import StratifiedKFold
from sklearn.utils._param_validation import HasMethods

from ..typing import Estimator, Seed
from ._effect_regressor import EffectRegressor
from ._outcomes import check_kind, default_outcome, expected, fit_on, member_of
from ._propensity import of_pair
from .base import CampaignRows, UpliftModel

N_FOLDS = 5


class TransformedOutcome(UpliftModel):
    r"""A regression of the transformed outcome [1]_, or a classification of the transformed class [2]_.

    Among customers of arm k (W = 1) and the controls (W = 0), with e the propensity of W = 1, a regressor learns

    .. math:: Z = Y\,\frac{W - e(X)}{e(X)(1 - e(X))}, \qquad E[Z \mid X] = \tau_k(X).

    A classifier, for outcomes of 0 and 1, learns whether outcome and arm agree, Z = 1 where Y = W, with weights 1/e for the
    treated and 1/(1 − e) for the controls, and :math:`\hat\tau_k(x) = 2 P(Z = 1 \mid x) - 1`.

    Z has a large variance, more so where Y is far from 0. With ``outcome_estimator`` its cross-fitted prediction m(X) of the
    outcome is taken off Y first, which leaves the mean of Z as it is, whatever m is, and takes most of the variance away.

    Parameters
    ----------
    estimator : regressor or classifier, default=None
        None takes the mean of ridge regression and small boosted trees.
    outcome_estimator : classifier or regressor, default=None
        Predicts the outcome without looking at the arm. None takes nothing off where there is an ``estimator``, and without one
        is a logistic or ridge regression. Not used by a classifier.
    control, n_resamples, n_jobs, random_state
        As in `TLearner`. The bootstrap keeps the propensities as they are.

    Attributes
    ----------
    propensity_source_ : {"known", "estimated"}
    n_clipped_ : int
        Rows whose estimated propensity was at the edge.
    arms_, control_, outcome_, counts_, average_effect_, models_, n_features_in_, feature_names_in_
        As in `TLearner`; means in ``average_effect_`` are weighted by 1 / propensity.

    References
    ----------
    .. [1] Athey, S. & Imbens, G. W. (2015), Machine learning methods for estimating heterogeneous causal effects.
       arXiv:1504.01132v1.
    .. [2] Jaskowski, M. & Jaroszewicz, S. (2012), Uplift modeling for clinical trial data. ICML Workshop on Clinical Data
       Analysis.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from crmml.datasets import make_campaign
    >>> data = make_campaign(4000, propensity=0.25, random_state=0)
    >>> X = data.drop(columns=["treatment", "outcome"])
    >>> model = TransformedOutcome(LinearRegression(), random_state=0)
    >>> model = model.fit(X, data["outcome"], treatment=data["treatment"], propensity=0.25)
    >>> z = data["outcome"] * (data["treatment"] - 0.25) / (0.25 * 0.75)
    >>> bool(np.allclose(model.predict(X), LinearRegression().fit(X, z).predict(X)))
    True
    """

    _parameter_constraints: ClassVar[dict] = UpliftModel._parameter_constraints | {
        "outcome_estimator": [HasMethods(["fit"]), None]
    }
    _uses_propensity: ClassVar[bool] = True

    def __init__(
        self,
        estimator: Estimator | None = None,
        *,
        outcome_estimator: Estimator | None = None,
        control: str | float | None = None,
        n_resamples: int = 0,
        n_jobs: int | None = None,
        random_state: Seed = None,
    ):
        self.estimator = estimator
        self.outcome_estimator = outcome_estimator
        self.control = control
        self.n_resamples = n_resamples
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _given(self) -> list[Any]:
        return [self.estimator, *([] if self.outcome_estimator is None else [self.outcome_estimator])]

    def _check_outcome(self, y: np.ndarray, binary: bool) -> None:
        check_kind(self.estimator, binary, "estimator", y)
        check_kind(self.outcome_estimator, binary, "outcome_estimator", y)

    def _fit_models(self, rows: CampaignRows, seed: int) -> dict[str, list]:
        models = []
        for k, name in enumerate(rows.names[1:], start=1):
            part = rows.rows(np.isin(rows.code, (0, k)))
            e, treated = of_pair(part.propensity, k), part.code == k  # type: ignore[arg-type]
            member = (
                EffectRegressor(rows.kinds, seed)
                if self.estimator is None
                else member_of(self.estimator, rows.X, rows.kinds)
            )
            if is_classifier(member):
                agree = (part.y == treated).astype(np.float64)
                inverse = np.where(treated, 1 / e, 1 / (1 - e))
                weight = inverse if part.weight is None else inverse * part.weight
                models.append(fit_on(member, part.X, agree, weight / weight.mean(), f"arm {name!r}"))
                continue
            y = part.y - self._expected_outcome(part, seed)
            models.append(fit_on(member, part.X, y * (treated - e) / (e * (1 - e)), part.weight, f"arm {name!r}"))
        return {"effect": models}

    def _expected_outcome(self, rows: CampaignRows, seed: int) -> Any:
        """Cross-fitted prediction of the outcome, shape (n,), or 0."""
        if self.outcome_estimator is None and self.estimator is not None:
            return 0.0
        out = np.zeros(rows.y.size)
        least = int(np.unique(rows.code, return_counts=True)[1].min())
        folds = StratifiedKFold(max(2, min(N_FOLDS, least)), shuffle=True, random_state=seed)
        for fit, rest in folds.split(rows.X, rows.code):
            part = rows.rows(fit)
            member = (
                default_outcome(rows.binary, rows.kinds)
                if self.outcome_estimator is None
                else member_of(self.outcome_estimator, rows.X, rows.kinds)
            )
            out[rest] = expected(fit_on(member, part.X, part.y, part.weight, "both arms"), rows.X.iloc[rest])
        return out

    def _effects(self, models: dict[str, list], X: pd.DataFrame) -> np.ndarray:
        found = [
            2 * expected(model, X) - 1 if is_classifier(model) else expected(model, X) for model in models["effect"]
        ]
        return np.column_stack(found)
