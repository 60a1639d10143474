"""Uplift from imputed effects: what each customer did, less what the other arm's model says they would have done."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils._param_validation import HasMethods

from ..exceptions import DataError
from ..typing import Estimator, Seed
from ._effect_regressor import EffectRegressor
from ._outcomes import check_kind, default_outcome, expected, fit_on, member_of
from ._propensity import of_pair
from .base import CampaignRows, UpliftModel


class XLearner(UpliftModel):
    r"""Models of imputed effects, weighted by the propensity [1]_.

    With :math:`\hat\mu_0, \hat\mu_k` as in `TLearner`, effects are imputed and learnt for the treated and the controls,

    .. math:: D^1_i = Y_i - \hat\mu_0(X_i), \quad D^0_i = \hat\mu_k(X_i) - Y_i, \qquad
        \hat\tau_k(x) = e_k(x)\,\hat\tau^0_k(x) + (1 - e_k(x))\,\hat\tau^1_k(x),

    where :math:`e_k` is the propensity of arm k among its customers and the controls: where few were treated, the effects
    imputed for them, by the model of many controls, count most. No :math:`\hat\mu` is used on rows it was fitted on.

    Parameters
    ----------
    outcome_estimator : classifier or regressor, default=None
        Predicts outcomes within an arm, as in `TLearner`.
    effect_estimator : regressor, default=None
        Predicts imputed effects, which are noisy. None takes the mean of ridge regression, whose penalty is chosen by
        leave-one-out, and small boosted trees: the line finds effects that add up, the trees those with a threshold.
    control, n_resamples, n_jobs, random_state
        As in `TLearner`. The bootstrap keeps the propensities as they are.

    Attributes
    ----------
    propensity_source_ : {"known", "estimated"}
    n_clipped_ : int
        Rows whose estimated propensity was at the edge.
    arms_, control_, outcome_, counts_, average_effect_, models_, n_features_in_, feature_names_in_
        As in `TLearner`; means in ``average_effect_`` are weighted by 1 / propensity.

    Notes
    -----
    Propensities known row by row are not known for customers to come: :math:`e_k` in the weighting is then a logistic
    regression on the features. Any weights between 0 and 1 estimate the same effect.

    References
    ----------
    .. [1] Künzel, S. R., Sekhon, J. S., Bickel, P. J. & Yu, B. (2019), Metalearners for estimating heterogeneous treatment
       effects using machine learning. PNAS 116(10), 4156-4165.

    Examples
    --------
    >>> from crmml.datasets import make_campaign
    >>> data, truth = make_campaign(8000, propensity=0.2, return_truth=True, random_state=0)
    >>> X = data.drop(columns=["treatment", "outcome"])
    >>> model = XLearner(random_state=0).fit(X, data["outcome"], treatment=data["treatment"], propensity=0.2)
    >>> bool(np.corrcoef(model.predict(X), truth)[0, 1] > 0.5)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        name: rule for name, rule in UpliftModel._parameter_constraints.items() if name != "estimator"
    } | {"outcome_estimator": [HasMethods(["fit"]), None], "effect_estimator": [HasMethods(["fit", "predict"]), None]}
    _uses_propensity: ClassVar[bool] = True

    def __init__(
        self,
        outcome_estimator: Estimator | None = None,
        effect_estimator: Estimator | None = None,
        *,
        control: str | float | None = None,
        n_resamples: int = 0,
        n_jobs: int | None = None,
        random_state: Seed = None,
    ):
        self.outcome_estimator = outcome_estimator
        self.effect_estimator = effect_estimator
        self.control = control
        self.n_resamples = n_resamples
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _given(self) -> list[Any]:
        return [self.outcome_estimator, self.effect_estimator]

    def _check_outcome(self, y: np.ndarray, binary: bool) -> None:
        check_kind(self.outcome_estimator, binary, "outcome_estimator", y)
        if self.effect_estimator is not None and is_classifier(self.effect_estimator):
            raise DataError(
                ["it is a classifier, but imputed effects are not classes; take a regressor"], "effect_estimator"
            )

    def _fit_models(self, rows: CampaignRows, seed: int) -> dict[str, list]:
        parts = [rows.rows(rows.code == k) for k in range(len(rows.names))]
        outcome = []
        for part, name in zip(parts, rows.names, strict=True):
            member = (
                default_outcome(rows.binary, rows.kinds)
                if self.outcome_estimator is None
                else member_of(self.outcome_estimator, rows.X, rows.kinds)
            )
            outcome.append(fit_on(member, part.X, part.y, part.weight, f"arm {name!r}"))
        of_treated, of_control = [], []
        for part, name, model in zip(parts[1:], rows.names[1:], outcome[1:], strict=True):
            gained = part.y - expected(outcome[0], part.X)
            missed = expected(model, parts[0].X) - parts[0].y
            of_treated.append(fit_on(self._effect(rows, seed), part.X, gained, part.weight, f"arm {name!r}"))
            of_control.append(fit_on(self._effect(rows, seed), parts[0].X, missed, parts[0].weight, "control"))
        return {"outcome": outcome, "treated": of_treated, "control": of_control}

    def _effect(self, rows: CampaignRows, seed: int) -> Any:
        if self.effect_estimator is None:
            return EffectRegressor(rows.kinds, seed)
        return member_of(self.effect_estimator, rows.X, rows.kinds)

    def _effects(self, models: dict[str, list], X: pd.DataFrame) -> np.ndarray:
        propensity = self._propensity_of(X)
        found = []
        for k, (treated, control) in enumerate(zip(models["treated"], models["control"], strict=True), start=1):
            e = of_pair(propensity, k)
            found.append(e * expected(control, X) + (1 - e) * expected(treated, X))
        return np.column_stack(found)
