"""A table of costs or benefits as spreadsheets hold it: cells read column by column, blank rows passed over, totals found."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from ..amounts.text_days import read_text_days
from ..checks import check_currency
from ..exceptions import shown
from ..frames.text_amounts import DecimalMark, TextAmounts, is_missing_text, read_text_amounts, sign_agrees
from .ledger_rows import Unread

Record = dict[str, Any]

#: Columns of days, of money, and of other numbers.
_DAYS = ("date", "until")
_MONEY = ("amount", "hourly_rate", "lower", "upper", "sd")
_NUMBERS = ("hours", "times", "coverage")

_TOTAL = re.compile(
    r"(grand|sub|running|net|overall)?[ \-]?(totals?|sum|subtotal|summe|gesamt|gesamtsumme|zwischensumme|insgesamt|totale|somme|suma"
    r"|totaal|summa|итого|всего|合计|总计|小计|合計|小計)[\s:.]*",
    re.IGNORECASE,
)


@dataclass
class LedgerTable:
    """The rows of a table that hold something, and what is wrong with its columns and with rows as a whole.

    Attributes
    ----------
    records : list of dict
        Fields of each row; `Unread` where a cell cannot be read.
    places : list of str
        What each row is called in messages.
    faults : list of str
    """

    records: list[Record] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def read_table(
    columns: Mapping[str, Sequence[Any]],
    names: Mapping[str, str],
    currency: str | None,
    *,
    decimal: DecimalMark | None,
    day_first: bool | None,
) -> LedgerTable:
    """Read cells of text as days and amounts, each column by one convention.

    Parameters
    ----------
    columns : mapping of str to sequence
        Cells by the fields of a row.
    names : mapping of str to str
        The table's columns by the fields, for messages.
    currency : str or None
        Of rows that state none.
    decimal, day_first
        What the caller pinned.
    """
    count = len(next(iter(columns.values()), ()))
    cells = [{name: _plain(column[k]) for name, column in columns.items()} for k in range(count)]
    table = LedgerTable()
    for number, record in enumerate(cells, start=1):
        if all(value is None for value in record.values()):
            continue  # a blank row, as spreadsheets have between blocks and below the last one
        if said := _total(record):
            table.faults.append(
                f"row {number} ({said}) looks like a total, not a payment; leave it out, a ledger adds up itself"
            )
            continue
        table.records.append(record)
        table.places.append(f"row {number}")
    for name in (name for name in _DAYS if name in columns):
        _read_days(table, name, names[name], day_first)
    for name in (name for name in (*_MONEY, *_NUMBERS) if name in columns):
        _read_amounts(table, name, names[name], currency, decimal)
    _find_sums(table)
    return table


def _plain(value: Any) -> Any:
    """A cell as Python has it, None where it is empty; decimals of databases as floats."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64):
        value = value.item()
    if isinstance(value, str):
        return value if value.strip() else None
    return None if np.ndim(value) == 0 and pd.isna(value) else value


def _total(record: Record) -> str:
    """What tells that a row adds up others; "" where it may be a payment."""
    for name in ("date", "kind"):
        if _is_total_word(record.get(name)):
            return f"{name} {shown(record[name])}"
    lacking = record.get("date") is None or record.get("kind") is None
    if lacking and _is_total_word(record.get("label")):
        return f"label {shown(record['label'])}"
    unnamed = all(record.get(name) is None for name in ("date", "kind", "label"))
    return "an amount alone" if unnamed and record.get("amount") is not None else ""


def _is_total_word(value: Any) -> bool:
    return isinstance(value, str) and len(value) < 60 and _TOTAL.fullmatch(value.strip()) is not None


def _texts(table: LedgerTable, name: str) -> list[str]:
    """The texts of a column; those that say that nothing is there become empty cells."""
    for record in table.records:
        if isinstance(record[name], str) and is_missing_text(record[name]):
            record[name] = None
    return [record[name] for record in table.records if isinstance(record[name], str)]


def _read_days(table: LedgerTable, name: str, column: str, day_first: bool | None) -> None:
    read = read_text_days(_texts(table, name), day_first)
    table.faults += [f"column {column!r}: {fault}" for fault in read.faults]
    for record in table.records:
        if isinstance(text := record[name], str):
            record[name] = read.values.get(text, Unread(read.unread.get(text, "")))


def _read_amounts(
    table: LedgerTable, name: str, column: str, currency: str | None, decimal: DecimalMark | None
) -> None:
    read = read_text_amounts(_texts(table, name), decimal)
    table.faults += [f"column {column!r}: {fault}" for fault in read.faults]
    for record in table.records:
        if isinstance(text := record[name], str):
            why = read.unread.get(text, "") or _sign_fault(read, name, text, record.get("currency") or currency)
            record[name] = Unread(why) if why or text not in read.values else read.values[text]


def _sign_fault(read: TextAmounts, name: str, text: str, currency: Any) -> str:
    """Why the currency beside a number is not that of its row; "" where it is, or where the row's own fault says so."""
    sign = read.signs.get(text)
    if sign is None:
        return ""
    if name not in _MONEY:
        return f"{shown(text)} has a currency; it is a number without one"
    if currency is None:
        return ""
    try:
        code = check_currency(currency)
    except ValueError:
        return ""
    return (
        ""
        if sign_agrees(sign, code)
        else f"{shown(text)} is not in {code}; state the row's currency in the column currency"
    )


def _find_sums(table: LedgerTable) -> None:
    """Take out rows called a total whose amount is the sum of the rows above."""
    above: dict[Hashable, float] = {}
    kept = []
    for k, record in enumerate(table.records):
        amount, currency = record.get("amount"), record.get("currency")
        if not isinstance(amount, int | float):
            kept.append(k)
            continue
        total = above.get(currency, 0.0)
        if _is_total_word(record.get("label")) and total and abs(amount - total) <= 1e-9 * abs(total):
            table.faults.append(
                f"{table.places[k]} (label {shown(record['label'])}) is the total of the rows above; leave it out, a ledger adds "
                "up itself"
            )
            continue
        kept.append(k)
        above[currency] = total + amount
    table.records, table.places = [table.records[k] for k in kept], [table.places[k] for k in kept]
