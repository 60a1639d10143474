r"""What keeping more customers is worth: a change of retention → customer lifetime value → customer equity → return.

Three kinds of model say what a change of retention does.

* A constant retention rate r a period: a customer's value is the margin a period times [1]_

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

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..amounts.money import Money
from ..amounts.uncertain_amounts import Uncertain
from ..checks import UNIT_WORDS, check_annual_rate, check_generator, is_number
from ..clv import CustomerLifetimeValue
from ..clv.transaction import TransactionModel
from ..exceptions import DataError
from ..stages import StageChain
from ..typing import ArrayLike, Estimator, FrameLike, Seed
from .constant import ConstantRetention, constant_equity
from .dropout_scaling import dropout_equity
from .stages import stage_equity


@dataclass(frozen=True)
class RetentionValue:
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
        The same a customer.
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
        """Gain of value a customer."""
        return self.equity_gain / self.n_customers

    @property
    def value_gain_interval(self) -> tuple[float, float] | None:
        """Interval of the gain a customer."""
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

    def describe(self) -> str:
        """Say it in plain sentences."""
        each = Money(self.value_gain, self.currency).describe()
        relative = f" ({100 * self.relative_gain:+.1f} %)" if self.equity_before > 0 else ""
        lines = [
            self.mapping,
            f"The value of {self.n_customers:,.0f} customers goes from {Money(self.equity_before, self.currency).describe()} to "
            f"{Money(self.equity_after, self.currency).describe()}, a gain of {Money(self.equity_gain, self.currency).describe()}"
            f"{relative}, {each} a customer, discounted at {self.annual_discount_rate:.1%} a year.",
        ]
        if self.life_before is not None and self.life_after is not None and self.period is not None:
            lines.append(
                f"Expected life goes from {self.life_before:.2f} to {self.life_after:.2f} {UNIT_WORDS[self.period]}."
            )
        if self.equity_gain_interval is not None:
            lower, upper = (Money(end, self.currency).describe() for end in self.equity_gain_interval)
            lines.append(f"{self.coverage:.0%} interval of the gain, from {self.n_draws:,} draws: {lower} to {upper}.")
        else:
            lines.append("Neither the model nor the change carries any uncertainty, so there is no interval.")
        if self.roi is not None and self.programme_cost is not None:
            ends = self.roi_interval
            width = "" if ends is None else f" ({100 * ends[0]:,.1f} % to {100 * ends[1]:,.1f} %)"
            chance = (
                "" if self.probability_pays is None else f", and it pays with probability {self.probability_pays:.0%}"
            )
            lines.append(
                f"At a cost of {Money(self.programme_cost, self.currency).describe()} the return on investment is "
                f"{100 * self.roi:,.1f} %{width}{chance}."
            )
        return "\n".join(lines)


def retention_value(
    model: Estimator,
    change: Any,
    *,
    currency: str,
    n_customers: Any = None,
    margin: float | None = None,
    reward: ArrayLike | None = None,
    X: FrameLike | None = None,
    annual_discount_rate: float,
    horizon: float | None = None,
    unit: str | None = None,
    first_payment: str | None = None,
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
    currency : str
        Of margin, reward, spend and programme cost.
    n_customers : float, or array or mapping by stage
        Customers, those of each stage for a chain. For transaction models None counts the rows of X; a number scales them up.
    margin : float
        Money a customer and period (constant rate), or a transaction (transaction model). A CustomerLifetimeValue has its own.
    reward : array or mapping by stage
        Money a period of a customer in each stage, for a chain.
    X : frame
        The base's summary, for transaction models.
    annual_discount_rate : float
        Effective rate a year, 0.1 for 10 %, at most 1.
    horizon : float, default=None
        How far ahead value counts: periods (constant rate, chain; None is for ever), or time in ``unit`` (transaction models; None
        takes that of the CustomerLifetimeValue).
    unit : {"h", "D", "W", "M", "Y"}, default=None
        Of the horizon of transaction models.
    first_payment : {"now", "end", "next"}, default=None
        Of a chain, as in `StageChain.lifetime_value`; None is "now".
    programme_cost : float, default=None
        Present value, above 0.
    coverage : float, default=0.9
    n_draws : int, default=None
        None is 4,000 for a constant rate, 1,000 for a chain, 200 for a transaction model.
    random_state : int, Generator, RandomState or None

    Returns
    -------
    RetentionValue

    Raises
    ------
    DataError
        When the change leads to a retention outside 0 to 1, or customers and money do not fit the model.
    NotFittedError
        For a transaction model that is not fitted.
    TypeError, ValueError
        For a change without a kind, a rate above 100 %, or what the model needs and was not given.

    Examples
    --------
    >>> from crmml.amounts import Points
    >>> from crmml.retention import ConstantRetention
    >>> found = retention_value(
    ...     ConstantRetention(0.7, "Y"), Points(10), n_customers=1000, margin=120, annual_discount_rate=0.1, currency="CNY"
    ... )
    >>> round(found.relative_gain, 4), round(found.life_before, 2), round(found.life_after, 2)
    (0.5238, 3.33, 5.0)
    >>> counted = retention_value(
    ...     ConstantRetention.from_counts(206, 294, "Y"), ConstantRetention.from_counts(235, 294, "Y"), n_customers=1000,
    ...     margin=120, annual_discount_rate=0.1, programme_cost=50_000, currency="CNY", random_state=0
    ... )
    >>> [round(end, -3) for end in counted.equity_gain_interval]
    [44000.0, 179000.0]
    """
    rate = check_annual_rate(annual_discount_rate)
    if not (isinstance(currency, str) and len(currency) == 3 and currency.isalpha()):
        raise ValueError(f"currency={currency!r} is no code of three letters, such as 'CNY' or 'EUR'.")
    if not (is_number(coverage) and 0 < coverage < 1):
        raise ValueError(f"coverage={coverage!r} must lie between 0 and 1.")
    if programme_cost is not None and not (is_number(programme_cost) and programme_cost > 0):
        raise DataError(
            [
                f"programme_cost is {programme_cost!r}; the return on a cost of 0 or less cannot be known, give the full cost"
            ],
            "the programme",
        )
    if n_draws is not None and not (isinstance(n_draws, int | np.integer) and n_draws >= 20):
        raise ValueError(f"n_draws={n_draws!r} must be a whole number, at least 20.")
    rng = check_generator(random_state)
    chain = getattr(model, "chain_", model)
    life: dict[str, Any] = {}
    if isinstance(chain, StageChain):
        _only(model, reward=reward, n_customers=n_customers)
        _unused(model, margin=margin, X=X, unit=unit)
        count, before, after, draws, mapping = stage_equity(
            chain, change, n_customers, reward, rate, horizon, first_payment or "now", n_draws or 1000, rng
        )
    elif isinstance(model, ConstantRetention):
        _only(model, margin=margin, n_customers=n_customers)
        _unused(model, reward=reward, X=X, unit=unit, first_payment=first_payment)
        count = _customers(n_customers)
        each, life, draws, mapping = constant_equity(model, change, rate, horizon, n_draws or 4000, rng)
        money = _amount(margin, "margin")
        before, after = (count * money * value for value in each)
        draws = None if draws is None else count * money * draws
    elif isinstance(model, TransactionModel | CustomerLifetimeValue):
        check_is_fitted(model)
        _only(model, X=X)
        _unused(model, reward=reward, first_payment=first_payment)
        rows, before, after, draws, mapping = dropout_equity(
            model, change, X, margin, rate, horizon, unit, n_draws or 200, rng
        )
        count = float(rows) if n_customers is None else _customers(n_customers)
        before, after = before * count / rows, after * count / rows
        draws = None if draws is None else draws * count / rows
    else:
        raise TypeError(
            f"{type(model).__name__} is no model of retention that is known here: give ConstantRetention(0.7, period='Y'), a "
            "StageChain or a fitted stage model, or a fitted CustomerLifetimeValue or transaction model."
        )
    tails = [(1 - coverage) / 2, (1 + coverage) / 2]
    ends = None if draws is None else tuple(float(end) for end in np.quantile(draws, tails))
    pays = None if draws is None else float((draws > (programme_cost or 0.0)).mean())
    returns = None
    if ends is not None and programme_cost is not None:
        returns = tuple((end - programme_cost) / programme_cost for end in ends)
    return RetentionValue(
        currency=currency.upper(),
        n_customers=float(count),
        equity_before=float(before),
        equity_after=float(after),
        equity_gain_interval=ends,  # type: ignore[arg-type]
        programme_cost=None if programme_cost is None else float(programme_cost),
        roi_interval=returns,  # type: ignore[arg-type]
        probability_pays=pays,
        coverage=float(coverage),
        n_draws=0 if draws is None else len(draws),
        mapping=mapping,
        annual_discount_rate=rate,
        _draws=draws,
        **life,
    )


def _only(model: Any, **needed: Any) -> None:
    if lacking := [name for name, value in needed.items() if value is None]:
        raise ValueError(f"retention_value of a {type(model).__name__} needs {' and '.join(lacking)}.")


def _unused(model: Any, **given: Any) -> None:
    if wrong := [name for name, value in given.items() if value is not None]:
        raise ValueError(f"retention_value of a {type(model).__name__} takes no {' and no '.join(wrong)}.")


def _customers(n: Any) -> float:
    if not (is_number(n) and n > 0):
        raise DataError([f"n_customers is {n!r}; a number above 0 is needed"], "the customer base")
    return float(n)


def _amount(value: Any, name: str) -> float:
    if not (is_number(value) and value > 0):
        raise DataError([f"{name} is {value!r}; an amount of money above 0 is needed"], "the money")
    return float(value)
