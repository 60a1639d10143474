"""What models of stage panels share: one door for input, the distribution ahead, scores and tables."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from ...exceptions import DataError
from ...typing import FrameLike
from ..process.chain import StageChain
from ..process.space import StageSpace, as_stage_space
from .panel import check_panel, last_observed


class InformationCriteria:
    """AIC and BIC of a fitted stage model."""

    log_likelihood_: float
    n_parameters_: int
    n_informative_: float

    @property
    def aic_(self) -> float:
        """Akaike's information criterion, 2k − 2 log L."""
        return 2 * self.n_parameters_ - 2 * self.log_likelihood_

    @property
    def bic_(self) -> float:
        """Bayesian information criterion, k log n − 2 log L, n the customers who say something about the parameters."""
        return float(self.n_parameters_ * np.log(self.n_informative_) - 2 * self.log_likelihood_)


class StagePanelModel(InformationCriteria, BaseEstimator, ABC):
    """A discrete-time model of observed stages, fitted on a panel (n_customers, n_periods) of codes, NaN unobserved."""

    _title = "stage model"
    stages: Any
    stages_: StageSpace
    chain_: StageChain

    # ---- input ----------------------------------------------------------------------------------------------------

    def _space(self) -> StageSpace:
        """Return the stage space that the constructor was given."""
        return as_stage_space(self.stages)

    def _panel(self, X: Any, *, reset: bool) -> np.ndarray:
        """Return the checked panel: the one door through which all input passes.

        A panel of another length than the fitted one is welcome at prediction.
        """
        if reset:
            array = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        else:
            array = check_array(X, dtype=np.float64, ensure_all_finite="allow-nan", estimator=self)
        space = self._space() if reset else self.stages_
        if faults := check_panel(array, space):
            raise DataError(faults, f"the panel given to {type(self).__name__}")
        return array

    def _fitted_panel(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self._panel(X, reset=False)

    def _last_stage(self, X: np.ndarray) -> np.ndarray:
        """Return each customer's last observed stage; customers of whom nothing was observed are refused."""
        last, _ = last_observed(X)
        if (nothing := int((last < 0).sum())) > 0:
            raise DataError(
                [f"{nothing:,} of {len(X):,} customers have no observed period; leave them out"],
                f"the panel given to {type(self).__name__}",
            )
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
            raise DataError(
                [f"no customer has {needed}, so no move was observed"],
                f"the panel given to {type(self).__name__}",
            )
        if (alone := int((seen.sum(axis=1) <= 1).sum())) > 0:
            warnings.warn(
                f"{alone:,} of {len(X):,} customers were seen in one period or none; they say nothing about the moves.",
                UserWarning,
                stacklevel=3,
            )
        return informative

    # ---- prediction -----------------------------------------------------------------------------------------------

    @abstractmethod
    def predict_proba(self, X: FrameLike, horizon: int = 1) -> np.ndarray:
        """Return the distribution over stages ``horizon`` periods after each customer's last observed one."""

    def predict(self, X: FrameLike, horizon: int = 1) -> np.ndarray:
        """Return the most likely stage ``horizon`` periods after each customer's last observed one.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        horizon : int, default=1

        Returns
        -------
        ndarray of shape (n_customers,)
            Codes into ``stages_``.
        """
        return self.predict_proba(X, horizon).argmax(axis=1)

    # ---- figures --------------------------------------------------------------------------------------------------

    def _table(self, estimate: np.ndarray, std_error: np.ndarray, coverage: float = 0.95) -> pd.DataFrame:
        """Return a table of moves that can happen: estimate, standard error, interval on the logit scale."""
        names = self.stages_.names
        origin, to = np.nonzero(self.stages_.allowed_moves & ~self.stages_.absorbing_mask[:, None])
        value, error = estimate[origin, to], std_error[origin, to]
        z = norm.ppf((1 + coverage) / 2)
        with np.errstate(all="ignore"):
            width = z * error / (value * (1 - value))
            odds = np.log(value) - np.log1p(-value)
            lower, upper = (1 / (1 + np.exp(-(odds + sign * width))) for sign in (-1, 1))
        inside = (value > 0) & (value < 1)
        return pd.DataFrame(
            {
                "from": [names[i] for i in origin],
                "to": [names[j] for j in to],
                "estimate": value,
                "std_error": error,
                "lower": np.where(inside, lower, np.nan),
                "upper": np.where(inside, upper, np.nan),
            }
        )
