r"""From a change of an indicator to money: formulas that name every input they need, and refuse what cannot be known.

An indicator that moved is no money yet. Each formula states what else must be known or assumed, the share of the change that the
programme caused among it: a before/after comparison alone does not tell.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..amounts.changes import Percent, check_change
from ..amounts.uncertain_amounts import Quantity, Uncertain
from ..amounts.windows import read_day
from ..checks import Faults, check_choice, check_count, check_flag, check_number, check_text, is_number
from ..exceptions import DataError, MissingInputsError, shown
from ..typing import Day
from .ledger_rows import BENEFIT_KINDS
from .ledgers import BenefitLedger

#: The input that every formula needs.
CAUSED = "share caused by the programme"
_CAUSED_MEANS = (
    "how much of the change the programme itself brought about, 0 to 1, from a comparison with those without it"
)


@dataclass(frozen=True)
class BenefitFormula:
    """How the change of one indicator becomes money a year.

    Attributes
    ----------
    label : str
    kind : str
        One of the kinds of a `BenefitLedger`.
    direct : bool
    needs : dict of str to str
        The inputs, and what each of them is.
    yearly : callable or None
        ``yearly(inputs, k)``: money in year k, counted from 1; None is not priced.
    constant : bool
        Whether every year brings the same, so that it is booked by the month.
    """

    label: str
    kind: str
    direct: bool
    needs: Mapping[str, str] = field(default_factory=dict)
    yearly: Callable[[Mapping[str, Any], int], Any] | None = None
    constant: bool = True

    def __post_init__(self) -> None:
        faults = Faults("the formula of a benefit")
        faults.check(check_text, self.label, "label", meaning="say in a few words what the benefit is")
        faults.check(check_choice, self.kind, "kind", BENEFIT_KINDS)
        faults.check(check_flag, self.direct, "direct")
        faults.refuse()


def staff_time_saved(label: str, *, before_minutes: float, after_minutes: float) -> BenefitFormula:
    """Minutes per day and worker that are saved: minutes / 60 × workers × working days × hourly rate.

    Parameters
    ----------
    label : str
    before_minutes, after_minutes : float
        Per worker and working day.
    """
    saved = check_number(before_minutes, "before_minutes", least=0) - check_number(
        after_minutes, "after_minutes", least=0
    )
    if saved <= 0:
        raise ValueError(
            f"before_minutes={before_minutes:g} must be above after_minutes={after_minutes:g}: nothing is saved."
        )

    def yearly(given: Mapping[str, Any], k: int) -> Any:
        hours = saved / 60 * given["workers"] * given["working days a year"]
        return hours * given["hourly rate"] * given[CAUSED]

    needs = {
        "workers": "how many members of staff save this time",
        "working days a year": "of each of them",
        "hourly rate": "full cost of an hour of their time, in money; 0 where freed time has no use",
        CAUSED: _CAUSED_MEANS,
    }
    return BenefitFormula(label, "staff time", True, needs, yearly)


def retention_raised(label: str, *, before: float, after: float) -> BenefitFormula:
    r"""Customers kept who would have left: customers × (after^k − before^k) × margin in year k.

    Both shares enter with the uncertainty of the samples they were seen in. From the second year on the row's expected value is
    that of the two shares' means, off by the spread of their powers: by 1 to 3 % with 20 customers each, by less with more. All
    formulas of one call share the inputs of one name, such as "customers"; price groups that differ in calls of their own.

    Parameters
    ----------
    label : str
    before, after : float
        Retention a year, 0.7 for 70 %.
    """
    _check_shares(before, after)

    def yearly(given: Mapping[str, Any], k: int) -> Any:
        n_before, n_after = given["customers observed before"], given["customers observed after"]
        then = Uncertain.share(before * n_before, n_before, name=f"{label}: retention before")
        now = Uncertain.share(after * n_after, n_after, name=f"{label}: retention after")
        return (now**k - then**k) * given["customers"] * given["margin per customer and year"] * given[CAUSED]

    needs = {
        "customers": "how many there are at the start",
        "margin per customer and year": "contribution margin, in money",
        "customers observed before": "sample size of the retention before",
        "customers observed after": "sample size of the retention after",
        CAUSED: _CAUSED_MEANS,
    }
    return BenefitFormula(label, "retention", False, needs, yearly, constant=False)


def relative_change_valued(
    label: str, *, change: Percent, better: str, of: str, worth: str, direct: bool, kind: str = "capacity"
) -> BenefitFormula:
    """Turn a relative change of an amount a year into money: amount × percent for the better × what one of it is worth.

    Parameters
    ----------
    label : str
    change : Percent
        Relative; where it is uncertain so is the money. ``Points`` is refused: points of a rate need what the rate is of.
    better : {"more", "less"}
        Which direction is a benefit: more bed turnovers, less idle equipment. An expected change the other way is refused.
    of : str
        Name of the amount a year before, such as "bed turnovers a year".
    worth : str
        Name of what one of it is worth, such as "margin of a bed turnover".
    direct : bool
    kind : str, default="capacity"

    Raises
    ------
    TypeError
        For a change in percentage points.
    ValueError
        For a change that is expected for the worse.
    """
    if not isinstance(check_change(change), Percent):
        raise TypeError(f"change={change!r} is in percentage points; a relative change, Percent, is needed here.")
    check_choice(better, "better", ("more", "less"))
    for name, value in (("of", of), ("worth", worth)):
        check_text(value, name, meaning="it is the name of an input")
    size, sign = change.amount, 1 if better == "more" else -1
    if sign * change.expected < 0:
        raise ValueError(f"change={change!r} is for the worse where {better} of {of!r} is better: it is not a benefit.")
    if isinstance(size, Uncertain) and size.name is None:
        size = size.named(f"{label}: change in percent")
    moved = sign * size / 100

    def yearly(given: Mapping[str, Any], k: int) -> Any:
        return moved * given[of] * given[worth] * given[CAUSED]

    needs = {of: "before the programme", worth: "in money", CAUSED: _CAUSED_MEANS}
    return BenefitFormula(label, kind, direct, needs, yearly)


def not_priced(label: str, *, kind: str = "other", direct: bool = False) -> BenefitFormula:
    """A change that is kept and listed without a price, for instance since another benefit holds it already."""
    return BenefitFormula(label, kind, direct)


def needed_inputs(formulas: Sequence[BenefitFormula]) -> pd.DataFrame:
    """Return every input that formulas need.

    Parameters
    ----------
    formulas : sequence of BenefitFormula

    Returns
    -------
    DataFrame
        input, what, needed_for.

    Raises
    ------
    TypeError
        For what is not a list of formulas.

    Examples
    --------
    >>> needed_inputs([not_priced("happier staff")]).shape
    (0, 3)
    """
    formulas = _formulas(formulas)
    what: dict[str, str] = {}
    users: dict[str, list[str]] = {}
    for formula in formulas:
        for name, meaning in formula.needs.items():
            what.setdefault(name, meaning)
            users.setdefault(name, []).append(formula.label)
    return pd.DataFrame(
        {"input": list(what), "what": list(what.values()), "needed_for": [", ".join(users[name]) for name in what]}
    )


def _formulas(given: Any) -> list[BenefitFormula]:
    """The formulas of an argument; one alone, or something else in the list, is refused."""
    listed = list(given) if isinstance(given, Iterable) and not isinstance(given, str | Mapping) else [given]
    odd = [entry for entry in listed if not isinstance(entry, BenefitFormula)]
    if odd or isinstance(given, BenefitFormula):
        what = f"not {shown(odd[0])}" if odd else "as in [formula]"
        raise TypeError(
            f"formulas must be a list of what staff_time_saved, retention_raised, relative_change_valued or not_priced make, {what}."
        )
    return listed


def price_benefits(
    formulas: Sequence[BenefitFormula],
    assumptions: Mapping[str, float | Uncertain | None],
    *,
    start: Day,
    years: int,
    currency: str,
    keep_unpriced: bool = False,
) -> BenefitLedger:
    """Turn changed indicators into a ledger of benefits, all marked as forecast, or refuse and name what is missing.

    Parameters
    ----------
    formulas : sequence of BenefitFormula
    assumptions : mapping of str to float or Uncertain
        A value for each input; None is not known. An `Uncertain` takes the name of its input.
    start : day
        When the changed indicators begin to hold. What is the same every year is booked by the month, first on the last day of the
        first month and then on the same day of each month, the rest at the end of each year.
    years : int
        How many years they hold.
    currency : str
        Of every amount of money in the assumptions.
    keep_unpriced : bool, default=False
        Whether what lacks an input is kept as a benefit without a price, instead of being refused.

    Returns
    -------
    BenefitLedger

    Raises
    ------
    MissingInputsError
        Naming every input that is missing and what it is needed for.
    DataError
        For assumptions that are not numbers, below 0, shares above 1, or that no formula needs.

    Examples
    --------
    >>> formulas = [staff_time_saved("less paperwork", before_minutes=30, after_minutes=15)]
    >>> price_benefits(formulas, {}, start="2024-01-01", years=1, currency="CNY")
    Traceback (most recent call last):
    crmml.exceptions.MissingInputsError: the value of the benefits cannot be known, 4 inputs are missing or wrong:
      - workers: how many members of staff save this time (needed for less paperwork)
      - working days a year: of each of them (needed for less paperwork)
      - hourly rate: full cost of an hour of their time, in money; 0 where freed time has no use (needed for less paperwork)
      - share caused by the programme: how much of the change the programme itself brought about, 0 to 1, from a comparison with
      those without it (needed for less paperwork)
    >>> known = {"workers": 20, "working days a year": 250, "hourly rate": 60, "share caused by the programme": 0.5}
    >>> price_benefits(formulas, known, start="2024-01-01", years=1, currency="CNY").total()
    Money(amount=37500.0, currency='CNY')
    """
    years = check_count(years, "years", least=1, most=100)
    formulas, keep_unpriced = _formulas(formulas), check_flag(keep_unpriced, "keep_unpriced")
    given = _read(formulas, assumptions)
    missing = needed_inputs(formulas)
    missing = missing[~missing["input"].isin(given)]
    if len(missing) and not keep_unpriced:
        raise MissingInputsError(
            [f"{row.input}: {row.what} (needed for {row.needed_for})" for row in missing.itertuples()],
            "the value of the benefits",
        )
    ledger = BenefitLedger(currency)
    try:
        begin = read_day(start)
    except ValueError as error:
        raise ValueError(f"start={error}.") from None
    for formula in formulas:
        common = {"kind": formula.kind, "direct": formula.direct, "forecast": True, "source": "assumptions"}
        if formula.yearly is None or any(name not in given for name in formula.needs):
            ledger = ledger.add(begin, label=formula.label, **common)  # type: ignore[arg-type]
        elif formula.constant:
            month = begin + pd.DateOffset(months=1) - pd.Timedelta(days=1)
            amount = formula.yearly(given, 1) / 12
            ledger = ledger.add(month, label=formula.label, amount=amount, every="M", times=12 * years, **common)  # type: ignore[arg-type]
        else:
            for k in range(1, years + 1):
                day = begin + pd.DateOffset(years=k) - pd.Timedelta(days=1)
                ledger = ledger.add(day, label=f"{formula.label}, year {k}", amount=formula.yearly(given, k), **common)  # type: ignore[arg-type]
    return ledger


#: What an input cannot be above.
_MOST = {"working days a year": 366.0}


def _read(formulas: Sequence[BenefitFormula], assumptions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the assumptions that are known, uncertain ones under the names of their inputs."""
    if not isinstance(assumptions, Mapping) or not all(isinstance(name, str) for name in assumptions):
        raise DataError(
            [f"they must map the names of inputs to numbers, not {shown(assumptions)}; see needed_inputs(formulas)"],
            "the assumptions",
        )
    needed = list(needed_inputs(formulas)["input"])
    faults, given = Faults("the assumptions"), {}
    for name, value in assumptions.items():
        if name not in needed:
            near = difflib.get_close_matches(name, needed, n=1)
            faults.add(f"{name!r} is needed by no formula{f'; did you mean {near[0]!r}?' if near else ''}")
        elif value is not None:
            given[name] = _assumption(name, value, faults)
    faults.refuse()
    return given


