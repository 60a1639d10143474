"""The exponential-gamma model of contracts that can be cancelled at any time."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .contractual import ContractualModel, losses_and_time
from .numerics import exponential_gamma


class ExponentialGamma(ContractualModel):
    r"""Exponential-gamma: a contract can be cancelled at any moment, at a rate of the customer's own, which never changes.

    A customer cancels at rate λ; over customers λ ~ Gamma(shape r, rate α) [1]_. Lifetimes are then Pareto of the second kind
    (Lomax) [2]_,

    .. math:: S(t) = \left(\frac{\alpha}{\alpha + t}\right)^r,\qquad f(t) = \frac{r}{\alpha + t}\, S(t),

    the continuous kin of :class:`ShiftedBetaGeometric`. The columns are recency, the time until the contract was cancelled or
    observation ended, and T, the time until observation ended: recency = T is a customer still. The likelihood of who cancelled
    at t is f(t), of who is a customer still S(T); of a cohort's counts at times 1, 2, ... only the intervals are known, and the
    likelihood of a loss is S(t − 1) − S(t). Customers who cancelled at time 0 are refused by :meth:`fit`, since a density has no bound
    there.

    With covariates z, α_i = α exp(−γ'z): the rate of cancelling is multiplied by exp(γ'z).

    Parameters
    ----------
    horizon : float, default=1.0
        Default horizon of predictions, in the fitted unit.
    prior : "weak", mapping or None, default="weak"
        Prior of :meth:`sample_posterior`; see :class:`BetaGeoNBD`.
    dropout_covariates : sequence of str, default=()
        Columns of X that move the rate of cancelling.
    l2_penalty : float, default=0.0
        The log-likelihood less ``l2_penalty / 2`` times the sum of squared coefficients is maximised.

    Attributes
    ----------
    params_ : mapping
        r > 0 (shape over customers; the expected lifetime is infinite where r <= 1) and alpha > 0 (in units of time);
        r / alpha is the mean rate of cancelling.
    coef_dropout_ : mapping
    covariance_ : ndarray of shape (k, k)
        Of the log parameters and coefficients: the inverse of the observed information.
    log_likelihood_, aic_, bic_ : float
        From densities, which depend on the unit, where times of cancelling are known.
    converged_ : bool
    n_customers_ : float
        Sum of the weights.

    References
    ----------
    .. [1] Lomax, K. S. (1954), Business failures: another example of the analysis of failure data. Journal of the American
       Statistical Association 49, 847-852.
    .. [2] Morrison, D. G. and Schmittlein, D. C. (1980), Jobs, strikes, and wars: probability models for duration.
       Organizational Behavior and Human Performance 25, 224-251.

    Examples
    --------
    >>> from crmml.clv import ExponentialGamma
    >>> truth = ExponentialGamma().set_fitted_params(r=1.5, alpha=20.0)
    >>> customers = truth.simulate(2000, T=24.0, random_state=0)
    >>> model = ExponentialGamma().fit(customers)
    >>> float(truth.survival(12).round(3)), float(model.survival(12).round(2))
    (0.494, 0.5)
    >>> truth.residual_lifetime([[24.0, 24.0], [3.0, 24.0]])              # a customer of 24 months; one who cancelled
    array([88.,  0.])
    """

    title = "Exponential-gamma"
    _discrete = False
    parameter_names = ("r", "alpha")
    numerics = exponential_gamma
    dropout_targets: ClassVar = {"alpha": -1}
    limits: ClassVar = {
        "r": ("nobody cancels", "all customers cancel at one rate, r / alpha"),
        "alpha": ("everybody cancels at once", "all customers cancel at one rate, r / alpha"),
    }

    def start_values(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return crude moments of the data, in its units, to start from."""
        lost, spent = losses_and_time(columns, weight)
        spent = spent or float(weight @ columns[:, 1])
        return np.array([1.0, spent / (lost + 0.5)])

    def _expand(self, columns: np.ndarray) -> np.ndarray:
        """Add when lost customers had left at the latest: when they did, as far as rows tell."""
        return np.column_stack([columns, columns[:, 0]])

    def _summary(self, X, *, reset: bool) -> np.ndarray:
        return self._expand(super()._summary(X, reset=reset))

    def _grouped(self, columns: np.ndarray) -> np.ndarray:
        lost = columns[:, 0] < columns[:, 1]
        return np.column_stack([columns[:, :-1], columns[:, 0] + lost])

    def _limit_faults(self, columns: np.ndarray, size: float) -> list[str]:
        at_once = (columns[:, 0] == 0) & (columns[:, 1] > 0) & (self._left_by(columns) == 0)
        if at_once.any() and (columns[:, 0] > 0).any():
            return [
                f"recency is 0 in {int(at_once.sum()):,} of {len(columns):,} rows of customers who left: a density has no bound "
                "there, and the likelihood no maximum; where time is counted in whole periods use ShiftedBetaGeometric or "
                "fit_survivors, otherwise drop who never started"
            ]
        return super()._limit_faults(columns, size)

    def _left_by(self, columns: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(columns[:, -1])

    def _endless_words(self) -> str:
        return f"r = {self.params_['r']:.3g} is at most 1"
