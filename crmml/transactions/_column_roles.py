"""Which column of a log is probably what: by its name, in the languages that shops write in, and by what it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..files.dates import EXCEL, candidate_readings, is_iso
from ..frames.text_amounts import DecimalMark, is_missing_text, read_text_amounts

#: Words of names, the likelier the further to the front.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "customer_id": (
        r"customer|cust(?![a-z])|client|kunde|cliente|klant|klient|cust",
        r"buyer|member|shopper|household|panelist|user|account|card|patient|physician|hcp|guest|visitor|contact",
        r"email|e-mail|mail",
    ),
    "timestamp": (
        r"order.?date|invoice.?date|purchase.?date|transaction.?date|bought|event.?time|order.?time",
        r"timestamp|datetime|date.?time|datum|fecha|date|data(?![a-z])",
        r"time|day|zeit|when|created|tag",
    ),
    "value": (
        r"total.?amt|total.?amount|net.?amount|sales.?amount|total.?price|line.?total|order.?value|tran.?amt|paid",
        r"amount|betrag|importe|montant|value|revenue|sales|umsatz|spend|total",
        r"amt|price|preis|charge|cost|money|wert",
    ),
    "quantity": (r"quantity|qty|menge|cantidad|quantit|units", r"count|number.?of|pieces|anzahl"),
    "price": (r"unit.?price|price.?per|einzelpreis|item.?price|rate", r"price|preis|precio|prix"),
    "order_id": (
        r"order.?(id|no|nr|num)|invoice(?!.?date)|receipt|basket|transaction.?(id|no|nr)|bon|ticket|beleg",
        r"order(?!.?(date|time))|tran",
    ),
}
_NOT_CUSTOMER = re.compile(r"name|type|age|date|country|city|segment|status|time|count|since", re.IGNORECASE)
_SAMPLE = 500
_MARKS: tuple[DecimalMark, ...] = (".", ",")


def proposed_roles(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the likely column of each role: customer_id, timestamp, value or quantity and price, order_id.

    Parameters
    ----------
    columns : mapping of name to texts
        Entries of the first rows.

    Examples
    --------
    >>> proposed_roles({"InvoiceNo": ["1", "1"], "InvoiceDate": ["2024-01-05", "2024-01-05"], "Quantity": ["2", "3"],
    ...                 "UnitPrice": ["1.5", "2.25"], "CustomerID": ["7", "7"]})
    {'timestamp': 'InvoiceDate', 'customer_id': 'CustomerID', 'quantity': 'Quantity', 'price': 'UnitPrice', 'order_id': 'InvoiceNo'}
    """
    filled = {name: _entries(texts) for name, texts in columns.items()}
    taken: dict[str, str] = {}
    _take(taken, "timestamp", [name for name in filled if _is_time(filled[name])], filled)
    _take(taken, "customer_id", [name for name in filled if not _NOT_CUSTOMER.search(name)], filled)
    numbers = [name for name in filled if _is_number(filled[name])]
    _take(taken, "quantity", numbers, filled)
    _take(taken, "price", numbers, filled)
    if "quantity" not in taken or "price" not in taken or _named(numbers, "value", 1, taken):
        for role in ("quantity", "price"):
            taken.pop(role, None)
        _take(taken, "value", numbers, filled)
    _take(taken, "order_id", list(filled), filled)
    if "order_id" in taken and len(set(filled[taken["order_id"]])) == len(filled[taken["order_id"]]):
        del taken["order_id"]  # each row is an order
    return taken


def _entries(texts: Sequence[str]) -> list[str]:
    return [text for text in texts[:_SAMPLE] if text is not None and not is_missing_text(text)]


def _named(names: Sequence[str], role: str, ranks: int, taken: Mapping[str, str]) -> list[str]:
    """The names that the first words of a role fit."""
    patterns = _WORDS[role][:ranks]
    return [
        name
        for name in names
        if name not in taken.values() and any(re.search(p, name, re.IGNORECASE) for p in patterns)
    ]


def _take(taken: dict[str, str], role: str, names: Sequence[str], filled: Mapping[str, Sequence[str]]) -> None:
    """Give a role the column whose name fits it best; of times, any that is one where none is named so."""
    for ranks in range(1, len(_WORDS[role]) + 1):
        if fitting := _named(names, role, ranks, taken):
            taken[role] = min(
                fitting, key=lambda name: (not re.search(r"(id|no|nr|key)$", name, re.IGNORECASE), len(name))
            )
            return
    left = [name for name in names if name not in taken.values()]
    if role == "timestamp" and left:
        taken[role] = left[0]
    if role == "customer_id":
        alike = [name for name in left if re.search(r"id$", name, re.IGNORECASE) and filled[name]]
        if len(alike) == 1:
            taken[role] = alike[0]


def _is_time(texts: Sequence[str]) -> bool:
    if not texts:
        return False
    iso = is_iso(texts) and re.match(r"\d{4}-\d\d-\d\d", texts[0]) is not None
    return iso or bool(candidate_readings(texts)) or counted_format(texts) is not None


def _is_number(texts: Sequence[str]) -> bool:
    return bool(texts) and any(not read_text_amounts(texts, mark).unread for mark in _MARKS)


def counted_format(texts: Sequence[str]) -> str | None:
    """How times that are counts are counted, by their size: between 2001 and 2033 since 1970, or days of a spreadsheet with a part.

    Examples
    --------
    >>> counted_format(["1706659200", "1706745600"]), counted_format(["45322.5"]), counted_format(["45322"])
    ('unix_s', 'excel', None)
    """
    bare = [text.strip() for text in texts if text.strip()]
    if not bare or not all(re.fullmatch(r"\d{5,16}(\.\d+)?", text) for text in bare):
        return None
    values = [float(text) for text in bare]
    for name, size in (("unix_s", 1e9), ("unix_ms", 1e12), ("unix_us", 1e15)):
        if all(size <= value < 2 * size for value in values):
            return name
    return EXCEL if all(20_000 < value < 60_000 for value in values) and any("." in text for text in bare) else None
