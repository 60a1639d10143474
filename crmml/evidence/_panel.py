"""Reading a panel of units and periods: one row per unit and period, when treatment began, every fault at once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..amounts.windows import read_window
from ..exceptions import DataError, EvidenceWarning, warn
from ..frames.numbers import read_numbers
from ..typing import Frame, Window
from ._staggered import NEVER

SUBJECT = "the panel"
#: Entries that a message shows.
SHOWN = 3


@dataclass(frozen=True)
class Panel:
    """A balanced panel.

    Attributes
    ----------
    Y : ndarray of shape (n_units, n_periods)
    first : ndarray of shape (n_units,)
        Position of the first treated period, NEVER where there is none among the periods.
    periods : Index
        What the positions stand for.
    cluster : ndarray of shape (n_units,) or None
    n_always, n_incomplete : int
        Units left out: treated from the start; lacking a period.
    """

    Y: np.ndarray
    first: np.ndarray
    periods: pd.Index
    cluster: np.ndarray | None
    n_always: int
    n_incomplete: int


def as_times(column: pd.Series, name: str, faults: list[str], *, zone: bool = False) -> pd.Series:
    """Numbers as they are, dates and ISO 8601 text as timestamps; anything else is a fault.

    Without ``zone`` a time zone is taken off, the clock's time staying.
    """
    if pd.api.types.is_bool_dtype(column):
        faults.append(f"column {name!r} is true or false; it must hold periods: whole numbers or dates")
        return column
    if pd.api.types.is_complex_dtype(column):
        faults.append(f"column {name!r} holds complex numbers; it must hold periods: whole numbers or dates")
        return column
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("float64" if pd.api.types.is_numeric_dtype(column.cat.categories) else object)
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    if isinstance(column.dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if column.isna().all():
        return pd.Series(np.nan, index=column.index)
    if not pd.api.types.is_datetime64_any_dtype(column):
        if column.dropna().map(lambda v: isinstance(v, (int, float, np.number)) and not isinstance(v, bool)).all():
            return pd.to_numeric(column).astype("float64")
        known = column.dropna().map(lambda v: isinstance(v, (str, dt.date, np.datetime64)))
        try:
            parsed = pd.to_datetime(
                column.where(known.reindex(column.index, fill_value=False)), errors="coerce", format="ISO8601"
            )
        except (ValueError, TypeError):
            faults.append(f"column {name!r} mixes time zones, or dates with and without one; bring it to one zone")
            return column
        if wrong := int((parsed.isna() & column.notna()).sum()):
            faults.append(
                f"column {name!r} is neither number nor date in {wrong:,} of {len(column):,} rows; give whole numbers or dates "
                "such as 2024-03-01"
            )
            return column
        column = parsed
    if zone and column.dt.tz is not None:
        return column.astype(pd.DatetimeTZDtype("us", column.dt.tz))
    return column.dt.tz_localize(None).astype("datetime64[us]")


def as_numbers(column: pd.Series, name: str, faults: list[str]) -> np.ndarray:
    """Floats of a column; text, missing and infinite entries are faults."""
    numbers, found = read_numbers(
        column, f"column {name!r}", cure="give plain numbers without signs or separators", show=False
    )
    faults += found
    missing = column.isna().to_numpy()
    if missing.any():
        faults.append(
            f"column {name!r} is missing in {int(missing.sum()):,} of {len(column):,} rows; fill in the outcome (0 where nothing "
            "happened), or drop these rows"
        )
    if infinite := int(np.isinf(numbers).sum()):
        faults.append(f"column {name!r} is infinite in {infinite:,} of {len(column):,} rows; repair these rows")
    return numbers


def read_panel(
    data: Frame,
    *,
    unit_id: str,
    time: str,
    outcome: str,
    treated_from: str | None,
    treated: str | None,
    cluster: str | None,
    window: Window | None,
    unbalanced: str,
    treated_before: str,
    anticipation: int,
) -> Panel:
    """Read, check and lay out a panel; refuse with every fault found."""
    when = str(treated_from if treated_from is not None else treated)
    names = [unit_id, time, outcome, when, *([cluster] if cluster else [])]
    frame = frames.to_columns(data, list(dict.fromkeys(names))).reset_index(drop=True)
    if not len(frame):
        raise DataError(["it has no rows"], SUBJECT)
    keys = [unit_id, time, *([cluster] if cluster else []), *([when] if treated_from is None else [])]
    _in_one_kind(frame, unit_id, cluster)
    moments, values = _read_columns(frame, time, outcome, keys, window)
    faults: list[str] = []
    unit, _ = pd.factorize(frame[unit_id])
    n, periods = int(unit.max()) + 1, _periods_of(moments)
    position = periods.get_indexer(pd.Index(moments.to_numpy()))
    twice = int(pd.Series(unit * len(periods) + position).duplicated().sum())
    if twice:
        faults.append(
            f"{twice:,} of {len(frame):,} rows repeat a unit and period; add up or average to one row for each {unit_id!r} and "
            f"{time!r}"
        )
    if len(periods) < 2:
        faults.append(f"column {time!r} has one period only; a period before and one after the treatment are needed")
    if treated_from is not None:
        first = _from_dates(frame, unit, n, treated_from, time, moments, periods, treated_before, faults)
    else:
        first = _from_status(frame[when], unit, n, when, position, len(periods), faults)
    codes = _clusters(frame, cluster, unit, n, faults) if cluster else None
    present = np.bincount(unit, minlength=n)
    incomplete = present < len(periods) if not twice else np.zeros(n, dtype=bool)
    if incomplete.any() and unbalanced == "raise":
        faults.append(
            f"{int(incomplete.sum()):,} of {n:,} units lack a row in some of the {len(periods)} periods "
            f"({int((len(periods) - present[incomplete]).sum()):,} rows in all); write 0 where nothing happened, or leave these "
            "units out with unbalanced='drop'"
        )
    if faults:
        raise DataError(faults, SUBJECT)
    return _laid_out(unit, position, values, first, codes, periods, incomplete, anticipation)


def _in_one_kind(frame: pd.DataFrame, *names: str | None) -> None:
    """Write identifiers of numbers and text in one kind, in place; refuse what is none."""
    for name in filter(None, names):
        frame[name], wrong = frames.alike(frame[name], name)
        if wrong:
            raise DataError(wrong, SUBJECT)


def _read_columns(
    frame: pd.DataFrame, time: str, outcome: str, keys: list[str], window: Window | None
) -> tuple[pd.Series, np.ndarray]:
    """Periods and outcomes of every row; refuse what is missing, of the wrong kind, or outside the window."""
    faults: list[str] = []
    moments = as_times(frame[time], time, faults)
    values = as_numbers(frame[outcome], outcome, faults)
    for name in keys:
        if count := int(frame[name].isna().sum()):
            faults.append(f"column {name!r} is missing in {count:,} of {len(frame):,} rows; drop or repair these rows")
        if lists := int(frames.unhashable(frame[name]).sum()):
            faults.append(
                f"column {name!r} holds lists or their like in {lists:,} of {len(frame):,} rows; give one value per row"
            )
    if window is not None and not faults:
        faults += _outside(moments, time, window)
    if faults:
        raise DataError(faults, SUBJECT)
    return moments, values


def _periods_of(moments: pd.Series) -> pd.Index:
    """The distinct periods in order, whole numbers as such."""
    distinct = np.unique(moments.to_numpy())
    whole = distinct.dtype.kind == "f" and (distinct == np.round(distinct)).all() and np.abs(distinct).max() < 2**53
    return pd.Index(distinct.astype(np.int64) if whole else distinct)


def _clusters(frame: pd.DataFrame, cluster: str, unit: np.ndarray, n: int, faults: list[str]) -> np.ndarray:
    """The cluster of each unit."""
    codes, changing = _one_per_unit(pd.factorize(frame[cluster])[0], unit, n)
    if changing:
        faults.append(f"column {cluster!r} changes within {changing:,} units; a unit must stay in one cluster")
    return codes


def _outside(moments: pd.Series, time: str, window: tuple[Any, Any]) -> list[str]:
    """What lies outside the window, whose end is exclusive, or that the window outlasts the data by a period or more."""
    try:
        if moments.dtype.kind == "f":
            start, end = (float(edge) for edge in window)
        else:
            start, end = read_window(window)  # type: ignore[assignment]  # numbers or instants, as the periods are
    except (TypeError, ValueError):
        return [
            f"window={window!r} is not a first period and an end, which is exclusive, of the kind in column {time!r}"
        ]
    if not start < end:
        return [f"window={window!r} ends before it begins; its end is exclusive"]
    faults = []
    early, late = int((moments < start).sum()), int((moments >= end).sum())
    if early or late:
        faults.append(
            f"{early + late:,} of {len(moments):,} rows are outside the window ({early:,} before it, {late:,} after it); leave "
            "them out, or widen the window, whose end is exclusive"
        )
    periods = np.unique(moments.to_numpy())
    if moments.min() > start or (len(periods) > 1 and moments.max() + np.diff(periods).max() < end):
        faults.append("the window is longer than the data: no row is at its first or at its last period; shorten it")
    return faults


def _one_per_unit(codes: np.ndarray, unit: np.ndarray, n: int) -> tuple[np.ndarray, int]:
    """The code of each unit, and how many units have more than one."""
    lower, upper = np.full(n, np.iinfo(np.int64).max), np.full(n, np.iinfo(np.int64).min)
    np.minimum.at(lower, unit, codes)
    np.maximum.at(upper, unit, codes)
    return lower, int((lower != upper).sum())


def _from_dates(frame, unit, n, treated_from, time, moments, periods, treated_before, faults) -> np.ndarray:
    begun = as_times(frame[treated_from], treated_from, faults)
    if faults:
        return np.zeros(n, dtype=np.int64)
    known = begun.notna()
    if known.any() and begun.dtype.kind != moments.dtype.kind:
        faults.append(f"columns {time!r} and {treated_from!r} are of two kinds, numbers and dates; give both alike")
        return np.zeros(n, dtype=np.int64)
    at = np.full(len(frame), NEVER)
    if known.any():
        found = begun[known].to_numpy()
        if treated_before == "raise":
            faults += _early(found, unit[known.to_numpy()], treated_from, periods[0])
        place = np.searchsorted(periods.to_numpy(), found, side="left")
        inside = (found >= periods[0]) & (found <= periods[-1])
        between = inside & (periods.to_numpy()[np.minimum(place, len(periods) - 1)] != found)
        if between.any():
            units = len(np.unique(unit[known.to_numpy()][between]))
            faults.append(
                f"column {treated_from!r} lies between two periods for {units:,} units; give the period of {time!r} that is "
                "treated first, so that no period is treated in part"
            )
        at[known.to_numpy()] = np.where(found > periods[-1], NEVER, np.where(found < periods[0], 0, place))
    first, changing = _one_per_unit(at, unit, n)
    if changing:
        faults.append(
            f"column {treated_from!r} changes within {changing:,} units; each unit has one first treated period"
        )
    return first


def _early(found: np.ndarray, unit: np.ndarray, treated_from: str, start: Any) -> list[str]:
    """Entries before the first period, by which files say never (0, -1, 1900-01-01) as well as long ago."""
    early = found < start
    if not early.any():
        return []
    rows = pd.DataFrame({"entry": found[early], "unit": unit[early]}).drop_duplicates()
    counts = rows["entry"].value_counts().sort_index(ascending=False).sort_values(ascending=False, kind="stable")
    shown = ", ".join(
        f"{label(entry)} for {count:,} unit{'s' * (count != 1)}" for entry, count in counts.head(SHOWN).items()
    )
    rest = f" and {len(counts) - SHOWN:,} more" if len(counts) > SHOWN else ""
    return [
        f"column {treated_from!r} is {shown}{rest}, before the first period {label(start)}; leave it missing where a unit is "
        f"never treated, write {label(start)} where it is treated from the start, or leave units treated earlier out with "
        "treated_before='drop'"
    ]


def _from_status(column, unit, n, treated, position, n_periods, faults) -> np.ndarray:
    status = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~np.isin(status, (0.0, 1.0))
    first = np.full(n, NEVER)
    if wrong.any():
        faults.append(f"column {treated!r} is neither 0 nor 1 in {int(wrong.sum()):,} of {len(column):,} rows")
        return first
    on = status == 1
    np.minimum.at(first, unit[on], position[on])
    off_again = ~on & (position > first[unit])
    if off_again.any():
        faults.append(
            f"treatment turns off again in {len(np.unique(unit[off_again])):,} units; only treatments that stay on are "
            "estimated here: end these units' rows where it is turned off, or study the time before only"
        )
    return first


def _laid_out(unit, position, values, first, codes, periods, incomplete, anticipation) -> Panel:
    always = (first < 1) & ~incomplete
    no_base = (first != NEVER) & (first >= 1) & (first - 1 - anticipation < 0) & ~incomplete
    keep = ~incomplete & ~always
    faults = []
    if no_base.any():
        faults.append(
            f"{int(no_base.sum()):,} units are treated within {anticipation} period{'s' * (anticipation != 1)} of the "
            "start and have no period before anticipation; lower anticipation, or leave them out"
        )
    treated_units = int((first[keep] != NEVER).sum())
    if not treated_units:
        faults.append(
            f"the treated group has no period before its treatment ({int(always.sum()):,} units are treated from the first "
            "period on); add earlier periods, or, where the column tells the group and not the periods, give treated_from"
            if always.any()
            else "no unit is treated within the periods, the treated group is empty; give the first treated period"
        )
    sizes = pd.Series(first[keep]).value_counts()
    if len(sizes) < 2 and treated_units:
        faults.append(
            "every unit is treated at the same time, the control group is empty; add units treated later or never"
        )
    for cohort, size in zip(*np.unique(first[keep], return_counts=True), strict=True):
        if size < 2:
            name = "that is never treated" if cohort == NEVER else f"first treated at {label(periods[cohort])}"
            faults.append(
                f"the group {name} is one unit, whose error cannot be known; pool it with another or leave it out"
            )
    if faults:
        raise DataError(faults, SUBJECT)
    if incomplete.any() or always.any():
        warn(
            f"{int(always.sum()):,} units treated from the first period on (they have no period before) and "
            f"{int(incomplete.sum()):,} units lacking a period are left out of {len(first):,}; add their rows to keep them.",
            EvidenceWarning,
        )
    Y = np.full((len(first), len(periods)), np.nan)
    Y[unit, position] = values
    kept_codes = None if codes is None else np.unique(codes[keep], return_inverse=True)[1]
    return Panel(Y[keep], first[keep], periods, kept_codes, int(always.sum()), int(incomplete.sum()))


def label(period: Any) -> str:
    """A period in words: a whole number, or a date."""
    if isinstance(period, (pd.Timestamp, np.datetime64)):
        moment = pd.Timestamp(period)
        return moment.date().isoformat() if moment == moment.normalize() else moment.isoformat(sep=" ")
    return f"{period:g}"
