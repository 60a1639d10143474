"""Reading covariate paths: the pieces of every customer's time, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults
from ..exceptions import DataError, RulerError
from ..frames.numbers import read_numbers
from ..frames.ruler import Ruler
from .numerics.covariate_path_integral import Segments
from .numerics.covariate_paths import PathRows, Stretch

CUSTOMER = "customer_id"
_SUBJECT = "the covariate paths"
_CURE = "make them with crmml.transactions.covariate_paths"
_IDENTIFIER = "__customer"
#: Ends and starts that differ by less, relative to their size, are one.
_SAME = 1e-9


@dataclass(frozen=True)
class CovariatePaths:
    """The paths of some customers, neighbouring pieces with equal covariates joined.

    Attributes
    ----------
    customers : Index of shape (n,)
    offset : ndarray of int of shape (n + 1,)
        Where each customer's pieces begin.
    start, end : ndarray of shape (m,)
        In the unit of the summary, from the first purchase on.
    purchases : ndarray of shape (m,)
        Repeat purchases on the piece.
    names : tuple of str
        The covariates that are read from the paths.
    values : ndarray of shape (len(names), m)
    ruler : Ruler
    """

    customers: pd.Index
    offset: np.ndarray
    start: np.ndarray
    end: np.ndarray
    purchases: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    ruler: Ruler

    @classmethod
    def read(cls, given: Any, covariates: tuple[str, ...]) -> CovariatePaths:
        """Read the paths of a frame, or refuse them with every fault.

        Raises
        ------
        DataError
        """
        if not covariates:
            fault = "the model names no covariates; name them in purchase_covariates and dropout_covariates"
            raise DataError([fault], _SUBJECT)
        if not frames.is_frame(given):
            raise DataError([f"they are of type {type(given).__name__}, not a frame; {_CURE}"], _SUBJECT)
        there = frames.wrap(given).collect_schema().names()
        names = tuple(name for name in covariates if name in there)
        frames.check_names([CUSTOMER, "start", "end", "purchases"], there, _SUBJECT)
        if not names:
            fault = f"none of the covariates {', '.join(map(repr, covariates))} is among their columns, {', '.join(map(repr, there))}"
            raise DataError([f"{fault}; {_CURE} from a frame that has them"], _SUBJECT)
        picked = frames.to_columns(given, [CUSTOMER, "start", "end", "purchases", *names])
        code, customers, numbers = _read_numbers(picked, names)
        order = np.lexsort((numbers["start"], code))
        code, numbers = code[order], {name: value[order] for name, value in numbers.items()}
        _check_pieces(code, len(customers), numbers)
        return cls._joined(code, customers, numbers, names, frames.get_ruler(given))

    @classmethod
    def _joined(cls, code, customers, numbers, names, ruler) -> CovariatePaths:
        values = np.stack([numbers[name] for name in names])
        new = np.ones(code.size, dtype=bool)
        new[1:] = (code[1:] != code[:-1]) | (values[:, 1:] != values[:, :-1]).any(axis=0)
        first = np.flatnonzero(new)
        end = numbers["end"][np.append(first[1:], code.size) - 1]
        purchases = np.add.reduceat(numbers["purchases"], first)
        offset = np.append(0, np.cumsum(np.bincount(code[first], minlength=len(customers))))
        return cls(customers, offset, numbers["start"][first], end, purchases, names, values[:, first].copy(), ruler)

    def check_ruler(self, known: Ruler) -> None:
        """Refuse paths that were measured otherwise than the summary.

        Raises
        ------
        RulerError
        """
        faults = [
            f"{field} is {ours!r} in the covariate paths but {theirs!r} in the summary; make both with {field}={theirs!r}"
            for field in ("unit", "period")
            if (ours := getattr(self.ruler, field)) and (theirs := getattr(known, field)) and ours != theirs
        ]
        if known.clock or known.entry_period:
            faults.append(
                "the summary was made on a clock, or with an entry period, and covariate paths are in plain time; make it without, "
                "and give the season as a covariate"
            )
        if faults:
            raise RulerError(faults, _SUBJECT)

    def places(self, X: pd.DataFrame, columns: np.ndarray, ahead: float) -> np.ndarray:
        """Index of each row's customer among those of the paths; refused where a path does not fit its row.

        Parameters
        ----------
        X : DataFrame of shape (n, ...)
            With the column of customers.
        columns : ndarray of shape (n, ...)
            Its frequency, recency and T.
        ahead : float
            How far from T on the paths have to reach.

        Raises
        ------
        DataError
        """
        identified = frames.with_identifiers(frames.wrap(X), CUSTOMER, _IDENTIFIER)
        faults = Faults(_SUBJECT)
        faults.extend(identified.faults)
        faults.refuse()
        place = self.customers.get_indexer(pd.Index(frames.collected(identified.frame)[_IDENTIFIER].to_pandas()))
        n, there = place.size, place >= 0
        if not there.all():
            faults.add(
                f"{np.count_nonzero(~there):,} of {n:,} customers have no path; add their covariates, under identifiers of the same "
                "type as the summary's"
            )
        found = place[there]
        x, t_x, T = columns[there, :3].T
        last = self.end[self.offset[found + 1] - 1]
        room = _SAME * (1 + T)
        if wrong := int(np.count_nonzero(last < T - room)):
            faults.add(f"the paths of {wrong:,} of {n:,} customers end before T; add the later periods")
        short = (last >= T - room) & (last < T + ahead - room)
        if wrong := int(np.count_nonzero(short)):
            reach = float((last - T)[short].min())
            faults.add(
                f"the paths of {wrong:,} of {n:,} customers do not reach {ahead:g} beyond T, the shortest {max(reach, 0.0):.4g}; add "
                "the periods of the future that the prediction is made under, or take a shorter horizon"
            )
        bought = Segments(self._owners(), len(self.customers)).sum(self.purchases)[found]
        if wrong := int(np.count_nonzero(bought != x)):
            faults.add(
                f"{wrong:,} of {n:,} customers have another number of purchases on their path than their frequency; {_CURE} from the "
                "log, period, unit and observation_end of the summary"
            )
        until = np.full(len(self.customers), -np.inf)
        bearing = np.flatnonzero(self.purchases > 0)
        until[self._owners()[bearing]] = self.start[bearing]  # ascending: the last one stays
        if wrong := int(np.count_nonzero((bought == x) & (x > 0) & (until[found] > t_x + room))):
            faults.add(
                f"{wrong:,} of {n:,} customers have a purchase on their path after their recency; {_CURE} from the log, period, unit "
                "and observation_end of the summary"
            )
        faults.refuse()
        return place

    def rows(self, columns: np.ndarray, place: np.ndarray, values_of: Any) -> PathRows:
        """The rows of a likelihood.

        Parameters
        ----------
        columns : ndarray of shape (n, ...)
            Frequency, recency and T.
        place : ndarray of int of shape (n,)
        values_of : callable
            ``values_of(entry, owner)`` returns the covariates of the purchase and of the dropout process, (q, m) and (k, m), on
            pieces by their place in the paths and by their row.
        """
        n = len(columns)
        count = (self.offset[1:] - self.offset[:-1])[place]
        owner = np.repeat(np.arange(n), count)
        entry = np.arange(owner.size) + np.repeat(self.offset[place] - (np.cumsum(count) - count), count)
        x, t_x, T = (np.ascontiguousarray(column) for column in columns.T[:3])
        purchase, dropout = values_of(entry, owner)
        start, end = self.start[entry], self.end[entry]

        def stretch(lower: np.ndarray, upper: np.ndarray) -> Stretch:
            begin, stop = np.maximum(start, lower[owner]), np.minimum(end, upper[owner])
            keep = stop > begin
            whose = owner[keep]
            return Stretch(
                whose, (begin[keep] - lower[whose]), (stop - begin)[keep], purchase[:, keep], dropout[:, keep], n
            )

        bought = Segments(owner, n).sum(purchase * self.purchases[entry])
        endless = np.full(n, np.inf)
        return PathRows(x, t_x, T, bought, stretch(np.zeros(n), t_x), stretch(t_x, T), stretch(T, endless))

    def _owners(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.customers)), self.offset[1:] - self.offset[:-1])


def _read_numbers(picked: pd.DataFrame, names: tuple[str, ...]) -> tuple[np.ndarray, pd.Index, dict[str, np.ndarray]]:
    """Codes of the customers, the customers, and the columns of numbers."""
    faults = Faults(_SUBJECT)
    identified = frames.with_identifiers(frames.wrap(picked), CUSTOMER, _IDENTIFIER)
    faults.extend(identified.faults)
    if not len(picked):
        faults.add(f"they are empty; {_CURE}")
    numbers = {}
    for name in ("start", "end", "purchases", *names):
        numbers[name], found = read_numbers(picked[name], f"column {name!r}", show=False)
        faults.extend(found)
        if not found and (wrong := int(np.count_nonzero(~np.isfinite(numbers[name])))):
            faults.add(f"column {name!r} is missing or infinite in {wrong:,} of {len(picked):,} rows; fill them")
    faults.refuse()
    ids = frames.collected(identified.frame)[_IDENTIFIER].to_pandas()
    code, customers = pd.factorize(ids)
    if missing := int(np.count_nonzero(code < 0)):
        faults.add(f"column {CUSTOMER!r} is missing in {missing:,} of {len(picked):,} rows; fill or drop them")
    faults.refuse()
    return code, pd.Index(customers), numbers


def _check_pieces(code: np.ndarray, n: int, numbers: dict[str, np.ndarray]) -> None:
    """Refuse pieces that do not follow each other from 0 on, sorted as they are by customer and start."""
    start, end, purchases = (numbers[name] for name in ("start", "end", "purchases"))
    faults = Faults(_SUBJECT)
    if wrong := int(np.count_nonzero(end <= start)):
        faults.add(f"{wrong:,} of {code.size:,} rows end where they start or before; {_CURE}")
    if wrong := int(np.count_nonzero((purchases < 0) | (purchases != np.floor(purchases)))):
        faults.add(f"column 'purchases' is no count in {wrong:,} of {code.size:,} rows; {_CURE}")
    same = code[1:] == code[:-1]
    room = _SAME * (1 + np.abs(end[:-1]))
    if twice := int(np.count_nonzero(same & (start[1:] == start[:-1]))):
        faults.add(f"{twice:,} of {code.size:,} rows repeat the customer and the start of another; keep one of each")
    overlap = same & (start[1:] != start[:-1]) & (start[1:] < end[:-1] - room)
    if wrong := int(np.count_nonzero(overlap)):
        faults.add(f"{wrong:,} of {code.size:,} rows start before the customer's last one ends; {_CURE}")
    gap = same & (start[1:] > end[:-1] + room)
    if wrong := int(np.count_nonzero(gap)):
        faults.add(
            f"periods are left out in {wrong:,} places of {len(np.unique(code[1:][gap])):,} customers: a row starts later than the "
            "one before ends; add the rows between"
        )
    first = np.append(True, ~same)
    if wrong := int(np.count_nonzero(np.abs(start[first]) > _SAME)):
        faults.add(f"the paths of {wrong:,} of {n:,} customers do not start at 0, their first purchase; {_CURE}")
    faults.refuse()
