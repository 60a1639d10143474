"""The BG/BB model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ._checks import fault, timing_faults
from ._lifetimes import LifetimesMixin
from ._operational_time import Ahead
from .base import ParametricModel
from .numerics import beta_geometric_beta_binomial
from .numerics.rows import Rows
from .transaction import TransactionModel


class BetaGeoBetaBinomial(LifetimesMixin, TransactionModel):
    r"""BG/BB: at each of a row of opportunities customers buy or not, and before each they may leave for good.

    Time is a number of opportunities: years with a yearly appeal, issues of a catalogue, sessions of a course. Before each
    opportunity a customer who is still alive leaves with probability θ; who has not left buys with probability p. Over
    customers p ~ Beta(α, β) and θ ~ Beta(γ, δ), independently [1]_. With x purchases at n opportunities, the last at
    opportunity t_x (0 if there is none),

    .. math::
        L = \frac{B(\alpha+x, \beta+n-x)}{B(\alpha, \beta)} \frac{B(\gamma, \delta+n)}{B(\gamma, \delta)}
            + \sum_{i=t_x}^{n-1}
              \frac{B(\alpha+x, \beta+i-x)}{B(\alpha, \beta)} \frac{B(\gamma+1, \delta+i)}{B(\gamma, \delta)}.

    The columns are frequency = x, recency = t_x and T = n, all whole numbers; the first purchase, which made somebody a
    customer, is not among them. Horizons, times ahead and T of simulated customers are whole numbers too.

    ``probability_alive(X)`` is the probability of having been alive through the last opportunity, n, and ``ahead=1`` that
    of taking part in opportunity n + 1. The literature [1]_ prints the latter as P(alive).

    Discounting is by whole opportunities, the next one discounted once: with an ``annual_discount_rate`` of 0.1 and
    opportunities a year apart (``unit="Y"``) a purchase at n + k counts 1 / 1.1^k.

    Parameters
    ----------
    horizon : float, default=1.0
        Default horizon of predictions, in opportunities.
    prior : "weak", mapping or None, default="weak"
        Prior of :meth:`sample_posterior`; see :class:`BetaGeoNBD`.

    Attributes
    ----------
    params_ : mapping
        alpha > 0 and beta > 0 (of the probability of buying at an opportunity; its mean is alpha / (alpha + beta)),
        gamma > 0 and delta > 0 (of the probability of leaving before one; its mean is gamma / (gamma + delta)). None
        has a unit.
    covariance_ : ndarray of shape (4, 4)
        Of the log parameters: the inverse of the observed information.
    log_likelihood_, aic_, bic_ : float
    converged_ : bool
    n_customers_ : float
        Sum of the weights.

    References
    ----------
    .. [1] Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-base analysis in a discrete-time noncontractual
       setting. Marketing Science 29, 1086-1108.

    Examples
    --------
    >>> from crmml.clv import BetaGeoBetaBinomial
    >>> from crmml.datasets import load_donations
    >>> donations = load_donations()
    >>> model = BetaGeoBetaBinomial(horizon=5).fit(donations, sample_weight=donations["weight"])
    >>> {name: round(value, 2) for name, value in model.params_.items()}
    {'alpha': 1.2, 'beta': 0.75, 'gamma': 0.66, 'delta': 2.78}
    >>> round(float(model.predict(donations) @ donations["weight"]), -1)    # donations expected in the next five years
    12880.0
    """

    title = "BG/BB"
    _takes_entry: ClassVar[bool] = False
    _takes_clock: ClassVar[bool] = False
    _discrete = True
    parameter_names = ("alpha", "beta", "gamma", "delta")
    numerics = beta_geometric_beta_binomial
    _parameter_constraints: ClassVar[dict] = {
        **ParametricModel._parameter_constraints,
        "horizon": TransactionModel._parameter_constraints["horizon"],
    }
    _lifetimes_fitter = "BetaGeoBetaBinomFitter"
    _lifetimes_names: ClassVar = {"alpha": "alpha", "beta": "beta", "gamma": "gamma", "delta": "delta"}
    limits: ClassVar = {
        "alpha": ("hardly anybody buys again", "all customers buy with one probability, alpha / (alpha + beta)"),
        "beta": ("everybody alive buys at each opportunity", "all customers buy with one probability"),
        "gamma": ("nobody leaves, the beta-binomial model", "all customers leave with one probability"),
        "delta": ("everybody leaves at once", "all customers leave with one probability, gamma / (gamma + delta)"),
    }

    def __init__(self, horizon: float = 1.0, *, prior: str | Mapping[str, tuple[float, float]] | None = "weak"):
        super().__init__(horizon, prior=prior)

    def _check_meaning(self, columns: np.ndarray) -> list[str]:
        x, t_x, T = columns.T[:3]
        faults = timing_faults(x, t_x, T)
        cure = "BG/BB counts in opportunities"
        for name, values in (("recency", t_x), ("T", T)):
            with np.errstate(invalid="ignore"):
                wrong = np.isfinite(values) & (values >= 0) & (values != np.floor(values))
            faults += fault(name, values, wrong, "is not a whole number", cure)
        with np.errstate(invalid="ignore"):
            faults += fault(
                "frequency",
                x,
                (x > t_x) & (x >= 0) & (t_x >= 0),
                "is above recency",
                "one purchase at most is made at an opportunity, and recency is the number of the last with one",
            )
        return faults

    def start_values(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return crude moments of the data, in its units, to start from."""
        x, t_x, _ = columns.T
        bought, seen = float(weight @ x) + 1.0, float(weight @ t_x) + 2.0
        return np.array([1.0, max(seen / bought - 1.0, 0.1), 0.5, 2.0])

    def _discounted(
        self, rows: Rows, theta: list, ahead: Ahead, delta: float, n_nodes: int = 0, share: float = 1.0
    ) -> np.ndarray:
        return self.numerics.discounted_transactions(rows, ahead.horizon, delta, theta)

    def traits(self) -> str:
        """Say what the parameters mean for these customers."""
        p = self.params_
        buy, leave = p["alpha"] / (p["alpha"] + p["beta"]), p["gamma"] / (p["gamma"] + p["delta"])
        return f"At an opportunity {buy:.0%} of customers buy on average; before it {leave:.0%} leave."
