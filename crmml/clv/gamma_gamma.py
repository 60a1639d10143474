"""The Gamma-Gamma model of spend per transaction."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..checks import check_choice, check_coverage, check_generator
from ..fitting import atomic
from ..typing import ArrayLike, FrameLike, Seed
from ._checks import count_faults, fault, finite_faults
from ._lifetimes import LifetimesMixin
from ._posterior import interval_by_blocks
from .base import KEPT_SEED, ParametricModel
from .numerics import gamma_gamma
from .numerics.gamma_gamma import SpendRows


class GammaGamma(LifetimesMixin, ParametricModel):
    r"""Gamma-Gamma: how much a customer spends at a transaction, whatever the number of transactions.

    The amounts of one customer are Gamma(shape p, rate ν), independent of when and how often the customer buys; over
    customers ν ~ Gamma(shape q, rate γ). With x repeat purchases of mean amount m,

    .. math::
        L = \frac{\Gamma(px+q)}{\Gamma(px)\,\Gamma(q)}
            \frac{\gamma^q\, m^{px-1}\, x^{px}}{(\gamma + m x)^{px+q}},\qquad
        E[M \mid x, m] = \frac{p\,(\gamma + m x)}{px + q - 1}.

    A customer's expected spend is a weighted mean of the own average and the population's, pγ/(q−1). Customers without a
    repeat purchase (frequency 0) carry no information here and are given the population's mean.

    Parameters
    ----------
    prior : "weak", mapping or None, default="weak"
        Prior of :meth:`sample_posterior`; ``fit`` itself is plain maximum likelihood. "weak" is normal on the log
        parameters, a mapping {parameter: (median, sd of the log)} replaces entries of it, None refuses to sample.

    Attributes
    ----------
    params_ : mapping
        p > 0 (shape of one amount), q > 0 (shape over customers), gamma > 0 (rate over customers, in money).
    covariance_ : ndarray of shape (3, 3)
        Of the log parameters: the inverse of the observed information.
    log_likelihood_, aic_, bic_ : float
    converged_ : bool
    n_customers_ : float
        Sum of the weights of the customers with repeat purchases.

    References
    ----------
    .. [1] Colombo, R. and Jiang, W. (1999), A stochastic RFM model. Journal of Interactive Marketing 13 (3), 2-12.
    .. [2] Fader, P. S. and Hardie, B. G. S. (2013), The Gamma-Gamma model of monetary value. brucehardie.com/notes/025.

    Examples
    --------
    >>> from crmml.clv import GammaGamma
    >>> model = GammaGamma().set_fitted_params(p=6.25, q=3.74, gamma=15.45)
    >>> model.predict([[0, 0.0], [5, 80.0]]).round(2)         # nobody's own average yet; five purchases of 80 on average
    array([35.24, 76.39])
    """

    title = "Gamma-Gamma"
    _columns = ("frequency", "monetary_value")
    parameter_names = ("p", "q", "gamma")
    _lifetimes_fitter = "GammaGammaFitter"
    _lifetimes_names: ClassVar = {"p": "p", "q": "q", "gamma": "v"}
    limits: ClassVar = {
        "p": ("amounts of one customer vary without bound", "each customer always spends the same amount"),
        "q": ("customers differ without bound", "all customers spend alike"),
        "gamma": ("mean spend tends to zero", "all customers spend alike"),
    }

    def __init__(self, prior: str | Mapping[str, tuple[float, float]] | None = "weak"):
        self.prior = prior

    def _check_meaning(self, columns: np.ndarray) -> list[str]:
        x, m = columns.T
        faults = [*finite_faults("frequency", x), *finite_faults("monetary_value", m), *count_faults("frequency", x)]
        with np.errstate(invalid="ignore"):
            return faults + fault(
                "monetary_value", m, m < 0, "is negative", "net or drop refunds with crmml.transactions.clean first"
            )

    def _summary(self, X: Any, *, reset: bool) -> np.ndarray:
        return self._expand(super()._summary(X, reset=reset))

    def _expand(self, columns: np.ndarray) -> np.ndarray:
        """Add what a model with more than the two columns needs, row by row."""
        return columns

    def _informative(self, columns: np.ndarray) -> np.ndarray:
        return (columns[:, 0] > 0) & (columns[:, 1] > 0)

    def _rows(self, columns: np.ndarray) -> SpendRows:
        return SpendRows(np.ascontiguousarray(columns[:, 0]), np.ascontiguousarray(columns[:, 1]))

    def start_values(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return crude moments of the data, in its units, to start from."""
        mean = float(np.average(columns[:, 1], weights=weight))
        return np.array([1.0, 2.0, mean])

    def _weighted_total(self, rows: SpendRows, weight: np.ndarray):
        return gamma_gamma.weighted_total(rows, weight)

    def _log_likelihood(self, rows: SpendRows, theta: Sequence[Any]) -> np.ndarray:
        return gamma_gamma.log_likelihood(rows, theta)

    def _log_likelihood_gradient(self, rows: SpendRows, theta: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        return gamma_gamma.log_likelihood_gradient(rows, theta)

    @atomic
    def fit(self, X: FrameLike, y: None = None, sample_weight: ArrayLike | None = None) -> GammaGamma:
        """Fit by maximum likelihood to the customers with repeat purchases.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 2)
            frequency and monetary_value, the mean amount of the repeat purchases.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_customers,), default=None

        Returns
        -------
        self : GammaGamma

        Warns
        -----
        ConvergenceWarning
            When the point reached is no interior optimum.
        UserWarning
            When repeat purchases worth 0 were left out, and when q <= 1, where the population's mean is infinite.
        """
        super().fit(X, y, sample_weight)
        q = self.params_["q"]
        if q <= 1:
            warnings.warn(
                f"GammaGamma: q = {q:.3g} is at most 1, so that the population's mean spend is infinite and cannot be "
                "predicted for customers without repeat purchases; look for a few extreme amounts.",
                UserWarning,
                stacklevel=2,
            )
        return self

    def _compress(self, columns: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        worthless = int(np.count_nonzero((columns[:, 0] > 0) & (columns[:, 1] == 0)))
        if worthless:
            warnings.warn(
                "GammaGamma leaves the customers whose repeat purchases are worth 0 out of the fit "
                f"({worthless:,} of {len(columns):,}): amounts must be above 0.",
                UserWarning,
                stacklevel=4,
            )
        return super()._compress(columns, weight)

    def predict(self, X: FrameLike) -> np.ndarray:
        """Expected amount per transaction of each customer.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 2)
            frequency and monetary_value.

        Returns
        -------
        ndarray of shape (n_customers,)
            In the money of X; the population's mean where frequency is 0.

        Raises
        ------
        ValueError
            Where the expectation does not exist: p·frequency + q <= 1.
        """
        columns = self._fitted_summary(X)
        spend = gamma_gamma.posterior_mean_spend(columns[:, 0], columns[:, 1], self._theta(columns))
        if endless := int(np.count_nonzero(np.isinf(spend))):
            raise ValueError(
                f"The expected spend of {endless:,} of {spend.size:,} customers is infinite: q = {self.params_['q']:.3g} "
                "is at most 1. Fit on more customers, or take out a few extreme amounts."
            )
        return spend

    def predict_interval(
        self, X: FrameLike, *, coverage: float = 0.9, kind: str = "mean", n_draws: int = 1000, random_state: Seed = None
    ) -> np.ndarray:
        """Credible interval of each customer's expected amount, or of the next amount itself.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 2)
        coverage : float, default=0.9
            Between 0 and 1; equal tails.
        kind : {"mean", "outcome"}, default="mean"
            "mean": of the expected amount, whose uncertainty is that of the parameters. "outcome": of the amount of the
            customer's next transaction, by one simulated amount for each posterior draw.
        n_draws : int, default=1000
            Posterior draws to use.
        random_state : int, Generator, RandomState or None
            For the simulated amounts; None takes the same ones at every call, so that an interval does not move.

        Returns
        -------
        ndarray of shape (n_customers, 2)
            In the money of X; infinite where the expectation is.
        """
        coverage, kind = check_coverage(coverage), check_choice(kind, "kind", ("mean", "outcome"))
        rng = check_generator(KEPT_SEED if random_state is None else random_state)
        columns, vectors = self._fitted_summary(X), self._draws(n_draws)

        def quantity(block: np.ndarray, draws: np.ndarray) -> np.ndarray:
            if kind == "mean":
                return self._mean_draws(block, draws)
            return self._total_draws(block, draws, 1.0, rng)

        return interval_by_blocks(quantity, columns, vectors, coverage)

    def _mean_draws(self, columns: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Expected amount for each draw and row, (draws, n)."""
        theta = self._layout().theta(vectors, self._expand(columns[:, :2]))
        return gamma_gamma.posterior_mean_spend(columns[:, 0], columns[:, 1], theta)

    def _total_draws(
        self, columns: np.ndarray, vectors: np.ndarray, counts: Any, rng: np.random.Generator
    ) -> np.ndarray:
        """One simulated total of each row's next ``counts`` transactions for each draw, (draws, n); 0 where counts is 0."""
        p, q, gamma = self._layout().theta(vectors, self._expand(columns[:, :2]))
        x, m = columns[:, 0], columns[:, 1]
        shape = np.broadcast_shapes(p.shape, (1, len(columns)))
        rate = rng.gamma(np.broadcast_to(p * x + q, shape)) / (gamma + m * x)
        return rng.gamma(np.broadcast_to(p * counts, shape)) / rate

    @property
    def mean_spend_(self) -> float:
        """The population's mean amount per transaction, pγ/(q−1); infinite when q <= 1."""
        return float(gamma_gamma.posterior_mean_spend(np.zeros(1), np.zeros(1), list(self.params_.values()))[0])

    def simulate(self, counts: ArrayLike, random_state: Seed = None, frequency: ArrayLike | None = None) -> np.ndarray:
        """Simulate the amounts of customers' transactions.

        Parameters
        ----------
        counts : array-like of shape (n_customers,)
            Transactions of each customer.
        random_state : int, Generator, RandomState or None
        frequency : array-like of shape (n_customers,), default=None
            Repeat purchases, where the mean amount depends on them; None takes ``counts``.

        Returns
        -------
        ndarray of shape (sum of counts,)
            Amounts, customer by customer.
        """
        check_is_fitted(self, "theta_")
        counts = np.asarray(counts, dtype=np.intp)
        x = counts if frequency is None else np.asarray(frequency)
        p, q, gamma = self._theta(self._expand(np.column_stack([x, np.zeros(x.size)])))
        rng = check_generator(random_state)
        rate = rng.gamma(q, 1.0, counts.size) / gamma
        return rng.gamma(p, 1.0, int(counts.sum())) / np.repeat(rate, counts)

    def describe(self) -> str:
        """Return what was found in plain sentences."""
        params = ", ".join(f"{name} {value:.4g}" for name, value in self.params_.items())
        state = "" if self.converged_ or not self.n_customers_ else "; NOT converged"
        return (
            f"Gamma-Gamma fitted on {self.n_customers_:,.0f} customers with repeat purchases "
            f"(log-likelihood {self.log_likelihood_:,.3f}{state}): {params}. "
            f"A customer not yet known is expected to spend {self.mean_spend_:,.2f} at a transaction."
        )
