"""What every contractual model offers: losses are seen, so that retention, survival and residual value can be told for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from ..checks import check_choice, check_count, check_coverage, check_generator, check_number, check_numbers
from ..exceptions import warn
from ..typing import ArrayLike, Frame, FrameLike, Numbers, Seed
from ._contract_fit import ContractFit
from ._contract_intervals import lifetime_interval, mean_interval, survivor_draws
from ._groups import read_groups, totals_frame
from ._intervals import holding
from .base import KEPT_SEED

#: Customers simulated at a time, at most.
MOST_SIMULATED = 10_000_000
#: Predictions that can be bracketed, and those of them that will be seen.
QUANTITIES = ("predict", "predict_survival", "residual_lifetime", "discounted_residual_lifetime", "residual_value")
OUTCOMES = ("predict", "residual_lifetime", "discounted_residual_lifetime", "residual_value")
#: Renewals after which nobody looks for the median customer's end.
NEVER = 1e6


class ContractualModel(ContractFit):
    """A model of how long customers under contract stay, fitted on (recency, T) or on cohorts' counts of survivors.

    Subclasses name a numerics module with the functions of :class:`crmml.clv.numerics.ContractNumerics`.
    """

    # ---- a customer with a history ----------------------------------------------------------------------------------

    def predict(self, X: FrameLike, horizon: float | None = None) -> np.ndarray:
        """Expected renewals among the next ``horizon`` opportunities, or expected time as a customer within it.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 2)
            recency and T.
        horizon : float, default=None
            A number of renewals, or in continuous time a length in the fitted unit; None takes the constructor's.

        Returns
        -------
        ndarray of shape (n_customers,)
            0 for customers who left.
        """
        columns = self._fitted_summary(X)
        return self._estimate(columns, "predict", horizon=self._horizon(horizon))

    def predict_survival(self, X: FrameLike, ahead: float) -> np.ndarray:
        """P(customer at T + ahead), given each customer's history: S(T + ahead) / S(T), and 0 for customers who left.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 2)
        ahead : float
            Renewals, or time, after T.

        Returns
        -------
        ndarray of shape (n_customers,)
        """
        columns = self._fitted_summary(X)
        return self._estimate(columns, "predict_survival", ahead=self._span(ahead, "ahead"))

    def residual_lifetime(self, X: FrameLike) -> np.ndarray:
        """Expected renewals, or time, that each customer has left, without discount and without end.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 2)

        Returns
        -------
        ndarray of shape (n_customers,)
            0 for customers who left; infinite where survival falls too slowly for the sum to exist.

        Warns
        -----
        UserWarning
            When some are infinite, and how many.
        """
        columns = self._fitted_summary(X)
        lifetime = self._estimate(columns, "residual_lifetime")
        if endless := int(np.count_nonzero(np.isinf(lifetime))):
            warn(
                f"{type(self).__name__}: the expected residual lifetime of {endless:,} of {lifetime.size:,} customers is infinite, "
                f"since {self._endless_words()}; discount it, or predict() within a horizon.",
                UserWarning,
            )
        return lifetime

    def discounted_residual_lifetime(
        self, X: FrameLike, annual_discount_rate: float, unit: str | None = None
    ) -> np.ndarray:
        r"""Discounted expected residual lifetime (DERL): :math:`\sum_{j \ge 1} e^{-\delta j} S(T+j)/S(T)` [1]_.

        The next renewal is one period away and discounted once; seen at the very moment of renewal, as the literature prints
        it, multiply by 1 + the discount rate of a period. In continuous time the sum is an integral.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 2)
        annual_discount_rate : float
            Above 0 (0.1 is 10 % a year): at 0 the sum need not be finite.
        unit : {"h", "D", "W", "M", "Y"}, default=None
            The length of a renewal period, or the unit of time, needed where the summary carried none.

        Returns
        -------
        ndarray of shape (n_customers,)

        References
        ----------
        .. [1] Fader, P. S. and Hardie, B. G. S. (2010), Customer-base valuation in a contractual setting: the perils of ignoring
           heterogeneity. Marketing Science 29, 85-93.
        """
        delta = self._endless_discount(annual_discount_rate, unit)
        return self._estimate(self._fitted_summary(X), "discounted_residual_lifetime", delta=delta)

    def residual_value(
        self, X: FrameLike, *, margin_per_period: float, annual_discount_rate: float, unit: str | None = None
    ) -> np.ndarray:
        """Money expected of each customer from now on: the margin of a period times :meth:`discounted_residual_lifetime`.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 2)
        margin_per_period : float
            Money earned by each renewal, or in each unit of time.
        annual_discount_rate : float
            Above 0.
        unit : {"h", "D", "W", "M", "Y"}, default=None

        Returns
        -------
        ndarray of shape (n_customers,)
            In the money of the margin; what has been paid already is not in it.
        """
        arguments = self._quantity_arguments("residual_value", None, 0.0, annual_discount_rate, unit, margin_per_period)
        return self._estimate(self._fitted_summary(X), "residual_value", **arguments)

    def retention_elasticity(self, X: FrameLike, annual_discount_rate: float, unit: str | None = None) -> np.ndarray:
        r"""Percent by which residual value grows when each renewal becomes one percent more likely [1]_.

        With every probability of renewal multiplied by 1 + ε, S(T + j) is by (1 + ε)^j, and the elasticity at ε = 0 is

        .. math:: \frac{\sum_j j\, e^{-\delta j} S(T+j)}{\sum_j e^{-\delta j} S(T+j)},

        which is more than if all customers had the retention rate r of their next renewal, 1 / (1 − r e^−δ). In continuous time
        the sums are integrals, and what becomes more likely is to stay for one unit.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 2)
        annual_discount_rate : float
            Above 0.
        unit : {"h", "D", "W", "M", "Y"}, default=None

        Returns
        -------
        ndarray of shape (n_customers,)
            0 for customers who left, whose value is 0 whatever retention is.

        References
        ----------
        .. [1] Fader, P. S. and Hardie, B. G. S. (2010), Customer-base valuation in a contractual setting: the perils of ignoring
           heterogeneity. Marketing Science 29, 85-93.
        """
        delta = self._endless_discount(annual_discount_rate, unit)
        columns = self._fitted_summary(X)

        def elasticity(rows: np.ndarray, theta: list) -> np.ndarray:
            return np.where(self._alive(rows), self.numerics.retention_elasticity(rows[:, 1], theta, delta), 0.0)

        return self._by_unique_row(columns, elasticity)

    # ---- intervals --------------------------------------------------------------------------------------------------

    def predict_interval(
        self,
        X: FrameLike,
        of: str = "predict",
        *,
        horizon: float | None = None,
        coverage: float = 0.9,
        kind: str = "mean",
        n_draws: int = 1000,
        ahead: float = 0.0,
        annual_discount_rate: float = 0.0,
        unit: str | None = None,
        margin_per_period: float = 1.0,
    ) -> np.ndarray:
        """Credible interval of a prediction for each customer.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 2)
        of : str, default="predict"
            The method whose answer is bracketed: "predict", "predict_survival", "residual_lifetime",
            "discounted_residual_lifetime" or "residual_value".
        horizon : float, default=None
            As in :meth:`predict`.
        coverage : float, default=0.9
            Between 0 and 1; the interval has equal tails.
        kind : {"mean", "outcome"}, default="mean"
            "mean": of the expectation or probability, whose uncertainty is that of the parameters. "outcome": of what will be
            seen: renewals or time left, and what they bring; "predict_survival" has none. Whole counts hold at least ``coverage``.
        n_draws : int, default=1000
            Posterior draws to use; sampled now, with seed 0, where :meth:`sample_posterior` was not called before.
        ahead, annual_discount_rate, unit, margin_per_period
            As in the method that ``of`` names.

        Returns
        -------
        ndarray of shape (n_customers, 2)
            Lower and upper bound. With kind="mean" an interval holds its own estimate.

        Warns
        -----
        ConvergenceWarning
            When the fit found no interior optimum, and why.
        UserWarning
            When the prior moves a parameter off its estimate, beyond 90 % of the draws.
        """
        coverage, kind = check_coverage(coverage), check_choice(kind, "kind", ("mean", "outcome"))
        of = check_choice(of, "of", QUANTITIES)
        arguments = self._quantity_arguments(of, horizon, ahead, annual_discount_rate, unit, margin_per_period)
        if kind == "outcome" and of not in OUTCOMES:
            raise ValueError(f"kind='outcome' is for renewals, times and money; {of!r} has no outcome to be observed.")
        columns, vectors = self._fitted_summary(X), self._draws(n_draws)
        if kind == "mean":
            bounds = mean_interval(self, columns, vectors, coverage, of, **arguments)
            return holding(bounds, self._estimate(columns, of, **arguments))
        bounds = lifetime_interval(self, columns, vectors, coverage, arguments.get("horizon", np.inf))
        return self._worth(bounds, **arguments)

    def total_interval(
        self,
        X: FrameLike,
        horizon: float | None = None,
        *,
        by: str | ArrayLike | None = None,
        coverage: float = 0.9,
        kind: str = "outcome",
        n_draws: int = 1000,
        random_state: Seed = None,
    ) -> pd.DataFrame:
        """How many of the customers of X will still be customers at the end of the horizon, in total or in each group.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 2)
        horizon : float, default=None
            As in :meth:`predict`.
        by : str or array-like of shape (n_customers,), default=None
            A column of X, or labels of groups.
        coverage : float, default=0.9
        kind : {"outcome", "mean"}, default="outcome"
            "outcome": of the number that will be counted: the uncertainty of the parameters, which all customers share, and each
            customer's luck. "mean": of its expectation.
        n_draws : int, default=1000
        random_state : int, Generator, RandomState or None
            Of the simulated luck; None takes the same at every call, so that an interval does not move.

        Returns
        -------
        DataFrame
            One row for each group (``total`` without ``by``): expected, lower, upper. A group of customers who left has 0.

        Raises
        ------
        DataError
            When labels are missing or are not one for each customer.
        """
        horizon, coverage = self._horizon(horizon), check_coverage(coverage)
        kind = check_choice(kind, "kind", ("outcome", "mean"))
        rng = check_generator(KEPT_SEED if random_state is None else random_state)
        columns = self._fitted_summary(X)
        code, labels = read_groups(X, by, len(columns))
        survival = self._estimate(columns, "predict_survival", ahead=horizon)
        expected = np.bincount(code, survival, minlength=len(labels))
        vectors = self._draws(n_draws)
        drawn = np.zeros((len(vectors), len(labels)))
        totals = survivor_draws(self, columns, vectors, code, horizon, rng if kind == "outcome" else None)
        drawn[:, : totals.shape[1]] = totals
        return totals_frame(labels, expected, drawn, coverage)

    def _quantity_arguments(self, of, horizon, ahead, annual_discount_rate, unit, margin) -> dict[str, Any]:
        """What :meth:`_quantity` needs for the method that ``of`` names, checked."""
        check_is_fitted(self, "theta_")
        if of == "predict":
            return {"horizon": self._horizon(horizon)}
        if of == "predict_survival":
            return {"ahead": self._span(ahead, "ahead")}
        if of == "residual_lifetime":
            return {}
        delta = self._endless_discount(annual_discount_rate, unit)
        if of == "discounted_residual_lifetime":
            return {"delta": delta}
        return {"delta": delta, "margin": check_number(margin, "margin_per_period", above=0)}

    def _quantity(
        self, of: str, columns: np.ndarray, theta: list, horizon=np.inf, ahead=0.0, delta=0.0, margin=1.0
    ) -> np.ndarray:
        """A prediction for columns and parameters that broadcast against them: what intervals are made of."""
        if of == "predict_survival":
            value = np.exp(self.numerics.log_survival(columns[:, 1], ahead, theta))
        else:
            value = margin * self.numerics.expected_time(columns[:, 1], horizon, theta, delta)
        return np.where(self._alive(columns), value, 0.0)

    def _estimate(self, columns: np.ndarray, of: str, **arguments: Any) -> np.ndarray:
        return self._by_unique_row(columns, lambda rows, theta: self._quantity(of, rows, theta, **arguments))

    def _worth(self, lifetime: np.ndarray, horizon=np.inf, delta: float = 0.0, margin: float = 1.0) -> np.ndarray:
        """Discounted renewals, or time, of a lifetime, and what they bring."""
        if delta == 0:
            return margin * lifetime
        length = np.expm1(delta) if self._discrete else delta
        return margin * -np.expm1(-delta * lifetime) / length

    # ---- a new customer ---------------------------------------------------------------------------------------------

    def survival(self, t: Numbers, covariates: Mapping[str, float] | None = None) -> np.ndarray:
        """P(a new customer is one still after t renewals, or at time t).

        Parameters
        ----------
        t : float or array-like
            At least 0.
        covariates : mapping of str to float, default=None
            The customer's covariates, needed where the model has any.

        Returns
        -------
        ndarray of the shape of t
        """
        t = check_numbers(t, "t", least=0, whole=self._discrete)
        return np.exp(self.numerics.log_survival(np.zeros_like(t), t, self._new_customer(covariates)))

    def retention_rate(self, t: Numbers, covariates: Mapping[str, float] | None = None) -> np.ndarray:
        """Share of the customers of t − 1 who are customers at t: r_t = S(t) / S(t − 1), which rises as the loyal remain.

        Parameters
        ----------
        t : float or array-like
            The t-th renewal, or in continuous time the end of a stretch of one unit; at least 1.
        covariates : mapping of str to float, default=None

        Returns
        -------
        ndarray of the shape of t
        """
        t = check_numbers(t, "t", least=1, whole=self._discrete)
        return np.exp(self.numerics.log_survival(t - 1, np.ones_like(t), self._new_customer(covariates)))

    def simulate(
        self, n: int, T: ArrayLike, random_state: Seed = None, covariates: Frame | Mapping[str, ArrayLike] | None = None
    ) -> pd.DataFrame:
        """Simulate n new customers.

        Parameters
        ----------
        n : int
        T : float or array-like of shape (n,)
            Renewal opportunities, or time, that each is observed for.
        random_state : int, Generator, RandomState or None
        covariates : frame of n rows, default=None
            The customers' covariates, needed where the model has any.

        Returns
        -------
        DataFrame
            customer_id (0 .. n - 1), recency, T and the covariates: what :meth:`fit` takes.
        """
        n, theta = check_count(n, "n", most=MOST_SIMULATED), self._new_customer(covariates)
        length = np.broadcast_to(check_numbers(T, "T", least=0, whole=self._discrete), (n,))
        lifetime = self.numerics.lifetimes(n, theta, check_generator(random_state))
        table = pd.DataFrame({"customer_id": np.arange(n), "recency": np.minimum(lifetime, length), "T": length})
        return table.assign(**{name: np.broadcast_to(covariates[name], (n,)) for name in self._covariates()})  # type: ignore[index]

    def _survival_draws(self, t: np.ndarray, covariates: Any, n_draws: int) -> np.ndarray:
        """Survival of a new customer at times t for each posterior draw, (draws, times)."""
        row = self._columns_of_new(covariates)[:1]
        theta = self._layout().theta(self._draws(n_draws), row)
        return np.exp(self.numerics.log_survival(np.zeros_like(t), t, theta))

    # ---- words ------------------------------------------------------------------------------------------------------

    def _horizon(self, horizon: float | None) -> float:
        return self._span(self.horizon if horizon is None else horizon, "horizon")

    def _span(self, value: float, name: str) -> float:
        if self._discrete:
            return float(check_count(value, name))
        return check_number(value, name, least=0, meaning=f"it is in the fitted unit ({self._unit_word()})")

    def describe(self) -> str:
        """Return what was found in plain sentences."""
        check_is_fitted(self, "theta_")
        params = ", ".join(f"{name} {value:.4g}" for name, value in self.params_.items())
        fitted = (
            f"{self.title} fitted on {self.n_customers_:,.0f} customers (log-likelihood {self.log_likelihood_:,.3f}"
            f"{'' if self.converged_ else '; NOT converged'}): {params}.{self._words_of_doubt()}"
            if self.n_customers_
            else f"{self.title} with given parameters: {params}."
        )
        return fitted if self._covariates() else f"{fitted} {self._words_of_staying()}"

    def _words_of_staying(self) -> str:
        """How many stay at first and later on, and when half have left."""
        first, later = self.retention_rate(np.array([1.0, 8.0]))
        half = self._median_lifetime()
        span = "renewals" if self._discrete else self._unit_word()
        gone = (
            f"Half of them have left after {half:.4g} {span}."
            if half < NEVER
            else f"More than half stay for {NEVER:,.0f} {span}."
        )
        if self._discrete:
            return f"{first:.1%} of new customers make the first renewal, and {later:.1%} of those who made seven the eighth. {gone}"
        return (
            f"{first:.1%} of new customers stay for one unit of time, and {later:.1%} of those who stayed for seven stay for one "
            f"more. {gone}"
        )

    def _median_lifetime(self) -> float:
        """When survival of a new customer falls to a half; NEVER where that is later."""
        lower, upper = 0.0, 1.0
        while self.survival(upper) > 0.5:
            lower, upper = upper, 2 * upper
            if upper > NEVER:
                return NEVER
        while upper - lower > (1.0 if self._discrete else 1e-6 * upper):
            middle = (lower + upper) / 2
            middle = float(np.floor(middle)) if self._discrete else middle
            lower, upper = (lower, middle) if self.survival(middle) <= 0.5 else (middle, upper)
        return upper

    def _endless_words(self) -> str:
        """Why an expected residual lifetime is infinite."""
        return "survival falls too slowly"


def losses_and_time(columns: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Customers lost, and renewals made (or time spent) by all: where start values come from."""
    lost = columns[:, 0] < columns[:, 1]
    return float(weight[lost].sum()), float(weight @ columns[:, 0])
