"""Times written as text, in ISO 8601, read as times; what cannot be read is told with its first offenders."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import pandas as pd

from .engines import AnyFrame, collected
from .queries import pandas_behind

_DATE = (  # a day that exists: the months' lengths, and February 29 in leap years only
    r"(?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))"
    r"|(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
#: ISO 8601 shapes of text dates and the format each is read with.
DATE_SHAPES = {
    rf"^{_DATE}$": "%Y-%m-%d",
    rf"^{_DATE} {_CLOCK}$": "%Y-%m-%d %H:%M",
    rf"^{_DATE} {_CLOCK}:[0-5]\d$": "%Y-%m-%d %H:%M:%S",
    rf"^{_DATE}T{_CLOCK}$": "%Y-%m-%dT%H:%M",
    rf"^{_DATE}T{_CLOCK}:[0-5]\d$": "%Y-%m-%dT%H:%M:%S",
}
ISO_CURE = "write dates as 2024-03-31 or 2024-03-31 17:45:00, all alike"
#: Offenders that a message shows.
SHOWN = 3


def with_text_times(frame: AnyFrame, column: str, into: str) -> tuple[AnyFrame, list[str]]:
    """Add the times that a column of text states, on their own wall clock, or say why they cannot be read.

    A pandas column may mix the shapes of ISO 8601, text and objects that are times; other engines take one shape.

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
    if native is not None:
        return _with_pandas_times(frame, native, column, into)
    return _with_times_of_one_shape(frame, column, into)


def _with_pandas_times(frame: AnyFrame, native: pd.DataFrame, column: str, into: str) -> tuple[AnyFrame, list[str]]:
    """Text or objects in a pandas column: ISO 8601, each by itself; aware and naive mixed is a fault."""
    raw = native[column]
    texts = raw[raw.notna()]
    aware = texts.map(_is_aware)
    if aware.any() and not aware.all():
        return frame, [
            f"column {column!r} mixes times with a zone ({int(aware.sum()):,} rows) and without "
            f"({int((~aware).sum()):,} rows); give all of them one zone, or none"
        ]
    zones = texts.map(_offset).nunique() if aware.any() else 0
    if zones > 1:
        return frame, [f"column {column!r} mixes {zones} time zones; convert all times to one zone"]
    parsed = pd.to_datetime(texts.map(_without_zone), errors="coerce", format="ISO8601")
    wrong = parsed.isna()
    if wrong.any():
        shown = ", ".join(repr(str(v)) for v in texts[wrong].head(SHOWN))
        return frame, [f"column {column!r} cannot be read as a date in {int(wrong.sum()):,} rows ({shown}); {ISO_CURE}"]
    return nw.from_native(native.assign(**{into: parsed.reindex(raw.index)})), []


def _is_aware(value: Any) -> bool:
    if isinstance(value, str):
        tail = value[10:]
        return value.endswith("Z") or "+" in tail or "-" in tail
    return getattr(value, "tzinfo", None) is not None


def _offset(value: Any) -> str:
    if isinstance(value, str):
        return "Z" if value.endswith("Z") else value[-6:]
    return str(value.tzinfo)


def _without_zone(value: Any) -> Any:
    if isinstance(value, str):
        if value.endswith("Z"):
            return value[:-1]
        tail = value[10:]
        at = max(tail.rfind("+"), tail.rfind("-"))
        return value if at < 0 else value[: 10 + at]
    return value.replace(tzinfo=None) if getattr(value, "tzinfo", None) is not None else value


def _with_times_of_one_shape(frame: AnyFrame, column: str, into: str) -> tuple[AnyFrame, list[str]]:
    dtype = frame.collect_schema()[column]
    if dtype != nw.String:
        return frame, [f"column {column!r} is of type {dtype}, not a date; {ISO_CURE}"]
    text = nw.col(column)
    counts = collected(
        frame.select(
            nw.len().cast(nw.Int64).alias("n"),
            _count(text.is_null()).alias("null"),
            *(_count(text.str.contains(shape)).alias(f"shape{i}") for i, shape in enumerate(DATE_SHAPES)),
        )
    ).row(0)
    n, null, matches = counts[0], counts[1], counts[2:]
    best = max(range(len(matches)), key=lambda i: matches[i])
    if matches[best] + null < n:
        shape = list(DATE_SHAPES)[best]
        odd = collected(frame.filter(~text.str.contains(shape)).select(column).head(SHOWN))[column].to_list()
        return frame, [
            f"column {column!r} cannot be read as a date of one shape in {n - null - matches[best]:,} rows "
            f"({', '.join(repr(v) for v in odd)}); {ISO_CURE}"
        ]
    return frame.with_columns(text.str.to_datetime(format=list(DATE_SHAPES.values())[best]).alias(into)), []


def _count(condition: nw.Expr) -> nw.Expr:
    return condition.cast(nw.Int64).sum()