def _assumption(name: str, value: Any, faults: Faults) -> Any:
    """A number, or an uncertain one under the name of its input, within its bounds."""
    sampled = name.startswith("customers observed")
    if isinstance(value, Uncertain) and not sampled:
        value = value.named(name)
        beyond = 0.001 if value.distribution == "normal" else 0.0
        lower, upper = float(value.quantile(beyond)), float(value.quantile(1 - beyond))
    elif is_number(value) and not isinstance(value, Quantity):
        lower = upper = float(value)
        if sampled and lower < 1:
            faults.add(f"{name} is {value!r}; a number of customers, at least 1")
    else:
        faults.add(f"{name} is {value!r}; a number{'' if sampled else ' or an Uncertain one'} is needed")
        return None
    top = 1.0 if name.startswith("share") else _MOST.get(name, np.inf)
    if lower < 0 or upper > top:
        limit = "at least 0" if np.isinf(top) else f"between 0 and {top:g}" + (", 0.5 for 50 %" if top == 1 else "")
        faults.add(f"{name} reaches from {lower:g} to {upper:g}; it must be {limit}")
    return value


def _check_shares(before: float, after: float) -> None:
    for name, share in (("before", before), ("after", after)):
        if not (is_number(share) and 0 <= share < 1):
            raise ValueError(f"{name}={share!r} must be a share of at least 0 and below 1: 0.7 for 70 %.")
    if after <= before:
        raise ValueError(f"after={after:g} must be above before={before:g}.")
