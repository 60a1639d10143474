"""Counts in words."""

from __future__ import annotations


def counted(n: float, noun: str) -> str:
    """A count with its noun, in the plural unless it is one: "1 customer", "2,000 customers"."""
    shown = f"{n:,.0f}"
    return f"{shown} {noun}" if shown == "1" else f"{shown} {noun}s"


def total_of(amount: float) -> str:
    """A sum without decimals, or its first digits where it is small."""
    return f"{amount:,.0f}" if abs(amount) >= 100 or amount == round(amount) else f"{amount:,.4g}"


def is_are(n: float, one: str = "is", more: str = "are") -> str:
    """The verb that goes with a count."""
    return one if f"{n:,.0f}" == "1" else more
