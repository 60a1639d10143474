"""One row of a ledger: a dated amount of one kind, one-off or recurring, with its currency; read with every fault named."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from ..amounts.uncertain_amounts import Quantity, Uncertain
from ..amounts.windows import calendar_offset, read_day
from ..checks import DAYS_PER_UNIT, check_count, check_currency, is_number
from ..exceptions import shown

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

#: What else a kind is called, in British spelling; a plural counts as its singular.
_SYNONYMS = {
    "licence": "software licence",
    "licence fee": "software licence",
    "software licence fee": "software licence",
    "software": "software licence",
    "server": "servers",
    "hardware": "servers",
    "hosting": "servers",
    "data migration": "migration",
    "personnel": "staff",
    "labour": "staff",
    "salary": "staff",
    "salaries": "staff",
    "saving": "cost saving",
    "utilisation": "capacity",
    "time saved": "staff time",
    "time saving": "staff time",
    "contribution margin": "margin",
    "miscellaneous": "other",
    "misc": "other",
}

#: American spelling, word by word.
_BRITISH = {"license": "licence", "licenses": "licences", "labor": "labour", "utilization": "utilisation"}

#: How much of a normal amount may lie below zero.
_BELOW_ZERO = 1e-3

#: Longest number of payments of one row: a century of days.
MOST_PAYMENTS = 36_525

_EVERY = re.compile(r"^([1-9]\d{0,5})?([DWMY])$")


@dataclass(frozen=True)
class Unread:
    """A cell of a table that is there and cannot be read.

    Attributes
    ----------
    why : str
        What is wrong with it; "" where the fault of its column says so.
    """

    why: str = ""


@dataclass(frozen=True)
class LedgerRow:
    """A dated, typed amount.

    Attributes
    ----------
    date : Timestamp
        Day of the payment, or of the first one.
    kind, label : str
    amount : float, Quantity or None
        Money per payment; None is not priced. Hours times rate where those were given.
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
        """Expected money per payment; NaN where not priced."""
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
        return f"{self.kind} {shown(self.label, 80)} of {self.date:%Y-%m-%d}"


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
    return isinstance(value, float | Decimal) and value != value


def _kind(given: Any, kinds: Sequence[str], faults: list[str]) -> str | None:
    if given is None:
        faults.append(f"it has no kind; give one of {', '.join(kinds)}")
        return None
    words = re.split(r"[\s_\-]+", str(given)[:100].strip().casefold())
    name = " ".join(_BRITISH.get(word, word) for word in words)
    for called in (name, name.removesuffix("s"), f"{name}s"):
        kind = called if called in kinds else _SYNONYMS.get(called)
        if kind in kinds:
            return kind
    if name in ("revenue", "sales", "turnover") and "margin" in kinds:
        faults.append(
            f"kind {shown(given)} is not a gain: goods cost money too. Give the contribution margin, kind 'margin'"
        )
        return None
    near = difflib.get_close_matches(name, [*kinds, *_SYNONYMS], n=3)
    known = dict.fromkeys(_SYNONYMS.get(found, found) for found in near)
    hint = " or ".join(repr(found) for found in known if found in kinds)
    faults.append(
        f"kind {shown(given)} is not one of {', '.join(kinds)}{f'; did you mean {hint}?' if hint else ''}"
        + ("" if hint or "other" not in kinds else "; what is none of them is 'other'")
    )
    return None


def _day(given: Any, name: str, faults: list[str]) -> pd.Timestamp | None:
    if given is None:
        faults.append(f"it has no {name}; give a day, as in '2024-01-31'")
        return None
    if isinstance(given, Unread):
        faults += [f"{name} {given.why}"] if given.why else []
        return None
    try:
        return read_day(given)
    except ValueError as error:
        faults.append(f"{name} {error}")
        return None


