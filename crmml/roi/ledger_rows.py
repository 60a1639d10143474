"""One row of a ledger: a dated amount of one kind, one-off or recurring, with its currency; read with every fault named."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from ..amounts.uncertain_amounts import Quantity, Uncertain
from ..amounts.windows import calendar_offset, read_day
from ..checks import DAYS_PER_UNIT, is_number

COST_KINDS = (
    "software licence",
    "subscription",
    "implementation",
    "migration",
    "training",
    "maintenance",
    "servers",
    "staff",
    "process",
    "other",
)
BENEFIT_KINDS = ("margin", "retention", "staff time", "cost saving", "capacity", "satisfaction", "other")

#: What else a kind is called.
_SYNONYMS = {
    "licence": "software licence",
    "license": "software licence",
    "software license": "software licence",
    "software": "software licence",
    "server": "servers",
    "hardware": "servers",
    "data migration": "migration",
    "personnel": "staff",
    "labour": "staff",
    "labor": "staff",
    "savings": "cost saving",
    "cost savings": "cost saving",
    "utilisation": "capacity",
    "utilization": "capacity",
    "time saved": "staff time",
}

#: How much of a normal amount may lie below zero.
_BELOW_ZERO = 1e-3

#: Longest number of payments of one row: a century of days.
MOST_PAYMENTS = 36_525

_EVERY = re.compile(r"^([1-9]\d*)?([DWMY])$")


@dataclass(frozen=True)
class LedgerRow:
    """A dated, typed amount.

    Attributes
    ----------
    date : Timestamp
        Day of the payment, or of the first one.
    kind, label : str
    amount : float, Quantity or None
        Money a payment; None is not priced. Hours times rate where those were given.
    currency : str
        Three letters; of a row without a price, that of its ledger or "".
    hours, hourly_rate : float, Quantity or None
        A payment's.
    every : str or None
        "M", "Y", "3M" and so on; None is one-off.
    until : Timestamp or None
        Last day, inclusive, on which a payment may fall.
    times : int or None
        Number of payments, instead of ``until``.
    direct : bool
        Whether a benefit is a direct one; True for costs.
    forecast : bool
        Whether it is assumed rather than observed.
    source : str
        Where the figure comes from.
    """

    date: pd.Timestamp
    kind: str
    label: str
    amount: Any
    currency: str
    hours: Any = None
    hourly_rate: Any = None
    every: str | None = None
    until: pd.Timestamp | None = None
    times: int | None = None
    direct: bool = True
    forecast: bool = False
    source: str = ""

    @property
    def priced(self) -> bool:
        """Whether it has an amount."""
        return self.amount is not None

    @property
    def expected(self) -> float:
        """Expected money a payment; NaN where not priced."""
        if self.amount is None:
            return float("nan")
        return self.amount.mean if isinstance(self.amount, Quantity) else float(self.amount)

    def dates(self) -> pd.DatetimeIndex:
        """Days of all payments; each month counts from the first day, so that 31 January is followed by 29 February and 31 March."""
        if self.every is None:
            return pd.DatetimeIndex([self.date])
        if self.times is not None or self.until is None:
            return pd.DatetimeIndex([self._after(k) for k in range(self.times or 1)])
        days, k = [], 0
        while (day := self._after(k)) <= self.until and k <= MOST_PAYMENTS:
            days.append(day)
            k += 1
        return pd.DatetimeIndex(days)

    @property
    def covers_until(self) -> pd.Timestamp:
        """Last day that the row speaks of: its own, or the last of the period that the last payment is for."""
        if self.every is None:
            return self.date
        return self._after(len(self.dates())) - pd.Timedelta(days=1)

    def _after(self, k: int) -> pd.Timestamp:
        number, unit = _EVERY.match(str(self.every)).groups()  # type: ignore[union-attr]
        return self.date + calendar_offset(k * int(number or 1), unit)

    def what(self) -> str:
        """Name it without its amount, for messages."""
        return f"{self.kind} {self.label!r} of {self.date:%Y-%m-%d}"


def read_row(
    fields: Mapping[str, Any],
    kinds: Sequence[str],
    currency: str | None,
    *,
    needs_direct: bool,
    taken: Collection[str] = (),
) -> tuple[LedgerRow | None, list[str]]:
    """Make a row of given fields, or say what is wrong with them.

    Parameters
    ----------
    fields : mapping
        By the names of `LedgerRow`; what is missing, or None, is not given.
    kinds : sequence of str
    currency : str or None
        For rows that state none.
    needs_direct : bool
        Whether ``direct`` must be said.
    taken : collection of str
        Labels and names of unknowns of earlier rows: an uncertain amount without a name takes that of its kind and label, its date
        where the label is taken, and a number where that is, so that the unknowns of different rows are different ones.
    """
    given = {name: value for name, value in fields.items() if not _empty(value)}
    faults: list[str] = []
    kind = _kind(given.get("kind"), kinds, faults)
    label = str(given.get("label", "")).strip()
    if not label:
        faults.append("it has no label; say in a few words what it is")
    date = _day(given.get("date"), "date", faults)
    own = _own_name(kind, label, date, taken)
    amount, hours, rate = _money(given, own, faults, cost=not needs_direct)
    code = _currency(given.get("currency", currency), bool(given.keys() & {"amount", "hours"}), faults)
    every, until, times = _recurrence(given, date, faults)
    direct = _flag(given.get("direct"), "direct", faults, default=None if needs_direct else True)
    forecast = _flag(given.get("forecast"), "forecast", faults, default=False)
    if faults or date is None or kind is None:
        return None, faults
    source = str(given.get("source", ""))
    return (
        LedgerRow(
            date, kind, label, amount, code, hours, rate, every, until, times, bool(direct), bool(forecast), source
        ),
        [],
    )


def _own_name(kind: str | None, label: str, date: pd.Timestamp | None, taken: Collection[str]) -> str:
    own = f"{kind}: {label}" if label not in taken or date is None else f"{kind}: {label} of {date:%Y-%m-%d}"
    name, number = own, 1
    while any(used in taken for used in (name, f"{name}, hours", f"{name}, hourly rate")):
        number += 1
        name = f"{own} ({number})"
    return name


def _empty(value: Any) -> bool:
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, str) and not value.strip()):
        return True
    return isinstance(value, float) and np.isnan(value)


def _kind(given: Any, kinds: Sequence[str], faults: list[str]) -> str | None:
    name = re.sub(r"[\s_\-]+", " ", str(given or "")).strip().lower()
    name = _SYNONYMS.get(name, name) if name not in kinds else name
    if name in kinds:
        return name
    if name in ("revenue", "sales", "turnover") and "margin" in kinds:
        faults.append(f"kind {given!r} is no gain: goods cost money too. Give the contribution margin, kind 'margin'")
        return None
    near = difflib.get_close_matches(name, kinds, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    faults.append(f"kind {given!r} is not one of {', '.join(kinds)}{hint}")
    return None


def _day(given: Any, name: str, faults: list[str]) -> pd.Timestamp | None:
    if given is None:
        faults.append(f"it has no {name}; give a day, as in '2024-01-31'")
        return None
    try:
        return read_day(given)
    except ValueError as error:
        faults.append(f"{name} {error}")
        return None


def _money(given: Mapping[str, Any], own: str, faults: list[str], *, cost: bool) -> tuple[Any, Any, Any]:
    amount, hours, rate = (
        _number(
            given.get(name), name, own if name == "amount" else f"{own}, {name.replace('_', ' ')}", faults, cost=cost
        )
        for name in ("amount", "hours", "hourly_rate")
    )
    has_hours = "hours" in given or "hourly_rate" in given
    if "amount" in given and has_hours:
        faults.append("it has an amount and hours or an hourly rate; give the one or the other")
    elif has_hours and not ("hours" in given and "hourly_rate" in given):
        lacks = "hourly_rate" if "hours" in given else "hours"
        faults.append(f"it lacks {lacks}; hours and hourly_rate go together")
    elif has_hours and hours is not None and rate is not None:
        amount = hours * rate
        if is_number(hours) and is_number(rate) and not np.isfinite(amount):
            faults.append(f"hours {hours:g} times hourly_rate {rate:g} is no finite number")
    return amount, hours, rate


def _number(value: Any, name: str, unknown: str, faults: list[str], *, cost: bool) -> Any:
    if value is None:
        return None
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, Uncertain) and value.name is None:
        value = value.named(unknown)
    if isinstance(value, Quantity):
        below = _probability_below_zero(value)
        if np.isnan(below):
            faults.append(f"{name} is not finite for some values of {', '.join(value.inputs())}")
            return None
        expected = value.mean
        if below > _BELOW_ZERO and expected >= 0 and (cost or name != "amount"):
            said = value.describe() if isinstance(value, Uncertain) else f"a formula of {', '.join(value.inputs())}"
            faults.append(
                f"{name} is {said}, below 0 with probability {below:.2g}; take a triangular or lognormal distribution"
            )
            return None
    elif is_number(value):
        value = expected = float(value)
    else:
        percent = "; it is an amount of money, no percentage" if "%" in str(value) else ""
        faults.append(f"{name} {value!r} is no finite number{percent}")
        return None
    if not np.isfinite(expected):
        faults.append(f"{name} has no finite expected value ({expected})")
        return None
    if expected < 0:
        cure = "a refund is a smaller cost, or a benefit" if cost else "a loss is a cost: put it into the CostLedger"
        faults.append(f"{name} is negative ({expected:,.6g}); {cure}")
        return None
    return value


def _probability_below_zero(value: Quantity) -> float:
    """Of a formula by draws with a fixed seed; NaN where it is not finite."""
    if isinstance(value, Uncertain):
        return value.probability_below(0.0)
    try:
        with np.errstate(all="ignore"):
            draws, mean = value.sample(2000, np.random.default_rng(0)), value.mean
    except (ArithmeticError, TypeError):
        return float("nan")
    return float((draws < 0).mean()) if np.isfinite(draws).all() and np.isfinite(mean) else float("nan")


def _currency(given: Any, needed: bool, faults: list[str]) -> str:
    if given is None:
        if needed:
            faults.append("it has no currency; give one, as in 'CNY', for the row or for the ledger")
        return ""
    code = str(given).strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", code):
        faults.append(f"currency {given!r} is no code of three letters, such as 'CNY' or 'EUR'")
    return code


def _recurrence(
    given: Mapping[str, Any], date: pd.Timestamp | None, faults: list[str]
) -> tuple[str | None, pd.Timestamp | None, int | None]:
    every, times = given.get("every"), given.get("times")
    until = _day(given["until"], "until", faults) if "until" in given else None
    if every is None:
        if "until" in given or times is not None:
            faults.append("it has until or times, but no every; say how often it recurs, as in every='M'")
        return None, None, None
    if not _EVERY.match(str(every)):
        faults.append(f"every {every!r} is not known; 'D', 'W', 'M' or 'Y', with a number before it as in '3M'")
        return None, None, None
    if ("until" in given) == (times is not None):
        faults.append("a recurring row needs either until, its last day, or times, its number of payments")
        return None, None, None
    if times is not None and not (is_number(times) and times == int(times) and 1 <= times <= MOST_PAYMENTS):
        faults.append(f"times {times!r} must be a whole number from 1 to {MOST_PAYMENTS:,}")
        return None, None, None
    number, unit = _EVERY.match(str(every)).groups()  # type: ignore[union-attr]
    days = int(number or 1) * DAYS_PER_UNIT[unit] * (1 if times is None else int(times))
    if days > MOST_PAYMENTS:
        faults.append(
            f"every {every!r}{'' if times is None else f', {int(times):,} times'}, goes on for more than a century"
        )
        return None, None, None
    if until is not None and date is not None and not date <= until <= date + pd.DateOffset(years=100):
        faults.append(f"until {until:%Y-%m-%d} must lie within a century from its date {date:%Y-%m-%d} on")
        return None, None, None
    return str(every), until, None if times is None else int(times)


def _flag(given: Any, name: str, faults: list[str], *, default: bool | None) -> bool | None:
    if given is None:
        if default is None:
            faults.append("it does not say whether it is direct; give direct=True or direct=False")
        return default
    words = {
        "true": True,
        "yes": True,
        "1": True,
        "direct": True,
        "false": False,
        "no": False,
        "0": False,
        "indirect": False,
    }
    word = str(given).strip().lower().removesuffix(".0")
    if word not in words:
        faults.append(f"{name} {given!r} must be true or false")
        return default
    return words[word]


#: Columns that state a distribution of the amount.
SPREAD = ("distribution", "lower", "upper", "sd", "coverage")

#: What each distribution is stated by.
_STATED = {
    "triangular": ("lower", "amount", "upper"),
    "uniform": ("lower", "upper"),
    "lognormal": ("lower", "upper", "coverage"),
    "normal": ("amount", "sd"),
}


def with_distribution(fields: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Turn the columns that state a distribution into an uncertain amount."""
    spread = {name: value for name in SPREAD if not _blank(value := fields.pop(name, None))}
    if not spread:
        return fields, []
    amount = fields.get("amount")
    kind = str(spread.get("distribution", "")).strip().lower()
    if kind not in _STATED:
        return fields, [
            f"distribution {kind!r} must be triangular, uniform, lognormal or normal where a spread is given"
        ]
    given = [name for name in ("amount", *SPREAD[1:]) if name in spread or (name == "amount" and not _blank(amount))]
    if over := [name for name in given if name not in _STATED[kind]]:
        fields["amount"] = None
        return fields, [
            f"a {kind} amount is stated by {', '.join(_STATED[kind])}; {' and '.join(over)} would not count, leave it empty"
        ]
    try:
        if kind == "triangular":
            fields["amount"] = Uncertain.triangular(spread.get("lower"), amount, spread.get("upper"))  # type: ignore[arg-type]
        elif kind == "uniform":
            fields["amount"] = Uncertain.uniform(spread.get("lower"), spread.get("upper"))  # type: ignore[arg-type]
        elif kind == "lognormal":
            coverage = spread.get("coverage", 0.9)
            fields["amount"] = Uncertain.lognormal(spread.get("lower"), spread.get("upper"), coverage=coverage)  # type: ignore[arg-type]
        else:
            fields["amount"] = Uncertain.normal(amount, spread.get("sd"))  # type: ignore[arg-type]
    except ValueError as error:
        fields["amount"] = None
        return fields, [f"the {kind} amount cannot be read: {error}"]
    return fields, []


def _blank(value: Any) -> bool:
    return bool(np.ndim(value) == 0 and pd.isna(value)) or value == ""
