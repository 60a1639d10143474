"""The Gamma-Gamma model of spend per transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from .. import frames
from ..checks import check_choice, check_count, check_coverage, check_generator, check_numbers
from ..exceptions import warn
from ..fitting import atomic
from ..inference import Posterior
from ..transactions.timing import ENTRY_WINDOW
from ..typing import ArrayLike, FrameLike, Seed
from ._checks import count_faults, fault, finite_faults
from ._intervals import holding
from ._lifetimes import LifetimesMixin
from ._posterior import interval_by_blocks
from .base import KEPT_SEED, MOST_DRAWS, ParametricModel
from .numerics import gamma_gamma
from .numerics.gamma_gamma import SpendRows

#: Name of the column with the mean of all purchases, the first included.
MEAN_PURCHASE = "mean_purchase"
#: Mean amounts that differ by less than this share are one amount, computed in another order.
CONSTANT = 1e-9


class GammaGamma(LifetimesMixin, ParametricModel):
    r"""Gamma-Gamma: how much a customer spends at a transaction, whatever the number of transactions.

    The amounts of one customer are Gamma(shape p, rate ν), independent of when and how often the customer buys; over
    customers ν ~ Gamma(shape q, rate γ). With x repeat purchases of mean amount m,

    .. math::
        L = \frac{\Gamma(px+q)}{\Gamma(px)\,\Gamma(q)}
            \frac{\gamma^q\, m^{px-1}\, x^{px}}{(\gamma + m x)^{px+q}},\qquad
        E[M \mid x, m] = \frac{p\,(\gamma + m x)}{px + q - 1}.

    A customer's expected spend is a weighted mean of the own average and the population's, pγ/(q−1). Customers without a
    repeat purchase (frequency 0) carry no information here and are given the population's mean. Where p x + q <= 1 that
    expectation is infinite, and so is the prediction; :meth:`predict_median` is finite always.

    Where all customers with repeat purchases spend one and the same amount on average, there is nothing to estimate: the
    amount is the answer for everybody, with intervals of no width, and p, q and gamma are infinite (``constant_spend_``).

    Parameters
    ----------
    prior : "weak", mapping or None, default="weak"
        Prior of :meth:`sample_posterior`; ``fit`` itself is plain maximum likelihood. "weak" is normal on the log
        parameters, a mapping {parameter: (median, sd of the log)} replaces entries of it, None refuses to sample.
    purchases : {"repeat", "all"}, default="repeat"
        "repeat": x and m are of the repeat purchases, as in the literature. "all": the first purchase counts too, so that every
        customer has an average of the own; X then has the column mean_purchase, ``summarize(..., extra=["mean_purchase"])``, in
        place of monetary_value, and x = frequency + 1.

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
    constant_spend_ : float or None
        The amount, where every customer with repeat purchases spends the same.

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

    #: The amount of everybody, where nothing varies; also of models that were stored without it.
    constant_spend_: float | None = None

    _optional_columns: ClassVar[tuple[str, ...]] = (ENTRY_WINDOW,)
    _parameter_constraints: ClassVar[dict] = {
        **ParametricModel._parameter_constraints,
        "purchases": [StrOptions({"repeat", "all"})],
    }

    def __init__(self, prior: str | Mapping[str, tuple[float, float]] | None = "weak", *, purchases: str = "repeat"):
        self.prior = prior
        self.purchases = purchases

    def _input_columns(self) -> tuple[str, ...]:
        return ("frequency", MEAN_PURCHASE) if self.purchases == "all" else self._columns

    def _check_meaning(self, columns: np.ndarray) -> list[str]:
        x, m = columns.T
        name = self._input_columns()[1]
        faults = [*finite_faults("frequency", x), *finite_faults(name, m), *count_faults("frequency", x)]
        with np.errstate(invalid="ignore"):
            return faults + fault(
                name, m, m < 0, "is negative", "net or drop refunds with crmml.transactions.clean first"
            )

    def _summary(self, X: Any, *, reset: bool) -> np.ndarray:
        columns = super()._summary(X, reset=reset)
        if self.purchases == "all":
            columns = np.column_stack([columns[:, 0] + _first_left_out(X), columns[:, 1:]])
        return self._expand(columns)

    def _money(self, frame: pd.DataFrame) -> np.ndarray:
        """Number of amounts seen and their mean, of rows that were checked."""
        money = frame[list(self._input_columns())].to_numpy(dtype=float, copy=True)
        if self.purchases == "all":
            money[:, 0] += _first_left_out(frame)
        return money

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
        if self.constant_spend_ is not None:  # the log density of a point mass
            return np.where(np.abs(rows.m - self.constant_spend_) <= CONSTANT * self.constant_spend_, np.inf, -np.inf)
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
            When repeat purchases worth 0 were left out, when spend is constant, and when q <= 1, where the population's mean
            is infinite.
        """
        super().fit(X, y, sample_weight)
        if self.constant_spend_ is not None:
            warn(
                f"{type(self).__name__}: {self._constant_words()} Intervals have no width, and p, q and gamma are infinite.",
                UserWarning,
            )
        q = self.params_["q"]
        if q <= 1:
            warn(
                f"{type(self).__name__}: q = {q:.3g} is at most 1, so that the population's mean spend, which is what customers "
                "without repeat purchases are expected to spend, is infinite; look for a few extreme amounts.",
                UserWarning,
            )
        return self

    def _fit_rows(self, columns: np.ndarray, weight: np.ndarray) -> None:
        """Fit, unless nothing varies: then the likelihood is unbounded, and the amount itself is the answer."""
        amount = columns[:, 1]
        if amount.max() - amount.min() > CONSTANT * amount.max():
            self.constant_spend_ = None
            super()._fit_rows(columns, weight)
            return
        layout = self._layout()
        self.constant_spend_ = float(amount[np.argmax(weight)])  # as most customers have it, to the last digit
        self.theta_ = np.zeros(layout.size)
        self.theta_[: layout.n_parameters] = np.inf
        self.covariance_ = np.full((layout.size, layout.size), np.nan)
        self.log_likelihood_ = float("inf")
        self.n_customers_, self.n_parameters_ = float(weight.sum()), layout.size
        self.converged_, self.convergence_message_ = True, self._constant_words()
        self.posterior_draws_, self._data = None, None

    def _forget_fit(self) -> None:
        super()._forget_fit()
        self.constant_spend_ = None

    def _constant_words(self) -> str:
        return (
            f"all customers with repeat purchases spend {self.constant_spend_:,.6g} at a transaction on average, so that spend is "
            "taken to be that amount for everybody."
        )

    def _compress(self, columns: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        worthless = int(np.count_nonzero((columns[:, 0] > 0) & (columns[:, 1] == 0)))
        if worthless:
            warn(
                "GammaGamma leaves the customers whose repeat purchases are worth 0 out of the fit "
                f"({worthless:,} of {len(columns):,}): amounts must be above 0.",
                UserWarning,
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
            In the money of X; the population's mean where frequency is 0; infinite where p·frequency + q <= 1.

        Warns
        -----
        UserWarning
            When some are infinite, and how many; when spend was constant in the fit and is another in X.
        """
        columns = self._fitted_summary(X)
        spend = self._expected_spend(columns)
        if endless := int(np.count_nonzero(np.isinf(spend))):
            warn(
                f"{type(self).__name__}: the expected spend of {endless:,} of {spend.size:,} customers is infinite, since amounts "
                f"have so heavy a tail (q = {self.params_['q']:.3g}) that p · frequency + q is at most 1 there; the others' is "
                "finite. Fit on more customers or take out a few extreme amounts; predict_median() is finite for everybody.",
                UserWarning,
            )
        self._warn_if_not_constant(columns)
        return spend

    def predict_median(self, X: FrameLike) -> np.ndarray:
        """Amount that each customer's next transaction is as likely to exceed as not.

        Finite also where the expectation is not, since a median knows no tail.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 2)
            frequency and monetary_value.

        Returns
        -------
        ndarray of shape (n_customers,)
            In the money of X.

        Examples
        --------
        >>> model = GammaGamma().set_fitted_params(p=2.0, q=0.8, gamma=15.0)    # no finite mean of new customers
        >>> model.predict_median([[0, 0.0], [5, 80.0]]).round(2)
        array([49.97, 66.56])
        """
        columns = self._fitted_summary(X)
        if self.constant_spend_ is not None:
            return np.full(len(columns), self.constant_spend_)
        return gamma_gamma.posterior_median_spend(columns[:, 0], columns[:, 1], self._theta(columns))

    def _expected_spend(self, columns: np.ndarray) -> np.ndarray:
        if self.constant_spend_ is not None:
            return np.full(len(columns), self.constant_spend_)
        return gamma_gamma.posterior_mean_spend(columns[:, 0], columns[:, 1], self._theta(columns))

    def _warn_if_not_constant(self, columns: np.ndarray) -> None:
        if self.constant_spend_ is None:
            return
        x, m = columns[:, 0], columns[:, 1]
        if other := int(
            np.count_nonzero((x > 0) & (np.abs(m - self.constant_spend_) > CONSTANT * self.constant_spend_))
        ):
            warn(
                f"{type(self).__name__}: {other:,} of {len(columns):,} customers spend another amount on average than "
                f"{self.constant_spend_:,.6g}, which was everybody's in the fit and is the answer for them too; fit it again.",
                UserWarning,
            )

    def to_lifetimes(self) -> Any:
        """Return a lifetimes fitter with these parameters, as every model does; refused where spend is constant."""
        check_is_fitted(self, "theta_")
        if self.constant_spend_ is not None:
            raise ValueError(f"lifetimes has no model of constant spend: {self._constant_words()}")
        return super().to_lifetimes()

    def sample_posterior(self, n_draws: int = 4000, random_state: Seed = None) -> Posterior:
        """Sample the posterior as every model does; refused where spend is constant, since nothing is uncertain."""
        check_is_fitted(self, "theta_")
        if self.constant_spend_ is not None:
            raise ValueError(f"There is no posterior to sample: {self._constant_words()}")
        return super().sample_posterior(n_draws, random_state)

    def _known_draws(self, n_draws: int) -> np.ndarray:
        check_is_fitted(self, "theta_")
        if self.constant_spend_ is not None:
            return np.tile(self.theta_, (check_count(n_draws, "n_draws", least=1, most=MOST_DRAWS), 1))
        return super()._known_draws(n_draws)

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
            In the money of X; infinite where the expectation is. With kind="mean" an interval holds its own estimate: where
            the prior moves all draws to one side of it, the nearer end is the estimate.

        Warns
        -----
        ConvergenceWarning
            When the fit found no interior optimum, and why.
        UserWarning
            When the prior moves a parameter off its estimate, beyond 90 % of the draws.
        """
        coverage, kind = check_coverage(coverage), check_choice(kind, "kind", ("mean", "outcome"))
        rng = check_generator(KEPT_SEED if random_state is None else random_state)
        columns, vectors = self._fitted_summary(X), self._draws(n_draws)

        def quantity(block: np.ndarray, draws: np.ndarray) -> np.ndarray:
            if kind == "mean":
                return self._mean_draws(block, draws)
            return self._total_draws(block, draws, 1.0, rng)

        bounds = interval_by_blocks(quantity, columns, vectors, coverage)
        return holding(bounds, self._expected_spend(columns)) if kind == "mean" else bounds

    def _mean_draws(self, columns: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Expected amount for each draw and row, (draws, n)."""
        if self.constant_spend_ is not None:
            return np.full((len(vectors), len(columns)), self.constant_spend_)
        theta = self._layout().theta(vectors, self._expand(columns[:, :2]))
        return gamma_gamma.posterior_mean_spend(columns[:, 0], columns[:, 1], theta)

    def _total_draws(
        self, columns: np.ndarray, vectors: np.ndarray, counts: Any, rng: np.random.Generator
    ) -> np.ndarray:
        """One simulated total of each row's next ``counts`` transactions for each draw, (draws, n); 0 where counts is 0."""
        if self.constant_spend_ is not None:
            return self.constant_spend_ * np.broadcast_to(counts, (len(vectors), len(columns)))
        p, q, gamma = self._layout().theta(vectors, self._expand(columns[:, :2]))
        x, m = columns[:, 0], columns[:, 1]
        shape = np.broadcast_shapes(p.shape, (1, len(columns)))
        rate = rng.gamma(np.broadcast_to(p * x + q, shape)) / (gamma + m * x)
        total = rng.gamma(np.broadcast_to(p * counts, shape))
        with np.errstate(
            divide="ignore", invalid="ignore", over="ignore"
        ):  # a rate that underflows: amounts beyond any float
            return np.where(total == 0, 0.0, total / rate)

    @property
    def mean_spend_(self) -> float:
        """The population's mean amount per transaction, pγ/(q−1); infinite when q <= 1."""
        check_is_fitted(self, "theta_")
        if self.constant_spend_ is not None:
            return self.constant_spend_
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
        counts = check_numbers(counts, "counts", least=0, whole=True).astype(np.intp)
        if self.constant_spend_ is not None:
            return np.full(int(counts.sum()), self.constant_spend_)
        x = counts if frequency is None else check_numbers(frequency, "frequency", least=0, whole=True)
        p, q, gamma = self._theta(self._expand(np.column_stack([x, np.zeros(x.size)])))
        rng = check_generator(random_state)
        rate = rng.gamma(q, 1.0, counts.size) / gamma
        return rng.gamma(p, 1.0, int(counts.sum())) / np.repeat(rate, counts)

    def describe(self) -> str:
        """Return what was found in plain sentences."""
        check_is_fitted(self, "theta_")
        if self.constant_spend_ is not None:
            words = self._constant_words()
            return f"{self.title} fitted on {self.n_customers_:,.0f} customers with repeat purchases: {words}"
        params = ", ".join(f"{name} {value:.4g}" for name, value in self.params_.items())
        state = "" if self.converged_ or not self.n_customers_ else "; NOT converged"
        return (
            f"Gamma-Gamma fitted on {self.n_customers_:,.0f} customers with repeat purchases "
            f"(log-likelihood {self.log_likelihood_:,.3f}{state}): {params}.{self._words_of_doubt()} {self._words_of_spend()}"
        )

    def _words_of_spend(self) -> str:
        """What a customer not yet known spends."""
        if np.isfinite(mean := self.mean_spend_):
            return f"A customer not yet known is expected to spend {mean:,.2f} at a transaction."
        median = float(gamma_gamma.posterior_median_spend(np.zeros(1), np.zeros(1), list(self.params_.values()))[0])
        return (
            "What a customer not yet known is expected to spend is infinite, since q is at most 1 (a few extreme amounts do that); "
            f"half of their transactions stay below {median:,.2f}."
        )


def _first_left_out(X: Any) -> np.ndarray | float:
    """1 for each customer whose frequency leaves the first purchase out: all but customers of old, whose frequency counts it."""
    if not frames.is_frame(X) or ENTRY_WINDOW not in frames.wrap(X).collect_schema().names():
        return 1.0
    return (frames.to_columns(X, [ENTRY_WINDOW])[ENTRY_WINDOW].to_numpy(dtype=float) == 0).astype(float)
