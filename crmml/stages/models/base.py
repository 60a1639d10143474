"""What models of stages share: estimates and criteria, prediction, rupture, one door for input."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from ... import frames
from ...checks import MOST_PERIODS, check_count
from ...exceptions import DataError, in_number, warn
from ...frames.numbers import check_sample_weight
from ...inference import Estimates, LikelihoodModel
from ...results import NotebookMixin
from ...typing import ArrayLike, FrameLike
from ..process.chain import StageChain
from ..process.space import StagesLike, StageSpace, as_stage_space
from .panel import check_panel, last_observed

#: From this many periods on powers of a matrix cost less than its steps.
MANY_STEPS = 50


class StageModel(NotebookMixin, LikelihoodModel, BaseEstimator):
    """A model of relationship stages, fitted by maximum likelihood.

    A model declares :meth:`fit`, which sets ``stages_``, ``log_likelihood_``, ``n_parameters_``, ``n_informative_`` and
    ``converged_``; ``estimates``; :meth:`predict_proba`; :meth:`rupture_probability`; :meth:`score` and :meth:`describe`.
    ``params_``, :meth:`summary`, ``aic_``, ``bic_``, :meth:`predict` and the table that a notebook shows follow from them.

    Attributes
    ----------
    stages_ : StageSpace
    log_likelihood_ : float
    n_parameters_ : int
    n_informative_ : float
        Customers who say something about the parameters, by their weights.
    converged_ : bool
    """

    title: ClassVar[str] = "Stage model"
    stages_: StageSpace
    n_informative_: float

    @property
    def _sample_size(self) -> float:
        return float(self.n_informative_)

    @abstractmethod
    def predict_proba(self, X: FrameLike, horizon: int = 1) -> np.ndarray:
        """Return the distribution over stages ``horizon`` periods after each customer's last observed one."""

    @abstractmethod
    def rupture_probability(self, X: FrameLike, horizon: int) -> np.ndarray:
        """Return each customer's probability of having entered rupture within a horizon: first passage."""

    @abstractmethod
    def score(self, X: FrameLike, y: None = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean log-likelihood per customer."""

    @abstractmethod
    def describe(self) -> str:
        """Say in plain sentences what was fitted and what it tells."""

    def predict(self, X: FrameLike, horizon: int = 1, **covariates: Any) -> np.ndarray:
        """Return the most likely stage ``horizon`` periods after each customer's last observed one.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods), or frame
            As in :meth:`predict_proba`.
        horizon : int, default=1
        **covariates
            As in :meth:`predict_proba`, for models that have any.

        Returns
        -------
        ndarray of shape (n_customers,)
            Codes into ``stages_``.
        """
        return self.predict_proba(X, horizon, **covariates).argmax(axis=1)

    def _refuse(self, faults: list[str]) -> None:
        if faults:
            raise DataError(faults, f"the panel given to {type(self).__name__}")

    def _rupture(self) -> np.ndarray:
        """Return the mask of rupture; a space that names none is refused."""
        if not (mask := self.stages_.rupture_mask).any():
            raise ValueError("The stage space names no rupture; name it, as in StageSpace(names, rupture=...).")
        return mask


class StagePanelModel(StageModel):
    """A discrete-time model of observed stages, fitted on a panel (n_customers, n_periods) of codes, NaN unobserved.

    A model keeps its constructor's ``stages``, and opens its :meth:`fit` with ``self._open_panel(X, sample_weight)``. It is
    asked for ``chain_`` and ``estimates``; :meth:`predict_proba` and :meth:`rupture_probability` follow the chain unless it
    has its own.

    Attributes
    ----------
    chain_ : StageChain
    """

    stages: StagesLike | None
    chain_: StageChain

    # ---- input ----------------------------------------------------------------------------------------------------

    def _space(self) -> StageSpace:
        """Return the stage space that the constructor was given."""
        return as_stage_space(self.stages)  # type: ignore[arg-type]  # a model without stages says what it takes instead

    def read_panel(self, X: FrameLike, *, reset: bool) -> np.ndarray:
        """Return the checked panel: the one door through which all input passes.

        A panel of another length than the fitted one is welcome at prediction.
        """
        if reset:
            array = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        else:
            array = check_array(X, dtype=np.float64, ensure_all_finite="allow-nan", estimator=self)
        self._refuse(check_panel(array, self._space() if reset else self.stages_))
        return array

    def _open_panel(self, X: FrameLike, sample_weight: ArrayLike | None) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the checked panel and weights of a fit; customers of weight 0 are left out."""
        panel = self.read_panel(X, reset=True)
        weight = weights_of(sample_weight, panel, X)
        if weight is not None and (weight == 0).any():
            panel, weight = panel[weight > 0], weight[weight > 0]
        return panel, weight

    def read_fitted_panel(self, X: FrameLike) -> np.ndarray:
        """Return the checked panel that a fitted model is asked about."""
        check_is_fitted(self)
        return self.read_panel(X, reset=False)

    def last_stage(self, X: np.ndarray) -> np.ndarray:
        """Return each customer's last observed stage; customers of whom nothing was observed are refused."""
        last, _ = last_observed(X)
        if (nothing := int((last < 0).sum())) > 0:
            self._refuse([f"{nothing:,} of {len(X):,} customers have no observed period; leave them out"])
        return last

    def _warn_of_no_information(self, X: np.ndarray, order: int = 1, gaps: bool = False) -> np.ndarray:
        """Warn of customers seen once; return the mask of those who say something about moves, refuse if none does."""
        seen = ~np.isnan(X)
        whole = np.ones((len(X), max(X.shape[1] - order, 0)), dtype=bool)
        for k in range(order + 1):
            whole &= seen[:, k : k + whole.shape[1]]
        informative = np.asarray(seen.sum(axis=1) > 1 if gaps else whole.any(axis=1))
        if not informative.any():
            needed = (
                "two observed periods"
                if gaps
                else f"{('two', 'three')[order - 1] if order < 3 else order + 1} observed periods in sequence"
            )
            self._refuse([f"no customer has {needed}, so no move was observed"])
        if (alone := int((seen.sum(axis=1) <= 1).sum())) > 0:
            warn(
                in_number(
                    f"{alone:,} of {len(X):,} customers were seen in one period or none; they say nothing about the moves."
                ),
                UserWarning,
            )
        return informative

    # ---- prediction -----------------------------------------------------------------------------------------------

    def predict_proba(self, X: FrameLike, horizon: int = 1) -> np.ndarray:
        """Return the distribution over stages ``horizon`` periods after each customer's last observed one.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            A panel of any length.
        horizon : int, default=1
            Periods ahead, at least 0.

        Returns
        -------
        ndarray of shape (n_customers, n_stages)

        Raises
        ------
        DataError
            When nothing was observed of a customer.
        """
        last = self.last_stage(self.read_fitted_panel(X))
        return self.chain_.step(horizon)[last]

    def rupture_probability(self, X: FrameLike, horizon: int) -> np.ndarray:
        """Return each customer's probability of having entered rupture within a horizon: first passage.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            A panel of any length.
        horizon : int
            Periods after the last observed one, at least 0.

        Returns
        -------
        ndarray of shape (n_customers,)
            1 for customers whose last observed stage is rupture.
        """
        panel = self.read_fitted_panel(X)
        self._rupture()
        return self.chain_.rupture_probability(check_count(horizon, "horizon"))[self.last_stage(panel)]

    # ---- figures --------------------------------------------------------------------------------------------------

    def _move_estimates(self, probability: np.ndarray, std_error: np.ndarray) -> Estimates:
        """Return the probabilities of the moves that can happen, under names such as "new → loyal"."""
        return estimates_of_moves(self.stages_, probability, std_error)


def estimates_of_moves(space: StageSpace, probability: np.ndarray, std_error: np.ndarray) -> Estimates:
    """Return the probabilities of the moves that can happen out of stages that do not absorb, under "new → loyal"."""
    moves = np.nonzero(space.allowed_moves & ~space.absorbing_mask[:, None])
    names = [f"{space.names[i]} → {space.names[j]}" for i, j in zip(*moves, strict=True)]
    return Estimates(names, probability[moves], std_error[moves], ["logit"] * len(names))


def weights_of(sample_weight: ArrayLike | None, panel: Any, X: Any = None) -> np.ndarray | None:
    """Return how many customers each row stands for, checked, in line with the rows of X; None where each is one."""
    if sample_weight is None:
        return None
    frames.check_aligned("the sample weights", X=X, sample_weight=sample_weight)
    return check_sample_weight(sample_weight, len(panel))


def check_beside(X: Any, covariates: Any) -> None:
    """Refuse covariates whose row labels are not those of the panel X."""
    given = covariates if isinstance(covariates, Mapping) else {"table": covariates}
    named = {f"covariates[{name!r}]": column for name, column in given.items()}
    if faults := frames.misaligned({"X": X, **named}):
        raise DataError(faults, "the covariates")


def step_ahead(share: np.ndarray, P: np.ndarray, horizon: int) -> np.ndarray:
    """Return distributions (n, n_stages) after some periods, under one matrix or one for each customer."""
    steps = check_count(horizon, "horizon", most=MOST_PERIODS)
    if steps > MANY_STEPS:
        ahead = np.linalg.matrix_power(P, steps)
        return share @ ahead if P.ndim == 2 else np.einsum("ni,nij->nj", share, ahead)
    for _ in range(steps):
        share = share @ P if P.ndim == 2 else np.einsum("ni,nij->nj", share, P)
    return share


def stopped_at(P: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return transition matrices (..., n, n) of processes that stay where they enter a target."""
    return np.where(targets[:, None], np.eye(len(targets)), P)
