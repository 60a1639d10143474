"""What segments look like: customers, value and typical features of each, in figures and in sentences."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ..checks import check_coverage
from ..exceptions import shortened
from ..inference import wilson_interval
from ..results import IntervalDisplay, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Medians of fewer customers than this would be single customers' figures; they are left missing.
MINIMUM = 5
#: Up to so many groups times columns they are picked out one by one.
FEW = 12
#: From how many values on a median is bracketed first.
LARGE = 100_000


@dataclass(frozen=True)
class SegmentProfile(Result):
    """Segments in figures, best first.

    Attributes
    ----------
    table : DataFrame
        One row for each segment, and with ``by`` for each type and segment: segment, customers, share (of the customers; within
        the type), share_lower, share_upper; with a value also value_sum, value_share (of the total; within the type),
        value_share_lower, value_share_upper, value_mean; then for each number ``median_<name>`` (the lower one where two are
        in the middle) and for each text ``most_common_<name>`` and ``share_of_most_common_<name>``. Medians and commonest values
        of fewer than 5 customers are missing, since they would be single customers' figures; sums, means and shares of value are
        not, so that those of a segment of one are that customer's: :meth:`export` hides them, this table does not.
    by : str or None
        Column of the customer types.
    value : str or None
        Column whose sum is shared out.
    coverage : float
        Of the intervals: Wilson's for shares of customers; for shares of value the linearised one of a ratio [1]_, the
        boundaries of the segments being taken as fixed.

    References
    ----------
    .. [1] Cochran, W. G. (1977), Sampling Techniques, 3rd ed. Wiley, section 2.11 (variance of a ratio of two totals).
    """

    table: pd.DataFrame
    by: str | None
    value: str | None
    coverage: float

    def describe(self) -> str:
        """Say it in sentences, one for each segment that has customers."""
        lines = []
        for group, rows in self.table.groupby(self.by, sort=False) if self.by else [("", self.table)]:
            total = rows["customers"].sum()
            whose = f"{self.by} {shortened(str(group))}: " if self.by else ""
            lines.append(
                f"{whose}{counted(total, 'customer')} in {counted((rows['customers'] > 0).sum(), 'segment')}"
                + (f", {self.value} {total_of(rows['value_sum'].sum())} in all." if self.value else ".")
            )
            lines += [self._sentence(row) for row in rows.to_dict("records") if row["customers"] > 0]
        if self.table["customers"].sum():
            lines.append(f"Brackets are {self.coverage:.0%} intervals, the customers being a sample of those to come.")
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None, *, of: str | None = None) -> Any:
        """Draw each segment's share of the customers and, where there is a value, of the value.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
        of : str, default=None
            The customer type to draw, where there are types; None takes the first.

        Returns
        -------
        PyramidDisplay or IntervalDisplay
            The second where there is no value.
        """
        from .displays import PyramidDisplay  # matplotlib's part of the package

        if self.by is not None and of is None:
            of = self.table[self.by].iloc[0]
        if self.value is not None:
            return PyramidDisplay.from_result(self, of=of).plot(ax=ax)
        rows = self.table if self.by is None else self.table[self.table[self.by] == of]
        names = {"segment": "quantity", "share": "value", "share_lower": "lower", "share_upper": "upper"}
        title = "Share of the customers" + ("" if self.by is None else f", {self.by} {of}")
        return IntervalDisplay(rows[list(names)].rename(columns=names), title=title).plot(ax=ax)

    def export(self, path: str | os.PathLike, *, minimum: int = MINIMUM) -> Any:
        """Write the table for others to read, without the figures of segments of fewer than ``minimum`` customers.

        Further segments are hidden where the total would give the small ones away; see :func:`crmml.customers.export_table`.

        Parameters
        ----------
        path : path
            Ending in .csv or .parquet.
        minimum : int, default=5

        Returns
        -------
        DataFrame
            What was written.
        """
        from ..customers import export_table  # it loads pyarrow

        figures = [str(name) for name in self.table if name not in (self.by, "segment", "customers")]
        within = [self.by] if self.by else None
        return export_table(self.table, path, count="customers", minimum=minimum, columns=figures, within=within)

    def _sentence(self, row: Mapping[Any, Any]) -> str:
        text = (
            f"{shortened(str(row['segment']))}: {counted(row['customers'], 'customer')}, {row['share']:.1%} "
            f"[{row['share_lower']:.1%}, {row['share_upper']:.1%}]"
        )
        if self.value and row["value_share"] == row["value_share"]:
            text += (
                f", with {row['value_share']:.1%} [{row['value_share_lower']:.1%}, {row['value_share_upper']:.1%}] "
                f"of {self.value}"
            )
        middle = [
            f"{str(name).removeprefix('median_')} {figure:,.4g}"
            for name, figure in row.items()
            if str(name).startswith("median_") and figure == figure
        ]
        return text + (f"; medians: {', '.join(middle)}." if middle else ".")


def sums_of(
    codes: np.ndarray,
    n_groups: int,
    features: Mapping[str, np.ndarray],
    value: np.ndarray | None = None,
    weight: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Aggregate customers by group: what a fitted model keeps of them, and all it keeps.

    Parameters
    ----------
    codes : ndarray of int of shape (n,)
        Group of each customer, 0 to n_groups - 1.
    n_groups : int
    features : mapping of str to ndarray of shape (n,)
        Numbers, of which medians are taken, or texts, of which the commonest is; NaN and None are left out.
    value : ndarray of shape (n,), default=None
        NaN counts as 0.
    weight : ndarray of shape (n,), default=None

    Returns
    -------
    dict of str to ndarray of shape (n_groups,)
        customers, value_sum, value_square (sum of squares), median_…, most_common_…
    """
    split = _Split(codes, n_groups, len(features) + (value is not None))
    mass = None if weight is None else [part.copy() for part in split(weight)]
    weights: list[Any] = [None] * n_groups if mass is None else mass
    sums = {"customers": split.counts.astype(np.float64) if mass is None else np.asarray([part.sum() for part in mass])}
    parts = None
    if value is not None:
        parts = split(value)
        sums |= _value_sums(parts, mass, bool(np.isnan(value.sum())))
    for number, (name, column) in enumerate(features.items()):
        if parts is None or number or column is not value:  # else the value's are at hand
            parts = split(column)
        sums |= _typical(name, column.dtype.kind == "f", parts, weights)
    return sums


