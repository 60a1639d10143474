"""Names of segments by scores of recency, frequency and money: the usual eleven, and any table of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults, check_count
from ..exceptions import DataError, shown

DIMENSIONS = ("recency", "frequency", "monetary")
BOUNDS = tuple(f"{name}_{end}" for name in DIMENSIONS for end in ("lower", "upper"))

#: Most bins of one dimension.
MOST_BINS = 100

#: The usual names, best first, on the scale from 0 (worst score) to 1 (best): recency, frequency and money from … to.
#: On five bins a score s is (s - 1) / 4, and a band ends half-way between two scores.
_USUAL = (
    ("Champions", (0.875, 1), (0.625, 1), (0.375, 1)),
    ("Loyal customers", (0.375, 1), (0.625, 1), (0, 1)),
    ("Potential loyalists", (0.625, 1), (0.125, 0.625), (0, 1)),
    ("New customers", (0.875, 1), (0, 0.125), (0, 1)),
    ("Promising", (0.625, 0.875), (0, 0.125), (0, 1)),
    ("Need attention", (0.375, 0.625), (0.375, 0.625), (0, 1)),
    ("Cannot lose them", (0, 0.375), (0.875, 1), (0, 1)),
    ("Cannot lose them", (0, 0.375), (0.375, 1), (0.875, 1)),
    ("At risk", (0, 0.375), (0.375, 0.875), (0, 1)),
    ("About to sleep", (0.375, 0.625), (0, 0.375), (0, 1)),
    ("Hibernating", (0.125, 0.375), (0, 0.375), (0, 1)),
    ("Hibernating", (0, 0.375), (0.125, 0.375), (0, 1)),
    ("Lost", (0, 0.125), (0, 0.125), (0, 1)),
)


def rfm_names(bins: int | Mapping[str, int] = 5) -> pd.DataFrame:
    """Return the usual table of names, in scores of so many bins, to use or to change.

    Ten names are those in common use for five scores of recency by five of frequency; "Lost" is the corner of
    "Hibernating" with the lowest of both. Money parts champions from other loyal customers, and those one cannot lose
    from others at risk. No source settles them: they are conventions, to be replaced by one's own.

    Parameters
    ----------
    bins : int or mapping of "recency", "frequency", "monetary" to int, default=5
        From 1 to 100.

    Returns
    -------
    DataFrame
        segment, recency_lower, recency_upper, frequency_lower, frequency_upper, monetary_lower, monetary_upper: scores, both ends
        included. A customer belongs to the first row that matches; a segment may have several rows.

    Examples
    --------
    >>> rfm_names().iloc[:3, :4]
                   segment  recency_lower  recency_upper  frequency_lower
    0            Champions            5             5              4
    1      Loyal customers            3             5              4
    2  Potential loyalists            4             5              2
    """
    sizes = sizes_of(bins)
    rows: list[list[Any]] = []
    for name, *bands in _USUAL:
        scores: list[int] = []
        for dimension, (lower, upper) in zip(DIMENSIONS, bands, strict=True):
            at = np.arange(1, sizes[dimension] + 1)
            place = (at - 1) / (at.size - 1) if at.size > 1 else np.asarray([0.5])
            inside = at[(place >= lower) & (place <= upper)]
            scores += [int(inside.min()), int(inside.max())] if inside.size else [0, 0]
        if 0 not in scores:
            rows.append([name, *scores])
    return pd.DataFrame(rows, columns=["segment", *BOUNDS])


def sizes_of(bins: int | Mapping[str, int]) -> dict[str, int]:
    """Return the number of bins of each dimension; 5 where a mapping does not say."""
    if not isinstance(bins, Mapping):
        return dict.fromkeys(DIMENSIONS, check_count(bins, "bins", least=1, most=MOST_BINS))
    faults = Faults("the bins")
    faults.extend(
        f"bins names {shown(name)}; there are {', '.join(DIMENSIONS)}" for name in bins if name not in DIMENSIONS
    )
    for name in DIMENSIONS:
        faults.check(check_count, bins.get(name, 5), f"bins[{name!r}]", least=1, most=MOST_BINS)
    faults.refuse()
    return {name: int(bins.get(name, 5)) for name in DIMENSIONS}


def name_lookup(names: Any, sizes: Mapping[str, int]) -> tuple[tuple[str, ...], np.ndarray]:
    """Turn a table of names into the segments, in order of their first row, and a segment for each triple of scores.

    Parameters
    ----------
    names : frame of any engine, or mapping of its columns, or None
        As :func:`rfm_names` returns it; None takes that.
    sizes : mapping of dimension to int

    Returns
    -------
    segments : tuple of str
    lookup : ndarray of int of shape (recency bins, frequency bins, monetary bins)
        Place in ``segments`` of scores counted from 0.

    Raises
    ------
    DataError
        Naming bounds that are missing, no whole numbers, crossed or outside the scores, and combinations that no row covers.
    """
    if names is None:
        table = rfm_names(sizes)
    else:
        table = frames.to_columns(
            pd.DataFrame(dict(names)) if isinstance(names, Mapping) else names, ["segment", *BOUNDS]
        )
    faults = _bound_faults(table, sizes)
    if faults:
        raise DataError(faults, "the table of segment names")
    segments = tuple(dict.fromkeys(str(name) for name in table["segment"]))
    lookup = np.full([sizes[name] for name in DIMENSIONS], -1, dtype=np.int16)
    bounds = table[list(BOUNDS)].to_numpy(dtype=np.int64)
    for name, row in zip(table["segment"].iloc[::-1], bounds[::-1], strict=True):  # the first match is written last
        box = tuple(slice(row[2 * d] - 1, row[2 * d + 1]) for d in range(3))
        lookup[box] = segments.index(str(name))
    if (open_ := np.argwhere(lookup < 0)).size:
        shown = ", ".join("-".join(str(score + 1) for score in triple) for triple in open_[:5])
        more = ", ..." if len(open_) > 5 else ""
        raise DataError(
            [
                f"{len(open_):,} of {lookup.size:,} combinations of recency, frequency and monetary scores have no segment "
                f"({shown}{more}); end the table with a row that takes every score"
            ],
            "the table of segment names",
        )
    return segments, lookup


def _bound_faults(table: pd.DataFrame, sizes: Mapping[str, int]) -> list[str]:
    faults = [] if len(table) else ["there are no rows"]
    if table["segment"].isna().any():
        faults.append(f"segment is missing in {_rows(table['segment'].isna())}; give every row a name")
    for dimension in DIMENSIONS:
        lower, upper = (pd.to_numeric(table[f"{dimension}_{end}"], errors="coerce") for end in ("lower", "upper"))
        wrong = lower.isna() | upper.isna() | (lower % 1 != 0) | (upper % 1 != 0)
        if wrong.any():
            faults.append(
                f"{dimension}_lower and {dimension}_upper are not whole numbers in {_rows(wrong)}; give scores"
            )
            continue
        outside = (lower < 1) | (upper > sizes[dimension])
        if outside.any():
            faults.append(
                f"{dimension} scores are outside 1 to {sizes[dimension]} in {_rows(outside)}; rfm_names(bins) shows a table "
                "that fits"
            )
        if (lower > upper).any():
            faults.append(f"{dimension}_lower is above {dimension}_upper in {_rows(lower > upper)}; swap them")
    return faults


def _rows(wrong: pd.Series) -> str:
    at = np.flatnonzero(wrong)
    return f"{at.size} of {len(wrong)} rows (row {', '.join(map(str, at[:3]))}{', ...' if at.size > 3 else ''})"
