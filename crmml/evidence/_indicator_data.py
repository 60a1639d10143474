"""Raw data of an indicator, from a frame of any engine to the cases it averages; every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .. import frames
from ..checks import DAYS_PER_UNIT
from ..exceptions import DataError
from ..typing import Frame
from ._panel import as_numbers, as_times
from ._study_windows import StudyWindow, days_without
from .indicator_definitions import INDICATORS
from .measures import Average, Share


class Ratio(NamedTuple):
    """Two totals, case by case."""

    numerator: np.ndarray
    denominator: np.ndarray


class Durations(NamedTuple):
    """Times seen, and whether they were over."""

    duration: np.ndarray
    event: np.ndarray


_CLOSED_ONLY = "repair them, and leave out what is still open"

#: Roles of the columns of each source.
ROLES: Mapping[str, tuple[str, ...]] = {
    "surveys": ("satisfied", "score"),
    "customers": ("kept",),
    "visits": ("customer_id", "timestamp"),
    "staff": ("worker_id", "minutes"),
    "equipment": ("asset_id", "used", "available"),
    "deals": ("opened", "closed", "won", "amount"),
    "leads": ("leads", "cost"),
    "tickets": ("opened", "responded", "closed"),
}


class Table(NamedTuple):
    """Columns of a frame that a source can use, taken from its engine at once, and the names of all of them."""

    columns: pd.DataFrame
    there: tuple[str, ...]

    @classmethod
    def of(cls, frame: Frame, source: str, rename: Mapping[str, str]) -> Table:
        """Take them; an engine may give rows in another order each time it is asked."""
        there = tuple(frames.wrap(frame).collect_schema().names())
        wanted = [name for name in dict.fromkeys(rename.get(role, role) for role in ROLES[source]) if name in there]
        columns = frames.to_columns(frame, wanted).reset_index(drop=True) if wanted else pd.DataFrame()
        return cls(columns, there)


@dataclass
class Reader:
    """Reads columns of one table, collecting what is wrong with them."""

    table: Table
    rename: Mapping[str, str]
    window: StudyWindow | None
    satisfied_from: float | None
    duration_unit: str
    faults: list[str]

    def column(self, name: str) -> pd.Series:
        """A column by its role."""
        frames.check_names([self.called(name)], self.table.there, "the frame")
        return self.table.columns[self.called(name)]

    def called(self, name: str) -> str:
        """The caller's name of a role."""
        return self.rename.get(name, name)

    def numbers(self, name: str, lower: float | None = 0.0) -> np.ndarray:
        """Numbers, none missing, none below ``lower``."""
        values = as_numbers(self.column(name), self.called(name), self.faults)
        if lower is not None and (below := int((values < lower).sum())):
            self.faults.append(
                f"column {self.called(name)!r} is below {lower:g} in {below:,} of {len(values):,} rows; repair them"
            )
        return values

    def flags(self, name: str) -> np.ndarray:
        """0 and 1."""
        column = self.column(name)
        values = as_numbers(
            column.astype("float64") if column.dtype == bool else column, self.called(name), self.faults
        )
        if other := int((~np.isin(values, (0, 1)) & ~np.isnan(values)).sum()):
            self.faults.append(
                f"column {self.called(name)!r} is neither 0 nor 1 in {other:,} of {len(values):,} rows; write 1 where it holds"
            )
        return values == 1

    def moments(self, name: str, *, missing: bool = False, zone: bool = False, cure: str = "repair them") -> pd.Series:
        """Dates."""
        before = len(self.faults)
        column = as_times(self.column(name), self.called(name), self.faults, zone=zone)
        if len(self.faults) == before and column.dtype.kind != "M":
            if not column.isna().all():
                self.faults.append(f"column {self.called(name)!r} holds numbers; give dates such as 2024-03-01")
            column = pd.Series(pd.NaT, index=column.index, dtype="datetime64[us]")
        if len(self.faults) == before and not missing and (count := int(column.isna().sum())):
            self.faults.append(f"column {self.called(name)!r} is missing in {count:,} of {len(column):,} rows; {cure}")
        return column if column.dtype.kind == "M" else pd.Series(pd.NaT, index=column.index, dtype="datetime64[us]")

    def spans(self, start: str, end: str, *, missing: bool = False) -> tuple[pd.Series, pd.Series]:
        """Two columns of moments in one time zone, that of the first, so that hours between them are hours that went by."""
        opened = self.moments(start, zone=True)
        ended = self.moments(end, missing=missing, zone=True, cure=_CLOSED_ONLY)
        zones = opened.dt.tz, ended.dt.tz
        if zones[0] is not None and (zones[1] is not None or ended.isna().all()):
            ended = ended.dt.tz_localize(zones[0]) if zones[1] is None else ended.dt.tz_convert(zones[0])
        elif zones[0] is not None or zones[1] is not None:
            if opened.notna().any():
                with_zone, without = (start, end) if zones[1] is None else (end, start)
                self.faults.append(
                    f"column {self.called(with_zone)!r} has a time zone and {self.called(without)!r} has none; give both alike"
                )
            opened, ended = opened.dt.tz_localize(None), ended.dt.tz_localize(None)
        return opened, ended

    def identifiers(self, name: str) -> np.ndarray:
        """Codes of an identifier column."""
        column = self.column(name)
        if missing := int(column.isna().sum()):
            self.faults.append(
                f"column {self.called(name)!r} is missing in {missing:,} of {len(column):,} rows; repair them"
            )
        column, wrong = frames.alike(column, self.called(name))
        self.faults += wrong
        return pd.factorize(column)[0]

    def inside(self, moments: pd.Series, name: str) -> None:
        """Refuse times outside the window, and a window that outlasts the data."""
        if self.window is None or not moments.notna().any():
            return
        early, late = int((moments < self.window.start).sum()), int((moments >= self.window.stop).sum())
        if early or late:
            self.faults.append(
                f"column {self.called(name)!r} is outside the window {self.window} in {early + late:,} of {len(moments):,} rows "
                f"({early:,} before it, {late:,} after it); leave these rows out, or change the window, whose end is exclusive"
            )
        elif (gap := days_without(moments, self.window)) > 0:
            self.faults.append(
                f"the window {self.window} is longer than the data: column {self.called(name)!r} has nothing in {gap} days at its "
                "ends; shorten the window"
            )


