"""Uplift as the difference of two predictions, each by a model of its own arm."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..typing import Estimator, Seed
from ._outcomes import check_kind, default_outcome, expected, fit_on, member_of
from .base import CampaignRows, UpliftModel


class TLearner(UpliftModel):
    r"""One model of the outcome for each arm; uplift is the difference of what they predict [1]_.

    .. math:: \hat\tau_k(x) = \hat\mu_k(x) - \hat\mu_0(x), \qquad
        \hat\mu_k \text{ fitted on customers of arm } k \text{ alone, } 0 \text{ being control.}

    Parameters
    ----------
    estimator : classifier or regressor, default=None
        A classifier, whose probability of 1 is taken, for outcomes of 0 and 1; a regressor for amounts, or for 0 and 1, whose
        mean it then predicts without keeping to [0, 1]. None takes a logistic regression, or ridge regression, on
        standardised columns: two flexible models differ by their noise where effects are weak.
    control : object, default=None
        Value of ``treatment`` that is the control arm. None takes 0, or a name such as "control", "none" or "no e-mail", and
        refuses where none or several look like one.
    n_resamples : int, default=0
        Times that all is fitted again on customers drawn again within each arm, for `predict_interval`, `predict_std` and
        `sample`.
    n_jobs : int or None, default=None
        Of the bootstrap.
    random_state : int, RandomState or None, default=None

    Attributes
    ----------
    arms_ : ndarray of shape (n_arms,)
        Treated arms, sorted.
    control_ : object
    outcome_ : {"binary", "continuous"}
    counts_ : ndarray of shape (n_arms + 1,)
        Customers of control, then of each arm.
    average_effect_ : ndarray of shape (n_arms, 2)
        Difference of mean outcomes and its standard error.
    models_ : dict of str to list of estimators
    n_features_in_, feature_names_in_

    References
    ----------
    .. [1] Künzel, S. R., Sekhon, J. S., Bickel, P. J. & Yu, B. (2019), Metalearners for estimating heterogeneous treatment
       effects using machine learning. PNAS 116(10), 4156-4165.

    Examples
    --------
    >>> from crmml.datasets import make_campaign
    >>> data = make_campaign(4000, random_state=0)
    >>> X = data.drop(columns=["treatment", "outcome"])
    >>> model = TLearner(random_state=0).fit(X, data["outcome"], treatment=data["treatment"])
    >>> model.predict(X).shape, model.arms_.tolist(), model.control_
    ((4000,), [1], 0)
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
        models = []
        for k, name in enumerate(rows.names):
            part = rows.rows(rows.code == k)
            member = (
                default_outcome(rows.binary, rows.kinds)
                if self.estimator is None
                else member_of(self.estimator, rows.X, rows.kinds)
            )
            models.append(fit_on(member, part.X, part.y, part.weight, f"arm {name!r}"))
        return {"outcome": models}

    def _effects(self, models: dict[str, list], X: pd.DataFrame) -> np.ndarray:
        control, *treated = (expected(model, X) for model in models["outcome"])
        return np.column_stack(treated) - control[:, None]
