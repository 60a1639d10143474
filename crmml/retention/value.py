r"""What keeping more customers is worth: a change of retention → customer lifetime value → customer equity → return.

Three kinds of model say what a change of retention does.

* A constant retention rate r per period: a customer's value is the margin per period times [1]_

  .. math:: \frac{r}{1 + i - r} = \sum_{k \ge 1} \frac{r^k}{(1+i)^k},

  the first payment coming at the end of the first period; expected life is 1/(1 − r) periods.
* A `StageChain`: probability is taken off arcs into rupture; value is :math:`\sum_k (1+i)^{-k} P^k R` by stage.
* BG/NBD, MBG/NBD, Pareto/NBD and BG/BB: every customer's dropout is scaled by one factor; see `DropoutScaling`.

Customer equity is value times customers [2]_, and the return on a programme (gain of equity − cost) / cost.

References
----------
.. [1] Gupta, S., Lehmann, D. R. and Stuart, J. A. (2004), Valuing customers. Journal of Marketing Research 41(1), 7-18.
.. [2] Rust, R. T., Lemon, K. N. and Zeithaml, V. A. (2004), Return on marketing: using customer equity to focus marketing
   strategy. Journal of Marketing 68(1), 109-127.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ..amounts.changes import Percent, Points
from ..amounts.money import Money
from ..amounts.uncertain_amounts import Uncertain
from ..checks import (
    UNIT_WORDS,
    Faults,
    check_annual_rate,
    check_coverage,
    check_currency,
    check_draws,
    check_generator,
    check_number,
)
from ..clv import CustomerLifetimeValue
from ..clv.transaction import TransactionModel
from ..results import Result, duration_in_words
from ..stages import StageChain
from ..typing import Estimator, Seed
from ._equity import EquityChange
from .constant import ConstantRetention, ConstantTerms, constant_equity
from .dropout_scaling import DropoutTerms, dropout_equity
from .stages import ArcShift, StageTerms, stage_equity
from .value_display import RetentionValueDisplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class RetentionValue(Result):
    """What a change of retention is worth, with its interval.

    Attributes
    ----------
    currency : str
    n_customers : float
        How many customers it was computed for.
    equity_before, equity_after : float
        Value of all customers together.
    equity_gain : float
        equity_after - equity_before.
    value_before, value_after, value_gain : float
        The same per customer.
    relative_gain : float
        equity_gain / equity_before; NaN where that is not above 0.
    equity_gain_interval, value_gain_interval : (float, float) or None
        None where neither model nor change carries any uncertainty.
    programme_cost : float or None
        Present value.
    roi, gross_multiple : float or None
        (equity_gain - programme_cost) / programme_cost, and equity_gain / programme_cost; None without a cost.
    roi_interval : (float, float) or None
    probability_pays : float or None
        That the gain is above the cost, or above 0 without one.
    coverage : float
    n_draws : int
        0 where there is no uncertainty.
    life_before, life_after : float or None
        Expected life in periods, of a constant retention rate.
    period : str or None
        What it is counted in.
    mapping : str
        How the change was taken, in words.
    """

    currency: str
    n_customers: float
    equity_before: float
    equity_after: float
    equity_gain_interval: tuple[float, float] | None
    programme_cost: float | None
    roi_interval: tuple[float, float] | None
    probability_pays: float | None
    coverage: float
    n_draws: int
    mapping: str
    annual_discount_rate: float
    life_before: float | None = None
    life_after: float | None = None
    period: str | None = None
    _draws: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def equity_gain(self) -> float:
        """Gain of customer equity."""
        return self.equity_after - self.equity_before

    @property
    def value_before(self) -> float:
        """Value of a customer before, on average."""
        return self.equity_before / self.n_customers

    @property
    def value_after(self) -> float:
        """Value of a customer after, on average."""
        return self.equity_after / self.n_customers

    @property
    def value_gain(self) -> float:
        """Gain of value per customer."""
        return self.equity_gain / self.n_customers

    @property
    def value_gain_interval(self) -> tuple[float, float] | None:
        """Interval of the gain per customer."""
        ends = self.equity_gain_interval
        return None if ends is None else (ends[0] / self.n_customers, ends[1] / self.n_customers)

    @property
    def relative_gain(self) -> float:
        """Gain over what the customers were worth before; NaN where that is not above 0."""
        return self.equity_gain / self.equity_before if self.equity_before > 0 else float("nan")

    @property
    def roi(self) -> float | None:
        """(Gain of equity - cost) / cost; None without a cost."""
        return None if self.programme_cost is None else (self.equity_gain - self.programme_cost) / self.programme_cost

    @property
    def gross_multiple(self) -> float | None:
        """Gain of equity over cost; None without a cost."""
        return None if self.programme_cost is None else self.equity_gain / self.programme_cost

    def amount(self, name: str = "gain of customer equity") -> float | Uncertain:
        """Return the gain as an amount for a `BenefitLedger`: a present value, to be dated on the day it is taken at.

        Where the model has a posterior its mean is that of the draws, which is not ``equity_gain``, the gain at the estimated
        retention: value is no straight line in it. With 206 kept of 294 the two differ by 1 %, with 20 of 22 by 7 %.

        Parameters
        ----------
        name : str, default="gain of customer equity"
            Of the unknown.
        """
        return self.equity_gain if self._draws is None else Uncertain.empirical(self._draws, name=name)

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers, one in a row: quantity, value, lower, upper; ends are NaN where there is no interval."""
        unknown = (np.nan, np.nan)
        rows = [
            ("equity_before", self.equity_before, unknown),
            ("equity_after", self.equity_after, unknown),
            ("equity_gain", self.equity_gain, self.equity_gain_interval or unknown),
            ("value_before", self.value_before, unknown),
            ("value_after", self.value_after, unknown),
            ("value_gain", self.value_gain, self.value_gain_interval or unknown),
            ("relative_gain", self.relative_gain, unknown),
        ]
        if self.roi is not None:
            rows.append(("roi", self.roi, self.roi_interval or unknown))
        records = [(name, value, *ends) for name, value, ends in rows]
        return pd.DataFrame(records, columns=["quantity", "value", "lower", "upper"])

    def plot(self, ax: Axes | None = None) -> RetentionValueDisplay:
        """Draw customer equity before and after, and the gain with its interval.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        RetentionValueDisplay
        """
        return RetentionValueDisplay.from_result(self).plot(ax=ax)

    def describe(self) -> str:
        """Say it in plain sentences."""
        return "\n".join([self.mapping, *self._value_said(), self._interval_said(), *self._return_said()])

    def _value_said(self) -> list[str]:
        before, after, gain, each = (
            Money(amount, self.currency).describe()
            for amount in (self.equity_before, self.equity_after, self.equity_gain, self.value_gain)
        )
        relative = f" ({100 * self.relative_gain:+.1f} %)" if self.equity_before > 0 else ""
        lines = [
            f"The value of {self.n_customers:,.0f} customers goes from {before} to {after}, a gain of {gain}{relative}, "
            f"{each} per customer, discounted at {self.annual_discount_rate:.1%} a year."
        ]
        if self.life_before is not None and self.life_after is not None and self.period is not None:
            words = UNIT_WORDS[self.period]
            if np.isfinite([self.life_before, self.life_after]).all():
                lines.append(f"Expected life goes from {self.life_before:.2f} to {self.life_after:.2f} {words}.")
            else:
                before, after = (duration_in_words(life, words) for life in (self.life_before, self.life_after))
                lines.append(f"Expected life before: {before}; after: {after}.")
        return lines

    def _interval_said(self) -> str:
        if self.equity_gain_interval is None:
            return "Neither the model nor the change carries any uncertainty, so there is no interval."
        lower, upper = (Money(end, self.currency).describe() for end in self.equity_gain_interval)
        return f"{self.coverage:.0%} interval of the gain, from {self.n_draws:,} draws: {lower} to {upper}."

    def _return_said(self) -> list[str]:
        if self.roi is None or self.programme_cost is None:
            return []
        ends, chance = self.roi_interval, self.probability_pays
        width = "" if ends is None else f" ({100 * ends[0]:,.1f} % to {100 * ends[1]:,.1f} %)"
        pays = "" if chance is None else f", and it pays with probability {chance:.0%}"
        cost = Money(self.programme_cost, self.currency).describe()
        return [f"At a cost of {cost} the return on investment is {100 * self.roi:,.1f} %{width}{pays}."]


