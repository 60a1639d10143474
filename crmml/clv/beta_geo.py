"""The BG/NBD model."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ._lifetimes import LifetimesMixin
from .numerics import beta_geometric
from .transaction import TransactionModel, purchase_rate


class BetaGeoNBD(LifetimesMixin, TransactionModel):
    r"""BG/NBD: customers buy at random while alive, and may leave after any repeat purchase.

    While alive a customer buys as a Poisson process with rate λ per unit of time; after each repeat purchase the customer
    leaves for good with probability p. Over customers λ ~ Gamma(shape r, rate α) and p ~ Beta(a, b), independently.
    With x repeat purchases, the last at t_x, observed for T,

    .. math::
        L = \frac{\Gamma(r+x)\,\alpha^r}{\Gamma(r)} \frac{B(a, b+x)}{B(a, b)}
            \left[(\alpha+T)^{-(r+x)} + 1_{x>0} \frac{a}{b+x-1} (\alpha+t_x)^{-(r+x)}\right].

    A customer without a repeat purchase has had no occasion to leave and is alive with certainty; where that is not
    what is meant, :class:`ModifiedBetaGeoNBD` lets customers leave after the first purchase too.

    Parameters
    ----------
    horizon : float, default=1.0
        Default horizon of predictions, in the fitted unit of time.
    prior : "weak", mapping or None, default="weak"
        Prior of :meth:`sample_posterior`; ``fit`` itself is plain maximum likelihood. "weak" is normal on the log
        parameters, a mapping {parameter: (median, sd of the log)} replaces entries of it, None refuses to sample.
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
    .. [1] Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), "Counting your customers" the easy way: an alternative
       to the Pareto/NBD model. Marketing Science 24, 275-284.

    Examples
    --------
    >>> from crmml.clv import BetaGeoNBD
    >>> from crmml.datasets import load_cdnow_sample
    >>> from crmml.transactions import summarize
    >>> summary = summarize(load_cdnow_sample().query("timestamp <= '1997-09-30'"), unit="W", observation_end="1997-09-30")
    >>> model = BetaGeoNBD(horizon=39).fit(summary)
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'r': 0.243, 'alpha': 4.414, 'a': 0.793, 'b': 2.426}
    >>> round(float(model.predict(summary).sum()))    # repeat purchases expected in the next 39 weeks
    1653
    """

    title = "BG/NBD"
    parameter_names = ("r", "alpha", "a", "b")
    numerics = beta_geometric
    purchase_targets: ClassVar = {"alpha": -1}
    dropout_targets: ClassVar = {"a": 1, "b": 1}
    _lifetimes_fitter = "BetaGeoFitter"
    _lifetimes_names: ClassVar = {"r": "r", "alpha": "alpha", "a": "a", "b": "b"}
    limits: ClassVar = {
        "r": ("hardly anybody buys again", "all customers buy at one rate, a Poisson process"),
        "alpha": ("purchase rates without bound", "all customers buy at one rate, a Poisson process"),
        "a": ("nobody leaves, the NBD model", "all customers leave with one probability, a / (a + b)"),
        "b": (
            "everybody leaves after the first repeat purchase",
            "all customers leave with one probability, a / (a + b)",
        ),
    }

    def start_values(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return crude moments of the data, in its units, to start from."""
        return np.array([1.0, 1.0 / purchase_rate(columns, weight), 1.0, 2.0])

    def traits(self) -> str:
        """Say what the parameters mean for these customers."""
        p = self.params_
        share = p["a"] / (p["a"] + p["b"])
        return f"After a repeat purchase {share:.0%} of customers leave on average; one who never bought again counts as alive."
