"""The shifted beta-geometric model of renewals."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .contractual import ContractualModel, losses_and_time
from .numerics import shifted_beta_geometric


class ShiftedBetaGeometric(ContractualModel):
    r"""sBG: at each renewal a customer leaves with a probability of the customer's own, which never changes.

    Contracts are renewed or not at whole periods. A customer leaves at each renewal with probability θ; over customers
    θ ~ Beta(α, β) [1]_. The retention rate of a cohort rises all the same, since who is likely to leave leaves first:

    .. math::
        S(t) = \frac{B(\alpha, \beta + t)}{B(\alpha, \beta)},\qquad
        r_t = \frac{S(t)}{S(t-1)} = \frac{\beta + t - 1}{\alpha + \beta + t - 1}.

    The likelihood of a customer who left at renewal t is S(t − 1) − S(t), and of one still there after T renewals S(T). The
    columns are recency, the renewals survived, and T, the renewal opportunities observed: recency = T is a customer still, and
    recency < T left at renewal recency + 1.

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
        alpha > 0 and beta > 0, without a unit; alpha / (alpha + beta) leave at the first renewal. alpha below 1: differences are
        so wide that the expected lifetime is infinite.
    coef_dropout_ : mapping
    covariance_ : ndarray of shape (k, k)
        Of the log parameters and coefficients: the inverse of the observed information.
    log_likelihood_, aic_, bic_ : float
    converged_ : bool
    n_customers_ : float
        Sum of the weights.

    References
    ----------
    .. [1] Fader, P. S. and Hardie, B. G. S. (2007), How to project customer retention. Journal of Interactive Marketing 21 (1),
       76-90.

    Examples
    --------
    >>> from crmml.clv import ShiftedBetaGeometric
    >>> model = ShiftedBetaGeometric().fit_survivors([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'alpha': 0.668, 'beta': 3.806}
    >>> (1000 * model.survival([8, 9, 10])).round()                      # 468, 445 and 427 were left
    array([460., 436., 414.])
    >>> model.predict_survival([[7, 7], [3, 7]], ahead=1).round(3)       # still a customer after 7 renewals; left at the fourth
    array([0.942, 0.   ])
    """

    title = "sBG"
    parameter_names = ("alpha", "beta")
    numerics = shifted_beta_geometric
    dropout_targets: ClassVar = {"beta": -1}
    limits: ClassVar = {
        "alpha": (
            "those who stay at first stay for ever",
            "all customers leave with one probability, alpha / (alpha + beta)",
        ),
        "beta": (
            "everybody leaves at the first renewal",
            "all customers leave with one probability, alpha / (alpha + beta)",
        ),
    }

    def start_values(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return crude moments of the data, in its units, to start from."""
        lost, made = losses_and_time(columns, weight)
        return np.array([1.0, (made + 0.5) / (lost + 0.5)])

    def _endless_words(self) -> str:
        return f"alpha = {self.params_['alpha']:.3g} is at most 1"