def retention_value(
    model: Estimator | ConstantRetention | StageChain,
    change: Points | Percent | ConstantRetention | ArcShift,
    terms: ConstantTerms | StageTerms | DropoutTerms,
    *,
    currency: str,
    annual_discount_rate: float,
    programme_cost: float | None = None,
    coverage: float = 0.9,
    n_draws: int | None = None,
    random_state: Seed = None,
) -> RetentionValue:
    """Value of a change of retention, or of one arc of a stage model, to the whole base, with the posterior's interval.

    Parameters
    ----------
    model : ConstantRetention, StageChain, fitted stage model, fitted CustomerLifetimeValue or transaction model
        Where its parameters come from: counts, a chain with draws, a fit with a posterior. Transaction models are BG/NBD, MBG/NBD,
        Pareto/NBD and BG/BB, without covariates.
    change : Points, Percent, ConstantRetention or ArcShift
        Of retention: ``Points(10)`` turns 70 % into 80 %, ``Percent(10)`` into 77 %; a bare number is refused. For a constant
        rate also the rate that was seen after, with its own counts. For a chain, retention is the probability not to go into
        rupture, of every stage, or `ArcShift` of one. For transaction models see `DropoutScaling`.
    terms : ConstantTerms, StageTerms or DropoutTerms
        Customers, money and horizon as the model needs them: `ConstantTerms` for a constant rate, `StageTerms` for a chain or a
        stage model, `DropoutTerms` for a CustomerLifetimeValue or a transaction model.
    currency : str
        Of all money, spend and programme cost included.
    annual_discount_rate : float
        Effective rate a year, 0.1 for 10 %, at most 1.
    programme_cost : float, default=None
        Present value, above 0.
    coverage : float, default=0.9
    n_draws : int, default=None
        At least 20; None is 4,000 for a constant rate, 1,000 for a chain, 200 for a transaction model.
    random_state : int, Generator, RandomState or None

    Returns
    -------
    RetentionValue

    Raises
    ------
    DataError
        Naming every fault of the settings; or when the change leads to a retention outside 0 to 1, or customers and money do
        not fit the model.
    NotFittedError
        For a transaction model that is not fitted.
    TypeError, ValueError
        For a change without a kind, terms of another family of models, and what the model needs and was not given.

    Examples
    --------
    >>> from crmml.amounts import Points
    >>> from crmml.retention import ConstantRetention, ConstantTerms
    >>> terms = ConstantTerms(margin_per_period=120, n_customers=1000)
    >>> found = retention_value(
    ...     ConstantRetention(0.7, "Y"), Points(10), terms, annual_discount_rate=0.1, currency="CNY"
    ... )
    >>> round(found.relative_gain, 4), round(found.life_before, 2), round(found.life_after, 2)
    (0.5238, 3.33, 5.0)
    >>> counted = retention_value(
    ...     ConstantRetention.from_counts(206, 294, "Y"), ConstantRetention.from_counts(235, 294, "Y"), terms,
    ...     annual_discount_rate=0.1, programme_cost=50_000, currency="CNY", random_state=0
    ... )
    >>> [round(end, -3) for end in counted.equity_gain_interval]
    [44000.0, 179000.0]
    """
    settings = _read_settings(currency, annual_discount_rate, programme_cost, coverage, n_draws, random_state)
    family = _family_of(model)
    if not isinstance(terms, family.terms):
        raise TypeError(
            f"retention_value of a {type(model).__name__} takes {family.written}; terms={terms!r} are of another kind."
        )
    found = family.equity(model, change, terms, settings.rate, settings.n_draws or family.n_draws, settings.rng)
    return _valued(found, settings)


