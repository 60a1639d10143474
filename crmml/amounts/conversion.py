"""Conversion of currencies by rates that the caller states, with the day they hold for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..checks import is_number
from ..exceptions import DataError
from .windows import read_day

_SUBJECT = "the conversion rates"


@dataclass(frozen=True)
class ConversionRates:
    """What one unit of each currency is worth in one currency, on a day.

    Parameters
    ----------
    to : str
        The currency of the result.
    on : day
        The day that the rates hold for; it is written into the source of every converted row.
    rates : mapping of str to float
        Units of ``to`` for one unit of each other currency, above 0.

    Raises
    ------
    DataError
        Naming rates that are no positive numbers.

    Examples
    --------
    >>> rates = ConversionRates("CNY", "2024-01-02", {"USD": 7.1})
    >>> rates.describe()
    '1 USD = 7.1 CNY, as of 2024-01-02'
    """

    to: str
    on: Any
    rates: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.rates, Mapping) or not all(isinstance(name, str) for name in self.rates):
            raise DataError([f"rates={self.rates!r} must be a mapping from codes, as in {{'USD': 7.1}}"], _SUBJECT)
        faults = [
            f"the rate of {name} is {rate!r}; it must be a number above 0"
            for name, rate in self.rates.items()
            if not (is_number(rate) and rate > 0)
        ]
        to = str(self.to).upper()
        faults += [f"{c!r} is no code of three letters" for c in (to, *self.rates) if not (len(c) == 3 and c.isalpha())]
        day = None
        try:
            day = read_day(self.on)
        except ValueError as error:
            faults.append(f"on={error}")
        known = {name.upper(): float(rate) for name, rate in self.rates.items() if is_number(rate)}
        if len({name.upper() for name in self.rates}) < len(self.rates):
            faults.append(f"one currency has two rates: {', '.join(self.rates)}")
        if known.get(to, 1.0) != 1.0:
            faults.append(f"the rate of {to} in {to} is {known[to]:g}, not 1")
        if faults:
            raise DataError(faults, _SUBJECT)
        for name, value in (("to", to), ("on", day), ("rates", known)):
            object.__setattr__(self, name, value)

    def check(self, currencies: Iterable[str], subject: str) -> None:
        """Refuse currencies that have no rate.

        Raises
        ------
        DataError
            Naming them.
        """
        lacking = [c for c in currencies if c != self.to and c not in self.rates]
        if lacking:
            raise DataError([f"there is no rate from {c} to {self.to}; add it to rates" for c in lacking], subject)

    def describe(self) -> str:
        """Say the rates."""
        return f"{', '.join(f'1 {c} = {rate:g} {self.to}' for c, rate in self.rates.items())}, as of {self.on:%Y-%m-%d}"
