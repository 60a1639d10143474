"""Days and times as files write them: which strptime formats fit a column, and which of day and month comes first.

ISO 8601 is read by the one parser of :mod:`crmml.frames`; here are the other ways. Where the year is last, or has two digits,
several orders may fit: the rows that each does not fit are counted over the whole column, and the column is refused where
more than one fits all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .text_table import literal

#: Longest text that can be a time.
LONGEST = 60
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")
_NUMERIC = re.compile(r"(\d{1,4})([/.-])(\d{1,2})\2(\d{1,4})(?P<rest>.*)", re.DOTALL)
_DAY_MONTH = re.compile(r"(\d{1,2})([ /.-]?)([A-Za-z]{3,9})(\.?)\2(,?)(\d{4}|\d{2})(?P<rest>.*)", re.DOTALL)
_MONTH_DAY = re.compile(r"([A-Za-z]{3,9}) (\d{1,2})(,?) (\d{4})(?P<rest>.*)", re.DOTALL)
_COMPACT = re.compile(r"\d{8}(?P<rest>.*)", re.DOTALL)
_CLOCK = re.compile(
    r"(?P<joiner>[ T]|, )\d{1,2}:\d\d(?P<seconds>:\d\d(?P<fraction>\.\d{1,6})?)?(?P<half> ?[AaPp][Mm])?"
)
_FORMAT_CLOCK = re.compile(r"( |T|, )%[HI]:%M(:%S(\.%f)?)?( ?%p)?$")
_MONTHS = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
#: Counts since 1970 that must be stated, and how many make a second.
UNIX = {"unix_s": 1, "unix_ms": 1_000, "unix_us": 1_000_000}
EXCEL = "excel"
#: Microseconds since 1970 of the times that every engine holds: the years 1678 to 2261.
_EARLIEST, _LATEST = -9_214_560_000_000_000, 9_214_646_400_000_000
_ORDER_WORDS = {"dmy": "the day first", "mdy": "the month first", "ymd": "the year first"}


@dataclass(frozen=True)
class DateReading:
    """One way to read a column of times.

    Attributes
    ----------
    formats : tuple of str
        strptime formats, tried in turn; the first names the reading.
    order : {"dmy", "mdy", "ymd"}
    """

    formats: tuple[str, ...]
    order: str

    @property
    def words(self) -> str:
        """The order in words."""
        return _ORDER_WORDS[self.order]

    def sql(self, column: str) -> str:
        """The time that an entry states, null where it fits no format."""
        first, *others = map(literal, self.formats)
        parsed = f"try_strptime({column}, {first})"
        if others:  # the engine is slow with lists, which most entries need not
            parsed = f"coalesce({parsed}, try_strptime(bare({column}), [{', '.join([first, *others])}]))"
        return f"case when length({column}) <= {LONGEST} and year({parsed}) between 1678 and 2261 then {parsed} end"


def is_iso(texts: Iterable[str]) -> bool:
    """Whether the texts are mostly written year-month-day in full, as ISO 8601 has it."""
    known = list(texts)
    return sum(bool(ISO.fullmatch(text)) for text in known) * 2 >= len(known)


def candidate_readings(texts: Sequence[str]) -> list[DateReading]:
    """The ways in which a column might be meant, by some of its texts; none where they are no dates of a known shape.

    Examples
    --------
    >>> [reading.formats[0] for reading in candidate_readings(["12/1/2010 8:26", "12/9/2010 12:50"])]
    ['%d/%m/%Y %H:%M', '%m/%d/%Y %H:%M']
    """
    shapes = Counter(shape for text in texts if len(text) <= LONGEST and (shape := _shape_of(text.strip())) is not None)
    if not shapes:
        return []
    family: Counter[tuple[tuple[str, str], ...]] = Counter()
    for (days, _), count in shapes.items():
        family[days] += count
    days = family.most_common(1)[0][0]
    clocks = [clock for (which, clock), _ in shapes.most_common() if which == days]
    return [DateReading(tuple(f"{day}{clock}" for clock in _with_kin(clocks)), order) for day, order in days]


def _with_kin(clocks: Sequence[str]) -> list[str]:
    """The clocks that were seen, and those that the same column may hold too: none at midnight, fractions now and then."""
    joiner = next((clock[: clock.index("%")] for clock in clocks if clock), None)
    if joiner is None:
        return [""]
    halves = any("%I" in clock for clock in clocks)
    kin = ["%I:%M:%S %p", "%I:%M %p", "%I:%M:%S%p", "%I:%M%p"] if halves else ["%H:%M:%S", "%H:%M", "%H:%M:%S.%f"]
    return list(dict.fromkeys([*clocks, *(f"{joiner}{clock}" for clock in kin), ""]))


def _shape_of(text: str) -> tuple[tuple[tuple[str, str], ...], str] | None:
    """The formats of the day, each with its order, and the format of the clock."""
    for read in (_numeric, _named_month, _compact):
        found = read(text)
        if found is not None:
            days, rest = found
            clock = _clock_of(rest)
            return None if clock is None else (days, clock)
    return None


def _numeric(text: str) -> tuple[tuple[tuple[str, str], ...], str] | None:
    found = _NUMERIC.fullmatch(text)
    if found is None:
        return None
    first, sep, _, last, rest = found.groups()
    if len(first) == 4 and len(last) <= 2:
        return ((f"%Y{sep}%m{sep}%d", "ymd"),), rest
    if len(first) > 2 or len(last) == 3:
        return None
    year = "%Y" if len(last) == 4 else "%y"
    days = [(f"%d{sep}%m{sep}{year}", "dmy"), (f"%m{sep}%d{sep}{year}", "mdy")]
    if year == "%y" and len(first) == 2:
        days.append((f"%y{sep}%m{sep}%d", "ymd"))
    return tuple(days), rest


def _named_month(text: str) -> tuple[tuple[tuple[str, str], ...], str] | None:
    if found := _DAY_MONTH.fullmatch(text):
        sep, month, dot, comma, year, rest = found.groups()[1:]
        if month[:3].lower() in _MONTHS:
            name = "%b" if len(month) == 3 else "%B"
            return ((f"%d{sep}{name}{dot}{sep}{comma}{'%Y' if len(year) == 4 else '%y'}", "dmy"),), rest
    if found := _MONTH_DAY.fullmatch(text):
        month, comma, rest = found[1], found[3], found["rest"]
        if month[:3].lower() in _MONTHS:
            return ((f"{'%b' if len(month) == 3 else '%B'} %d{comma} %Y", "mdy"),), rest
    return None


def _compact(text: str) -> tuple[tuple[tuple[str, str], ...], str] | None:
    found = _COMPACT.fullmatch(text)
    if found is None or (found["rest"] and found["rest"][0].isdigit()):
        return None
    return (("%Y%m%d", "ymd"), ("%d%m%Y", "dmy"), ("%m%d%Y", "mdy")), found["rest"]


def _clock_of(rest: str) -> str | None:
    """The format of what follows the day: "" where nothing does, None where it is no clock."""
    if not rest:
        return ""
    found = _CLOCK.fullmatch(rest)
    if found is None:
        return None
    half = found["half"]
    seconds = "" if found["seconds"] is None else ":%S.%f" if found["fraction"] else ":%S"
    return f"{found['joiner']}{'%I' if half else '%H'}:%M{seconds}" + (
        f"{' ' if half.startswith(' ') else ''}%p" if half else ""
    )


def stated_sql(date_format: str, column: str) -> str:
    """The time that an entry states in a format that the caller stated, null where it does not fit."""
    entry = f"bare({column})"
    if date_format in UNIX:
        factor = 1_000_000 // UNIX[date_format]
        count = f"round(try_cast({entry} as decimal(38, 9)) * {factor})"
        moment = f"make_timestamp(cast({count} as bigint))"
        is_count = f"regexp_full_match({entry}, '-?\\d{{1,17}}(\\.\\d{{0,9}})?')"
        return f"case when {is_count} and {count} between {_EARLIEST} and {_LATEST} then {moment} end"
    if date_format == EXCEL:
        serial = f"try_cast({entry} as double)"
        return (
            f"case when {serial} between 1 and 2958465 then timestamp '1899-12-30' + "
            f"to_microseconds(cast(round({serial} * 86400) * 1000000 as bigint)) end"
        )
    return DateReading(_stated_formats(date_format), "ymd").sql(column)


def _stated_formats(date_format: str) -> tuple[str, ...]:
    """A stated format, and the same day with the other clocks of its kind, such as none at midnight."""
    found = _FORMAT_CLOCK.search(date_format)
    if found is None:
        return (date_format,)
    day = date_format[: found.start()]
    return tuple(f"{day}{clock}" for clock in _with_kin([found[0]]))


def two_ways(column: str, rows: int, text: str, readings: Sequence[tuple[DateReading, str]]) -> str:
    """The fault of a column that more than one order fits, with the readings of its first text."""
    shown = " and ".join(f"{day} with {reading.words}" for reading, day in readings)
    cures = " or ".join(f"date_format={reading.formats[0]!r}" for reading, _ in readings)
    ways = {2: "two", 3: "three"}[len(readings)]
    return f"column {column!r} can be read in {ways} ways in all its {rows:,} rows ({text!r} is {shown}); say {cures}"
