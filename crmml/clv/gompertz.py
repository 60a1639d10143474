"""The Gamma/Gompertz/NBD model."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..exceptions import warn
from ..inference import MaximumLikelihood
from .numerics.dropout_model import DropoutModel
from .numerics.gompertz import GompertzDropout
from .transaction import TransactionModel, purchase_rate


class GompertzNBD(TransactionModel):
    r"""GGompertz/NBD: customers buy at random while alive, and leave at a hazard that grows with their age.

    While alive a customer buys as a Poisson process with rate λ per unit of time; at time u after the first purchase the
    hazard of leaving for good is :math:`\eta b e^{bu}`. Over customers λ ~ Gamma(shape r, rate α) and
    η ~ Gamma(shape s, rate β), independently [1]_. The dropout time then has the survival function
    :math:`S(u) = (\beta / (\beta + e^{bu} - 1))^s`, density f, and with x repeat purchases, the last at t_x, observed for T,

    .. math::
        L = \frac{\Gamma(r+x)}{\Gamma(r)} \alpha^r
            \left[\frac{S(T)}{(\alpha+T)^{r+x}} + \int_{t_x}^T \frac{f(\tau)\,d\tau}{(\alpha+\tau)^{r+x}}\right].

    The integral has no closed form and is computed by Gauss-Legendre nodes with an error bound. Unlike the Pareto law of
    :class:`~crmml.clv.pareto.ParetoNBD`, which is the limit b → 0 with β/b fixed [2]_, this law has all moments, and may
    have its mode away from 0. Data that do not ask for it run into that limit; the fit then says so.

    Parameters
    ----------
    horizon : float, default=1.0
        Default horizon of predictions, in the fitted unit of time.
    prior : "weak", mapping or None, default="weak"
        Prior of :meth:`sample_posterior`; ``fit`` itself is plain maximum likelihood. "weak" is normal on the log
        parameters, a mapping {parameter: (median, sd of the log)} replaces entries of it, None refuses to sample.
    purchase_covariates, dropout_covariates : sequence of str, default=()
        Columns of X that act on the purchase rate, α_i = α exp(−γ'z), and on the dropout hazard,
        β_i = β exp(−γ'z).
    equal_effects : sequence of str, default=()
        Covariates whose coefficient is the same in both processes.
    l2_penalty : float, default=0.0
        λ/2 times the sum of squared coefficients is taken off the log-likelihood while fitting.

    Attributes
    ----------
    params_ : mapping
        r > 0 (shape of the purchase rate), alpha > 0 (its rate, in units of time), b > 0 (growth of the dropout hazard per
        unit of time), s > 0 and beta > 0 (shape and rate of η, numbers without a unit; the median customer leaves at
        log(1 + β (2^(1/s) − 1)) / b).
    covariance_ : ndarray of shape (5, 5)
        Of the log parameters: the inverse of the observed information.
    log_likelihood_, aic_, bic_ : float
    converged_ : bool
    n_customers_ : float
        Sum of the weights.
    ruler_ : Ruler
        Unit, period and observation end of the summary that the model was fitted on, as far as it stated them.

    References
    ----------
    .. [1] Bemmaor, A. C. and Glady, N. (2012), Modeling purchasing behavior with sudden "death": a flexible customer
       lifetime model. Management Science 58, 1012-1021.
    .. [2] Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting your customers: who are they and what will
       they do next? Management Science 33, 1-24.

    Examples
    --------
    >>> from crmml.clv import GompertzNBD
    >>> model = GompertzNBD(horizon=26).set_fitted_params(r=0.96, alpha=2.35, b=0.062, s=1.25, beta=2.18)
    >>> model.predict([[7, 11.7, 75.3], [18, 70.0, 75.0]]).round(3)
    array([0. , 1.4])
    >>> round(float(model.expected_purchases(52.0)), 2)    # repeat purchases of a new customer within 52 weeks
    7.66
    """

    title = "GGompertz/NBD"
    parameter_names = ("r", "alpha", "b", "s", "beta")
    numerics = DropoutModel(GompertzDropout)
    purchase_targets: ClassVar = {"alpha": -1}
    dropout_targets: ClassVar = {"beta": -1}
    limits: ClassVar = {
        "r": ("hardly anybody buys again", "all customers buy at one rate, a Poisson process"),
        "alpha": ("purchase rates without bound", "all customers buy at one rate, a Poisson process"),
        "b": (
            "the dropout hazard does not grow with age, the Pareto/NBD model with rate beta / b",
            "the dropout hazard jumps from nothing to certainty",
        ),
        "s": ("nobody leaves, the NBD model", "all customers share one dropout hazard, which starts at b s / beta"),
        "beta": (
            "many customers leave at once, after their first purchase; with b, the Pareto/NBD model",
            "all customers share one dropout hazard, which starts at b s / beta",
        ),
    }

    def start_values(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return crude moments of the data, in its units, to start from."""
        length = float(np.average(columns[:, 2], weights=weight))
        return np.array([1.0, 1.0 / purchase_rate(columns, weight), 1.0 / (length if length > 0 else 1.0), 1.0, 1.0])

    def _fit_rows(self, columns: np.ndarray, weight: np.ndarray) -> None:
        super()._fit_rows(columns, weight)
        b, beta = (self.parameter_names.index(name) for name in ("b", "beta"))
        optimum = self._data.optimum
        if self._no_growth(optimum):
            self.covariance_[[b, beta], :] = np.nan
            self.covariance_[:, [b, beta]] = np.nan
            if self.converged_:
                self.converged_, self.convergence_message_ = False, self._why_not(optimum)
                warn(self.convergence_message_, ConvergenceWarning)

    def _no_growth(self, optimum: MaximumLikelihood) -> bool:
        """Whether b is so small that over the time observed the hazard does not grow by a thousandth."""
        b = self.parameter_names.index("b")
        return bool(optimum.theta[b] - self._data.start[b] < -np.log(1000))

    def _why_not(self, optimum: MaximumLikelihood) -> str:
        if self._no_growth(optimum):
            b = self.parameter_names.index("b")
            optimum = replace(optimum, at_bound=tuple({b, *optimum.at_bound}))
        return super()._why_not(optimum)

    def traits(self) -> str:
        """Say what the parameters mean for these customers."""
        p = self.params_
        with np.errstate(over="ignore"):
            median = np.log1p(p["beta"] * np.expm1(np.log(2) / p["s"])) / p["b"]
        return self._leaving_words(float(median))
