"""Columns of a frame as arrays, customer types as codes, and their faults in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..customers.scanning.identifier_names import identifier_of
from ..exceptions import DataError
from ..frames.numbers import read_numbers
from ..typing import FrameLike

#: How many offenders a message shows.
SHOWN = 3
#: Rows of more are looked at in part for repeated customers.
LOOKED_AT = 1_000_000


def numbers_of(X: Any, names: Sequence[str], faults: list[str]) -> dict[str, np.ndarray]:
    """Columns of a frame as float64 arrays, NaN where missing; those that are not numbers are added to ``faults``."""
    frame = frames.wrap(X)
    frames.check_columns(frame, list(dict.fromkeys(names)), "the customers")
    picked = frames.collected(frame.select(list(dict.fromkeys(names))))
    columns = {}
    for name in names:
        columns[name], found = read_numbers(picked[name], f"column {name!r}", flags=True)
        faults += found
    return columns


def finite_faults(name: str, values: np.ndarray, missing_allowed: bool = False) -> list[str]:
    """Missing or infinite entries of a column, in words."""
    with np.errstate(invalid="ignore", over="ignore"):
        if np.isfinite(values.sum()):
            return []
    cure = 'drop or fill these rows, or keep them apart with missing="own"'
    faults = [] if missing_allowed else fault(name, np.isnan(values), "is missing", cure)
    return faults + fault(name, np.isinf(values), "is infinite", "repair these rows")


def fault(name: str, wrong: np.ndarray, what: str, cure: str) -> list[str]:
    """One sentence naming the column, how many rows are wrong, the first of them and the cure, or nothing."""
    count = int(np.count_nonzero(wrong))
    if not count:
        return []
    shown = ", ".join(f"row {i}" for i in np.flatnonzero(wrong)[:SHOWN]) + (", ..." if count > SHOWN else "")
    return [f"column {name!r} {what} in {count:,} of {wrong.size:,} rows ({shown}); {cure}"]


def list_faults(name: str, column: pd.Series) -> list[str]:
    """Lists, dicts or their like in a column, in words."""
    return fault(name, frames.unhashable(column), "is not a single value", "give one value per row")


class CustomerTypes:
    """The customer types of a column, as text; whole numbers lose their decimals, so that 1 and 1.0 are one type."""

    def __init__(self, column: pd.Series, name: str, subject: str):
        self.name, self.subject = name, subject
        if faults := list_faults(name, column):
            raise DataError(faults, subject)
        self.codes, found = pd.factorize(column.astype(object) if column.dtype == "category" else column)
        if (self.codes < 0).any():
            cure = "give these customers a type of their own"
            raise DataError(fault(name, self.codes < 0, "is missing", cure), subject)
        self.categories = [as_label(entry) for entry in found]

    def __getitem__(self, mask: np.ndarray) -> CustomerTypes:
        part = object.__new__(CustomerTypes)
        part.name, part.subject = self.name, self.subject
        used, part.codes = np.unique(self.codes[mask], return_inverse=True)
        part.categories = [self.categories[code] for code in used]
        return part

    def check_known(self, types: Sequence[str]) -> None:
        """Refuse types that were not there at fit."""
        unknown = [code for code, label in enumerate(self.categories) if label not in types]
        if unknown:
            count = int(np.isin(self.codes, unknown).sum())
            shown = ", ".join(repr(self.categories[code]) for code in unknown[:SHOWN])
            more = ", ..." if len(unknown) > SHOWN else ""
            raise DataError(
                [
                    f"column {self.name!r} holds {shown}{more} in {count:,} of {self.codes.size:,} rows, which fit has not seen; "
                    f"it knows {', '.join(map(repr, types))}. Fit again with customers of that type, or give them a known one"
                ],
                self.subject,
            )

    def codes_in(self, types: Sequence[str]) -> np.ndarray:
        """Position of each customer's type in ``types``."""
        place = {label: code for code, label in enumerate(types)}
        return np.asarray([place[label] for label in self.categories], dtype=np.int32)[self.codes]


def as_label(entry: Any) -> str:
    """A name as text; whole numbers without decimals, so that 1 and 1.0 are one."""
    return str(int(entry)) if isinstance(entry, (float, np.floating)) and float(entry).is_integer() else str(entry)


def repeated_customers(X: FrameLike) -> tuple[int, int]:
    """Rows of a frame whose identifier another row before has, and how many were looked at: a random part of very many."""
    name = identifier_of(X)
    if not frames.is_frame(X) or name not in frames.wrap(X).collect_schema().names():
        return 0, 0
    column = frames.collected(frames.wrap(X).select(name))[name]
    if column.dtype.is_numeric() and (np.diff(column.to_numpy()) > 0).all():
        return 0, len(column)
    if len(column) > LOOKED_AT:
        column = column[np.unique(np.random.default_rng(0).integers(len(column), size=LOOKED_AT))]
    ids = column.to_pandas()
    return (0 if frames.unhashable(ids).any() else int(ids.dropna().duplicated().sum())), len(ids)


def length_of(columns: Mapping[str, np.ndarray]) -> int:
    """Number of customers."""
    return len(next(iter(columns.values())))


def rows_of(columns: Mapping[str, np.ndarray], types: Any, weight: Any, mask: np.ndarray) -> tuple[Any, Any, Any]:
    """Columns, types and weights (None where there are none) of some of the customers."""
    picked = {name: column[mask] for name, column in columns.items()}
    return picked, None if types is None else types[mask], None if weight is None else weight[mask]
