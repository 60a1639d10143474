"""Churn as silence: the probability of a transaction model that a customer will not buy again within a horizon."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import _num_samples, check_is_fitted

from .. import frames
from ..fitting import atomic
from ..results import NotebookMixin
from ..typing import ArrayLike, Estimator, FrameLike, Label
from ._labels import LabelledMixin, labels_of


class AliveChurnClassifier(NotebookMixin, LabelledMixin, BaseEstimator):
    r"""Churn probability of a row of a summary, from a buy-till-you-die model of `crmml.clv`.

    With a horizon h, churn is silence: :math:`P(X(T, T + h) = 0 \mid x, t_x, T)`, the event that snapshots label. Without
    one it is the end of the relationship, :math:`1 - P(\text{alive} \mid x, t_x, T)`. Labels teach it nothing: it needs
    none, and is the yardstick a classifier with labels has to beat.

    Parameters
    ----------
    transaction_model : transaction model
        Not fitted; it is cloned.
    horizon : float, default=None
        In the unit of the summary.
    threshold : float, default=0.5
        Probability from which `predict` says churn.
    churned : label, default=None
        The label that means churn, as in churned="left". None takes 1 (against 0 or -1), true and yes for it, and of other
        numbers the larger, with a warning; other labels are refused, as they do not tell.

    Attributes
    ----------
    transaction_model_ : the fitted model
    classes_ : ndarray of shape (2,)
        Those of y, churn second, or False and True.

    Examples
    --------
    >>> from crmml.clv import BetaGeoNBD
    >>> from crmml.datasets import load_cdnow_sample
    >>> from crmml.transactions import summarize
    >>> summary = summarize(load_cdnow_sample(), period="D", unit="W")
    >>> model = AliveChurnClassifier(BetaGeoNBD(), horizon=26).fit(summary)
    >>> model.predict_proba(summary).shape
    (2357, 2)
    """

    _parameter_constraints: ClassVar[dict] = {
        "transaction_model": [HasMethods(["fit", "probability_alive"])],
        "horizon": [Interval(Real, 0, None, closed="neither"), None],
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "churned": [str, Real, np.bool_, None],
    }

    def __init__(
        self,
        transaction_model: Estimator,
        *,
        horizon: float | None = None,
        threshold: float = 0.5,
        churned: Label | None = None,
    ):
        self.transaction_model = transaction_model
        self.horizon = horizon
        self.threshold = threshold
        self.churned = churned

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.target_tags.required = False
        return tags

    @atomic
    def fit(
        self, X: FrameLike, y: ArrayLike | None = None, *, sample_weight: ArrayLike | None = None
    ) -> AliveChurnClassifier:
        """Fit the transaction model.

        Parameters
        ----------
        X : frame of any engine, or array
            The summary the model takes; other columns are ignored.
        y : array of shape (n,), default=None
            Names the two labels; nothing else is taken from it.
        sample_weight : array of shape (n,), default=None
        """
        self._validate_params()
        frames.check_aligned("the rows", X=X, y=y, sample_weight=sample_weight)
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        fitted = clone(self.transaction_model).fit(X, **given)
        classes = np.asarray([False, True])
        if y is not None:
            classes, _ = labels_of(type(self).__name__, y, _num_samples(X), self.churned)
        self.transaction_model_ = fitted
        self.n_features_in_ = self.transaction_model_.n_features_in_
        if hasattr(self.transaction_model_, "feature_names_in_"):
            self.feature_names_in_ = self.transaction_model_.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self.classes_ = classes
        return self

    def predict_proba(self, X: FrameLike) -> np.ndarray:
        """Probability of staying and of churn, shape (n, 2)."""
        check_is_fitted(self)
        if self.horizon is None:
            p = 1 - self.transaction_model_.probability_alive(X)
        else:
            p = self.transaction_model_.predict_count_proba(X, self.horizon, 0)[:, 0]
        return np.column_stack([1 - p, p])

    def predict(self, X: FrameLike) -> np.ndarray:
        """The label of each row: churn from a probability of ``threshold`` on, shape (n,)."""
        check_is_fitted(self)
        return self.classes_[(self.predict_proba(X)[:, 1] >= self.threshold).astype(np.int64)]

    def describe(self) -> str:
        """Say what churn means here, and the model."""
        check_is_fitted(self)
        what = "no longer alive" if self.horizon is None else f"no purchase within {self.horizon:g}"
        return f"Churn is {what}, by {type(self.transaction_model_).__name__}: {self.transaction_model_.describe()}"