def _money(given: Mapping[str, Any], own: str, faults: list[str], *, cost: bool) -> tuple[Any, Any, Any]:
    """Amount, hours and hourly rate; the amount is their product where they are given."""
    amount = _number(given.get("amount"), "amount", own, faults, cost=cost)
    hours = _number(given.get("hours"), "hours", f"{own}, hours", faults, cost=cost)
    rate = _number(given.get("hourly_rate"), "hourly_rate", f"{own}, hourly rate", faults, cost=cost)
    stated = [name for name in ("hours", "hourly_rate") if name in given]
    if not stated:
        return amount, hours, rate
    if "amount" in given:
        faults.append("it has an amount and hours or an hourly rate; give the one or the other")
    elif len(stated) == 1:
        lacks = "hourly_rate" if stated == ["hours"] else "hours"
        faults.append(f"it lacks {lacks}; hours and hourly_rate go together")
    elif hours is not None and rate is not None:
        amount = hours * rate
        if not isinstance(amount, Quantity) and not np.isfinite(amount):
            faults.append(f"hours {hours:g} times hourly_rate {rate:g} is not a finite number")
    return amount, hours, rate


def _number(value: Any, name: str, unknown: str, faults: list[str], *, cost: bool) -> float | Quantity | None:
    """A number of at least 0 in expectation, exact or uncertain; None where it is at fault."""
    if value is None:
        return None
    if isinstance(value, Unread):
        faults += [f"{name} {value.why}"] if value.why else []
        return None
    if isinstance(value, Uncertain) and value.name is None:
        value = value.named(unknown)
    if isinstance(value, Quantity):
        read: float | Quantity = value
        fault = _quantity_fault(value, name, may_fall_below=not cost and name == "amount")
    elif is_number(value) or isinstance(value, Decimal):
        read, fault = float(value), ""
    else:
        percent = isinstance(value, str) and "%" in value
        cure = "; it is an amount of money, not a percentage" if percent else ""
        read, fault = 0.0, f"{name} {shown(value)} is not a finite number{cure}"
    fault = fault or _expected_fault(read.mean if isinstance(read, Quantity) else read, name, cost=cost)
    if fault:
        faults.append(fault)
        return None
    return read


def _quantity_fault(value: Quantity, name: str, *, may_fall_below: bool) -> str:
    """What is wrong with an uncertain number's values; "" where nothing is."""
    below = _probability_below_zero(value)
    if np.isnan(below):
        return f"{name} is not finite for some values of {', '.join(value.inputs())}"
    if below <= _BELOW_ZERO or value.mean < 0 or may_fall_below:
        return ""
    said = value.describe() if isinstance(value, Uncertain) else f"a formula of {', '.join(value.inputs())}"
    return f"{name} is {said}, below 0 with probability {below:.2g}; take a triangular or lognormal distribution"


def _expected_fault(expected: float, name: str, *, cost: bool) -> str:
    """What is wrong with an expected number; "" where nothing is."""
    if not np.isfinite(expected):
        return f"{name} has no finite expected value ({expected})"
    if expected < 0:
        cure = (
            "take a credit note off the cost that it refunds, or put it into the BenefitLedger as a 'cost saving'"
            if cost
            else "a loss is a cost: put it into the CostLedger"
        )
        return f"{name} is negative ({expected:,.6g}); {cure}"
    return ""


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
    try:
        return check_currency(given)
    except ValueError as error:
        faults.append(str(error).rstrip("."))
        return ""


def _recurrence(
    given: Mapping[str, Any], date: pd.Timestamp | None, faults: list[str]
) -> tuple[str | None, pd.Timestamp | None, int | None]:
    """How often a row recurs, its last day, and its number of payments; None thrice for a one-off row, and for faults."""
    every, times = given.get("every"), given.get("times")
    if isinstance(times, Unread):
        faults += [f"times {times.why}"] if times.why else []
        return None, None, None
    until = _day(given["until"], "until", faults) if "until" in given else None
    if every is None:
        if "until" in given or times is not None:
            faults.append("it has until or times, but no every; say how often it recurs, as in every='M'")
        return None, None, None
    fault = (
        _every_fault(every)
        or _ends_fault("until" in given, times)
        or _length_fault(str(every), times)
        or _until_fault(until, date)
    )
    if fault:
        faults.append(fault)
        return None, None, None
    return str(every), until, None if times is None else int(times)


