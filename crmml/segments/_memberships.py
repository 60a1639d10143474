"""Customers' segments at two times, side by side, from frames of any engine, series or aligned arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults, check_text
from ..exceptions import DataError, shown
from ..typing import Frame
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
    reserved: Mapping[str, str],
    value: str | None = None,
) -> Memberships:
    """Read, check and join both times.

    Raises
    ------
    DataError
        Naming every fault of either side: missing columns, customers or segments, a customer twice, segments that ``order`` does not
        name or that are called as a ``reserved`` one, no customer in common; and arguments that name nothing.
    """
    _check_names({"customer_id": customer_id, "segment": segment}, order, reserved)
    aligned = _are_aligned(before, after)
    if value is not None and not (frames.is_frame(before) and frames.is_frame(after)):
        raise TypeError("value= names a column, so before and after must be frames.")
    faults = Faults(SUBJECT)
    sides = [
        _one_side(side, when, customer_id, segment, value, faults, aligned=aligned)
        for when, side in (("before", before), ("after", after))
    ]
    faults.refuse()
    names = _segments(sides, order, faults)
    if taken := sorted(set(names) & set(reserved.values())):
        faults.add(
            f"a segment is called {', '.join(map(repr, taken))}, as customers who left or came are; say gone= or new= otherwise"
        )
    table = _joined(sides, customer_id, faults)
    faults.refuse()
    return Memberships(table, tuple(names))


def _check_names(columns: Mapping[str, str], order: Any, reserved: Mapping[str, str]) -> None:
    faults = Faults(SUBJECT)
    for name, column in columns.items():
        faults.check(check_text, column, name, meaning="it is the name of a column")
    for name, called in reserved.items():
        faults.check(check_text, called, name, meaning="it is what those customers are called")
    if order is not None and (isinstance(order, str) or not isinstance(order, Iterable)):
        faults.add(f"order={shown(order)} must list the segments, best first, as in ['gold', 'lead']")
    if len(set(reserved.values())) < len(reserved):
        faults.add(f"{' and '.join(f'{name}=' for name in reserved)} must be called differently")
    faults.refuse()


def _are_aligned(before: Any, after: Any) -> bool:
    """Whether both sides are arrays, the same customer in the same place.

    Raises
    ------
    DataError
        Where one alone is, or they are not of one length.
    """
    arrays = [not frames.is_frame(side) and not isinstance(side, pd.Series) for side in (before, after)]
    if any(arrays) and (not all(arrays) or np.shape(before) != np.shape(after) or np.ndim(before) != 1):
        raise DataError(
            ["arrays must be two of one length, the same customer in the same place; give frames or series otherwise"],
            SUBJECT,
        )
    return all(arrays)


def _segments(sides: Sequence[pd.DataFrame], order: Sequence[str] | None, faults: Faults) -> list[str]:
    """The segments in their order; those that ``order`` leaves out are faults."""
    there = list(dict.fromkeys([*sides[0]["before"].dropna(), *sides[1]["after"].dropna()]))
    if order is None:
        return sorted(there)
    names = [as_label(name).strip() for name in order]
    if len(set(names)) != len(names):
        faults.add("order names a segment more than once")
    if unknown := sorted(set(there) - set(names)):
        rows = sum(int(side[when].isin(unknown).sum()) for side, when in zip(sides, ("before", "after"), strict=True))
        faults.add(
            f"order does not name {', '.join(map(repr, unknown[:3]))}{', ...' if len(unknown) > 3 else ''}, the segment of "
            f"{rows:,} rows; it names {', '.join(map(repr, names))}"
        )
    return names


def _joined(sides: Sequence[pd.DataFrame], customer_id: str, faults: Faults) -> pd.DataFrame:
    """Both sides by customer."""
    try:
        table = sides[0].merge(sides[1], on="customer", how="outer")
    except ValueError:
        faults.add(f"the kinds of {customer_id!r} differ, numbers on one side and text on the other; give both alike")
        return sides[0]
    if not (table["before"].notna() & table["after"].notna()).any():
        faults.add(
            f"not one of {len(sides[0]):,} customers before and {len(sides[1]):,} after is the same; check that {customer_id!r} is "
            "the same identifier on both sides"
        )
    return table


def _one_side(
    side: Any, when: str, customer_id: str, segment: str, value: str | None, faults: Faults, *, aligned: bool
) -> pd.DataFrame:
    if aligned:
        found = pd.DataFrame({"customer": np.arange(len(side)), when: pd.Series(np.asarray(side, dtype=object))})
    elif isinstance(side, pd.Series):
        customer, wrong = frames.alike(side.index.to_series(), customer_id)
        faults.extend(f"{when}: {entry}" for entry in wrong)
        found = pd.DataFrame({"customer": customer.to_numpy(), when: side.to_numpy(dtype=object)})
    else:
        picked = _picked(side, when, customer_id, segment, value, faults)
        if picked is None:
            return pd.DataFrame({"customer": [], when: []})
        found = picked
    _look_at(found, when, faults, aligned=aligned)
    found[when] = [None if pd.isna(name) else as_label(name).strip() for name in found[when]]
    found[when] = found[when].astype(object)
    return found.dropna(subset=[when]) if aligned else found


def _picked(
    side: Frame, when: str, customer_id: str, segment: str, value: str | None, faults: Faults
) -> pd.DataFrame | None:
    """Customer, segment and value of a frame; None where a column is not there, or holds lists."""
    wrapped = frames.wrap(side)
    names = [customer_id, segment, *([value] if value else [])]
    try:
        frames.check_columns(wrapped, names, when, ("customer_id", "segment"))
    except DataError as error:
        faults.extend(f"{when}: {fault}" for fault in error.faults)
        return None
    picked = frames.collected(wrapped.select(names)).to_pandas()
    wrong = list_faults(customer_id, picked[customer_id])
    if not wrong:
        customer, wrong = frames.alike(picked[customer_id], customer_id)
    if wrong:
        faults.extend(f"{when}: {entry}" for entry in wrong)
        return None
    found = pd.DataFrame({"customer": customer.to_numpy(), when: picked[segment].astype(object).to_numpy()})
    if value:
        found[f"value_{when}"] = _amounts(picked[value], value, when, faults)
    return found


def _look_at(found: pd.DataFrame, when: str, faults: Faults, *, aligned: bool) -> None:
    n = len(found)
    if not n:
        faults.add(f"{when}: there are no customers")
    if missing := int(found["customer"].isna().sum()):
        faults.add(f"{when}: the customer is missing in {missing:,} of {n:,} rows; drop these rows")
    twice = found["customer"].duplicated(keep=False) & found["customer"].notna()
    if twice.any():
        rows = ", ".join(str(row) for row in np.flatnonzero(twice)[:3])
        faults.add(
            f"{when}: {int(found.loc[twice, 'customer'].nunique()):,} customers are there more than once (rows {rows}, ...), in "
            f"{int(twice.sum()):,} of {n:,} rows; give each one segment"
        )
    if not aligned and (missing := int(found[when].isna().sum())):
        faults.add(
            f"{when}: the segment is missing in {missing:,} of {n:,} rows; drop these rows, or give them a segment"
        )


def _amounts(column: pd.Series, name: str, when: str, faults: Faults) -> np.ndarray:
    try:
        amounts = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        faults.add(f"{when}: column {name!r} is not a number in every row; make it one")
        return np.zeros(len(column))
    if wrong := int((~np.isfinite(amounts)).sum()):
        faults.add(
            f"{when}: column {name!r} is missing or infinite in {wrong:,} of {len(column):,} rows; repair these rows"
        )
    return amounts
