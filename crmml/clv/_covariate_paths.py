"""Models of transactions whose covariates change over time, on the methods of those whose covariates do not.

A call with ``covariate_paths`` is answered by a copy of the model that is bound to these paths: its rows carry the pieces of each
customer's time, its parameter vector goes to the numerics as it is. The flow of estimation, posterior and intervals are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .. import frames
from ..checks import check_choice, check_number
from ..exceptions import DataError
from ..fitting import atomic
from ..inference import Posterior
from ..typing import ArrayLike, Frame, FrameLike, Seed
from ._covariates import CovariateLayout, Effect
from ._path_reading import CUSTOMER, CovariatePaths
from .numerics.covariate_paths import CovariatePathModel, PathRows
from .transaction import TransactionModel

#: Quantities of :meth:`predict_interval` that have an answer under a path, and the argument that says how far it has to reach.
REACH = {"predict": "horizon", "discounted_expected_transactions": "horizon", "probability_alive": "ahead"}


@dataclass(frozen=True)
class BoundPaths:
    """Paths that a model is bound to.

    Attributes
    ----------
    paths : CovariatePaths
    covariates : tuple of str
        All covariates of the model; those that the paths lack are columns of X, constant for each customer.
    ahead : float
        How far from T on the paths have to reach.
    """

    paths: CovariatePaths
    covariates: tuple[str, ...]
    ahead: float = 0.0

    @property
    def constant(self) -> tuple[str, ...]:
        """The covariates that are columns of X."""
        return tuple(name for name in self.covariates if name not in self.paths.names)

    def values(self, columns: np.ndarray, names: Sequence[str], entry: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """Covariates on pieces, (len(names), m), pieces given by their place in the paths and by their row of ``columns``."""
        result = np.empty((len(names), entry.size))
        for row, name in zip(result, names, strict=True):
            if name in self.paths.names:
                row[:] = self.paths.values[self.paths.names.index(name)][entry]
            else:
                row[:] = columns[owner, 4 + self.constant.index(name)]
        return result

    def rows(self, columns: np.ndarray, purchase: Sequence[str], dropout: Sequence[str]) -> PathRows:
        """Rows of columns (frequency, recency, T, place among the paths, then the constant covariates)."""

        def values_of(entry: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return self.values(columns, purchase, entry, owner), self.values(columns, dropout, entry, owner)

        return self.paths.rows(columns, columns[:, 3].astype(np.intp), values_of)


class PathLayout(CovariateLayout):
    """The vector of a model on paths: as with constant covariates, but handed to the numerics as it is."""

    def __init__(self, parameters: Sequence[str], effects: Sequence[Effect], equal: Sequence[str], bound: BoundPaths):
        super().__init__(parameters, effects, equal)
        self.bound = bound

    def theta(self, vector: np.ndarray, columns: np.ndarray) -> list:
        """Natural parameters and coefficients: scalars of ``vector`` (k,), or (draws, 1) of (draws, k)."""
        moved = np.array(vector, dtype=float)
        moved[..., : self.n_parameters] = np.exp(moved[..., : self.n_parameters])
        return [moved[..., j] if moved.ndim == 1 else moved[..., j : j + 1] for j in range(self.size)]

    def gradient(self, by_log_theta: np.ndarray, weight: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Weighted gradient (k,) from each row's gradient (k, n)."""
        return by_log_theta @ weight

    def coordinates(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """As with constant covariates, mean and spread taken over the customers' time."""
        names = self.bound.covariates
        rows = self.bound.rows(columns, names, ())
        pieces, lived = [], []
        for stretch in (rows.before, rows.quiet):
            pieces.append(stretch.purchase.T)
            lived.append(stretch.length * weight[stretch.customer])
        time = np.concatenate(lived)
        if not time.sum() > 0:
            return np.eye(self.size)
        values = np.vstack(pieces)
        table = np.zeros((len(values), max((max(e.columns) for e in self.effects), default=0) + 1))
        table[:, table.shape[1] - len(names) :] = values
        matrix = super().coordinates(table, time)
        lived_through = values[time > 0]
        still = lived_through.max(axis=0) == lived_through.min(axis=0)
        for effect, place in self.slices():
            for name, row in zip(effect.names, range(place.start, place.stop), strict=True):
                if still[
                    names.index(name)
                ]:  # nothing tells its effect from the rate's scale: exactly flat, not up to rounding
                    matrix[:, self.n_parameters :][:, matrix[row, self.n_parameters :] != 0] = 0.0
        return matrix

    def faults(self, columns: np.ndarray) -> list[str]:
        """Constant covariates that are missing or infinite."""
        found = []
        for name, z in zip(self.bound.constant, columns.T[3:], strict=True):
            if wrong := int(np.count_nonzero(~np.isfinite(z))):
                found.append(
                    f"covariate {name} is missing or infinite in {wrong:,} of {z.size:,} rows; fill or drop them"
                )
        return found


class CovariatePathsMixin(TransactionModel):
    """Adds ``covariate_paths`` to a model that has its numerics on paths."""

    #: The paths that this copy of the model is bound to.
    _bound: BoundPaths | None = None
    path_covariates_: tuple[str, ...]

    @atomic
    def fit(
        self,
        X: FrameLike,
        y: None = None,
        sample_weight: ArrayLike | None = None,
        covariate_paths: Frame | None = None,
    ) -> Any:
        """Fit by maximum likelihood.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, n_columns)
            A summary with the model's columns (any order, others ignored), or an array with exactly these columns. With
            ``covariate_paths`` a frame that has customer_id as well.
        y : None
            Ignored; there for the convention.
        sample_weight : array-like of shape (n_customers,), default=None
            How many customers each row stands for. At least 0.
        covariate_paths : frame of any engine, default=None
            Covariates that change over time, one row for each customer and piece of time from the first purchase to T at least, as
            :func:`crmml.transactions.covariate_paths` makes it of the log and a long frame: customer_id, start, end, purchases and
            the covariates. Covariates of the model that it lacks are columns of X, constant for each customer.

        Returns
        -------
        self : object

        Raises
        ------
        DataError
            Naming every fault of X at once, or of the paths: customers without one, periods left out or there twice, infinite
            numbers, an end before T, purchases that are not those of X.

        Warns
        -----
        ConvergenceWarning
            When the point reached is no interior optimum; ``converged_`` is then False.
        """
        self._bind(None if covariate_paths is None else self._read_paths(covariate_paths))
        super().fit(X, y, sample_weight)
        self.path_covariates_ = () if self._bound is None else self._bound.paths.names
        self._bind(None)
        return self

    def predict(self, X: FrameLike, horizon: float | None = None, covariate_paths: Frame | None = None) -> np.ndarray:
        """Expected number of transactions in (T, T + horizon], given each customer's history.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
            frequency, recency, T; with ``covariate_paths`` customer_id as well.
        horizon : float, default=None
            In the fitted unit; None takes the constructor's ``horizon``.
        covariate_paths : frame of any engine, default=None
            As in :meth:`fit`, reaching to T + horizon: what lies beyond T is the future that the prediction is made under.

        Returns
        -------
        ndarray of shape (n_customers,)
            At least 0.
        """
        if covariate_paths is None:
            return super().predict(X, horizon)
        return self._under(covariate_paths, self._horizon(horizon)).predict(X, horizon)

    def probability_alive(self, X: FrameLike, ahead: float = 0.0, covariate_paths: Frame | None = None) -> np.ndarray:
        """P(alive at T + ahead), given each customer's history.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
        ahead : float, default=0.0
            Time after T, in the fitted unit, at least 0.
        covariate_paths : frame of any engine, default=None
            As in :meth:`fit`, reaching to T + ahead.

        Returns
        -------
        ndarray of shape (n_customers,)
        """
        if covariate_paths is None:
            return super().probability_alive(X, ahead)
        return self._under(covariate_paths, check_number(ahead, "ahead", least=0)).probability_alive(X, ahead)

    def predict_count_proba(
        self,
        X: FrameLike,
        horizon: float | None = None,
        max_count: int = 10,
        covariate_paths: Frame | None = None,
    ) -> np.ndarray:
        """P(X(T, T + horizon) = j) for j = 0 .. max_count, given each customer's history.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
        horizon : float, default=None
        max_count : int, default=10
        covariate_paths : frame of any engine, default=None
            As in :meth:`fit`, reaching to T + horizon.

        Returns
        -------
        ndarray of shape (n_customers, max_count + 1)
            Rows sum to at most 1; the rest is the probability of more than ``max_count``.
        """
        if covariate_paths is None:
            return super().predict_count_proba(X, horizon, max_count)
        return self._under(covariate_paths, self._horizon(horizon)).predict_count_proba(X, horizon, max_count)

    def discounted_expected_transactions(
        self,
        X: FrameLike,
        horizon: float | None = None,
        annual_discount_rate: float = 0.0,
        unit: str | None = None,
        covariate_paths: Frame | None = None,
    ) -> np.ndarray:
        r"""Discounted expected transactions in (T, T + horizon], :math:`\int_0^h e^{-\delta\tau}\,dE[X(T, T+\tau)]`.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
        horizon : float, default=None
        annual_discount_rate : float, default=0.0
            Effective rate a year; δ = ln(1 + rate) per year.
        unit : {"h", "D", "W", "M", "Y"}, default=None
            The unit of X's times, needed where the summary carried none.
        covariate_paths : frame of any engine, default=None
            As in :meth:`fit`, reaching to T + horizon. There is no discounted sum over an infinite horizon under paths, which end.

        Returns
        -------
        ndarray of shape (n_customers,)
        """
        if covariate_paths is None:
            return super().discounted_expected_transactions(X, horizon, annual_discount_rate, unit)
        bound = self._under(covariate_paths, self._horizon(horizon))
        return bound.discounted_expected_transactions(X, horizon, annual_discount_rate, unit)

    def predict_interval(
        self,
        X: FrameLike,
        of: str = "predict",
        *,
        horizon: float | None = None,
        coverage: float = 0.9,
        kind: str = "mean",
        n_draws: int = 1000,
        ahead: float = 0.0,
        quantile: float = 0.5,
        annual_discount_rate: float = 0.0,
        unit: str | None = None,
        covariate_paths: Frame | None = None,
    ) -> np.ndarray:
        """Credible interval of a prediction for each customer.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
        of, horizon, coverage, kind, n_draws, ahead, quantile, annual_discount_rate, unit
            As in :meth:`TransactionModel.predict_interval`.
        covariate_paths : frame of any engine, default=None
            As in :meth:`fit`, reaching to T + horizon (or + ahead), for ``of`` "predict", "probability_alive" or
            "discounted_expected_transactions". The work is that of ``n_draws`` predictions.

        Returns
        -------
        ndarray of shape (n_customers, 2)
            Lower and upper bound.
        """
        given: dict[str, Any] = {
            "horizon": horizon,
            "coverage": coverage,
            "kind": kind,
            "n_draws": n_draws,
            "ahead": ahead,
        }
        given |= {"quantile": quantile, "annual_discount_rate": annual_discount_rate, "unit": unit}
        if covariate_paths is None:
            return super().predict_interval(X, of, **given)
        reach = self._horizon(horizon) if REACH[check_choice(of, "of", tuple(REACH))] == "horizon" else ahead
        bound = self._under(covariate_paths, check_number(reach, "ahead", least=0))
        result = bound.predict_interval(X, of, **given)
        self.posterior_draws_ = bound.posterior_draws_  # made in passing, and good for the next call
        return result

    def score(
        self,
        X: FrameLike,
        y: None = None,
        sample_weight: ArrayLike | None = None,
        covariate_paths: Frame | None = None,
    ) -> float:
        """Mean log-likelihood per customer, in the data's own units.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, n_columns)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_customers,), default=None
        covariate_paths : frame of any engine, default=None
            As in :meth:`fit`.

        Returns
        -------
        float
        """
        if covariate_paths is None:
            return super().score(X, y, sample_weight)
        return self._under(covariate_paths).score(X, y, sample_weight)

    # ---- a copy that is bound to paths --------------------------------------------------------------------------------

    def _read_paths(self, covariate_paths: Any, ahead: float = 0.0) -> BoundPaths:
        self._validate_params()
        return BoundPaths(CovariatePaths.read(covariate_paths, self._covariates()), self._covariates(), ahead)

    def _bind(self, bound: BoundPaths | None) -> None:
        if bound is None:
            self.__dict__.pop("_bound", None)
            self.__dict__.pop("numerics", None)
        else:
            self._bound, self.numerics = bound, CovariatePathModel()

    def _bound_to(self, bound: BoundPaths | None) -> Any:
        """A copy with the same fitted state."""
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._bind(bound)
        return copy

    def _under(self, covariate_paths: Any, ahead: float = 0.0) -> Any:
        check_is_fitted(self, "theta_")
        return self._bound_to(self._read_paths(covariate_paths, ahead))

    def _layout(self) -> CovariateLayout:
        layout = super()._layout()
        if self._bound is None:
            return layout
        return PathLayout(self.parameter_names, layout.effects, layout.equal, self._bound)

    def _input_columns(self) -> tuple[str, ...]:
        return super()._input_columns() if self._bound is None else (*self._columns, *self._bound.constant)

    def _rows(self, columns: np.ndarray) -> Any:
        if self._bound is None:
            return super()._rows(columns)
        return self._bound.rows(columns, tuple(self.purchase_covariates), tuple(self.dropout_covariates))

    def _summary(self, X: Any, *, reset: bool) -> np.ndarray:
        if self._bound is None:
            return super()._summary(X, reset=reset)
        if not frames.is_frame(X):
            fault = f"it is an array; with covariate_paths give a frame, whose column {CUSTOMER!r} tells whose path is whose"
            raise DataError([fault], f"the summary given to {type(self).__name__}")
        known = frames.get_ruler(X) if reset else self.ruler_.merged(**vars(frames.get_ruler(X)))
        self._bound.paths.check_ruler(known)
        picked = frames.to_columns(X, [CUSTOMER, *self._input_columns()])
        columns = super()._summary(picked, reset=reset)
        place = self._bound.paths.places(picked, columns, self._bound.ahead)
        return np.column_stack([columns[:, :3], place, columns[:, 3:]])

    def _fitted_summary(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        if self._bound is None and (names := getattr(self, "path_covariates_", ())):
            fault = (
                f"the model was fitted on paths of {', '.join(map(repr, names))}, and there are none; give covariate_paths= to fit, "
                f"score, predict, predict_count_proba, probability_alive, discounted_expected_transactions or predict_interval. What "
                "else it is asked needs covariates that never change"
            )
            raise DataError([fault], f"the request to {type(self).__name__}")
        return super()._fitted_summary(X)

    def _forget_fit(self) -> None:
        super()._forget_fit()
        self.path_covariates_ = ()

    def _sample_posterior(self, n_draws: int, random_state: Seed) -> Posterior:
        data = getattr(self, "_data", None)
        bound = getattr(getattr(data, "layout", None), "bound", None)
        if data is None or bound is self._bound:
            return super()._sample_posterior(n_draws, random_state)
        other = self._bound_to(bound)  # the likelihood is that of the data, whatever is predicted now
        posterior = other._sample_posterior(n_draws, random_state)
        self.posterior_draws_ = other.posterior_draws_
        return posterior
