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
        Columns of X that act on the purchase rate, α_i = α exp(−γ'z), and on the dropout rate, β_i = β exp(−γ'z). They may
        change over time: then they are columns of ``covariate_paths``, see Notes.
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

    path_covariates_ : tuple of str
        The covariates that came from ``covariate_paths``; empty where none did.

    Notes
    -----
    Covariates that change over time [3]_, constant within each period: :func:`crmml.transactions.covariate_paths` joins the log to
    a long frame of customer, period and covariates, and ``fit``, ``score`` and the predictions take what it returns as
    ``covariate_paths``. Purchases then come at rate λ a(t), a(t) = exp(γ'z(t)), and the customer leaves at rate μ b(t),
    b(t) = exp(δ'z(t)). With A and B the integrals of a and b since the first purchase, and repeat purchases at t_1, ..., t_x,

    .. math::
        L = \frac{\Gamma(r+x)}{\Gamma(r)} \alpha^r \prod_j a(t_j) \left[\frac{(\beta/(\beta+B(T)))^s}{(\alpha+A(T))^{r+x}}
            + \int_{t_x}^T \frac{s\,\beta^s\, b(u)\,du}{(\alpha+A(u))^{r+x} (\beta+B(u))^{s+1}}\right],

    which is the model above where nothing changes. Predictions are made under the path beyond T that is given with them, and
    P(alive) depends on the path up to T alone. The parameters are those of a customer whose covariates are 0.

    References
    ----------
    .. [1] Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting your customers: who are they and what will
       they do next? Management Science 33, 1-24.
    .. [2] Fader, P. S. and Hardie, B. G. S. (2005), A note on deriving the Pareto/NBD model and related expressions.
       brucehardie.com/notes/009.
    .. [3] Bachmann, P., Meierer, M. and Naef, J. (2021), The role of time-varying contextual factors in latent attrition
       models for customer base analysis. Marketing Science 40, 783-809.

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

    With a spring sale that comes again, a row for each customer and month, the months to come among them:

    >>> import pandas as pd
    >>> from crmml.transactions import covariate_paths
    >>> log = load_cdnow_sample().query("timestamp <= '1997-09-30' and customer_id < 10_000")
    >>> months = pd.DataFrame({"period_start": pd.date_range("1997-01-01", periods=15, freq="MS")})
    >>> months["sale"] = months["period_start"].dt.month.isin([2, 3]).astype(float)
    >>> long = log[["customer_id"]].drop_duplicates().merge(months, how="cross")
    >>> clock = {"unit": "W", "observation_end": "1997-09-30"}
    >>> paths = covariate_paths(log, long, covariate_period="M", **clock)
    >>> X = summarize(log, **clock)
    >>> seasonal = ParetoNBD(purchase_covariates=["sale"]).fit(X, covariate_paths=paths)
    >>> round(float(seasonal.coef_purchase_["sale"]), 2)
    0.29
    >>> [round(float(seasonal.predict(X, weeks, covariate_paths=paths).sum())) for weeks in (13, 26)]
    [263, 549]
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
