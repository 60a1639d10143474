"""The beta-discrete-Weibull model of renewals."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .contractual import ContractualModel, losses_and_time
from .numerics import beta_discrete_weibull


class BetaDiscreteWeibull(ContractualModel):
    r"""BdW: as sBG, but a customer's own probability of leaving may fall or rise with every renewal.

    Given θ a customer survives t renewals with probability (1 − θ)^(t^c), the discrete Weibull law; over customers
    θ ~ Beta(α, β) [1]_:

    .. math:: S(t) = \frac{B(\alpha, \beta + t^c)}{B(\alpha, \beta)}.

    With c = 1 this is :class:`ShiftedBetaGeometric`; c < 1: who stays grows loyal; c > 1: everybody tires, though a cohort's
    retention rate may rise all the same. Columns and likelihood are those of :class:`ShiftedBetaGeometric`.

    With covariates z, β_i = β exp(−γ'z): the odds of leaving at the first renewal, α/β, are multiplied by exp(γ'z).

    Parameters
    ----------
    horizon : float, default=1.0
        Default horizon of predictions, in renewals.
    prior : "weak", mapping or None, default="weak"
        Prior of :meth:`sample_posterior`; see :class:`BetaGeoNBD`.
    dropout_covariates : sequence of str, default=()
        Columns of X that move the odds of leaving.
    l2_penalty : float, default=0.0
        The log-likelihood less ``l2_penalty / 2`` times the sum of squared coefficients is maximised.

    Attributes
    ----------
    params_ : mapping
        alpha > 0, beta > 0 (of the probability of leaving at the first renewal, whose mean is alpha / (alpha + beta)) and c > 0
        (how it changes with age), without a unit. The expected lifetime is infinite where alpha · c <= 1.
    coef_dropout_ : mapping
    covariance_ : ndarray of shape (k, k)
        Of the log parameters and coefficients: the inverse of the observed information.
    log_likelihood_, aic_, bic_ : float
    converged_ : bool
    n_customers_ : float
        Sum of the weights.

    References
    ----------
    .. [1] Fader, P. S., Hardie, B. G. S., Liu, Y., Davin, J. and Steenburgh, T. (2018), "How to project customer retention"
       revisited: the role of duration dependence. Journal of Interactive Marketing 43, 1-16.

    Examples
    --------
    >>> from crmml.clv import BetaDiscreteWeibull
    >>> model = BetaDiscreteWeibull().fit_survivors([1000, 869, 743, 653, 593])
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'alpha': 0.259, 'beta': 1.723, 'c': 1.584}
    >>> (1000 * model.survival([8, 12])).round()                          # 468 and 394 were left
    array([457., 389.])
    """

    title = "BdW"
    parameter_names = ("alpha", "beta", "c")
    numerics = beta_discrete_weibull
    dropout_targets: ClassVar = {"beta": -1}
    limits: ClassVar = {
        "alpha": ("those who stay at first stay for ever", "all customers are alike"),
        "beta": ("everybody leaves at the first renewal", "all customers are alike"),
        "c": (
            "customers leave at the first renewal or never",
            "everybody who stays at first leaves at the second renewal",
        ),
    }

    def start_values(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return crude moments of the data, in its units, to start from."""
        lost, made = losses_and_time(columns, weight)
        return np.array([1.0, (made + 0.5) / (lost + 0.5), 1.0])

    def _endless_words(self) -> str:
        p = self.params_
        return f"alpha · c = {p['alpha'] * p['c']:.3g} is at most 1"
