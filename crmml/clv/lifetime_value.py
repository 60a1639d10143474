"""Customer lifetime value: a model of transactions and a model of spend, joined by a discount rate and a margin."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, _fit_context, clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .. import frames
from ..checks import (
    DAYS_PER_UNIT,
    UNIT_WORDS,
    check_annual_rate,
    check_choice,
    check_coverage,
    check_generator,
    check_margin,
    check_number,
)
from ..exceptions import DataError, warn
from ..fitting import atomic
from ..frames.named_columns import NamedColumnsMixin
from ..frames.ruler import Ruler, convert, discount_intensity
from ..progress import tracked
from ..typing import ArrayLike, Estimator, FrameLike, Seed
from ._checks import fault, finite_faults, timing_faults
from ._groups import read_groups, totals_frame
from ._intervals import each_warning_once, holding, product
from ._value_draws import Outlook, value_draws, value_interval, value_totals
from .base import KEPT_SEED, ParametricModel
from .frequency_gamma_gamma import FrequencyGammaGamma
from .gamma_gamma import GammaGamma
from .independence import spend_frequency_correlation

#: Spend models that can be named.
SPEND_MODELS = {"gamma_gamma": GammaGamma, "by_frequency": FrequencyGammaGamma}

#: What an interval is of.
KINDS = ("outcome", "mean")
#: What is seen where a column of the table is its expectation; a probability is not seen.
OUTCOMES = {"expected_purchases": "purchases", "expected_spend": "next_amount", "clv": "value"}


class CustomerLifetimeValue(NamedColumnsMixin, BaseEstimator):
    r"""What each customer's future transactions are worth today.

    .. math:: CLV(h) = \text{margin} \cdot E[M \mid x, m] \cdot \int_0^h e^{-\delta\tau}\, dE[X(T, T+\tau)],
              \qquad \delta = \ln(1 + \text{annual discount rate}) \text{ per year}

    with the transactions from one model and the spend per transaction from another, taken to be independent of each
    other given the customer's history [1]_.

    Parameters
    ----------
    transactions : estimator
        A transaction model such as :class:`BetaGeoNBD`. A clone of it is fitted.
    spend : estimator or {"gamma_gamma", "by_frequency"}
        A spend model such as :class:`GammaGamma`, of which a clone is fitted. "by_frequency" stands for
        :class:`FrequencyGammaGamma`, which does not take spend and frequency as independent.
    horizon : float
        How far ahead value is counted, in ``unit``.
    unit : {"h", "D", "W", "M", "Y"}
        The unit of ``horizon``. It is converted to the summary's own unit.
    annual_discount_rate : float, default=0.0
        Effective rate a year: 0.1 is 10 % a year.
    margin : float, default=1.0
        The share of an amount that is counted as value, above 0 and at most 1: 0.3 is a contribution margin of 30 %.
    summary_unit : {"h", "D", "W", "M", "Y"}, default=None
        What the summary's times are counted in, to be stated where it carries no unit itself: arrays, and frames of
        polars, DuckDB and Spark, which have no place for one. Without either, ``unit`` is taken, with a warning.

    Attributes
    ----------
    transactions_, spend_ : estimators
        The fitted clones.
    further_columns_ : tuple of str
        Columns of X beside the four that the models read: their covariates, ``litt`` of regular timing, ``entry_window``. An array
        has them behind the four, in this order.
    ruler_ : Ruler

    References
    ----------
    .. [1] Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), RFM and CLV: Using iso-value curves for customer base
       analysis. Journal of Marketing Research 42, 415-430.

    Examples
    --------
    >>> from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma
    >>> from crmml.datasets import load_cdnow_sample
    >>> from crmml.transactions import summarize
    >>> summary = summarize(load_cdnow_sample(), value="value", unit="W")
    >>> clv = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y", annual_discount_rate=0.1)
    >>> value = clv.fit(summary).predict(summary)
    >>> value.shape, bool((value >= 0).all())
    ((2357,), True)
    """

    _columns: ClassVar[tuple[str, ...]] = ("frequency", "recency", "T", "monetary_value")
    further_columns_: tuple[str, ...] = ()
    _parameter_constraints: ClassVar[dict] = {
        "transactions": [HasMethods(["fit", "predict", "discounted_expected_transactions"])],
        "spend": [HasMethods(["fit", "predict"]), StrOptions(set(SPEND_MODELS))],
        "horizon": [Interval(Real, 0, None, closed="neither")],
        "unit": [StrOptions(set(DAYS_PER_UNIT))],
        "annual_discount_rate": [Real],
        "margin": [Real],
        "summary_unit": [StrOptions(set(DAYS_PER_UNIT)), None],
    }

    def __init__(
        self,
        transactions: Estimator,
        spend: Estimator,
        *,
        horizon: float,
        unit: str,
        annual_discount_rate: float = 0.0,
        margin: float = 1.0,
        summary_unit: str | None = None,
    ):
        self.transactions = transactions
        self.spend = spend
        self.horizon = horizon
        self.unit = unit
        self.annual_discount_rate = annual_discount_rate
        self.margin = margin
        self.summary_unit = summary_unit

    @atomic
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: FrameLike, y: None = None, sample_weight: ArrayLike | None = None) -> CustomerLifetimeValue:
        """Fit clones of both models.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 4)
            frequency, recency, T, monetary_value.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_customers,), default=None

        Returns
        -------
        self : CustomerLifetimeValue

        Raises
        ------
        DataError
            Naming every fault of X at once.

        Warns
        -----
        UserWarning
            When Gamma-Gamma takes spend and frequency as independent and their rank correlation lies beyond ±0.3 for
            certain.
        """
        check_margin(self.margin)
        check_annual_rate(self.annual_discount_rate)
        frames.check_aligned("the summary", X=X, sample_weight=sample_weight)
        if sample_weight is not None:
            sample_weight = np.asarray(
                sample_weight
            )  # by position from here on: the models get a frame without X's labels
        self.further_columns_ = self._further_columns(X)
        columns = self._summary(X, reset=True)
        self.ruler_ = self._stated(self._remember_ruler(X, reset=True))
        frame = self._frame(columns, self.ruler_)
        self.transactions_ = clone(self.transactions).fit(frame, sample_weight=sample_weight)
        spend: Any = SPEND_MODELS[self.spend]() if isinstance(self.spend, str) else clone(self.spend)
        self.spend_ = spend.fit(frame, sample_weight=sample_weight)
        if type(spend) is GammaGamma:
            self._warn_if_correlated(frame)
        return self

    def predict(self, X: FrameLike, horizon: float | None = None) -> np.ndarray:
        """Value of each customer's transactions in (T, T + horizon], today.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 4)
        horizon : float, default=None
            In the constructor's ``unit``; None takes the constructor's ``horizon``.

        Returns
        -------
        ndarray of shape (n_customers,)
            In the money of X; infinite where a customer's expected spend is, 0 where nothing is bought at all.

        Warns
        -----
        UserWarning
            When the expected spend of some customers is infinite, and how many.
        """
        with each_warning_once():
            frame = self._fitted_frame(X)
            return self._value(frame, self.spend_.predict(frame), horizon)

    def predict_interval(
        self,
        X: FrameLike,
        of: str = "predict",
        *,
        horizon: float | None = None,
        coverage: float = 0.9,
        kind: str = "mean",
        n_draws: int = 400,
    ) -> np.ndarray:
        """Credible interval of a prediction for each customer.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 4)
        of : {"predict", "probability_alive", "expected_purchases", "expected_spend"}
            What is bracketed: the value, or one of the table's other columns.
        horizon : float, default=None
            In the constructor's ``unit``; None takes the constructor's.
        coverage : float, default=0.9
        kind : {"mean", "outcome"}, default="mean"
            "mean": of the expectation. "outcome": of what will be seen: the money for predict, the number for
            expected_purchases, the next amount for expected_spend. Money to come is one simulated number of purchases and
            one simulated total for each posterior draw; where it is discounted, every purchase by the same factor, the
            customer's discounted expected purchases over the undiscounted, so that the mean is exact and the spread nearly.
        n_draws : int, default=400
            Posterior draws of either model.

        Returns
        -------
        ndarray of shape (n_customers, 2)
            Computed in blocks: memory does not grow with draws × customers. With kind="mean" an interval holds its own estimate:
            where the priors move all draws to one side of it, the nearer end is the estimate.

        Warns
        -----
        ConvergenceWarning
            When the fit of either model found no interior optimum, and why.
        UserWarning
            When a prior moves a parameter off its estimate, beyond 90 % of the draws.
        """
        coverage, kind = check_coverage(coverage), check_choice(kind, "kind", ("mean", "outcome"))
        of = check_choice(of, "of", ("predict", "probability_alive", "expected_purchases", "expected_spend"))
        frame = self._fitted_frame(X)
        if of in ("probability_alive", "expected_purchases"):
            return self.transactions_.predict_interval(
                frame,
                "predict" if of == "expected_purchases" else of,
                horizon=self._horizon(horizon),
                coverage=coverage,
                kind=kind,
                n_draws=n_draws,
            )
        if of == "expected_spend":
            return self.spend_.predict_interval(frame, coverage=coverage, kind=kind, n_draws=n_draws)
        with each_warning_once():
            bounds = self._value_interval(frame, self._horizon(horizon), coverage, kind, n_draws)
        if kind == "outcome":
            return bounds
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an infinite bound says itself what predict warns of
            return holding(bounds, self._value(frame, self.spend_.predict(frame), horizon))

    def draws(
        self,
        X: FrameLike,
        horizon: float | None = None,
        *,
        n_draws: int = 400,
        kind: str = "outcome",
        random_state: Seed = None,
    ) -> np.ndarray:
        """Draws of each customer's value, for what is no interval: tiers, totals, shares of the best.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 4)
        horizon : float, default=None
            In the constructor's ``unit``; None takes the constructor's.
        n_draws : int, default=400
            Posterior draws of either model.
        kind : {"outcome", "mean"}, default="outcome"
            "outcome": the money to come, uncertain parameters and luck in it, as :meth:`predict_interval` says. "mean": its
            expectation, uncertain by the parameters alone.
        random_state : int, Generator, RandomState or None
            For luck; None takes the same at every call, so that answers do not move.

        Returns
        -------
        ndarray of shape (n_draws, n_customers)
            A row is one state of the world: its parameters are those of all customers.

        Warns
        -----
        UserWarning, ConvergenceWarning
            As :meth:`predict_interval`.

        Examples
        --------
        >>> from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma
        >>> from crmml.datasets import load_cdnow_sample
        >>> from crmml.transactions import summarize
        >>> summary = summarize(load_cdnow_sample(), value="value", unit="W")
        >>> clv = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y").fit(summary)
        >>> money = clv.draws(summary)
        >>> money.shape, bool((money == 0).mean() > 0.5)    # most customers will buy nothing
        ((400, 2357), True)
        """
        kind = check_choice(kind, "kind", KINDS)
        rng = check_generator(KEPT_SEED if random_state is None else random_state)
        frame = self._fitted_frame(X)
        with each_warning_once():
            outlook = self._outlook(frame, self._horizon(horizon), n_draws)
            timing, money = self.transactions_._fitted_summary(frame), self._money(frame)
            return value_draws(outlook, timing, money, rng if kind == "outcome" else None)

    def total_interval(
        self,
        X: FrameLike,
        horizon: float | None = None,
        *,
        by: str | ArrayLike | None = None,
        coverage: float = 0.9,
        kind: str = "outcome",
        n_draws: int = 1000,
    ) -> pd.DataFrame:
        """Value of all customers together, or of groups of them, with an interval.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 4)
        horizon : float, default=None
            In the constructor's ``unit``; None takes the constructor's.
        by : str or array-like of shape (n_customers,), default=None
            Groups of customers, such as cohorts or segments: a column of X, or one label for each customer.
        coverage : float, default=0.9
        kind : {"outcome", "mean"}, default="outcome"
            "outcome": of what will be seen: uncertain parameters, the shock of the calendar that is common to all where the model
            was fitted on a learnt clock, and luck. "mean": without luck.
        n_draws : int, default=1000
            Posterior draws of either model.

        Returns
        -------
        DataFrame
            One row for each group (``total`` without ``by``): expected, lower, upper.

        Raises
        ------
        DataError
            When labels are missing, or not one for each customer.
        """
        coverage, kind = check_coverage(coverage), check_choice(kind, "kind", KINDS)
        frame = self._fitted_frame(X)
        code, labels = read_groups(X, by, len(frame))
        rng = check_generator(KEPT_SEED) if kind == "outcome" else None
        with each_warning_once():
            value = self._value(frame, self.spend_.predict(frame), horizon)
            outlook = self._outlook(frame, self._horizon(horizon), n_draws)
            timing = self.transactions_._fitted_summary(frame)
            drawn = value_totals(outlook, timing, self._money(frame), code, rng)
        return totals_frame(labels, np.bincount(code, value, minlength=len(labels)), drawn, coverage)

    def table(
        self, X: FrameLike, horizon: float | None = None, *, coverage: float | None = None, kind: str = "outcome"
    ) -> Any:
        """One row per customer: P(alive), expected purchases, expected spend, value.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 4)
            A frame's customer_id column, if there is one, comes first in the result.
        horizon : float, default=None
            In the constructor's ``unit``.
        coverage : float, default=None
            Give it (0.9, say) to have a column with the lower and one with the upper bound beside each prediction.
        kind : {"outcome", "mean"}, default="outcome"
            What bounds are of. "outcome": of what will be seen, which they hold with probability ``coverage``: purchases, the
            amount of the next one, the money to come. "mean": of the expectation, which they hold; hardly any outcome is inside.

        Returns
        -------
        frame of X's engine
            customer_id, probability_alive (now), expected_purchases (within the horizon, not discounted), expected_spend (a
            transaction), clv. With ``coverage`` each is followed by its bounds, whose names say what they are of:

            ==================  ================================================  ======================
            prediction          bounds of the outcome                             bounds of the mean
            ==================  ================================================  ======================
            probability_alive   probability_alive_lower (a probability's own)     probability_alive_lower
            expected_purchases  purchases_lower                                   expected_purchases_lower
            expected_spend      next_amount_lower                                 expected_spend_lower
            clv                 value_lower                                       clv_lower
            ==================  ================================================  ======================

            and the same with _upper. Spend and value are infinite where the expectation does not exist.

        Warns
        -----
        UserWarning, ConvergenceWarning
            Each once: what :meth:`predict` and :meth:`predict_interval` warn of.
        """
        if coverage is not None:
            check_coverage(coverage)
        kind = check_choice(kind, "kind", KINDS)
        with each_warning_once():
            columns = self._table(X, horizon, coverage, kind)
        return frames.with_identifier(X, columns, "customer_id")

    def _table(self, X: FrameLike, horizon: float | None, coverage: float | None, kind: str) -> dict[str, np.ndarray]:
        frame = self._fitted_frame(X)
        spend = self.spend_.predict(frame)
        columns = {
            "probability_alive": self.transactions_.probability_alive(frame),
            "expected_purchases": self.transactions_.predict(frame, self._horizon(horizon)),
            "expected_spend": spend,
            "clv": self._value(frame, spend, horizon),
        }
        if coverage is None:
            return columns
        bracketed: dict[str, np.ndarray] = {}
        for name, values in tracked(columns.items(), "Intervals", total=len(columns)):
            outcome = OUTCOMES.get(name) if kind == "outcome" else None
            bounds = self.predict_interval(
                X,
                "predict" if name == "clv" else name,
                horizon=horizon,
                coverage=coverage,
                kind="outcome" if outcome else "mean",
            )
            of = outcome or name
            bracketed |= {name: values, f"{of}_lower": bounds[:, 0], f"{of}_upper": bounds[:, 1]}
        return bracketed

    def describe(self, X: FrameLike | None = None) -> str:
        """Return what was found in plain sentences; with a summary X also what its customers are worth.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, 4), default=None

        Returns
        -------
        str
        """
        check_is_fitted(self, "transactions_")
        rate = f", discounted at {self.annual_discount_rate:.1%} a year" if self.annual_discount_rate else ""
        word = UNIT_WORDS[self.unit][:-1] if self.horizon == 1 else UNIT_WORDS[self.unit]
        lead = f"Value over the next {self.horizon:g} {word}{rate}, at a margin of {self.margin:.0%}."
        if X is not None:
            lead = f"{lead} {concentration(self.predict(X))}"
        return "\n".join([lead, self.transactions_.describe(), self.spend_.describe()])

    # ---- small parts ----------------------------------------------------------------------------------------------

    def _warn_if_correlated(self, frame: pd.DataFrame) -> None:
        if np.count_nonzero((frame["frequency"] > 0) & (frame["monetary_value"] > 0)) < 10:
            return
        found = spend_frequency_correlation(frame)
        if found.noteworthy:
            warn(found.describe(), UserWarning)

    def _value(self, frame: pd.DataFrame, spend: np.ndarray, horizon: float | None) -> np.ndarray:
        transactions = self.transactions_.discounted_expected_transactions(
            frame, self._horizon(horizon), self.annual_discount_rate, unit=str(self.ruler_.unit)
        )
        return product(self.margin * spend, transactions)

    def _value_interval(
        self, frame: pd.DataFrame, horizon: float, coverage: float, kind: str, n_draws: int
    ) -> np.ndarray:
        """Draws of both posteriors, which are independent given the data, multiplied pair by pair."""
        rng = check_generator(KEPT_SEED) if kind == "outcome" else None
        timing, money = self.transactions_._fitted_summary(frame), self._money(frame)
        return value_interval(self._outlook(frame, horizon, n_draws), timing, money, coverage, rng)

    def _outlook(self, frame: pd.DataFrame, horizon: float, n_draws: int) -> Outlook:
        unit = str(self.ruler_.unit)
        delta = discount_intensity(self.annual_discount_rate, unit) if self.annual_discount_rate else 0.0
        vectors, spend_vectors = self.transactions_._draws(n_draws), self.spend_._draws(n_draws)
        n_draws = min(len(vectors), len(spend_vectors))
        ahead = self.transactions_._ahead(frame, horizon)
        return Outlook(
            self.transactions_, self.spend_, vectors[:n_draws], spend_vectors[:n_draws], self.margin, delta, ahead
        )

    def _money(self, frame: pd.DataFrame) -> np.ndarray:
        return self.spend_._money(frame)

    def _horizon(self, horizon: float | None) -> float:
        """The horizon in the fitted model's unit."""
        horizon = self.horizon if horizon is None else horizon
        horizon = check_number(horizon, "horizon", least=0, meaning=f"it is in {UNIT_WORDS[self.unit]}")
        return convert(horizon, self.unit, str(self.ruler_.unit))

    def _summary(self, X: Any, *, reset: bool) -> np.ndarray:
        columns = self._columns_of(X, (*self._columns, *self.further_columns_), reset=reset)
        money = columns[:, 3]
        with np.errstate(invalid="ignore"):
            faults = [
                *timing_faults(*columns[:, :3].T),
                *finite_faults("monetary_value", money),
                *fault(
                    "monetary_value",
                    money,
                    money < 0,
                    "is negative",
                    "net or drop refunds with crmml.transactions.clean first",
                ),
            ]
        if faults:
            raise DataError(faults, f"the summary given to {type(self).__name__}")
        return columns

    def _frame(self, columns: np.ndarray, ruler: Ruler) -> pd.DataFrame:
        return frames.set_ruler(
            pd.DataFrame(columns, columns=[*self._columns, *self.further_columns_][: columns.shape[1]]), ruler
        )

    def _further_columns(self, X: Any) -> tuple[str, ...]:
        """Columns that the two models read beyond the four: covariates, and what else they take where a frame has it."""
        there = frames.wrap(X).collect_schema().names() if frames.is_frame(X) else []
        names: list[str] = []
        for model in (self.transactions, self.spend):
            if isinstance(model, ParametricModel):
                names += [*model._input_columns(), *(name for name in model._optional_columns if name in there)]
        return tuple(name for name in dict.fromkeys(names) if name not in self._columns)

    def _fitted_frame(self, X: Any) -> pd.DataFrame:
        check_is_fitted(self, "transactions_")
        end = self._remember_ruler(X, reset=False).observation_end  # from which the clock of X counts a horizon
        return self._frame(self._summary(X, reset=False), self.ruler_.merged(observation_end=end))

    def _stated(self, ruler: Ruler) -> Ruler:
        """The summary's ruler with its unit known: its own, the stated one, or ``unit`` with a warning."""
        ruler.check_same(Ruler(unit=self.summary_unit), what="summary_unit")
        if ruler.unit is None and self.summary_unit is None:
            warn(
                f"The summary does not say what its times are counted in; they are taken to be in {UNIT_WORDS[self.unit]}, the unit "
                "of the horizon. Say so, or otherwise, with summary_unit=.",
                UserWarning,
            )
        return ruler.merged(unit=ruler.unit or self.summary_unit or self.unit)