@dataclass(frozen=True)
class _Settings:
    """What does not depend on the family of the model."""

    currency: str
    rate: float
    programme_cost: float | None
    coverage: float
    n_draws: int | None
    rng: np.random.Generator


def _read_settings(
    currency: str, rate: float, programme_cost: float | None, coverage: float, n_draws: int | None, seed: Seed
) -> _Settings:
    faults = Faults("the value of retention")
    read: dict[str, Any] = {
        "currency": faults.check(check_currency, currency),
        "rate": faults.check(check_annual_rate, rate),
        "coverage": faults.check(check_coverage, coverage),
        "rng": faults.check(check_generator, seed),
        "programme_cost": None,
        "n_draws": None,
    }
    if programme_cost is not None:
        meaning = "the return on a cost of 0 or less cannot be known, give the full cost"
        read["programme_cost"] = faults.check(check_number, programme_cost, "programme_cost", above=0, meaning=meaning)
    if n_draws is not None:
        read["n_draws"] = faults.check(check_draws, n_draws, least=20)
    faults.refuse()
    return _Settings(**read)


class _Family(NamedTuple):
    """How one family of models is asked."""

    terms: type
    equity: Callable[..., EquityChange]
    n_draws: int
    written: str


_CONSTANT = _Family(ConstantTerms, constant_equity, 4000, "ConstantTerms(margin_per_period=..., n_customers=...)")
_STAGES = _Family(StageTerms, stage_equity, 1000, "StageTerms(n_customers=..., reward=...)")
_VALUE = _Family(DropoutTerms, dropout_equity, 200, "DropoutTerms(X)")
_BARE = _Family(DropoutTerms, dropout_equity, 200, "DropoutTerms(X, margin_per_transaction=..., horizon=..., unit=...)")


