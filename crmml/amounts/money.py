"""An amount of money that knows its currency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..results import Result


@dataclass(frozen=True)
class Money(Result):
    """An amount that knows its currency; it unpacks into both.

    Attributes
    ----------
    amount : float
    currency : str
    """

    amount: float
    currency: str

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
