"""Conversion of currencies by rates that the caller states, with the day they hold for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..checks import Faults, check_currency, check_number
from ..exceptions import DataError
from ..results import Result
from ..typing import Day
from .windows import read_day

_SUBJECT = "the conversion rates"


@dataclass(frozen=True)
class ConversionRates(Result):
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
        Naming every fault: rates that are not above 0, codes that are not three letters, a day that is none.

    Examples
    --------
    >>> rates = ConversionRates("CNY", "2024-01-02", {"USD": 7.1})
    >>> rates.describe()
    '1 USD = 7.1 CNY, as of 2024-01-02'
    """

    to: str
    on: Day
    rates: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.rates, Mapping) or not all(isinstance(name, str) for name in self.rates):
            raise DataError([f"rates={self.rates!r} must be a mapping from codes, as in {{'USD': 7.1}}"], _SUBJECT)
        faults = Faults(_SUBJECT)
        to = faults.check(check_currency, self.to, "to")
        known = self._read_rates(faults)
        day = _read_on(self.on, faults)
        if len({name.upper() for name in self.rates}) < len(self.rates):
            faults.add(f"one currency has two rates: {', '.join(self.rates)}")
        if to is not None and known.get(to, 1.0) != 1.0:
            faults.add(f"the rate of {to} in {to} is {known[to]:g}, not 1")
        faults.refuse()
        for name, value in (("to", to), ("on", day), ("rates", known)):
            object.__setattr__(self, name, value)

    def _read_rates(self, faults: Faults) -> dict[str, float]:
        known = {}
        for name, rate in self.rates.items():
            faults.check(check_currency, name, "the code of a currency")
            if faults.check(check_number, rate, f"the rate of {name}", above=0) is not None:
                known[name.upper()] = float(rate)
        return known

    def to_frame(self) -> pd.DataFrame:
        """Return the rates, one in a row: currency, rate, to, on."""
        return pd.DataFrame(
            {
                "currency": list(self.rates),
                "rate": [float(rate) for rate in self.rates.values()],
                "to": self.to,
                "on": self.on,
            }
        )

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
        return f"{', '.join(f'1 {c} = {rate:g} {self.to}' for c, rate in self.rates.items())}, as of {pd.Timestamp(self.on):%Y-%m-%d}"


def _read_on(on: Any, faults: Faults) -> pd.Timestamp | None:
    try:
        return read_day(on)
    except ValueError as error:
        faults.add(f"on={error}")
        return None
