r"""The spine of every model that is fitted by maximising a likelihood.

A model declares its parameters, their start values and its log-likelihood with gradient; what follows from the optimum is
the same for all of them and stands here: the observed information and its inverse, estimates with standard errors, intervals
that are symmetric on the scale of the link, the information criteria of Akaike [1]_ and Schwarz [2]_, draws from the normal
approximation, and the warning where the point reached is no interior optimum.

With estimate :math:`\hat\theta`, its standard error :math:`s` and a link :math:`g` (identity, log or logit), the interval is

.. math:: g^{-1}\bigl(g(\hat\theta) \mp z\, s\, |g'(\hat\theta)|\bigr), \qquad z = \Phi^{-1}\{(1 + \text{coverage})/2\}.

References
----------
.. [1] Akaike, H. (1974), A new look at the statistical model identification. IEEE Transactions on Automatic Control 19, 716-723.
.. [2] Schwarz, G. (1978), Estimating the dimension of a model. Annals of Statistics 6, 461-464.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtri
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from ..checks import check_coverage
from ..exceptions import warn
from .maximum_likelihood import FLAT, MaximumLikelihood, Objective, maximize

Link = Literal["identity", "log", "logit"]


@dataclass(frozen=True)
class Estimates:
    """Estimates on the scale they are reported on, with their standard errors.

    Parameters
    ----------
    names : sequence of str
    value, std_error : ndarray of shape (k,)
        NaN errors where the data do not tell.
    link : sequence of {"identity", "log", "logit"}
        For each, the scale that its interval is symmetric on.
    """

    names: Sequence[str]
    value: np.ndarray
    std_error: np.ndarray
    link: Sequence[Link]

    @classmethod
    def from_fitted(
        cls, names: Sequence[str], vector: np.ndarray, covariance: np.ndarray, link: Sequence[Link]
    ) -> Estimates:
        """Carry a fitted vector to the natural scale of its links by the delta method.

        Parameters
        ----------
        names : sequence of str
        vector : ndarray of shape (k,)
            On the fitted scale, where the parameter itself is the inverse link of an entry.
        covariance : ndarray of shape (k, k)
            On the fitted scale.
        link : sequence of {"identity", "log", "logit"}
        """
        error = np.sqrt(np.maximum(np.diag(covariance), 0.0))  # NaN stays NaN
        value, slope = np.array(vector, dtype=float), np.ones(len(vector))
        logs, odds = (np.array([one == kind for one in link], dtype=bool) for kind in ("log", "logit"))
        value[logs] = slope[logs] = np.exp(value[logs])
        value[odds] = expit(value[odds])
        slope[odds] = value[odds] * (1 - value[odds])
        return cls(tuple(names), value, slope * error, tuple(link))

    def table(self, coverage: float) -> pd.DataFrame:
        """Return estimate, std_error, lower and upper, one parameter in a row; NaN bounds at the ends of a logit's range.

        Parameters
        ----------
        coverage : float
            Of the intervals, in (0, 1).

        Examples
        --------
        >>> Estimates(["r"], np.array([2.0]), np.array([0.5]), ["log"]).table(0.95).round(3).loc["r"].tolist()
        [2.0, 0.5, 1.225, 3.265]
        """
        z = ndtri(0.5 + check_coverage(coverage) / 2)
        lower, upper = self.value - z * self.std_error, self.value + z * self.std_error
        logs, odds = (np.array([one == kind for one in self.link], dtype=bool) for kind in ("log", "logit"))
        with np.errstate(all="ignore"):
            stretch = np.exp(z * self.std_error / self.value)
            p = self.value[odds]
            width = z * self.std_error[odds] / (p * (1 - p))
            inside = (p > 0) & (p < 1)
            lower[odds] = np.where(inside, expit(logit(p) - width), np.nan)
            upper[odds] = np.where(inside, expit(logit(p) + width), np.nan)
        lower[logs], upper[logs] = self.value[logs] / stretch[logs], self.value[logs] * stretch[logs]
        return pd.DataFrame(
            {"estimate": self.value, "std_error": self.std_error, "lower": lower, "upper": upper},
            index=pd.Index(self.names, name="parameter"),
        )


def no_optimum(name: str, detail: str, optimum: MaximumLikelihood, cure: str) -> str:
    """Say that there is no interior optimum, and whether the likelihood is flat there or the maximiser was lost."""
    if optimum.left <= FLAT:
        return (
            f"{name} found no interior optimum ({detail}). The likelihood is flat there: going on gains nothing, and what the "
            "estimates predict is what that limit does. Standard errors are not to be relied on; intervals follow the prior where "
            f"the data do not tell. To be sure of more, {cure}."
        )
    return (
        f"{name} found no interior optimum ({detail}), and is lost: {optimum.left:.2g} of log-likelihood may still be gained. The "
        f"estimates are not to be relied on, nor their standard errors; {cure}."
    )


class LikelihoodModel(ABC):
    """A model fitted by maximum likelihood: its estimates, their errors, its criteria."""

    log_likelihood_: float
    n_parameters_: int
    converged_: bool
    #: What the maximiser found, in words; why it is no interior optimum where it is none.
    convergence_message_: str

    # ---- what a model declares --------------------------------------------------------------------------------------

    @abstractmethod
    def estimates(self) -> Estimates:
        """Return the estimates with their standard errors, on the scale they are reported on."""

    @property
    @abstractmethod
    def _sample_size(self) -> float:
        """How many customers say something about the parameters: n of the Bayesian information criterion."""

    def _why_not(self, optimum: MaximumLikelihood) -> str:
        """Say in words why the point reached is no interior optimum."""
        return no_optimum(type(self).__name__, optimum.message, optimum, "use a simpler model or more data")

    # ---- the flow -----------------------------------------------------------------------------------------------------

    def _maximise(
        self,
        objective: Objective,
        start: np.ndarray,
        *,
        lower: np.ndarray,
        upper: np.ndarray,
        scale: float,
        **options: Any,
    ) -> MaximumLikelihood:
        """Maximise, note whether an interior optimum was found, and return it with its information."""
        optimum = maximize(objective, start, lower=lower, upper=upper, scale=scale, **options)
        self.converged_ = optimum.converged
        return optimum

    def _warn_unless_converged(self, optimum: MaximumLikelihood) -> None:
        self.convergence_message_ = optimum.message if optimum.converged else self._why_not(optimum)
        if not optimum.converged:
            warn(self.convergence_message_, ConvergenceWarning)

    # ---- results ------------------------------------------------------------------------------------------------------

    @property
    def params_(self) -> Mapping[str, float]:
        """Estimates by name, read-only."""
        check_is_fitted(self)
        estimates = self.estimates()
        return MappingProxyType(dict(zip(estimates.names, estimates.value.tolist(), strict=True)))

    @property
    def aic_(self) -> float:
        """Akaike's information criterion, 2k − 2 log L."""
        return 2 * self.n_parameters_ - 2 * self.log_likelihood_

    @property
    def bic_(self) -> float:
        """Bayesian information criterion, k log n − 2 log L, n the customers who say something about the parameters."""
        if not self._sample_size > 0:  # parameters that were given, not fitted
            return float("nan")
        return float(self.n_parameters_ * np.log(self._sample_size)) - 2 * self.log_likelihood_

    def summary(self, coverage: float = 0.95) -> pd.DataFrame:
        """Return the estimates with standard errors and intervals.

        Parameters
        ----------
        coverage : float, default=0.95
            Of the intervals, in (0, 1).

        Returns
        -------
        DataFrame
            Index: parameter. Columns: estimate, std_error, lower, upper.

        Raises
        ------
        ValueError
            When coverage is not between 0 and 1.

        Warns
        -----
        ConvergenceWarning
            When there are intervals though the fit found no interior optimum.
        """
        check_is_fitted(self)
        coverage = check_coverage(coverage)
        table = self.estimates().table(coverage)
        message = getattr(self, "convergence_message_", "")
        if not self.converged_ and message and table["lower"].notna().any():
            warn(message, ConvergenceWarning)
        return table
