"""What every buy-till-you-die model of transactions offers: fit on a summary, then expectations, P(alive), simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from .. import frames
from ..checks import (
    check_choice,
    check_count,
    check_coverage,
    check_not_negative,
    check_number,
    is_number,
)
from ..exceptions import DataError
from ..frames.ruler import convert, discount_intensity
from ..inference import discounted_integral
from ..inference.quadrature import NODES
from ..transactions.timing import ENTRY_WINDOW
from ..typing import FrameLike
from ._checks import timing_faults
from ._covariates import CovariateLayout, Effect
from ._intervals import count_interval, holding, mean_interval, next_purchase_interval
from ._left_truncation import entry_faults, truncated, truncated_gradient
from ._new_customers import MOST_COUNTS, NewCustomersMixin
from ._operational_time import Ahead, OperationalTimeMixin
from ._prior import COEFFICIENT_SD
from ._timed import TimedModel
from ._totals import TotalsMixin
from .numerics.rows import Rows

#: Nodes of the discounting integral within intervals, where five digits are plenty.
INTERVAL_NODES = 12
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


class TransactionModel(TotalsMixin, OperationalTimeMixin, NewCustomersMixin, TimedModel):
    """A model of when customers buy and when they silently leave, fitted on (frequency, recency, T).

    Subclasses name a numerics module (``numerics``) with the functions listed in ``docs/extending.md``.
    """

    _columns = ("frequency", "recency", "T")
    _optional_columns: ClassVar[tuple[str, ...]] = (ENTRY_WINDOW,)
    #: Whether time is a whole number of opportunities.
    _discrete: ClassVar[bool] = False
    #: Whether customers of old, acquired before the log, can be told from new ones by the column entry_window.
    _takes_entry: ClassVar[bool] = True
    #: Whether the summary that the model was fitted on does so.
    has_entry_: bool = False
    #: Functions of the model's likelihood and expectations.
    numerics: Any
    #: {parameter: sign} of the log-parameter shift by the covariates of the purchase and of the dropout process.
    purchase_targets: ClassVar[Mapping[str, int]] = {}
    dropout_targets: ClassVar[Mapping[str, int]] = {}
    _parameter_constraints: ClassVar[dict] = {
        **TimedModel._parameter_constraints,
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
        entry = (ENTRY_WINDOW,) if self.has_entry_ else ()
        return (*self._columns, *self._covariates(), *entry)

    def _layout_columns(self) -> int:
        return super()._layout_columns() + 2 * self.has_entry_

    def _summary(self, X: Any, *, reset: bool) -> np.ndarray:
        """Return the checked columns; behind an entry_window that is not 0 for all, whether a customer is of old."""
        if reset:
            self.has_entry_ = _has_entry(X)
            if self.has_entry_ and not self._takes_entry:
                fault = f"{self.title} cannot tell customers of old from new ones; make the summary with entry_period=0"
                raise DataError([fault], f"the summary given to {type(self).__name__}")
        columns = super()._summary(X, reset=reset)
        return np.column_stack([columns, columns[:, -1] > 0]) if self.has_entry_ else columns

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
        if self.has_entry_:  # customers of old have each parameter times a factor of their own
            place = len(self._columns) + len(column_of) + 1
            effects += [Effect("old", (name,), (place,), {j: 1}) for j, name in enumerate(self.parameter_names)]
        return CovariateLayout(self.parameter_names, effects, self.equal_effects)

    def _penalty(self) -> Any:
        if not self.has_entry_:
            return self.l2_penalty / 2
        layout = self._layout()
        strength = np.full(layout.size - layout.n_parameters, self.l2_penalty / 2)
        strength[-layout.n_parameters :] = 0.5 / COEFFICIENT_SD**2  # the factors of customers of old stay within reach
        return strength

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
        faults = timing_faults(*columns.T[:3])
        if self.has_entry_:
            faults += entry_faults(columns[:, -1], columns[:, 0], columns[:, 2])
            columns = np.column_stack([columns, columns[:, -1] > 0])
        return faults + self._layout().faults(columns)

    def _rows(self, columns: np.ndarray) -> Rows:
        window = np.ascontiguousarray(columns[:, -2]) if self.has_entry_ else None
        return Rows(*(np.ascontiguousarray(column) for column in columns.T[:3]), window=window)

    def _weighted_total(self, rows: Rows, weight: np.ndarray):
        make = getattr(self.numerics, "weighted_total", None)
        return None if make is None else make(rows, weight, **self._options())

    def _log_likelihood(self, rows, theta):
        value = self.numerics.log_likelihood(rows, theta, **self._options())
        return (
            value
            if getattr(rows, "window", None) is None
            else truncated(value, self.numerics, rows, theta, **self._options())
        )

    def _log_likelihood_gradient(self, rows, theta):
        value, gradient = self.numerics.log_likelihood_gradient(rows, theta, **self._options())
        if getattr(rows, "window", None) is None:
            return value, gradient
        return truncated_gradient(value, gradient, self.numerics, rows, theta, **self._options())

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
            self._rows(columns), self._ahead(X, self._horizon(horizon)).time, self._theta(columns), **self._options()
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
        ahead = check_not_negative(ahead, "ahead")
        columns = self._fitted_summary(X)
        time = self._ahead(X, ahead).time
        return np.exp(
            self.numerics.log_probability_alive(self._rows(columns), self._theta(columns), time, **self._options())
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

        time = self._ahead(X, horizon).time

        def proba(block, theta):
            rows = self._rows(block)
            return np.exp(self.numerics.conditional_count_log_proba(rows, time, theta, max_count, **self._options()))

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
        time = self._by_unique_row(
            columns,
            lambda block, theta: self.numerics.next_purchase_quantile(
                self._rows(block), quantile, theta, **self._options()
            ),
        )
        return self._ahead(X, 0.0).plain(time)

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
        ahead = self._ahead(X, horizon)
        return self._by_unique_row(
            columns, lambda block, theta: self._discounted(self._rows(block), theta, ahead, delta)
        )

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
        ahead = self._ahead(X, np.inf)
        return self._by_unique_row(
            columns, lambda block, theta: self._discounted(self._rows(block), theta, ahead, delta)
        )

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
        span = self._ahead(X, arguments.pop("horizon", 0.0))
        if kind == "outcome" and of == "predict":
            return count_interval(self, columns, vectors, coverage, span)
        if kind == "outcome":
            return span.plain(next_purchase_interval(self, columns, vectors, coverage))
        bounds = mean_interval(self, columns, vectors, coverage, of, span, **arguments)
        bounds = holding(bounds, self._estimate(columns, of, ahead=span, **arguments))
        return span.plain(bounds) if of == "predict_next_purchase" else bounds

    def _quantity_arguments(self, of, horizon, ahead, quantile, annual_discount_rate, unit) -> dict[str, Any]:
        """What :meth:`_quantity` needs for the method that ``of`` names, checked."""
        check_is_fitted(self, "theta_")
        if of == "predict":
            return {"horizon": self._horizon(horizon)}
        if of == "probability_alive":
            return {"horizon": check_not_negative(ahead, "ahead")}
        if of == "predict_next_purchase":
            return {"quantile": _quantile(quantile)}
        if of == "discounted_residual_transactions":
            return {"horizon": np.inf, "delta": self._endless_discount(annual_discount_rate, unit)}
        delta = discount_intensity(annual_discount_rate, self._unit(unit)) if annual_discount_rate != 0 else 0.0
        return {"horizon": self._horizon(horizon), "delta": delta}

    def _estimate(self, columns: np.ndarray, of: str, **arguments: Any) -> np.ndarray:
        """The prediction that an interval is of, at the estimate itself."""

        def at_estimate(block: np.ndarray, theta: list) -> np.ndarray:
            rows = self._rows(block)
            if "delta" in arguments:
                return self._discounted(rows, theta, arguments["ahead"], arguments["delta"])
            return self._quantity(of, rows, theta, **arguments)

        return self._by_unique_row(columns, at_estimate)

    def _quantity(
        self,
        of: str,
        rows: Rows,
        theta: list,
        *,
        ahead: Ahead,
        share: float = 1.0,
        quantile: float = 0.5,
        delta: float = 0.0,
    ) -> np.ndarray:
        """A prediction for rows and parameters that broadcast against them: what intervals are made of.

        ``share`` is the common shock: how much of the expected horizon passes on the clock.
        """
        if of == "predict":
            return self.numerics.conditional_expectation(rows, ahead.time * share, theta, **self._options())
        if of == "probability_alive":
            return np.exp(self.numerics.log_probability_alive(rows, theta, ahead.time * share, **self._options()))
        if of == "predict_next_purchase":
            return self.numerics.next_purchase_quantile(rows, quantile, theta, **self._options())
        return self._discounted(rows, theta, ahead, delta, INTERVAL_NODES, share)

    def _discounted(
        self, rows: Rows, theta: list, ahead: Ahead, delta: float, n_nodes: int = NODES, share: float = 1.0
    ) -> np.ndarray:
        options = self._options()

        def expectation(time: float) -> np.ndarray:
            return self.numerics.conditional_expectation(rows, time, theta, **options)

        if ahead.clock is not None:
            return ahead.discounted(expectation, delta, share)
        exact = getattr(self.numerics, "discounted_residual_transactions", None)
        if exact is not None:
            return exact(rows, delta, theta, ahead.horizon, **options)
        scale = float(np.median(rows.T)) if len(rows) else 1.0
        return discounted_integral(expectation, ahead.horizon, delta, scale, n_nodes)

    # ---- small parts ----------------------------------------------------------------------------------------------

    def _horizon(self, horizon: float | None) -> float:
        value = self.horizon if horizon is None else horizon
        return check_number(value, "horizon", least=0, meaning=f"it is in the fitted unit ({self._unit_word()})")

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
        fitted += self._words_of_time()
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


def _has_entry(X: Any) -> bool:
    """Whether a summary tells customers of old from new ones."""
    if not frames.is_frame(X) or ENTRY_WINDOW not in frames.wrap(X).collect_schema().names():
        return False
    return bool((frames.to_columns(X, [ENTRY_WINDOW])[ENTRY_WINDOW] != 0).any())


def purchase_rate(columns: np.ndarray, weight: np.ndarray) -> float:
    """Repeat purchases per unit of time over all customers: where start values take their unit of time from."""
    purchases, time = float((weight * columns[:, 0]).sum()), float((weight * columns[:, 2]).sum())
    return max(purchases, 1.0) / time if time > 0 else 1.0


def _quantile(quantile: float) -> float:
    if is_number(quantile) and 0 <= quantile < 1:
        return float(quantile)
    raise ValueError(f"quantile={quantile!r} must be at least 0 and below 1.")
