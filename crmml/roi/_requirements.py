"""What must be there before a return can be known."""

from __future__ import annotations

import pandas as pd

from ..amounts.conversion import ConversionRates
from ..amounts.windows import read_day
from ..typing import Day
from .ledger_rows import LedgerRow
from .ledgers import BenefitLedger, CostLedger

#: How many offenders a fault names.
_SHOWN = 5


def currency_faults(costs: CostLedger, benefits: BenefitLedger, rates: ConversionRates | None) -> list[str]:
    there = sorted({*costs.currencies, *benefits.currencies})
    if rates is not None:
        return [
            f"the rate from {c} to {rates.to} is missing; add it to rates"
            for c in there
            if c != rates.to and c not in rates.rates
        ]
    if len(there) < 2:
        return []
    own = [f"{c} in the ledger of {ledger._noun}" for ledger in (costs, benefits) for c in ledger.currencies]
    return [
        f"currencies are mixed ({', '.join(own)}); give rates=ConversionRates(to={there[0]!r}, on=a day, rates={{...}}) with the "
        "rates you hold right"
    ]


def missing_inputs(costs: CostLedger, benefits: BenefitLedger, start: pd.Timestamp, end: pd.Timestamp) -> list[str]:
    """What a return within a window lacks, and what comes before its time."""
    return [
        *_missing_costs(costs, start, end),
        *_missing_benefits(benefits, start, end),
        *_early_benefits(costs, benefits),
    ]


def _missing_costs(costs: CostLedger, start: pd.Timestamp, end: pd.Timestamp) -> list[str]:
    faults = []
    if not costs.rows:
        faults.append("costs: the ledger is empty; enter licences, implementation, training, staff and the rest")
    unknown = [row for row in costs.unpriced if _touches(row, start, end)]
    faults += [f"the price of the {row.what()} (cost)" for row in unknown]
    before = [row for row in costs.rows if row.priced and row.date < start]
    if before:
        faults.append(
            f"{len(before)} cost(s) before the window's start {start:%Y-%m-%d} would be left out ({_named(before)}); start the window "
            f"at {min(row.date for row in before):%Y-%m-%d} or earlier"
        )
    spent = costs.payments((start, end)).dropna(subset=["amount"])
    if costs.rows and not unknown and not before and not (spent["amount"] > 0).any():
        faults.append(f"costs above 0 between {start:%Y-%m-%d} and {end:%Y-%m-%d}: those in the ledger come to 0 there")
    return faults


def _missing_benefits(benefits: BenefitLedger, start: pd.Timestamp, end: pd.Timestamp) -> list[str]:
    if not benefits.rows:
        return ["benefits: the ledger is empty"]
    if not any(row.priced for row in benefits.rows):
        return [f"what the {row.what()} is worth in money (benefit)" for row in benefits.unpriced]
    if benefits.payments((start, end)).dropna(subset=["amount"]).empty:
        return [f"a benefit with a price between {start:%Y-%m-%d} and {end:%Y-%m-%d}"]
    return []


def _early_benefits(costs: CostLedger, benefits: BenefitLedger) -> list[str]:
    outlays = costs.payments().dropna(subset=["amount"])
    outlays = outlays[outlays["amount"] > 0]
    if not len(outlays):
        return []
    first = outlays["date"].min()
    early = [row for row in benefits.rows if row.priced and row.date < first]
    if not early:
        return []
    return [
        f"{len(early)} benefit(s) before the first cost on {first:%Y-%m-%d} ({_named(early)}): what comes before a programme "
        "is not its effect; correct the dates or take them out"
    ]


def _touches(row: LedgerRow, start: pd.Timestamp, end: pd.Timestamp) -> bool:
    dates = row.dates()
    return bool(((dates >= start) & (dates < end)).any()) or row.date < start


def _named(rows: list[LedgerRow]) -> str:
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return "; ".join(row.what() for row in rows[:_SHOWN]) + more


def read_observed(observed_until: Day | None) -> pd.Timestamp | None:
    """Return the last day that benefits were observed for.

    Raises
    ------
    ValueError
        Naming the argument.
    """
    if observed_until is None:
        return None
    try:
        return read_day(observed_until)
    except ValueError as error:
        raise ValueError(f"observed_until={error}.") from None


def known_until(
    benefits: BenefitLedger, start: pd.Timestamp, end: pd.Timestamp, observed: pd.Timestamp | None
) -> tuple[pd.Timestamp, list[str]]:
    """Last day that benefits are known or forecast for, and what is wrong with a window that goes on beyond."""
    priced = [row for row in benefits.rows if row.priced]
    if observed is None:
        known, faults = max((row.covers_until for row in priced), default=start), []
    else:
        known = max([observed, *(row.covers_until for row in priced if row.forecast)])
        faults = _late_benefits(priced, observed, end)
    last = end - pd.Timedelta(days=1)
    if known < last:
        said = "they end in the ledger" if observed is None else "they are observed or forecast"
        cure = "" if observed is not None else ", say observed_until= if nothing came after"
        faults.append(
            f"benefits from {known + pd.Timedelta(days=1):%Y-%m-%d} to {last:%Y-%m-%d}: the window is longer than the data, {said} on "
            f"{known:%Y-%m-%d}. Shorten the window{cure}, or enter what is assumed with forecast=True"
        )
    return known, faults


def _late_benefits(priced: list[LedgerRow], observed: pd.Timestamp, end: pd.Timestamp) -> list[str]:
    late = [row for row in priced if not row.forecast and ((row.dates() > observed) & (row.dates() < end)).any()]
    if not late:
        return []
    return [
        f"{len(late)} benefit(s) go on after observed_until={observed:%Y-%m-%d} without being marked as assumed "
        f"({_named(late)}); end them there and enter the rest with forecast=True"
    ]