def _satisfaction(read: Reader) -> Share:
    if read.satisfied_from is None:
        there = read.table.there
        if read.called("score") in there and read.called("satisfied") not in there:
            read.faults.append(
                f"column {read.called('score')!r} is a score; say from which one an answer is satisfied: satisfied_from=4"
            )
            return Share(0, 1)
        return _share(read.flags("satisfied"))
    return _share(read.numbers("score", lower=None) >= read.satisfied_from)


def _share(flags: np.ndarray) -> Share:
    return Share(int(flags.sum()), len(flags))


def _repeat_visits(read: Reader) -> Share:
    customer, moments = read.identifiers("customer_id"), read.moments("timestamp")
    read.inside(moments, "timestamp")
    days = pd.DataFrame({"customer": customer, "day": moments.dt.normalize()}).drop_duplicates()
    return _share(np.bincount(np.maximum(days["customer"].to_numpy(), 0)) > 1)


def _staff_minutes(read: Reader) -> Any:
    worker, minutes = read.identifiers("worker_id"), read.numbers("minutes")
    if (minutes > 24 * 60).any():
        read.faults.append(
            f"column {read.called('minutes')!r} is above the {24 * 60:,} minutes of a day; give minutes, one row per day"
        )
    return pd.Series(minutes).groupby(worker).mean().to_numpy()


def _utilisation(read: Reader) -> Ratio:
    asset, used, available = read.identifiers("asset_id"), read.numbers("used"), read.numbers("available")
    if above := int((used > available).sum()):
        read.faults.append(
            f"column {read.called('used')!r} exceeds {read.called('available')!r} in {above:,} of {len(used):,} rows, a rate above "
            "100 %; give both in one unit of time"
        )
    totals = pd.DataFrame({"used": used, "available": available}).groupby(asset).sum()
    return Ratio(totals["used"].to_numpy(), totals["available"].to_numpy())


def _idle(read: Reader) -> Ratio:
    used, available = _utilisation(read)
    return Ratio(available - used, available)


def _won(read: Reader) -> np.ndarray:
    read.inside(read.moments("closed", cure=_CLOSED_ONLY), "closed")
    return read.flags("won")


def _sales_cycle(read: Reader) -> Any:
    won = _won(read)
    opened, closed = read.spans("opened", "closed")
    days = (closed - opened).dt.total_seconds().to_numpy() / 86_400
    if backwards := int((days < 0).sum()):
        read.faults.append(f"{backwards:,} of {len(days):,} deals close before they open; repair these rows")
    return days[won]


