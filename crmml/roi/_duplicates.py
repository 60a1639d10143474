"""Ledger rows that hold the same money twice."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

from .ledger_rows import LedgerRow
from .uncertain_amounts import Uncertain

#: How many offenders are named.
_SHOWN = 5


def overlaps(rows: list[LedgerRow], places: list[str]) -> list[str]:
    """Name duplicates, recurring rows of one kind and label at one time, and one-off rows that a recurring row already holds."""
    groups: dict[tuple[str, str], list[int]] = {}
    for k, row in enumerate(rows):
        groups.setdefault((row.kind, row.label.casefold()), []).append(k)
    found = []
    for members in groups.values():
        if len(members) > 1:
            found += [f"{places[i]} and {places[j]} ({rows[j].what()}) {what}" for i, j, what in _within(rows, members)]
    if len(found) > _SHOWN:
        found = [*found[:_SHOWN], f"and {len(found) - _SHOWN} more of this sort"]
    if found:
        found.append("take out what is there twice, give different labels, or make the ledger with allow_overlap=True")
    return found


def _within(rows: list[LedgerRow], members: list[int]) -> list[tuple[int, int, str]]:
    """Pairs of rows of one kind and label that hold the same money, and how."""
    found: list[tuple[int, int, str]] = []
    first: dict[Hashable, int] = {}
    single: dict[Hashable, int] = {}
    distinct: list[int] = []
    for k in members:
        row = rows[k]
        identity = (row.date, row.currency, row.every, row.until, row.times, _key(row.amount))
        if identity in first:
            found.append((first[identity], k, "are duplicates"))
            continue
        first[identity] = k
        if row.every is None:
            single[row.date, row.currency, _key(row.amount)] = k
        else:
            distinct.append(k)
    distinct.sort(key=lambda k: rows[k].date)
    latest: int | None = None
    ends = pd.Timestamp.min
    for k in distinct:
        row = rows[k]
        if latest is not None and row.date <= ends:
            found.append((min(latest, k), max(latest, k), "recur at the same time under one kind and label"))
        if latest is None or row.covers_until > ends:
            latest, ends = k, row.covers_until
        for day in row.dates() if single else ():
            other = single.get((day, row.currency, _key(row.amount)))
            if other is not None:
                found.append((min(other, k), max(other, k), "hold the same payment, once alone and once as recurring"))
    return found


def _key(amount: Any) -> Hashable:
    return (amount.distribution, amount.parameters) if isinstance(amount, Uncertain) else amount
