"""An amount of money that knows its currency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..checks import check_currency, check_number
from ..results import Result


@dataclass(frozen=True)
class Money(Result):
    """An amount that knows its currency; it unpacks into both.

    Parameters
    ----------
    amount : float
        Finite.
    currency : str
        Three letters.

    Raises
    ------
    ValueError
        For what is not a number or not a currency.
    """

    amount: float
    currency: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", check_number(self.amount, "amount"))
        object.__setattr__(self, "currency", check_currency(self.currency))

    def __iter__(self) -> Iterator[float | str]:
        return iter((self.amount, self.currency))

    def describe(self) -> str:
        """Say it.

        Examples
        --------
        >>> Money(1250000.0, "CNY").describe()
        'CNY 1,250,000'
        """
        size = abs(self.amount)
        shown = (
            f"{self.amount:,.0f}"
            if size >= 100
            else f"{self.amount:,.2f}"
            if size >= 0.1 or not size
            else f"{self.amount:.3g}"
        )
        return f"{self.currency} {shown}"
