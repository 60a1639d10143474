"""Amounts of money: exact or uncertain, in a currency, in a window of time, changed and converted."""

from .changes import Percent, Points
from .conversion import ConversionRates
from .money import Money
from .uncertain_amounts import Quantity, Uncertain

__all__ = [
    "ConversionRates",
    "Money",
    "Percent",
    "Points",
    "Quantity",
    "Uncertain",
]