def _family_of(model: Any) -> _Family:
    if isinstance(getattr(model, "chain_", model), StageChain):
        return _STAGES
    for kind, family in (
        (ConstantRetention, _CONSTANT), (CustomerLifetimeValue, _VALUE), (TransactionModel, _BARE),
    ):  # fmt: skip
        if isinstance(model, kind):
            return family
    raise TypeError(
        f"{type(model).__name__} is not a model of retention that is known here: give ConstantRetention(0.7, period='Y'), a "
        "StageChain or a fitted stage model, or a fitted CustomerLifetimeValue or transaction model."
    )


def _valued(found: EquityChange, settings: _Settings) -> RetentionValue:
    """Say what a change of equity is worth beside its cost."""
    draws, cost = found.draws, settings.programme_cost
    ends = pays = returns = None
    if draws is not None:
        tails = [(1 - settings.coverage) / 2, (1 + settings.coverage) / 2]
        lower, upper = (float(end) for end in np.quantile(draws, tails))
        ends, pays = (lower, upper), float((draws > (cost or 0.0)).mean())
        if cost is not None:
            returns = (lower - cost) / cost, (upper - cost) / cost
    return RetentionValue(
        currency=settings.currency,
        n_customers=found.n_customers,
        equity_before=float(found.before),
        equity_after=float(found.after),
        equity_gain_interval=ends,
        programme_cost=cost,
        roi_interval=returns,
        probability_pays=pays,
        coverage=settings.coverage,
        n_draws=0 if draws is None else len(draws),
        mapping=found.words,
        annual_discount_rate=settings.rate,
        life_before=found.life_before,
        life_after=found.life_after,
        period=found.period,
        _draws=draws,
    )
