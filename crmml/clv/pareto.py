"""The Pareto/NBD model."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ._covariate_paths import CovariatePathsMixin
from ._lifetimes import LifetimesMixin
from .numerics.dropout_model import DropoutModel
from .numerics.pareto import ParetoDropout
from .transaction import purchase_rate


class ParetoNBD(LifetimesMixin, CovariatePathsMixin):
    r"""Pareto/NBD: customers buy at random while alive, and may leave at any moment, unseen.

    While alive a customer buys as a Poisson process with rate λ per unit of time; the time until the customer leaves for
    good is exponential with rate μ, counted from the first purchase. Over customers λ ~ Gamma(shape r, rate α) and
    μ ~ Gamma(shape s, rate β), independently [1]_. With x repeat purchases, the last at t_x, observed for T,

    .. math::
        L = \frac{\Gamma(r+x)}{\Gamma(r)} \alpha^r \beta^s
            \left[\frac{1}{(\alpha+T)^{r+x} (\beta+T)^s}
            + \int_{t_x}^T \frac{s\,d\tau}{(\alpha+\tau)^{r+x} (\beta+\tau)^{s+1}}\right].

    The integral is computed as it stands, by Gauss-Legendre nodes with an error bound. Its closed form in
    hypergeometric functions [2]_ loses digits where α and β lie close together or counts are large.

    Parameters
    ----------
    horizon : float, default=1.0
        Default horizon of predictions, in the fitted unit of time.
    prior : "weak", mapping or None, default="weak"
        Prior of :meth:`sample_posterior`; ``fit`` itself is plain maximum likelihood. "weak" is normal on the log
        parameters, a mapping {parameter: (median, sd of the log)} replaces entries of it, None refuses to sample.
    purchase_covariates, dropout_covariates : sequence of str, default=()
        Columns of X that act on the purchase rate, α_i = α exp(−γ'z), and on the dropout rate, β_i = β exp(−γ'z).
    equal_effects : sequence of str, default=()
        Covariates whose coefficient is the same in both processes.
    l2_penalty : float, default=0.0
        λ/2 times the sum of squared coefficients is taken off the log-likelihood while fitting.

    Attributes
    ----------
    params_ : mapping
        r > 0 (shape of the purchase rate), alpha > 0 (its rate, in units of time), s > 0 (shape of the dropout rate) and
        beta > 0 (its rate, in units of time; the median customer leaves at β (2^(1/s) − 1)).
    covariance_ : ndarray of shape (4, 4)
        Of the log parameters: the inverse of the observed information.
    log_likelihood_, aic_, bic_ : float
    converged_ : bool
    n_customers_ : float
        Sum of the weights.
    ruler_ : Ruler
        Unit, period and observation end of the summary that the model was fitted on, as far as it stated them.

    References
    ----------
    .. [1] Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting your customers: who are they and what will
       they do next? Management Science 33, 1-24.
    .. [2] Fader, P. S. and Hardie, B. G. S. (2005), A note on deriving the Pareto/NBD model and related expressions.
       brucehardie.com/notes/009.

    Examples
    --------
    >>> from crmml.clv import ParetoNBD
    >>> from crmml.datasets import load_cdnow_sample
    >>> from crmml.transactions import summarize
    >>> summary = summarize(load_cdnow_sample().query("timestamp <= '1997-09-30'"), unit="W", observation_end="1997-09-30")
    >>> model = ParetoNBD(horizon=39).fit(summary)
    >>> {name: round(value, 2) for name, value in model.params_.items()}
    {'r': 0.55, 'alpha': 10.58, 's': 0.61, 'beta': 11.67}
    >>> round(float(model.predict(summary).sum()))    # repeat purchases expected in the next 39 weeks
    1666
    """

    title = "Pareto/NBD"
    parameter_names = ("r", "alpha", "s", "beta")
    numerics = DropoutModel(ParetoDropout)
    purchase_targets: ClassVar = {"alpha": -1}
    dropout_targets: ClassVar = {"beta": -1}
    _lifetimes_fitter = "ParetoNBDFitter"
    _lifetimes_names: ClassVar = {"r": "r", "alpha": "alpha", "s": "s", "beta": "beta"}
    limits: ClassVar = {
        "r": ("hardly anybody buys again", "all customers buy at one rate, a Poisson process"),
        "alpha": ("purchase rates without bound", "all customers buy at one rate, a Poisson process"),
        "s": ("nobody leaves, the NBD model", "all customers leave at one rate, s / beta"),
        "beta": (
            "many customers leave at once, after their first purchase",
            "nobody leaves, the NBD model, or all customers leave at one rate, s / beta",
        ),
    }

    def start_values(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return crude moments of the data, in its units, to start from."""
        length = float(np.average(columns[:, 2], weights=weight))
        return np.array([1.0, 1.0 / purchase_rate(columns, weight), 1.0, length if length > 0 else 1.0])

    def traits(self) -> str:
        """Say what the parameters mean for these customers."""
        p = self.params_
        with np.errstate(over="ignore"):
            median = p["beta"] * np.expm1(np.log(2) / p["s"])
        return self._leaving_words(float(median))
