"""What every buy-till-you-die model of transactions offers: fit on a summary, then expectations, P(alive), simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from ..checks import (
    UNIT_WORDS,
    check_choice,
    check_count,
    check_coverage,
    check_generator,
    check_number,
    check_numbers,
    check_unit,
    is_number,
)
from ..exceptions import DataError
from ..frames.ruler import convert, discount_intensity
from ..inference import discounted_integral
from ..inference.quadrature import NODES
from ..transactions.compression import unique_rows
from ..typing import ArrayLike, Frame, FrameLike, Numbers, Seed
from ._checks import timing_faults
from ._covariates import CovariateLayout, Effect
from ._intervals import count_interval, holding, mean_interval, next_purchase_interval
from .base import ParametricModel
from .numerics.rows import Rows

#: Nodes of the discounting integral within intervals, where five digits are plenty.
INTERVAL_NODES = 12
#: Customers simulated at a time, at most.
MOST_SIMULATED = 10_000_000
#: Counts whose probabilities are asked for, at most: more would be millions of numbers for a thousand customers.
MOST_COUNTS = 100_000
#: Probabilities of counts in one answer, at most: 400 MB.
MOST_PROBABILITIES = 50_000_000
#: Units of time that nobody waits for, hours included.
NEVER = 1e6
#: Predictions that can be bracketed, and those of them that will be seen.
QUANTITIES = (
    "predict",
    "probability_alive",
    "predict_next_purchase",
    "discounted_expected_transactions",
    "discounted_residual_transactions",
)
OUTCOMES = ("predict", "predict_next_purchase")


class TransactionModel(ParametricModel):
    """A model of when customers buy and when they silently leave, fitted on (frequency, recency, T).

    Subclasses name a numerics module (``numerics``) with the functions listed in ``docs/extending.md``.
    """

    _columns = ("frequency", "recency", "T")
    #: Whether time is a whole number of opportunities.
    _discrete: ClassVar[bool] = False
    #: Functions of the model's likelihood and expectations.
    numerics: Any
    #: {parameter: sign} of the log-parameter shift by the covariates of the purchase and of the dropout process.
    purchase_targets: ClassVar[Mapping[str, int]] = {}
    dropout_targets: ClassVar[Mapping[str, int]] = {}
    _parameter_constraints: ClassVar[dict] = {
        **ParametricModel._parameter_constraints,
        "horizon": [Interval(Real, 0, None, closed="neither")],
        "purchase_covariates": ["array-like", tuple],
        "dropout_covariates": ["array-like", tuple],
        "equal_effects": ["array-like", tuple],
        "l2_penalty": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        horizon: float = 1.0,
        *,
        prior: str | Mapping[str, tuple[float, float]] | None = "weak",
        purchase_covariates: Sequence[str] = (),
        dropout_covariates: Sequence[str] = (),
        equal_effects: Sequence[str] = (),
        l2_penalty: float = 0.0,
    ):
        self.horizon = horizon
        self.prior = prior
        self.purchase_covariates = purchase_covariates
        self.dropout_covariates = dropout_covariates
        self.equal_effects = equal_effects
        self.l2_penalty = l2_penalty

    # ---- covariates -----------------------------------------------------------------------------------------------

    def _covariates(self) -> tuple[str, ...]:
        """The covariates of both processes, each once."""
        return tuple(dict.fromkeys([*self.purchase_covariates, *self.dropout_covariates]))

    def _input_columns(self) -> tuple[str, ...]:
        return (*self._columns, *self._covariates())

    def _layout(self) -> CovariateLayout:
        both = set(self.purchase_covariates) & set(self.dropout_covariates)
        if wrong := [name for name in self.equal_effects if name not in both]:
            raise ValueError(
                f"equal_effects names {', '.join(map(repr, wrong))}, which is no covariate of both processes."
            )
        if taken := [name for name in self._covariates() if name in self._columns]:
            raise ValueError(f"{', '.join(map(repr, taken))} cannot be a covariate: the model reads it as what it is.")
        column_of = {name: len(self._columns) + j for j, name in enumerate(self._covariates())}
        effects = [
            Effect(
                process,
                tuple(names),
                tuple(column_of[name] for name in names),
                {self.parameter_names.index(name): sign for name, sign in targets.items()},
            )
            for process, names, targets in (
                ("purchase", self.purchase_covariates, self.purchase_targets),
                ("dropout", self.dropout_covariates, self.dropout_targets),
            )
        ]
        return CovariateLayout(self.parameter_names, effects, self.equal_effects)

    def _penalty(self) -> float:
        return self.l2_penalty / 2

    def _coefficients(self, process: str) -> Mapping[str, float]:
        check_is_fitted(self, "theta_")
        for effect, place in self._layout().slices():
            if effect.process == process:
                return MappingProxyType(dict(zip(effect.names, self.theta_[place].tolist(), strict=True)))
        return MappingProxyType({})

    @property
    def coef_purchase_(self) -> Mapping[str, float]:
        """Covariate coefficients of the purchase process, by column: the purchase rate is multiplied by exp(coef · z)."""
        return self._coefficients("purchase")

    @property
    def coef_dropout_(self) -> Mapping[str, float]:
        """Covariate coefficients of the dropout process, by column: positive values mean leaving sooner."""
        return self._coefficients("dropout")

    def _options(self) -> dict:
        """Keyword arguments that the model passes to its numerics; none unless it says otherwise."""
        return {}

    def _check_meaning(self, columns: np.ndarray) -> list[str]:
        return timing_faults(*columns.T[:3]) + self._layout().faults(columns)

    def _rows(self, columns: np.ndarray) -> Rows:
        return Rows(*(np.ascontiguousarray(column) for column in columns.T[:3]))

    def _weighted_total(self, rows: Rows, weight: np.ndarray):
        make = getattr(self.numerics, "weighted_total", None)
        return None if make is None else make(rows, weight, **self._options())

    def _log_likelihood(self, rows, theta):
        return self.numerics.log_likelihood(rows, theta, **self._options())

    def _log_likelihood_gradient(self, rows, theta):
        return self.numerics.log_likelihood_gradient(rows, theta, **self._options())

    # ---- a customer with a history --------------------------------------------------------------------------------

    def predict(self, X: FrameLike, horizon: float | None = None) -> np.ndarray:
        """Expected number of transactions in (T, T + horizon], given each customer's history.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
            frequency, recency, T.
        horizon : float, default=None
            In the fitted unit; None takes the constructor's ``horizon``.

        Returns
        -------
        ndarray of shape (n_customers,)
            At least 0.
        """
        columns = self._fitted_summary(X)
        return self.numerics.conditional_expectation(
            self._rows(columns), self._horizon(horizon), self._theta(columns), **self._options()
        )

    def probability_alive(self, X: FrameLike, ahead: float = 0.0) -> np.ndarray:
        """P(alive at T + ahead), given each customer's history.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
        ahead : float, default=0.0
            Time after T, in the fitted unit, at least 0.

        Returns
        -------
        ndarray of shape (n_customers,)
        """
        ahead = _not_negative(ahead, "ahead")
        columns = self._fitted_summary(X)
        return np.exp(
            self.numerics.log_probability_alive(self._rows(columns), self._theta(columns), ahead, **self._options())
        )

    def predict_count_proba(self, X: FrameLike, horizon: float | None = None, max_count: int = 10) -> np.ndarray:
        """P(X(T, T + horizon) = j) for j = 0 .. max_count, given each customer's history.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
        horizon : float, default=None
        max_count : int, default=10

        Returns
        -------
        ndarray of shape (n_customers, max_count + 1)
            Rows sum to at most 1; the rest is the probability of more than ``max_count``.
        """
        horizon, max_count = self._horizon(horizon), check_count(max_count, "max_count", most=MOST_COUNTS)
        columns = self._fitted_summary(X)
        if (size := len(columns) * (max_count + 1)) > MOST_PROBABILITIES:
            raise ValueError(
                f"max_count={max_count:,} for {len(columns):,} customers is {size:,} probabilities, more than {MOST_PROBABILITIES:,}; "
                "take a smaller max_count or fewer customers at a time."
            )

        def proba(rows, theta):
            return np.exp(self.numerics.conditional_count_log_proba(rows, horizon, theta, max_count, **self._options()))

        return self._by_unique_row(columns, proba)

    def predict_next_purchase(self, X: FrameLike, quantile: float = 0.5) -> np.ndarray:
        """Time after T by which the next purchase has come with a given probability, if one comes at all.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
        quantile : float, default=0.5
            0.5 gives the median. At least 0 and below 1.

        Returns
        -------
        ndarray of shape (n_customers,)
            In the fitted unit.
        """
        quantile = _quantile(quantile)
        columns = self._fitted_summary(X)
        return self._by_unique_row(
            columns,
            lambda rows, theta: self.numerics.next_purchase_quantile(rows, quantile, theta, **self._options()),
        )

    def discounted_expected_transactions(
        self, X: FrameLike, horizon: float | None = None, annual_discount_rate: float = 0.0, unit: str | None = None
    ) -> np.ndarray:
        r"""Discounted expected transactions in (T, T + horizon], :math:`\int_0^h e^{-\delta\tau}\,dE[X(T, T+\tau)]`.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
        horizon : float, default=None
        annual_discount_rate : float, default=0.0
            Effective rate a year; δ = ln(1 + rate) per year.
        unit : {"h", "D", "W", "M", "Y"}, default=None
            The unit of X's times, needed where the summary carried none.

        Returns
        -------
        ndarray of shape (n_customers,)
        """
        horizon = self._horizon(horizon)
        columns = self._fitted_summary(X)
        delta = discount_intensity(annual_discount_rate, self._unit(unit)) if annual_discount_rate != 0 else 0.0
        return self._by_unique_row(columns, lambda rows, theta: self._discounted(rows, theta, horizon, delta))

    def discounted_residual_transactions(
        self, X: FrameLike, annual_discount_rate: float, unit: str | None = None
    ) -> np.ndarray:
        r"""Discounted expected residual transactions (DERT) over an infinite horizon.

        :math:`\int_0^\infty e^{-\delta\tau}\,dE[X(T, T+\tau)]` with :math:`\delta = \ln(1 + rate)` per year [1]_.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
        annual_discount_rate : float
            Above 0 (0.1 is 10 % a year): at 0 the sum need not be finite.
        unit : {"h", "D", "W", "M", "Y"}, default=None
            The unit of X's times, needed where the summary carried none.

        Returns
        -------
        ndarray of shape (n_customers,)

        References
        ----------
        .. [1] Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), RFM and CLV: Using iso-value curves for customer
           base analysis. Journal of Marketing Research 42, 415-430.
        """
        delta = self._endless_discount(annual_discount_rate, unit)
        columns = self._fitted_summary(X)
        return self._by_unique_row(columns, lambda rows, theta: self._discounted(rows, theta, np.inf, delta))

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
        quantile: float = 0.5,
        annual_discount_rate: float = 0.0,
        unit: str | None = None,
    ) -> np.ndarray:
        """Credible interval of a prediction for each customer.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 3)
        of : str, default="predict"
            The method whose answer is bracketed: "predict", "probability_alive", "predict_next_purchase",
            "discounted_expected_transactions" or "discounted_residual_transactions".
        horizon : float, default=None
            In the fitted unit; None takes the constructor's.
        coverage : float, default=0.9
            Between 0 and 1; the interval has equal tails.
        kind : {"mean", "outcome"}, default="mean"
            "mean": of the expectation (or quantile), whose uncertainty is that of the parameters. "outcome": of what will
            be seen: the number of transactions for "predict", which being whole holds at least ``coverage``, and the time
            to the next purchase, if there is one, for "predict_next_purchase", by one time for each posterior draw.
        n_draws : int, default=1000
            Posterior draws to use; sampled now, with seed 0, where :meth:`sample_posterior` was not called before.
        ahead, quantile, annual_discount_rate, unit
            As in the method that ``of`` names.

        Returns
        -------
        ndarray of shape (n_customers, 2)
            Lower and upper bound. Computed in blocks: memory does not grow with draws × customers. With kind="mean" an interval
            holds its own estimate: where the prior moves all draws to one side of it, the nearer end is the estimate.

        Warns
        -----
        ConvergenceWarning
            When the fit found no interior optimum, and why.
        UserWarning
            When the prior moves a parameter off its estimate, beyond 90 % of the draws.
        """
        coverage, kind = check_coverage(coverage), check_choice(kind, "kind", ("mean", "outcome"))
        of = check_choice(of, "of", QUANTITIES)
        arguments = self._quantity_arguments(of, horizon, ahead, quantile, annual_discount_rate, unit)
        if kind == "outcome" and of not in OUTCOMES:
            raise ValueError(
                f"kind='outcome' is for counts (of='predict') and times (of='predict_next_purchase'); {of!r} has no outcome to "
                "be observed."
            )
        columns, vectors = self._fitted_summary(X), self._draws(n_draws)
        if kind == "mean":
            return holding(
                mean_interval(self, columns, vectors, coverage, of, **arguments),
                self._estimate(columns, of, **arguments),
            )
        if of == "predict":
            return count_interval(self, columns, vectors, coverage, arguments["horizon"])
        return next_purchase_interval(self, columns, vectors, coverage)

    def _quantity_arguments(self, of, horizon, ahead, quantile, annual_discount_rate, unit) -> dict[str, Any]:
        """What :meth:`_quantity` needs for the method that ``of`` names, checked."""
        check_is_fitted(self, "theta_")
        if of == "predict":
            return {"horizon": self._horizon(horizon)}
        if of == "probability_alive":
            return {"ahead": _not_negative(ahead, "ahead")}
        if of == "predict_next_purchase":
            return {"quantile": _quantile(quantile)}
        if of == "discounted_residual_transactions":
            return {"horizon": np.inf, "delta": self._endless_discount(annual_discount_rate, unit)}
        delta = discount_intensity(annual_discount_rate, self._unit(unit)) if annual_discount_rate != 0 else 0.0
        return {"horizon": self._horizon(horizon), "delta": delta}

    def _endless_discount(self, annual_discount_rate: float, unit: str | None) -> float:
        """The discount intensity of an infinite horizon, above 0."""
        delta = discount_intensity(annual_discount_rate, self._unit(unit))
        if delta <= 0:
            raise ValueError(
                "annual_discount_rate must be above 0: over an infinite horizon the undiscounted sum may not exist."
            )
        return delta

    def _estimate(self, columns: np.ndarray, of: str, **arguments: Any) -> np.ndarray:
        """The prediction that an interval is of, at the estimate itself."""

        def at_estimate(rows: Rows, theta: list) -> np.ndarray:
            if "delta" in arguments:
                return self._discounted(rows, theta, arguments["horizon"], arguments["delta"])
            return self._quantity(of, rows, theta, **arguments)

        return self._by_unique_row(columns, at_estimate)

    def _quantity(self, of: str, rows: Rows, theta: list, **arguments: Any) -> np.ndarray:
        """A prediction for rows and parameters that broadcast against them: what intervals are made of."""
        if of == "predict":
            return self.numerics.conditional_expectation(rows, arguments["horizon"], theta, **self._options())
        if of == "probability_alive":
            return np.exp(self.numerics.log_probability_alive(rows, theta, arguments["ahead"], **self._options()))
        if of == "predict_next_purchase":
            return self.numerics.next_purchase_quantile(rows, arguments["quantile"], theta, **self._options())
        return self._discounted(rows, theta, arguments["horizon"], arguments["delta"], INTERVAL_NODES)

    def _discounted(self, rows: Rows, theta: list, horizon: float, delta: float, n_nodes: int = NODES) -> np.ndarray:
        options = self._options()
        exact = getattr(self.numerics, "discounted_residual_transactions", None)
        if exact is not None:
            return exact(rows, delta, theta, horizon, **options)
        scale = float(np.median(rows.T)) if len(rows) else 1.0
        return discounted_integral(
            lambda tau: self.numerics.conditional_expectation(rows, tau, theta, **options),
            horizon,
            delta,
            scale,
            n_nodes,
        )

    # ---- a new customer -------------------------------------------------------------------------------------------

    def expected_purchases(self, t: Numbers, covariates: Mapping[str, float] | None = None) -> np.ndarray:
        """Expected number of repeat transactions of a new customer by time t after the first purchase.

        Parameters
        ----------
        t : float or array-like
            In the fitted unit, at least 0.
        covariates : mapping of str to float, default=None
            The customer's covariates, needed where the model has any.

        Returns
        -------
        ndarray of the shape of t
        """
        t, theta = _not_negative(t, "t"), self._new_customer(covariates)
        return self.numerics.expectation(t, theta, **self._options())

    def count_proba(self, t: float, max_count: int = 10, covariates: Mapping[str, float] | None = None) -> np.ndarray:
        """P(X(t) = j), j = 0 .. max_count, of a new customer.

        Parameters
        ----------
        t : float
            In the fitted unit, at least 0.
        max_count : int, default=10
        covariates : mapping of str to float, default=None
            The customer's covariates, needed where the model has any.

        Returns
        -------
        ndarray of shape (max_count + 1,)
        """
        t, theta = _not_negative(t, "t"), self._new_customer(covariates)
        return np.exp(
            self.numerics.count_log_proba(
                t, theta, check_count(max_count, "max_count", most=MOST_COUNTS), **self._options()
            )
        )

    def simulate(
        self, n: int, T: ArrayLike, random_state: Seed = None, covariates: Frame | Mapping[str, ArrayLike] | None = None
    ) -> pd.DataFrame:
        """Simulate the transactions of n new customers.

        Parameters
        ----------
        n : int
        T : float or array-like of shape (n,)
            How long each is observed, in the fitted unit.
        random_state : int, Generator, RandomState or None
        covariates : frame of n rows, default=None
            The customers' covariates, needed where the model has any.

        Returns
        -------
        DataFrame
            customer_id (0 .. n - 1) and time since the customer's first transaction, which is itself a row at time 0.
        """
        n, theta = check_count(n, "n", most=MOST_SIMULATED), self._new_customer(covariates)
        length = np.broadcast_to(np.asarray(_not_negative(T, "T"), dtype=float), (n,))
        customer, time = self.numerics.simulate(n, length, theta, check_generator(random_state), **self._options())
        customer = np.concatenate([np.arange(n), customer])
        time = np.concatenate([np.zeros(n), time])
        order = np.lexsort((time, customer))
        return pd.DataFrame({"customer_id": customer[order], "time": time[order]})

    def _new_customer(self, covariates: Any) -> list:
        """Natural parameters of customers known by their covariates alone; scalars where there is just one."""
        check_is_fitted(self, "theta_")
        names = self._covariates()
        if not names:
            return self._theta(np.empty((0, len(self._columns))))
        missing = [name for name in names if covariates is None or name not in covariates]
        if missing:
            raise DataError([f"{name} is missing" for name in missing], "the covariates of a new customer")
        values = np.column_stack([np.atleast_1d(check_numbers(covariates[name], name)) for name in names])
        theta = self._theta(np.column_stack([np.zeros((len(values), len(self._columns))), values]))
        return [np.squeeze(value)[()] if len(values) == 1 else value for value in theta]

    # ---- small parts ----------------------------------------------------------------------------------------------

    def _by_unique_row(self, columns: np.ndarray, function) -> np.ndarray:
        unique, _, code = unique_rows(*columns.T)
        columns = np.column_stack(unique)
        return function(self._rows(columns), self._theta(columns))[code]

    def _horizon(self, horizon: float | None) -> float:
        value = self.horizon if horizon is None else horizon
        return check_number(value, "horizon", least=0, meaning=f"it is in the fitted unit ({self._unit_word()})")

    def _unit(self, unit: str | None) -> str:
        """The unit of the model's times: the fitted one, which ``unit`` may state where the summary did not."""
        known = self.ruler_.unit
        if unit is None and known is None:
            raise ValueError(
                "The summary carried no unit of time: say unit='D', 'W', ... so that the rate can be converted."
            )
        if unit is not None and known is not None and check_unit(unit) != known:
            raise ValueError(
                f"unit={unit!r}, but the model was fitted on a summary in {known!r} ({UNIT_WORDS[known]})."
            )
        return check_unit(str(unit or known))

    def _unit_word(self) -> str:
        return UNIT_WORDS.get(str(self.ruler_.unit), "units of time") if hasattr(self, "ruler_") else "units of time"

    def describe(self) -> str:
        """Return what was found in plain sentences."""
        check_is_fitted(self, "theta_")
        params = ", ".join(f"{name} {value:.4g}" for name, value in self.params_.items())
        unit = self.ruler_.unit
        T = convert(1.0, "Y", unit) if unit else 1.0
        span = f"a year ({T:.4g} {self._unit_word()})" if unit else "one unit of time"
        fitted = (
            f"{self.title} fitted on {self.n_customers_:,.0f} customers (log-likelihood {self.log_likelihood_:,.3f}"
            f"{'' if self.converged_ else '; NOT converged'}): {params}.{self._words_of_doubt()}"
            if self.n_customers_
            else f"{self.title} with given parameters: {params}."
        )
        if self._covariates():
            return f"{fitted} {self.traits()}".strip()
        more = float(self.expected_purchases(T))
        return (
            f"{fitted} A new customer is expected to buy {more:.2f} more times within {span}. {self.traits()}".strip()
        )

    def _leaving_words(self, median: float) -> str:
        """How soon half of the customers have left, where that is within anybody's lifetime."""
        if not median < NEVER:
            return (
                f"Customers hardly leave: it takes more than {NEVER:,.0f} {self._unit_word()} until half of them have."
            )
        return f"Customers leave unseen, half of them within {median:.4g} {self._unit_word()} of their first purchase."

    def traits(self) -> str:
        """One more sentence that only this model can say."""
        return ""


def purchase_rate(columns: np.ndarray, weight: np.ndarray) -> float:
    """Repeat purchases per unit of time over all customers: where start values take their unit of time from."""
    purchases, time = float((weight * columns[:, 0]).sum()), float((weight * columns[:, 2]).sum())
    return max(purchases, 1.0) / time if time > 0 else 1.0


def _not_negative(value: Any, name: str) -> Any:
    array = check_numbers(value, name, least=0)
    return array if array.ndim else float(array)


def _quantile(quantile: float) -> float:
    if is_number(quantile) and 0 <= quantile < 1:
        return float(quantile)
    raise ValueError(f"quantile={quantile!r} must be at least 0 and below 1.")
