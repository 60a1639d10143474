"""An amount of money that knows its currency."""

from __future__ import annotations

from typing import NamedTuple


class Money(NamedTuple):
    """An amount that knows its currency.

    Attributes
    ----------
    amount : float
    currency : str
    """

    amount: float
    currency: str

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
