"""Times written as text, in ISO 8601, read as times by one rule on every engine; what cannot be read is told with its first offenders.

Each row is read by itself: days may stand beside days with a clock, and seconds may have fractions, of which microseconds
are kept. A zone at the end ("Z", " UTC", " GMT", "+01", "+0100", "+01:00") is taken off: times stay on their own wall clock.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from .engines import AnyFrame, collected
from .queries import pandas_behind
from .texts import is_blank, trimmed, with_texts

#: More characters than a time in ISO 8601 can have: what is longer is none, whatever it begins with.
LONGEST = 40
# Digits are spelt out, since engines differ in what \d is; no part can match in two ways, so that no text takes long.
_DAY = (  # a day that exists: the months' lengths, and February 29 in leap years only
    r"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?"
_ZONE = r" ?(?:Z|UTC|GMT|[+-](?:0[0-9]|1[0-8])(?::?[0-5][0-9])?)"
ISO_TIME = rf"^{_DAY}(?:[T ]{_CLOCK}(?:{_ZONE})?)?$"
_ZONE_AT_END = rf"{_ZONE}$"
#: What stands before the zone in the text after the day.
_BEFORE_ZONE = r"^[T ][0-9:.,]+ ?"
_DAY_LENGTH, _CLOCK_LENGTH = 10, 15
#: Minutes between summer and winter time of one place.
_SUMMER = 60

ISO_CURE = "write dates as 2024-03-31 or 2024-03-31 17:45:00, or read the file with crmml.transactions.read_log(date_format=...)"
#: Offenders that a message shows.
SHOWN = 3


def with_text_times(frame: AnyFrame, column: str, into: str) -> tuple[AnyFrame, list[str]]:
    """Add the times that a column of text states, on their own wall clock, or say why they cannot be read.

    Blank text is a missing time. A pandas column of objects may mix text, dates and times, which count as their own text.

    Parameters
    ----------
    frame : narwhals frame
    column : str
    into : str
        Name of the column to add.

    Returns
    -------
    frame : narwhals frame
        As it was where there are faults.
    faults : list of str
    """
    native = pandas_behind(frame)
    if native is not None and isinstance(native[column].dtype, pd.DatetimeTZDtype):  # of whatever zone pandas can tell
        return nw.from_native(native.assign(**{into: native[column].dt.tz_localize(None)})), []
    working, dtype = f"{into}_text", frame.collect_schema()[column]
    if dtype not in (nw.String, nw.Categorical, nw.Enum, nw.Object):
        return frame, [f"column {column!r} is of type {dtype}, not a date; {ISO_CURE}"]
    with_text = with_texts(frame, column, working, _iso)
    text = nw.col(working)
    seen = _seen(with_text, text.str.slice(0, LONGEST), text == "")
    if (
        seen["missing"] + seen["valid"] < seen["rows"]
    ):  # only then, since taking off white space takes long on some engines
        text = trimmed(text)
        seen = _seen(with_text, text.str.slice(0, LONGEST), text == "")
    text = text.str.slice(0, LONGEST)
    valid, tail = text.str.contains(ISO_TIME), text.str.slice(_DAY_LENGTH)
    faults = _unreadable(with_text, column, working, valid, seen) + _mixed_zones(with_text, column, valid, tail, seen)
    if faults:
        return frame, faults
    clock = _whole_clock(tail, zoned=bool(seen["zoned"])) if seen["timed"] else nw.lit("00:00:00.000000")
    moment = nw.concat_str([text.str.slice(0, _DAY_LENGTH), nw.lit("T"), clock])
    normal = with_text.with_columns(nw.when(valid).then(moment).alias(into))
    return _parsed(normal, into).drop(working), []


def _seen(frame: AnyFrame, text: nw.Expr, missing: nw.Expr) -> dict[str, int]:
    """Counts of rows: all, missing, valid, with a clock, with a zone."""
    valid, tail = text.str.contains(ISO_TIME), text.str.slice(_DAY_LENGTH)
    counts = {
        "rows": nw.len().cast(nw.Int64),
        "missing": _count(missing),
        "valid": _count(valid),
        "timed": _count(valid & (tail != "")),
        "zoned": _count(valid & tail.str.contains(_ZONE_AT_END)),
    }
    found = collected(frame.select(expr.alias(name) for name, expr in counts.items()))
    return {name: int(found[name][0] or 0) for name in counts}


def _iso(entry: Any) -> str:
    """An object as text: a date or time in ISO 8601, and anything else in a form that no time has."""
    if isinstance(entry, dt.date):
        return entry.isoformat()
    return str(entry) if isinstance(entry, np.datetime64) else repr(entry)


def _unreadable(frame: AnyFrame, column: str, working: str, valid: nw.Expr, seen: dict[str, int]) -> list[str]:
    wrong = seen["rows"] - seen["missing"] - seen["valid"]
    if not wrong:
        return []
    offenders = frame.filter(~valid & ~is_blank(nw.col(working)))
    first = collected(offenders.select(nw.col(working).str.slice(0, LONGEST + 1)).head(SHOWN))[working].to_list()
    shown = ", ".join(repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}...") for text in first)
    return [f"column {column!r} cannot be read as a date in {wrong:,} of {seen['rows']:,} rows ({shown}); {ISO_CURE}"]


def _mixed_zones(frame: AnyFrame, column: str, valid: nw.Expr, tail: nw.Expr, seen: dict[str, int]) -> list[str]:
    """Faults of times with and without a zone, and of zones that are not the summer and winter of one place."""
    if not seen["zoned"]:
        return []
    faults = []
    if bare := seen["valid"] - seen["zoned"]:
        faults.append(
            f"column {column!r} mixes times with a zone ({seen['zoned']:,} rows) and without ({bare:,} rows); give all of "
            "them one zone, or none"
        )
    zone = nw.when(valid & tail.str.contains(_ZONE_AT_END)).then(tail.str.replace_all(_BEFORE_ZONE, ""))
    by_zone = frame.select(zone.alias("zone")).group_by("zone").agg(nw.len().alias("rows"))
    rows_of: dict[int, int] = {}
    for text, rows in collected(by_zone).iter_rows():
        if isinstance(text, str):
            rows_of[_minutes(text)] = rows_of.get(_minutes(text), 0) + int(rows)
    if max(rows_of) - min(rows_of) > _SUMMER:
        most = sorted(rows_of, key=lambda minutes: (-rows_of[minutes], minutes))
        shown = ", ".join(f"{_offset(minutes)} ({rows_of[minutes]:,} rows)" for minutes in most[:SHOWN])
        more = f" and {len(most) - SHOWN} more" if len(most) > SHOWN else ""
        faults.append(
            f"column {column!r} mixes times of zones more than an hour apart, {shown}{more}, which are not the summer and "
            "winter of one place; convert all times to one zone"
        )
    return faults


def _minutes(zone: str) -> int:
    """Minutes that a zone is ahead of UTC."""
    digits = zone.strip("+-").replace(":", "")
    if not digits.isdigit():
        return 0  # Z, UTC, GMT
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return -minutes if zone.startswith("-") else minutes


def _offset(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _whole_clock(tail: nw.Expr, *, zoned: bool) -> nw.Expr:
    """What follows the day as hours, minutes, seconds and six digits of fractions."""
    clock = (tail.str.replace_all(_ZONE_AT_END, "") if zoned else tail).str.slice(1)
    length = clock.str.len_chars()
    fraction = nw.concat_str([clock, nw.lit("000000")]).str.slice(0, _CLOCK_LENGTH)
    fraction = fraction.str.replace_all(",", ".", literal=True)
    return (
        nw.when(length == 0)
        .then(nw.lit("00:00:00.000000"))
        .otherwise(
            nw.when(length == 5)
            .then(nw.concat_str([clock, nw.lit(":00.000000")]))
            .otherwise(nw.when(length == 8).then(nw.concat_str([clock, nw.lit(".000000")])).otherwise(fraction))
        )
    )


def _parsed(frame: AnyFrame, name: str) -> AnyFrame:
    """The frame with a column of whole times, 2024-03-31T17:45:00.000000 or null, read by the engine."""
    native = pandas_behind(frame)
    if native is not None:
        texts = native[name].to_numpy(dtype=object, na_value="NaT")
        try:
            times: Any = pd.to_datetime(texts, format="ISO8601")
        except pd.errors.OutOfBoundsDatetime:  # where pandas counts in nanoseconds, numpy knows the years outside
            times = texts.astype("datetime64[us]")
        return nw.from_native(native.assign(**{name: times}))
    if frame.implementation.is_polars():
        return frame.with_columns(nw.col(name).str.to_datetime(format="%Y-%m-%dT%H:%M:%S%.6f"))
    return frame.with_columns(nw.col(name).cast(nw.Datetime("us")))


def _count(condition: nw.Expr) -> nw.Expr:
    return condition.cast(nw.Int64).sum()