def _deal_size(read: Reader) -> Any:
    return read.numbers("amount")[_won(read)]


def _lead_cost(read: Reader) -> Ratio:
    return Ratio(read.numbers("cost"), read.numbers("leads"))


def _time_to(name: str) -> Callable[[Reader], Durations]:
    def read_durations(read: Reader) -> Durations:
        opened, ended = read.spans("opened", name, missing=True)
        if read.window is None:
            read.faults.append(
                "tickets that are not over are censored at the end of their window, which is not given; state before_window and "
                "after_window"
            )
            return Durations(np.zeros(0), np.zeros(0, dtype=bool))
        read.inside(opened.dt.tz_localize(None), "opened")
        if backwards := int((ended < opened).sum()):
            read.faults.append(
                f"{backwards:,} of {len(opened):,} tickets have {read.called(name)!r} before {read.called('opened')!r}; leave it "
                "missing where a ticket is not over"
            )
        stop = read.window.stop.tz_localize(opened.dt.tz, nonexistent="shift_forward", ambiguous=True)
        over = (ended.notna() & (ended < stop)).to_numpy()
        until = pd.Series(stop, index=opened.index)
        if name == "responded" and read.called("closed") in read.table.there:
            closed = read.spans("opened", "closed", missing=True)[1]
            until = until.mask(ended.isna() & (opened <= closed) & (closed < stop), closed)
        seconds = (ended.where(over, until) - opened).dt.total_seconds().to_numpy()
        order = np.lexsort((over, seconds))  # the bootstrap must not see in which order an engine gives its rows
        return Durations(seconds[order] / (86_400 * DAYS_PER_UNIT[read.duration_unit]), over[order])

    return read_durations


READERS: Mapping[str, Callable[[Reader], Any]] = {
    "satisfaction": _satisfaction,
    "retention": lambda read: _share(read.flags("kept")),
    "repeat_visits": _repeat_visits,
    "staff_minutes": _staff_minutes,
    "utilisation": _utilisation,
    "idle_equipment": _idle,
    "sales_cycle": _sales_cycle,
    "deal_size": _deal_size,
    "win_rate": lambda read: _share(_won(read)),
    "leads": lambda read: read.numbers("leads"),
    "lead_acquisition_cost": _lead_cost,
    "response_time": _time_to("responded"),
    "closing_time": _time_to("closed"),
}

#: Indicators that a source gives by its plain name.
FROM_SOURCE: Mapping[str, tuple[str, ...]] = {
    source: tuple(name for name, one in INDICATORS.items() if one.source == source and name != "idle_equipment")
    for source in {one.source for one in INDICATORS.values() if one.source}
}

#: Columns that a source may lack, by the indicator that is then left out.
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "sales_cycle": ("opened",),
    "deal_size": ("amount",),
    "lead_acquisition_cost": ("cost",),
    "response_time": ("responded",),
    "closing_time": ("closed",),
}


def read_cases(name: str, where: str, table: Table, **options: Any) -> tuple[Any, list[str]]:
    """Cases of an indicator: Share, Average, Ratio or Durations; with the faults, each naming indicator and group."""
    read = Reader(table, faults=[], **options)
    try:
        with np.errstate(invalid="ignore"):
            cases = READERS[name](read)
    except DataError as error:
        read.faults += [fault for fault in error.faults if fault not in read.faults]
        cases = None
    if not read.faults:
        read.faults += _too_few(cases)
    if not read.faults and not isinstance(cases, (Share, Ratio, Durations)):
        cases = Average.of(cases)
    return cases, [f"{name} {where}: {fault}" for fault in dict.fromkeys(read.faults)]


def _too_few(cases: Any) -> list[str]:
    if isinstance(cases, Share):
        return []
    if isinstance(cases, Durations):
        if not len(cases.duration):
            return ["there are no cases, the group is empty"]
        return [] if cases.event.any() else ["none of the cases is over by the end of the window; lengthen it"]
    n = len(cases.numerator) if isinstance(cases, Ratio) else len(cases)
    if n < 2:
        return [f"there {'is 1 case' if n else 'are no cases, the group is empty'}; a spread needs at least 2"]
    if isinstance(cases, Ratio) and cases.denominator.sum() <= 0:
        return ["the denominators add up to 0; a ratio needs something to divide by"]
    return []