def _every_fault(every: Any) -> str:
    if _EVERY.match(str(every)):
        return ""
    return f"every {shown(every)} is not known; 'D', 'W', 'M' or 'Y', with a number before it as in '3M'"


def _ends_fault(has_until: bool, times: Any) -> str:
    if has_until == (times is not None):
        return "a recurring row needs either until, its last day, or times, its number of payments"
    if times is None:
        return ""
    try:
        check_count(times, "times", least=1, most=MOST_PAYMENTS)
    except ValueError as error:
        return str(error).rstrip(".")
    return ""


def _length_fault(every: str, times: Any) -> str:
    number, unit = _EVERY.match(every).groups()  # type: ignore[union-attr]
    if int(number or 1) * DAYS_PER_UNIT[unit] * (1 if times is None else int(times)) <= MOST_PAYMENTS:
        return ""
    return f"every {every!r}{'' if times is None else f', {int(times):,} times'}, goes on for more than a century"


def _until_fault(until: pd.Timestamp | None, date: pd.Timestamp | None) -> str:
    if until is None or date is None or date <= until <= date + pd.DateOffset(years=100):
        return ""
    return f"until {until:%Y-%m-%d} must lie within a century from its date {date:%Y-%m-%d} on"


def _flag(given: Any, name: str, faults: list[str], *, default: bool | None) -> bool | None:
    if given is None:
        if default is None:
            faults.append("it does not say whether it is direct; give direct=True or direct=False")
        return default
    words = {
        "true": True,
        "yes": True,
        "1": True,
        "y": True,
        "direct": True,
        "false": False,
        "no": False,
        "n": False,
        "0": False,
        "indirect": False,
    }
    word = str(given)[:100].strip().lower().removesuffix(".0")
    if word not in words:
        faults.append(f"{name} {shown(given)} must be true or false")
        return default
    return words[word]


#: Columns that state a distribution of the amount.
SPREAD = ("distribution", "lower", "upper", "sd", "coverage")


def _lognormal(lower: float, upper: float, coverage: float | None) -> Uncertain:
    return Uncertain.lognormal(lower, upper, coverage=0.9 if coverage is None else coverage)


#: What each distribution is stated by, and how it is made of that.
_STATED: Mapping[str, tuple[tuple[str, ...], Callable[..., Uncertain]]] = {
    "triangular": (("lower", "amount", "upper"), Uncertain.triangular),
    "uniform": (("lower", "upper"), Uncertain.uniform),
    "lognormal": (("lower", "upper", "coverage"), _lognormal),
    "normal": (("amount", "sd"), Uncertain.normal),
}


def with_distribution(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Turn the columns that state a distribution into an uncertain amount."""
    rest = {name: value for name, value in fields.items() if name not in SPREAD}
    spread = {name: fields[name] for name in SPREAD if not _blank(fields.get(name))}
    if not spread:
        return rest, []
    stated = {**spread, "amount": rest.get("amount")}
    if unread := {name: value for name, value in stated.items() if isinstance(value, Unread)}:
        faults = [f"{name} {value.why}" for name, value in unread.items() if value.why]
        return {**rest, "amount": Unread()}, faults
    return _with_spread(rest, spread)


def _with_spread(rest: dict[str, Any], spread: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Fields with an uncertain amount of a stated distribution."""
    kind = str(spread.pop("distribution", "")).strip().lower()
    if kind not in _STATED:
        return rest, [
            f"distribution {shown(kind)} must be triangular, uniform, lognormal or normal where a spread is given"
        ]
    by, make = _STATED[kind]
    stated = spread if _blank(rest.get("amount")) else {"amount": rest["amount"], **spread}
    if over := [name for name in stated if name not in by]:
        return {**rest, "amount": None}, [
            f"a {kind} amount is stated by {', '.join(by)}; {' and '.join(over)} would not count, leave it empty"
        ]
    try:
        return {**rest, "amount": make(*(stated.get(name) for name in by))}, []
    except ValueError as error:
        return {**rest, "amount": None}, [f"the {kind} amount cannot be read: {error}"]


def _blank(value: Any) -> bool:
    return bool(np.ndim(value) == 0 and pd.isna(value)) or value == ""
