"""Percentage points and percent, each by its own name, so that neither is taken for the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import is_number
from ..typing import Numbers
from .uncertain_amounts import Quantity, Uncertain


@dataclass(frozen=True)
class _Change:
    amount: float | Uncertain

    def __post_init__(self) -> None:
        if isinstance(self.amount, Uncertain):
            return
        if not is_number(self.amount):
            raise TypeError(f"{type(self).__name__}({self.amount!r}) needs a number, 10 for ten, or an Uncertain one.")
        object.__setattr__(self, "amount", float(self.amount))

    @property
    def expected(self) -> float:
        """The expected amount, as it was given: 10 for ten."""
        return self.amount.mean if isinstance(self.amount, Quantity) else float(self.amount)

    def draws(self, n_draws: int, rng: np.random.Generator) -> Numbers:
        """The amount over 100: one number, or draws of shape (n_draws,) where it is uncertain."""
        return (self.amount.sample(n_draws, rng) if isinstance(self.amount, Uncertain) else self.amount) / 100


@dataclass(frozen=True)
class Points(_Change):
    """A change in percentage points: from 70 % to 80 % is ``Points(10)``.

    Parameters
    ----------
    amount : float or Uncertain
        10 for ten percentage points. A fall is negative.

    Examples
    --------
    >>> round(Points(10).applied(0.70), 12), Points(-5).describe()
    (0.8, '-5 percentage points')
    """

    def applied(self, share: Numbers, by: Numbers | None = None) -> Any:
        """Return a share after the change; ``by`` are draws of it over 100."""
        return share + (self.expected / 100 if by is None else by)

    def describe(self) -> str:
        """Say it in words."""
        return f"{self.expected:+g} percentage points"


@dataclass(frozen=True)
class Percent(_Change):
    """A relative change: from 70 % to 77 % is ``Percent(10)``.

    Parameters
    ----------
    amount : float or Uncertain
        10 for ten percent of what there was. A fall is negative, at least -100.

    Examples
    --------
    >>> round(Percent(10).applied(0.70), 12), Percent(-20).describe()
    (0.77, '-20 percent')
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.expected < -100:
            raise ValueError(f"Percent({self.expected:g}) takes away more than there is; give -100 at least.")

    def applied(self, share: Numbers, by: Numbers | None = None) -> Any:
        """Return a number after the change; ``by`` are draws of it over 100."""
        return share * (1 + (self.expected / 100 if by is None else by))

    def describe(self) -> str:
        """Say it in words."""
        return f"{self.expected:+g} percent"


def check_change(change: Any) -> Points | Percent:
    """Return a change whose kind is said.

    Raises
    ------
    TypeError
        For a bare number, or a change that only another model has.
    """
    if type(change).__name__ in ("ArcShift", "ConstantRetention"):
        raise TypeError(
            f"a change by {type(change).__name__} does not fit this model: ArcShift is of a stage chain, ConstantRetention of another "
            "ConstantRetention; Points and Percent fit every model."
        )
    if not isinstance(change, Points | Percent):
        raise TypeError(
            f"change={change!r} does not say whether it is in percentage points or in percent: give Points(10), which turns 70 % "
            "into 80 %, or Percent(10), which turns 70 % into 77 %."
        )
    return change