def _value_sums(parts: list[np.ndarray], mass: list[np.ndarray] | None, missing: bool) -> dict[str, np.ndarray]:
    known = [np.nan_to_num(part, nan=0.0) for part in parts] if missing else parts
    worth = known if mass is None else [part * of for part, of in zip(known, mass, strict=True)]
    return {
        "value_sum": np.asarray([part.sum() for part in worth]),
        "value_square": np.asarray([part @ by for part, by in zip(worth, known, strict=True)]),
    }


def _typical(name: str, is_number: bool, parts: list[np.ndarray], weights: list[Any]) -> dict[str, np.ndarray]:
    """The median of a number, or the commonest value of a category and its share, in each group."""
    if is_number:
        return {f"median_{name}": np.asarray([_median(*both) for both in zip(parts, weights, strict=True)])}
    found = [_most_common(*both) for both in zip(parts, weights, strict=True)]
    return {
        f"most_common_{name}": np.asarray([text for text, _ in found], dtype=object),
        f"share_of_most_common_{name}": np.asarray([share for _, share in found]),
    }


def profile_of(
    sums: Mapping[str, np.ndarray],
    segments: Sequence[str],
    types: Sequence[str] | None = None,
    *,
    by: str | None = None,
    value: str | None = None,
    coverage: float = 0.9,
) -> SegmentProfile:
    """Make a profile of sums by group, the groups being type by type and within them segment by segment."""
    coverage = check_coverage(coverage)
    n_types = 1 if types is None else len(types)
    customers = np.asarray(sums["customers"])
    of_type = np.repeat(customers.reshape(n_types, -1).sum(axis=1), len(segments))
    share = _ratio(customers, of_type)
    lower, upper = np.full(share.size, np.nan), np.full(share.size, np.nan)
    there = of_type > 0
    lower[there], upper[there] = wilson_interval(np.minimum(share[there], 1), of_type[there], coverage=coverage)
    columns: dict[str, Any] = {} if types is None else {str(by): np.repeat(np.asarray(types, object), len(segments))}
    columns |= {"segment": np.tile(np.asarray(segments, dtype=object), n_types), "customers": customers}
    columns |= {"share": share, "share_lower": lower, "share_upper": upper}
    if "value_sum" in sums:
        columns |= _value_shares(sums["value_sum"], sums["value_square"], n_types, coverage)
        columns["value_mean"] = _ratio(sums["value_sum"], customers)
    rest = ("customers", "value_sum", "value_square")
    columns |= {name: column for name, column in sums.items() if name not in rest}
    table = pd.DataFrame(columns)
    if (customers == np.floor(customers)).all():
        table["customers"] = customers.astype(np.int64)
    return SegmentProfile(table, by if types is not None else None, value if "value_sum" in sums else None, coverage)