def concentration(value: np.ndarray) -> str:
    """Say how much of the total the most valuable customers hold; what is infinite is counted, and left out of the total.

    Examples
    --------
    >>> import numpy as np
    >>> concentration(np.array([8.0, 1.0, 1.0, 0.0, 0.0]))
    'The 5 customers are worth 10 together; the top 20 % (1) hold 80% of it.'
    >>> print(concentration(np.array([np.inf, 8.0, 1.0, 1.0])))
    The expected value of 1 of 4 customers is infinite, since their expected spend is; the median customer is worth 4.5.
    The 3 customers with a finite value are worth 10 together; the top 20 % (1) hold 80% of it.
    """
    value = np.asarray(value, dtype=float)
    finite = value[np.isfinite(value)]
    if finite.size == value.size:
        return _concentration(finite, "The {:,} customers are")
    middle = np.sort(value)[[(value.size - 1) // 2, value.size // 2]].mean()
    median = f"is worth {middle:,.4g}" if np.isfinite(middle) else "is among them"
    lead = (
        f"The expected value of {value.size - finite.size:,} of {value.size:,} customers is infinite, since their expected spend is; "
        f"the median customer {median}."
    )
    return f"{lead}\n{_concentration(finite, 'The {:,} customers with a finite value are')}" if finite.size else lead


def _concentration(value: np.ndarray, who: str) -> str:
    ordered = np.sort(value)[::-1]
    total, top = ordered.sum(), max(1, round(0.2 * ordered.size))
    share = ordered[:top].sum() / total if total > 0 else 0.0
    return f"{who.format(ordered.size)} worth {total:,.0f} together; the top 20 % ({top:,}) hold {share:.0%} of it."
