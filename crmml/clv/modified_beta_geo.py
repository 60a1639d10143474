"""The MBG/NBD model."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ._lifetimes import LifetimesMixin
from .numerics import beta_geometric
from .transaction import TransactionModel, purchase_rate


class ModifiedBetaGeoNBD(LifetimesMixin, TransactionModel):
    r"""MBG/NBD: as BG/NBD, but a customer may leave right after the first purchase too.

    While alive a customer buys as a Poisson process with rate λ per unit of time; after every purchase, the first
    included, the customer leaves for good with probability p. Over customers λ ~ Gamma(shape r, rate α) and
    p ~ Beta(a, b), independently. With x repeat purchases, the last at t_x, observed for T,

    .. math::
        L = \frac{\Gamma(r+x)\,\alpha^r}{\Gamma(r)} \frac{B(a, b+x+1)}{B(a, b)}
            \left[(\alpha+T)^{-(r+x)} + \frac{a}{b+x} (\alpha+t_x)^{-(r+x)}\right].

    So a customer who never came back need not be alive: the cure where BG/NBD's certainty is not what is meant.

    Parameters
    ----------
    horizon : float, default=1.0
        Default horizon of predictions, in the fitted unit of time.
    prior : "weak", mapping or None, default="weak"
        Prior of :meth:`sample_posterior`; see :class:`BetaGeoNBD`.
    purchase_covariates, dropout_covariates : sequence of str, default=()
        Columns of X that act on the purchase rate, α_i = α exp(−γ'z), and on the dropout probability, a_i = a exp(γ'z)
        and b_i = b exp(γ'z): these leave its mean and narrow or widen its spread over like customers.
    equal_effects : sequence of str, default=()
        Covariates whose coefficient is the same in both processes.
    l2_penalty : float, default=0.0
        λ/2 times the sum of squared coefficients is taken off the log-likelihood while fitting.

    Attributes
    ----------
    params_ : mapping
        r > 0 (shape of the purchase rate), alpha > 0 (its rate, in units of time), a > 0 and b > 0 (of the dropout
        probability; its mean is a / (a + b)).
    covariance_ : ndarray of shape (k, k)
        Of the log parameters and coefficients: the inverse of the observed information.
    log_likelihood_, aic_, bic_ : float
    converged_ : bool

    References
    ----------
    .. [1] Batislam, E. P., Denizel, M. and Filiztekin, A. (2007), Empirical validation and comparison of models for
       customer base analysis. International Journal of Research in Marketing 24, 201-209.
    .. [2] Hoppe, D. and Wagner, U. (2007), Customer base analysis: the case for a central variant of the
       Betageometric/NBD model. Marketing - Journal of Research and Management 3, 75-90.

    Examples
    --------
    >>> from crmml.clv import ModifiedBetaGeoNBD
    >>> model = ModifiedBetaGeoNBD().set_fitted_params(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> bool(model.probability_alive([[0, 0, 39]])[0] < 1)
    True
    """

    title = "MBG/NBD"
    parameter_names = ("r", "alpha", "a", "b")
    numerics = beta_geometric
    purchase_targets: ClassVar = {"alpha": -1}
    dropout_targets: ClassVar = {"a": 1, "b": 1}
    _lifetimes_fitter = "ModifiedBetaGeoFitter"
    _lifetimes_names: ClassVar = {"r": "r", "alpha": "alpha", "a": "a", "b": "b"}
    limits: ClassVar = {
        "r": ("hardly anybody buys again", "all customers buy at one rate, a Poisson process"),
        "alpha": ("purchase rates without bound", "all customers buy at one rate, a Poisson process"),
        "a": ("nobody leaves, the NBD model", "all customers leave with one probability, a / (a + b)"),
        "b": ("everybody leaves after the first purchase", "all customers leave with one probability, a / (a + b)"),
    }

    def _options(self) -> dict:
        return {"modified": True}

    def start_values(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return crude moments of the data, in its units, to start from."""
        return np.array([1.0, 1.0 / purchase_rate(columns, weight), 1.0, 2.0])

    def traits(self) -> str:
        """Say what the parameters mean for these customers."""
        p = self.params_
        return f"After each purchase {p['a'] / (p['a'] + p['b']):.0%} of customers leave on average, the first one included."
