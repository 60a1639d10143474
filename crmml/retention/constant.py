"""A constant retention rate per period, known or counted, and what a change of it is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..amounts.changes import Percent, Points, check_change
from ..amounts.uncertain_amounts import Uncertain
from ..checks import (
    DAYS_PER_UNIT,
    UNIT_WORDS,
    Faults,
    check_annual_rate,
    check_count,
    check_draws,
    check_generator,
    check_number,
    check_unit,
    is_number,
)
from ..exceptions import DataError
from ..typing import Numbers, Period
from ._equity import EquityChange


@dataclass(frozen=True)
class ConstantRetention:
    """The share of customers who are kept from one period to the next, the same for all.

    Parameters
    ----------
    rate : float
        In [0, 1): 0.7 for 70 %.
    period : {"D", "W", "M", "Y"}
        What it is a rate of; must be said.
    kept, n : float, default=None
        The counts it was seen with; see `from_counts`.

    Examples
    --------
    >>> [round(ConstantRetention(r, "Y").margin_multiple(0.10), 3) for r in (0.6, 0.7, 0.8, 0.9)]
    [1.2, 1.75, 2.667, 4.5]
    >>> round(ConstantRetention(0.7, "Y").expected_life, 2)
    3.33
    """

    rate: float
    period: Period
    kept: float | None = None
    n: float | None = None

    def __post_init__(self) -> None:
        check_unit(self.period, "period")
        if not is_number(self.rate) or not 0 <= self.rate < 1:
            hint = "; write 0.7 for 70 %" if is_number(self.rate) and self.rate > 1 else ""
            raise DataError(
                [f"the rate is {self.rate!r}; it must be at least 0 and below 1{hint}"], "the retention rate"
            )
        if self.kept is None and self.n is None:
            return
        counted = is_number(self.kept) and is_number(self.n) and 0 <= self.kept <= self.n and self.n > 0  # type: ignore[operator]
        if not counted or abs(self.kept / self.n - self.rate) > 1e-9:  # type: ignore[operator]
            raise DataError(
                [f"{self.kept!r} kept of {self.n!r} are not a rate of {self.rate:g}; use from_counts"],
                "the retention rate",
            )

    @classmethod
    def from_counts(cls, kept: float, n: float, period: Period) -> ConstantRetention:
        """Take the rate from counts: its posterior is Beta(kept + ½, n - kept + ½), Jeffreys' prior.

        Parameters
        ----------
        kept, n : float
            Customers kept, of how many.
        period : {"D", "W", "M", "Y"}

        Raises
        ------
        DataError
            When they are not counts, or all customers were kept.
        """
        if not (is_number(kept) and is_number(n) and 0 <= kept <= n and n > 0):
            raise DataError(
                [f"{kept!r} kept of {n!r}; 0 <= kept <= n with n above 0 is needed"], "the retention counts"
            )
        if kept == n:
            raise DataError(
                [
                    f"all {n:g} were kept: under a constant rate of 100 % customers stay for ever; count over a longer period"
                ],
                "the retention counts",
            )
        return cls(kept / n, period, float(kept), float(n))

    @property
    def expected_life(self) -> float:
        """Expected number of periods until the customer leaves, the first counted: 1/(1 - rate)."""
        return 1 / (1 - self.rate)

    def margin_multiple(self, annual_discount_rate: float, horizon: int | None = None) -> float:
        """Return the value of a margin of 1 per period, the first at the end of the first period: r/(1 + i - r).

        Parameters
        ----------
        annual_discount_rate : float
            The rate of a period is (1 + rate) to the power of the period in years, less 1.
        horizon : int, default=None
            Number of payments; None is all.
        """
        if horizon is not None:
            horizon = check_count(horizon, "horizon", least=1)
        return float(multiple(self.rate, period_rate(check_annual_rate(annual_discount_rate), self.period), horizon))

    def draws(self, n_draws: int, rng: np.random.Generator) -> Numbers:
        """Draw the rate from its posterior, or return it where it was not counted."""
        n_draws, rng = check_draws(n_draws), check_generator(rng)
        if self.n is None or self.kept is None:
            return self.rate
        return Uncertain.share(self.kept, self.n).sample(n_draws, rng)


def period_rate(annual_rate: float, period: Period) -> float:
    """Discount rate of a period.

    Examples
    --------
    >>> round(period_rate(0.1, "Y"), 12), round(period_rate(0.1, "M"), 6)
    (0.1, 0.007974)
    """
    return float(np.expm1(np.log1p(annual_rate) * DAYS_PER_UNIT[period] / DAYS_PER_UNIT["Y"]))


def multiple(r: Numbers, i: float, horizon: int | None = None) -> np.ndarray:
    """Return r/(1 + i - r), or with a horizon of h payments the same times 1 - (r/(1 + i))**h."""
    r = np.asarray(r, dtype=float)
    if horizon is None:
        with np.errstate(divide="ignore"):
            return np.asarray(r / (1 + i - r))
    q = r / (1 + i)
    return np.where(q < 1, q * (1 - q**horizon) / np.where(q < 1, 1 - q, 1.0), horizon)


@dataclass(frozen=True, kw_only=True)
class ConstantTerms:
    """Customers and money where retention is a constant rate.

    Parameters
    ----------
    margin_per_period : float
        Money that a customer who is kept brings in each period, above 0.
    n_customers : float
        Above 0.
    horizon : int, default=None
        How many periods count; None is for ever.

    Raises
    ------
    DataError
        Naming every fault.

    Examples
    --------
    >>> ConstantTerms(margin_per_period=120, n_customers=1000)
    ConstantTerms(margin_per_period=120.0, n_customers=1000.0, horizon=None)
    """

    margin_per_period: float
    n_customers: float
    horizon: int | None = None

    def __post_init__(self) -> None:
        faults = Faults("the terms of a constant retention rate")
        for name in ("margin_per_period", "n_customers"):
            object.__setattr__(self, name, faults.check(check_number, getattr(self, name), name, above=0))
        if self.horizon is not None:
            object.__setattr__(self, "horizon", faults.check(check_count, self.horizon, "horizon", least=1))
        faults.refuse()


def constant_equity(
    model: ConstantRetention,
    change: Points | Percent | ConstantRetention,
    terms: ConstantTerms,
    annual_rate: float,
    n_draws: int,
    rng: np.random.Generator,
) -> EquityChange:
    """Return what the customers are worth before and after a change of a constant rate.

    Raises
    ------
    DataError
        When retention after the change is outside [0, 1), or worth an infinite amount in some draws.
    """
    after = _rate_after(model, change)
    i = period_rate(annual_rate, model.period)
    money = terms.n_customers * terms.margin_per_period
    now, unheld = _drawn_rates(model, change, n_draws, rng)
    draws = None
    if np.ndim(now) or np.ndim(unheld):
        then = np.clip(unheld, 0.0, 1.0)
        _check_finite(then, i, terms.horizon)
        gain = multiple(then, i, terms.horizon) - multiple(now, i, terms.horizon)
        draws = money * np.broadcast_to(gain, (n_draws,)).copy()
    return EquityChange(
        n_customers=terms.n_customers,
        before=money * float(multiple(model.rate, i, terms.horizon)),
        after=money * float(multiple(after, i, terms.horizon)),
        draws=draws,
        words=_mapping(model, after) + ("" if draws is None else _held(unheld)),
        life_before=model.expected_life,
        life_after=1 / (1 - after),
        period=model.period,
    )


def _rate_after(model: ConstantRetention, change: Points | Percent | ConstantRetention) -> float:
    """Return the expected rate after a change; refuse one of another period, or that leads outside [0, 1)."""
    if isinstance(change, ConstantRetention):
        if change.period != model.period:
            raise DataError(
                [
                    f"retention is that of a {UNIT_WORDS[model.period][:-1]} before and of a "
                    f"{UNIT_WORDS[change.period][:-1]} after; measure both over the same period"
                ],
                "the change of retention",
            )
        return change.rate
    after = float(check_change(change).applied(model.rate))
    if not 0 <= after < 1:
        points = isinstance(change, Points)
        other = "; Percent is a relative change" if points else "; a relative change, Points is the other kind"
        raise DataError(
            [
                f"{change.describe()} take retention from {100 * model.rate:g} % to {100 * after:g} %; "
                f"it must be at least 0 and stay below 100 %{other}"
            ],
            "the change of retention",
        )
    return after


def _drawn_rates(
    model: ConstantRetention, change: Points | Percent | ConstantRetention, n_draws: int, rng: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Draw the rates before and after, not yet held within 0 and 1; a number where nothing is uncertain."""
    now = model.draws(n_draws, rng)
    if isinstance(change, ConstantRetention):
        return now, change.draws(n_draws, rng)
    return now, change.applied(now, change.draws(n_draws, rng))


def _check_finite(then: np.ndarray, i: float, horizon: int | None) -> None:
    if i == 0 and horizon is None and (certain := int((then >= 1).sum())):
        raise DataError(
            [f"retention is 100 % in {certain:,} draws, and without discounting or horizon its value is infinite"],
            "the change of retention",
        )


def _mapping(model: ConstantRetention, after: float) -> str:
    seen = f" (counted: {model.kept:,.0f} of {model.n:,.0f})" if model.n is not None else ""
    return (
        f"Retention per {UNIT_WORDS[model.period][:-1]} goes from {100 * model.rate:.1f} %{seen} to {100 * after:.1f} %, "
        "for all customers and from now on."
    )


def _held(unheld: Numbers) -> str:
    """Say in how many draws the rate was held at 0 or 1."""
    over, under = float(np.mean(np.greater(unheld, 1))), float(np.mean(np.less(unheld, 0)))
    told = [(over, "pass 100 %"), (under, "fall below 0 %")]
    return "".join(f" In {held:.1%} of the draws it would {said} and is held there." for held, said in told if held)
