"""Several departments' customer tables into one, with nothing lost and every value traced to where it came from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .. import frames
from ..exceptions import DataError, warn
from ..frames.records import is_pandas
from ._canonical_text import as_pandas
from ._linking import group_codes, how_linked, linked, numbered
from ._matching import fuzzy_pairs
from ._records import Records, read_records
from ._request import COMPLETE, NEWEST, check_request, field_rules, key_groups, named
from .integration_report import IntegrationReport

#: Words, as :func:`normal_text` writes them, with which a table says that there is no value.
_SAY_NOTHING = {
    "nan",
    "none",
    "null",
    "<na>",
    "nat",
    "n/a",
    "#n/a",
    "na",
    "-",
    "--",
    "?",
    "unknown",
    "无",
    "未知",
    "暂无",
}


class KeyWarning(UserWarning):
    """A key that says nothing links records; the message tells the column, the word and how many records."""


def integrate(
    *sources: Any,
    keys: str | Sequence[str | Sequence[str]],
    prefer: Any = None,
    names: Sequence[str] | None = None,
    updated: str | None = None,
    normalise: bool = True,
    fuzzy: Mapping[str, float] | None = None,
    block: str | Sequence[str] = (),
    number: str = "customer_number",
) -> tuple[Any, IntegrationReport]:
    """One record for each customer from several tables of customer records.

    Records are one customer where their keys are equal. A blank or missing key equals nothing: such a record stays a
    customer of its own. Each field then takes its value from the first record that has one, in the order that ``prefer``
    says; whatever the rule, ties go to the earlier source, then to the newer record where ``updated`` is given, then to
    the fuller one, then to its content, so that the order of rows changes nothing. Values that lose are kept in the
    report, and `IntegrationReport.restore` gives every source back. A column that is of one type here and of another
    there becomes the type that holds both exactly, else text, with a note in the report.

    Parameters
    ----------
    *sources : frames of pandas, polars, pyarrow, DuckDB or PySpark, or one mapping of name to frame
        They need not be of one engine. Columns of one name are one field; rename before.
    keys : str, or sequence of str, or sequence of sequences of str
        A column, columns that identify a customer together, or several such keys, ``[["tax_id"], ["name", "town"]]``, any
        of which links (directly or through other records).
    prefer : str, sequence of str, or mapping of field to either, default=None
        Whose value a field takes: ``"newest"`` (by ``updated``), ``"most complete"`` (the record with most fields
        filled), a source, or sources in order. Fields that a mapping does not name, and None, take the sources in the
        order given.
    names : sequence of str, default=None
        Of the sources, for the report; None calls them "source 1" and so on.
    updated : str, default=None
        Column with the moment of a record's last change; missing counts as oldest.
    normalise : bool, default=True
        Whether keys that differ only in case, width (Unicode NFKC), spaces or characters without a width are equal. 12,
        12.0 and "12" always are, and a date and its midnight.
    fuzzy : mapping of column to float, default=None
        Least similarity, above 1 up to 100, from which records are one customer, in every column named; needs the extra
        ``match``. Near-equality is carried from record to record: look at `IntegrationReport.fuzzy_matches` before use.
    block : str or sequence of str, default=()
        Columns that must agree for records to be compared by ``fuzzy``.
    number : str, default="customer_number"
        Name of the column that numbers the customers, in the order of their keys; the report's tables use it.

    Returns
    -------
    customers : frame of the first source's engine
        One row per customer: its number, then all fields of all sources. DuckDB and PySpark sources are read through arrow
        and their result handed back. In pandas, whole numbers beyond 2**53 among missing ones are of its type Int64.
    report : IntegrationReport
        Its tables are pandas frames.

    Raises
    ------
    DataError
        Naming every fault: keys that a source lacks, unknown sources or fields in ``prefer``, no moments for "newest", no
        row, keys that are floats too large to be exact (from 2**53).
    TypeError, ValueError
        When an argument is not of the kind that is asked for.
    ImportError
        When ``fuzzy`` is asked for and rapidfuzz is not installed.

    Warns
    -----
    KeyWarning
        When a key that says nothing ("nan", "unknown", "-") links records.

    Examples
    --------
    >>> sales = pd.DataFrame({"licence": ["H-1 ", "H-2"], "town": ["Wuhan", None], "beds": [800, 120]})
    >>> service = pd.DataFrame({"licence": ["h-1", "H-2"], "town": ["Wuchang", "Xian"]})
    >>> customers, report = integrate(sales, service, keys="licence", prefer={"town": "service"}, names=["sales", "service"])
    >>> customers
       customer_number licence     town  beds
    0                0    H-1   Wuchang   800
    1                1     H-2     Xian   120
    >>> report.conflicts[["field", "kind", "value", "source", "kept"]]
         field      kind    value   source   kept
    0  licence  spelling     H-1     sales   True
    1  licence  spelling      h-1  service  False
    2     town     value    Wuhan    sales  False
    3     town     value  Wuchang  service   True
    """
    tables, names = named(sources, names)
    groups = key_groups(keys)
    block = [block] if isinstance(block, str) else list(block)
    columns_of = [[str(name) for name in frames.wrap(table).collect_schema().names()] for table in tables]
    fields = list(dict.fromkeys(name for columns in columns_of for name in columns))
    check_request(tables, fields, columns_of, names, groups, fuzzy, block, updated, number)
    rules = field_rules(prefer, fields, names, updated)
    records = read_records(tables, names)
    _check_keys(records, groups)
    codes = [group_codes(records, group, normalise=normalise) for group in groups]
    exact = linked([group_codes(records, group, normalise=False) for group in groups])
    by_key = linked(codes)
    pairs, scores = np.zeros((0, 2), dtype=np.int64), np.zeros(0)
    label = by_key
    if fuzzy:
        pairs, scores = fuzzy_pairs(records, fuzzy, block)
        new = by_key[pairs[:, 0]] != by_key[pairs[:, 1]]
        pairs, scores = pairs[new], scores[new]
        label = linked(codes, pairs)
    customer = numbered(records, groups, label, normalise=normalise)
    chosen = _chosen(records, customer, rules, updated)
    has_key = np.any([code >= 0 for code in codes], axis=0)
    report = IntegrationReport(
        records=records,
        customer=customer,
        how=how_linked(customer, exact, by_key, has_key),
        chosen=chosen,
        pairs=pairs,
        scores=scores,
        number=number,
    )
    columns = {number: pa.array(np.arange(len(chosen)))}
    for position, (name, field) in enumerate(records.fields.items()):
        at = chosen[:, position]
        columns[name] = pc.take(field.column, pa.array(at, mask=at < 0))
    table = pa.table(columns)
    customers = as_pandas(table) if is_pandas(tables[0]) else frames.from_arrow(table, tables[0])
    return customers, report


def _check_keys(records: Records, groups: list[list[str]]) -> None:
    """Refuse keys that were rounded before they came here, and warn of words for "none" that make many records one."""
    names = list(dict.fromkeys(name for group in groups for name in group))
    faults = [
        f"column {name!r} holds floats in {records.too_large[name]:,} records that are too large to tell neighbouring numbers "
        "apart, so that different customers would be one; read it as text, or as whole numbers (pandas' Int64 where some are missing)"
        for name in names
        if name in records.too_large
    ]
    if faults:
        raise DataError(faults, "the sources")
    for name in names:
        field = records.fields[name]
        empty = [code for code, text in enumerate(field.normal_texts) if text in _SAY_NOTHING]
        rows = int(np.isin(field.normal, empty).sum())
        if rows > 1:
            shown = ", ".join(repr(field.normal_texts[code]) for code in empty)
            warn(
                f"Key {name!r} reads {shown} in {rows:,} records, which counts like any other key; make it missing where "
                "it means that there is none.",
                KeyWarning,
            )


#: A time zone at the end of a moment.
_ZONE = re.compile(r"[0-9]\s*(?:[zZ]|[+-][0-9]{2}(?::?[0-9]{2})?)$")


def _moments(records: Records, updated: str) -> np.ndarray:
    """Place of each record's last change in the order of time, -1 where it is missing."""
    field = records.fields[updated]
    texts = pd.Series(field.texts, dtype=object)
    aware = np.array([_ZONE.search(text[10:]) is not None for text in texts], dtype=bool)
    if aware.any() and not aware.all():
        rows = int(np.isin(field.exact, np.flatnonzero(aware)).sum())
        raise DataError(
            [
                f"column {updated!r} has a time zone in {rows:,} records and none in others; give all of them one zone, or none"
            ],
            "the sources",
        )
    stamps = np.zeros((len(texts), 2), dtype=np.int64)  # microseconds, and nanoseconds beyond them
    bad = np.ones(len(texts), dtype=bool)
    for _ in range(2):  # one text with nanoseconds has all read in these, which end in 2262: the others once more
        moments = pd.to_datetime(texts[bad], format="ISO8601", errors="coerce", utc=True)
        found = moments[moments.notna()]
        stamps[found.index] = np.column_stack([found.dt.as_unit("us").astype("int64"), found.dt.nanosecond])
        bad[found.index] = False
    if bad.any():
        rows = int(np.isin(field.exact, np.flatnonzero(bad)).sum())
        shown = ", ".join(dict.fromkeys(repr(_form(field.texts[i])) for i in np.flatnonzero(bad)[:3]))
        raise DataError(
            [
                f"column {updated!r} is no moment in {rows:,} records (of the form {shown}); write them as 2024-03-31 or "
                "2024-03-31 12:00"
            ],
            "the sources",
        )
    place = np.unique(stamps, axis=0, return_inverse=True)[1].ravel()
    return np.append(place, -1)[field.exact]


def _form(text: str) -> str:
    """What a text looks like without what it says: every digit 9, every letter x."""
    return "".join("9" if c.isdigit() else "x" if c.isalpha() else c for c in text[:20])


def _chosen(records: Records, customer: np.ndarray, rules: dict[str, Any], updated: str | None) -> np.ndarray:
    """Record that each customer's field comes from, -1 where none has a value; shape (n_customers, n_fields)."""
    orders: dict[Any, np.ndarray] = {}
    chosen = np.full((int(customer.max()) + 1, len(records.fields)), -1, dtype=np.int64)
    newest = np.zeros(len(records)) if updated is None else -_moments(records, updated)
    for position, (name, field) in enumerate(records.fields.items()):
        rule = rules[name]
        if rule not in orders:
            if rule == NEWEST:
                first = newest
            elif rule == COMPLETE:
                first = -records.n_filled
            else:
                first = np.asarray([rule.index(source) for source in records.names])[records.source]
            orders[rule] = np.lexsort(
                (records.row, records.content, -records.n_filled, newest, records.source, first, customer)
            )
        order = orders[rule]
        order = order[field.filled[order]]
        who, at = np.unique(customer[order], return_index=True)
        chosen[who, position] = order[at]
    return chosen