def _value_shares(total: np.ndarray, square: np.ndarray, n_types: int, coverage: float) -> dict[str, np.ndarray]:
    r"""Shares of the total and their bounds: Var(s) = Σ vᵢ² (1[i in segment] − s)² / (Σ vᵢ)²."""
    each = total.size // n_types
    whole = np.repeat(total.reshape(n_types, -1).sum(axis=1), each)
    squares = np.repeat(square.reshape(n_types, -1).sum(axis=1), each)
    share = np.where(whole > 0, _ratio(total, whole), np.nan)  # a total that is not above 0 has no shares
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt((1 - share) ** 2 * square + share**2 * np.maximum(squares - square, 0)) / whole
    reach = ndtri((1 + coverage) / 2) * spread
    lower, upper = share - reach, share + reach
    if (total >= 0).all():
        lower, upper = np.clip(lower, 0, 1), np.clip(upper, 0, 1)
    return {"value_sum": total, "value_share": share, "value_share_lower": lower, "value_share_upper": upper}


class _Split:
    """Parts of a column by group, until the next column is asked for; for many groups by sorting, for few one by one."""

    def __init__(self, codes: np.ndarray, n_groups: int, n_columns: int):
        self.counts = np.bincount(codes, minlength=n_groups)
        self.masks: list[np.ndarray] | None = None
        if n_groups * n_columns <= FEW:
            self.masks = [codes == group for group in range(n_groups)]
            return
        ends = np.cumsum(self.counts)
        self.slices = [slice(end - count, end) for end, count in zip(ends, self.counts, strict=True)]
        narrow = np.uint8 if n_groups <= 256 else np.uint16 if n_groups <= 65536 else np.int64
        self.order = np.argsort(codes.astype(narrow, copy=False), kind="stable")  # a radix sort for narrow integers
        self.room = np.empty(codes.size)  # one for all numbers: fresh memory costs more than the gathering

    def __call__(self, column: np.ndarray) -> list[np.ndarray]:
        if self.masks is not None:
            return [column[mask] for mask in self.masks]
        room = self.room if column.dtype == np.float64 else None
        ordered = np.take(column, self.order, out=room, mode="clip")
        return [ordered[part] for part in self.slices]


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) != 0)


def _median(values: np.ndarray, weight: np.ndarray | None) -> float:
    """The lower median; values may be put in another order."""
    if values.size and np.isnan(values.sum()):
        known = ~np.isnan(values)
        values, weight = values[known], None if weight is None else weight[known]
    if (values.size if weight is None else weight.sum()) < MINIMUM:
        return float("nan")
    if weight is None:
        return _of_rank(values, (values.size - 1) // 2)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])


def _of_rank(values: np.ndarray, rank: int) -> float:
    """Entry of a rank; of many the search is among those between two bounds that a sample gives."""
    if values.size > LARGE:
        sample = np.sort(values[:: values.size // 4096])
        at = rank * sample.size // values.size
        lower, upper = sample[max(at - 150, 0)], sample[min(at + 150, sample.size - 1)]
        below = int(np.count_nonzero(values < lower))
        inside = values[(values >= lower) & (values <= upper)]
        if below <= rank < below + inside.size:
            inside.partition(rank - below)
            return float(inside[rank - below])
    values.partition(rank)
    return float(values[rank])


def _most_common(values: np.ndarray, weight: np.ndarray | None) -> tuple[str | None, float]:
    codes, names = pd.factorize(values, sort=True)
    known = codes >= 0
    mass = np.bincount(codes[known], weights=None if weight is None else weight[known], minlength=len(names))
    if not len(names) or mass.sum() < MINIMUM:
        return None, float("nan")
    top = int(mass.argmax())
    return str(names[top]), float(mass[top] / mass.sum())


def counted(n: float, noun: str) -> str:
    """A count with its noun, in the plural unless it is one: "1 customer", "2,000 customers"."""
    shown = f"{n:,.0f}"
    return f"{shown} {noun}" if shown == "1" else f"{shown} {noun}s"


def total_of(amount: float) -> str:
    """A sum without decimals, or its first digits where it is small."""
    return f"{amount:,.0f}" if abs(amount) >= 100 or amount == round(amount) else f"{amount:,.4g}"


def is_are(n: float, one: str = "is", more: str = "are") -> str:
    """The verb that goes with a count."""
    return one if f"{n:,.0f}" == "1" else more
