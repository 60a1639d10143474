"""A constant retention rate a period, known or counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..amounts.changes import Points, check_change
from ..amounts.uncertain_amounts import Uncertain
from ..checks import DAYS_PER_UNIT, UNIT_WORDS, check_annual_rate, check_unit, is_number
from ..exceptions import DataError


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
    period: str
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
    def from_counts(cls, kept: float, n: float, period: str) -> ConstantRetention:
        """Take the rate from counts: its posterior is Beta(kept + ½, n - kept + ½), Jeffreys' prior.

        Parameters
        ----------
        kept, n : float
            Customers kept, of how many.
        period : {"D", "W", "M", "Y"}

        Raises
        ------
        DataError
            When the counts are none.
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

    def margin_multiple(self, annual_discount_rate: float, horizon: float | None = None) -> float:
        """Return the value of a margin of 1 a period, the first at the end of the first period: r/(1 + i - r).

        Parameters
        ----------
        annual_discount_rate : float
            The rate of a period is (1 + rate) to the power of the period in years, less 1.
        horizon : int, default=None
            Number of payments; None is all.
        """
        _check_horizon(horizon)
        return float(multiple(self.rate, period_rate(check_annual_rate(annual_discount_rate), self.period), horizon))

    def draws(self, n_draws: int, rng: np.random.Generator) -> Any:
        """Draw the rate from its posterior, or return it where it was not counted."""
        if self.n is None or self.kept is None:
            return self.rate
        return Uncertain.share(self.kept, self.n).sample(n_draws, rng)


def period_rate(annual_rate: float, period: str) -> float:
    """Discount rate of a period.

    Examples
    --------
    >>> round(period_rate(0.1, "Y"), 12), round(period_rate(0.1, "M"), 6)
    (0.1, 0.007974)
    """
    return float(np.expm1(np.log1p(annual_rate) * DAYS_PER_UNIT[period] / DAYS_PER_UNIT["Y"]))


def multiple(r: Any, i: float, horizon: float | None = None) -> Any:
    """Return r/(1 + i - r), or with a horizon of h payments the same times 1 - (r/(1 + i))**h."""
    r = np.asarray(r, dtype=float)
    if horizon is None:
        with np.errstate(divide="ignore"):
            return r / (1 + i - r)
    q = r / (1 + i)
    return np.where(q < 1, q * (1 - q**horizon) / np.where(q < 1, 1 - q, 1.0), horizon)


def _check_horizon(horizon: Any) -> None:
    if horizon is not None and not (is_number(horizon) and horizon >= 1 and horizon == int(horizon)):
        raise ValueError(f"horizon={horizon!r} must be a whole number of periods, at least 1.")


def constant_equity(
    model: ConstantRetention, change: Any, annual_rate: float, horizon: Any, n_draws: int, rng: np.random.Generator
) -> tuple[tuple[float, float], dict[str, Any], np.ndarray | None, str]:
    """Return the margin multiples before and after, expected lives, draws of the difference (or None), and the words.

    Raises
    ------
    DataError
        When retention after the change is outside [0, 1).
    """
    _check_horizon(horizon)
    i = period_rate(annual_rate, model.period)
    now = model.draws(n_draws, rng)
    if isinstance(change, ConstantRetention):
        if change.period != model.period:
            raise DataError(
                [
                    f"retention is that of a {UNIT_WORDS[model.period][:-1]} before and of a {UNIT_WORDS[change.period][:-1]} after; "
                    "measure both over the same period"
                ],
                "the change of retention",
            )
        after, then = change.rate, change.draws(n_draws, rng)
    else:
        step = check_change(change)
        by = step.draws(n_draws, rng)
        after, then = step.applied(model.rate), step.applied(now, by)
    if not 0 <= after < 1:
        other = (
            "; Percent is a relative change"
            if isinstance(change, Points)
            else "; a relative change, Points is the other kind"
        )
        raise DataError(
            [
                f"{change.describe()} take retention from {100 * model.rate:g} % to {100 * after:g} %; "
                f"it must be at least 0 and stay below 100 %{other}"
            ],
            "the change of retention",
        )
    draws = None
    if np.ndim(now) or np.ndim(then):
        unheld, then = then, np.clip(then, 0.0, 1.0)
        if i == 0 and horizon is None and (then >= 1).any():
            raise DataError(
                [
                    f"retention is 100 % in {int((then >= 1).sum())} draws, and without discounting or horizon its value is infinite"
                ],
                "the change of retention",
            )
        draws = np.broadcast_to(multiple(then, i, horizon) - multiple(now, i, horizon), (n_draws,)).copy()
    seen = f" (counted: {model.kept:,.0f} of {model.n:,.0f})" if model.n is not None else ""
    period = UNIT_WORDS[model.period][:-1]
    words = f"Retention a {period} goes from {100 * model.rate:.1f} %{seen} to {100 * after:.1f} %, for all customers and from now on."
    for beyond, bound, said in (
        ((np.greater, 1, "pass 100 %"), (np.less, 0, "fall below 0 %")) if draws is not None else ()
    ):
        if (held := float(beyond(unheld, bound).mean())) > 0:
            words += f" In {held:.1%} of the draws it would {said} and is held there."
    life = {"life_before": model.expected_life, "life_after": 1 / (1 - after), "period": model.period}
    each = float(multiple(model.rate, i, horizon)), float(multiple(after, i, horizon))
    return each, life, draws, words
