"""What a model of purchases or of stages says of each customer, as features of a churn classifier."""

from __future__ import annotations

import re
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import frames
from ..exceptions import DataError
from ..fitting import atomic
from ..results import NotebookMixin
from ..typing import ArrayLike, Estimator, FrameLike


class ModelFeatures(NotebookMixin, TransformerMixin, BaseEstimator):
    """Fit a model on the rows of the fold, and add its predictions to the columns.

    Inside a pipeline the model sees the rows the pipeline is fitted on and no others, so that nothing of a held-out fold
    or of a later cutoff reaches the features. The model never sees labels.

    Parameters
    ----------
    model : transaction, value or stage model
        Not fitted; it is cloned. A transaction model gives ``probability_alive`` and ``expected_purchases``, a
        `CustomerLifetimeValue` model ``lifetime_value`` and those of its transaction model, a stage model
        ``stage_<name>``, the probability of each stage in the next period.
    horizon : float, default=None
        Of expected purchases, in the unit of the summary; None takes the model's own, else leaves the column out.
    columns : sequence of str, default=None
        Columns of X that make the panel of a stage model, earliest period first; None takes
        ``purchases_lag_n ... purchases_lag_1`` as snapshots make them with features="history".
    passthrough : bool, default=True
        Keep the columns of X before those of the model; a frame then comes back as a pandas frame.

    Attributes
    ----------
    model_ : the fitted model
    names_out_ : list of str
        Columns the model adds.

    Examples
    --------
    >>> from crmml.clv import BetaGeoNBD
    >>> from crmml.datasets import load_cdnow_sample
    >>> from crmml.transactions import summarize
    >>> summary = summarize(load_cdnow_sample(), period="D", unit="W")
    >>> features = ModelFeatures(BetaGeoNBD(), horizon=13, passthrough=False).fit_transform(summary)
    >>> features.shape
    (2357, 2)
    """

    #: It takes the raw columns and hands them on with more: an encoder comes after it, not before.
    adds_columns: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict] = {
        "model": [HasMethods(["fit"])],
        "horizon": [Interval(Real, 0, None, closed="neither"), None],
        "columns": ["array-like", None],
        "passthrough": ["boolean"],
    }

    def __init__(
        self, model: Estimator, *, horizon: float | None = None, columns: Any = None, passthrough: bool = True
    ):
        self.model = model
        self.horizon = horizon
        self.columns = columns
        self.passthrough = passthrough

    @atomic
    def fit(self, X: FrameLike, y: ArrayLike | None = None, *, sample_weight: ArrayLike | None = None) -> ModelFeatures:
        """Fit the model on X.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
            With the columns the model takes.
        y : ignored
        sample_weight : array of shape (n,), default=None

        Raises
        ------
        DataError
            For columns the model needs and X lacks.
        """
        self._validate_params()
        if frames.is_frame(X):
            self.feature_names_in_ = np.asarray(frames.wrap(X).collect_schema().names(), dtype=object)
            self.n_features_in_ = self.feature_names_in_.size
        else:
            validate_data(self, X, reset=True, dtype=None, ensure_all_finite=False)
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.model_ = clone(self.model).fit(self._input(X), **given)
        self.names_out_ = self._names()
        here = set(getattr(self, "feature_names_in_", ())) if self.passthrough else set()
        if twice := [name for name in self.names_out_ if name in here]:
            raise DataError(
                [
                    f"column {name!r} is there already, and the model would add one of that name; rename it"
                    for name in twice
                ],
                "the features",
            )
        return self

    def _input(self, X: Any) -> Any:
        """What the model takes: the frame itself, or the panel of a stage model."""
        hidden = not hasattr(self.model, "probability_alive") and not hasattr(self.model, "transactions")
        if not hidden or not frames.is_frame(X):
            return X
        names = list(self.columns) if self.columns is not None else self._lags()
        return frames.to_columns(X, names).to_numpy(dtype=np.float64, na_value=np.nan)

    def _lags(self) -> list[str]:
        lags = {int(m[1]): name for name in self.feature_names_in_ if (m := re.fullmatch(r"purchases_lag_(\d+)", name))}
        if not lags:
            raise DataError(
                [
                    "there are no columns purchases_lag_1, purchases_lag_2 ...; make snapshots with features='history', or "
                    "name the panel in columns="
                ],
                "the features",
            )
        return [lags[lag] for lag in sorted(lags, reverse=True)]

    def _names(self) -> list[str]:
        if self._transactions() is not None:
            names = ["probability_alive"]
            if self._horizon() is not None:
                names.append("expected_purchases")
            return names + (["lifetime_value"] if hasattr(self.model_, "transactions_") else [])
        space = getattr(self.model_, "stages_", None)
        names = space.names if space is not None else self.model_.chain_.stages.names
        return [f"stage_{name}" for name in names]

    def _transactions(self) -> Any:
        """The fitted transaction model, if there is one."""
        if hasattr(self.model_, "probability_alive"):
            return self.model_
        return getattr(self.model_, "transactions_", None)

    def _horizon(self) -> float | None:
        return self.horizon if self.horizon is not None else getattr(self.model_, "horizon", None)

    def transform(self, X: FrameLike) -> Any:
        """Return the columns of the model, after those of X with ``passthrough``.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)

        Returns
        -------
        DataFrame or ndarray of shape (n, p + n_features) or (n, n_features)
        """
        check_is_fitted(self)
        named = frames.is_frame(X) and hasattr(self, "feature_names_in_")
        if named:
            frames.check_names(list(self.feature_names_in_), frames.wrap(X).collect_schema().names(), "the features")
        else:
            X = validate_data(self, X, reset=False, dtype=None, ensure_all_finite=False)
        added = self._predictions(X)
        if not named:
            return np.hstack([np.asarray(X), added]) if self.passthrough else added
        if not self.passthrough:
            return added
        table = frames.to_columns(X, list(self.feature_names_in_))
        return table.assign(**dict(zip(self.names_out_, added.T, strict=True)))

    def _predictions(self, X: Any) -> np.ndarray:
        transactions, horizon = self._transactions(), self._horizon()
        if transactions is None:
            return np.asarray(self.model_.predict_proba(self._input(X)), dtype=np.float64)
        columns = [transactions.probability_alive(X)]
        if horizon is not None:
            columns.append(transactions.predict(X, horizon))
        if transactions is not self.model_:
            columns.append(self.model_.predict(X))
        return np.column_stack(columns)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Names of the columns that `transform` gives."""
        check_is_fitted(self)
        if not self.passthrough:
            return np.asarray(self.names_out_, dtype=object)
        first = getattr(self, "feature_names_in_", input_features)
        first = [f"x{i}" for i in range(self.n_features_in_)] if first is None else list(np.asarray(first))
        return np.asarray([*first, *self.names_out_], dtype=object)

    def describe(self) -> str:
        """Say which columns are added, and the model."""
        check_is_fitted(self)
        return f"Adds {', '.join(self.names_out_)} of {type(self.model_).__name__}, fitted on the rows given to fit."
