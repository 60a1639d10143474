"""Customers' segments at two times, side by side, from frames of any engine, series or aligned arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..exceptions import DataError
from ._columns import as_label, list_faults

SUBJECT = "the segments before and after"


@dataclass(frozen=True)
class Memberships:
    """One row for each customer of either time.

    Attributes
    ----------
    table : DataFrame
        customer, before, after (segments as text, None where not there), and perhaps value_before, value_after (NaN likewise).
    segments : tuple of str
        In their order: as given, else sorted.
    """

    table: pd.DataFrame
    segments: tuple[str, ...]


def read_memberships(
    before: Any,
    after: Any,
    customer_id: str,
    segment: str,
    order: Sequence[str] | None,
    reserved: Sequence[str],
    value: str | None = None,
) -> Memberships:
    """Read, check and join both times.

    Raises
    ------
    DataError
        Naming every fault of either side: missing columns, customers or segments, a customer twice, segments that ``order`` does not
        name or that are called as a ``reserved`` one, no customer in common.
    """
    faults: list[str] = []
    arrays = [not frames.is_frame(side) and not isinstance(side, pd.Series) for side in (before, after)]
    if any(arrays):
        if not all(arrays) or np.shape(before) != np.shape(after) or np.ndim(before) != 1:
            raise DataError(
                [
                    "arrays must be two of one length, the same customer in the same place; give frames or series otherwise"
                ],
                SUBJECT,
            )
        if value is not None:
            raise TypeError("value= names a column, so before and after must be frames.")
    sides = []
    for when, side in (("before", before), ("after", after)):
        columns = _one_side(side, when, customer_id, segment, value, faults, aligned=all(arrays))
        sides.append(columns)
    if faults:
        raise DataError(faults, SUBJECT)
    there = list(dict.fromkeys([*sides[0]["before"].dropna(), *sides[1]["after"].dropna()]))
    if order is None:
        names = sorted(there)
    else:
        names = [as_label(name).strip() for name in order]
        if len(set(names)) != len(names):
            faults.append("order names a segment more than once")
        if unknown := sorted(set(there) - set(names)):
            counts = [
                int((side[when] == name).sum())
                for name in unknown
                for side, when in zip(sides, ("before", "after"), strict=True)
            ]
            faults.append(
                f"order does not name {', '.join(map(repr, unknown[:3]))}{', ...' if len(unknown) > 3 else ''}, the segment of "
                f"{sum(counts):,} rows; it names {', '.join(map(repr, names))}"
            )
    if taken := sorted(set(names) & set(reserved)):
        faults.append(
            f"a segment is called {', '.join(map(repr, taken))}, as customers who left or came are; say gone= or new= otherwise"
        )
    try:
        table = sides[0].merge(sides[1], on="customer", how="outer")
    except ValueError:
        faults.append(
            f"the kinds of {customer_id!r} differ, numbers on one side and text on the other; give both alike"
        )
        raise DataError(faults, SUBJECT) from None
    if not (table["before"].notna() & table["after"].notna()).any():
        faults.append(
            f"not one of {len(sides[0]):,} customers before and {len(sides[1]):,} after is the same; check that {customer_id!r} is "
            "the same identifier on both sides"
        )
    if faults:
        raise DataError(faults, SUBJECT)
    return Memberships(table, tuple(names))


def _one_side(
    side: Any, when: str, customer_id: str, segment: str, value: str | None, faults: list[str], *, aligned: bool
) -> pd.DataFrame:
    if aligned:
        found = pd.DataFrame({"customer": np.arange(len(side)), when: pd.Series(np.asarray(side, dtype=object))})
    elif isinstance(side, pd.Series):
        if value is not None:
            raise TypeError("value= names a column, so before and after must be frames.")
        found = pd.DataFrame({"customer": side.index.to_numpy(), when: side.to_numpy(dtype=object)})
    else:
        wrapped = frames.wrap(side)
        names = [customer_id, segment, *([value] if value else [])]
        try:
            frames.check_columns(wrapped, names, when, ("customer_id", "segment"))
        except DataError as error:
            faults += [f"{when}: {fault}" for fault in error.faults]
            return pd.DataFrame({"customer": [], when: []})
        picked = frames.collected(wrapped.select(names)).to_pandas()
        if wrong := list_faults(customer_id, picked[customer_id]):
            faults += [f"{when}: {entry}" for entry in wrong]
            return pd.DataFrame({"customer": [], when: []})
        found = pd.DataFrame(
            {"customer": picked[customer_id].to_numpy(), when: picked[segment].astype(object).to_numpy()}
        )
        if value:
            found[f"value_{when}"] = _amounts(picked[value], value, when, faults)
    n = len(found)
    if not n:
        faults.append(f"{when}: there are no customers")
    if missing := int(found["customer"].isna().sum()):
        faults.append(f"{when}: the customer is missing in {missing:,} of {n:,} rows; drop these rows")
    twice = found["customer"].duplicated(keep=False) & found["customer"].notna()
    if twice.any():
        rows = ", ".join(str(row) for row in np.flatnonzero(twice)[:3])
        faults.append(
            f"{when}: {int(found.loc[twice, 'customer'].nunique()):,} customers are there more than once (rows {rows}, ...), in "
            f"{int(twice.sum()):,} of {n:,} rows; give each one segment"
        )
    if not aligned and (missing := int(found[when].isna().sum())):
        faults.append(
            f"{when}: the segment is missing in {missing:,} of {n:,} rows; drop these rows, or give them a segment"
        )
    found[when] = [None if pd.isna(name) else as_label(name).strip() for name in found[when]]
    found[when] = found[when].astype(object)
    return found.dropna(subset=[when]) if aligned else found


def _amounts(column: pd.Series, name: str, when: str, faults: list[str]) -> np.ndarray:
    try:
        amounts = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        faults.append(f"{when}: column {name!r} is no number; make it one")
        return np.zeros(len(column))
    if wrong := int((~np.isfinite(amounts)).sum()):
        faults.append(
            f"{when}: column {name!r} is missing or infinite in {wrong:,} of {len(column):,} rows; repair these rows"
        )
    return amounts
