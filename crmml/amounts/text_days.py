"""Days written as text, the order of day and month decided by the whole column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from ..exceptions import shown
from .windows import read_day

#: Offenders that a message shows.
_SHOWN = 3

#: Longest text that can be a day; a longer one is not looked at.
_LONGEST = 60

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NAMES = dict(
    zip(
        [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ],
        range(1, 13),
        strict=True,
    )
) | {**{name: k + 1 for k, name in enumerate(_MONTHS)}, "sept": 9}

#: A time of day behind the day, of which a ledger takes no note.
_CLOCK = r"(?:[ T]+\d{1,2}:\d\d(?::\d\d(?:\.\d{1,9})?)?(?: ?[AaPp][Mm])?)?"
_NUMBERS = re.compile(rf"(\d\d?)([-/.])(\d\d?)\2(\d{{4}}|\d\d){_CLOCK}")
_DAY_MONTH = re.compile(rf"(\d\d?)[-/. ] ?([A-Za-z]{{3,9}})\.?[-/,. ] ?(\d{{4}}){_CLOCK}")
_MONTH_DAY = re.compile(rf"([A-Za-z]{{3,9}})\.?[- ] ?(\d\d?),? ?[- ] ?(\d{{4}}){_CLOCK}")


@dataclass(frozen=True)
class TextDays:
    """What the texts of one column say.

    Attributes
    ----------
    values : dict of str to Timestamp
        By the text; only of those that are read.
    unread : dict of str to str
        What is wrong with each other text.
    day_first : bool or None
        The order that was read; None where no text depends on it, or where it cannot be told.
    faults : tuple of str
        Why the column as a whole cannot be read: both orders fit, or they are mixed.
    """

    values: Mapping[str, pd.Timestamp]
    unread: Mapping[str, str]
    day_first: bool | None
    faults: tuple[str, ...]


def read_text_days(texts: Iterable[str], day_first: bool | None = None) -> TextDays:
    """Read the texts of a column as days, by one order of day and month for all of them.

    Parameters
    ----------
    texts : iterable of str
        The year first, as in 2024-01-31; or last, as in 31/01/2024; or the month by its name, as in 31 Jan 2024.
    day_first : bool, default=None
        Whether the day stands before the month where the year is last; None decides by the texts.

    Returns
    -------
    TextDays

    Examples
    --------
    >>> days = read_text_days(["01/02/2024", "31/01/2024"])
    >>> print(days.values["01/02/2024"].date())
    2024-02-01
    >>> print(read_text_days(["01/02/2024"]).faults[0])
    1 value can be read in two ways ('01/02/2024' is 2024-02-01 with the day first and 2024-01-02 with the month first); say \
day_first=True or day_first=False
    """
    counts = Counter(texts)
    values: dict[str, pd.Timestamp] = {}
    unread: dict[str, str] = {}
    orders: dict[str, dict[bool, pd.Timestamp]] = {}
    for text in counts:
        numbers = _of_numbers(text)
        if numbers and (found := _both_orders(numbers)):
            orders[text] = found
        elif (named := _of_named_month(text)) is not None:
            values[text] = named
        else:
            try:
                values[text] = read_day(text)
            except ValueError as error:
                unread[text] = _two_digits(numbers) or str(error)
    order, fault = (day_first, "") if day_first is not None else _decided(orders, counts)
    if fault:
        return TextDays(values, unread, None, (fault,))
    read = True if order is None else order
    values |= {text: found[read] for text, found in orders.items() if read in found}
    first = "day" if read else "month"
    unread |= {text: f"{shown(text)} is not a day with the {first} first" for text in orders if text not in values}
    return TextDays(values, unread, order, ())


def _of_numbers(text: str) -> re.Match[str] | None:
    return _NUMBERS.fullmatch(text.strip()) if len(text) <= _LONGEST else None


def _both_orders(numbers: re.Match[str]) -> dict[bool, pd.Timestamp]:
    """The days that exist, by whether the day stands first; none where the year has two digits."""
    first, _, second, year = numbers.groups()
    found = {}
    for day_first, day, month in ((True, first, second), (False, second, first)):
        if len(year) == 4 and (read := _day(year, int(month), day)) is not None:
            found[day_first] = read
    return found


def _two_digits(numbers: re.Match[str] | None) -> str:
    if numbers is None or len(numbers[4]) == 4:
        return ""
    return f"{numbers[0]!r} has a year of two digits; write all four, as in '2024-01-31'"


def _of_named_month(text: str) -> pd.Timestamp | None:
    if len(text) > _LONGEST:
        return None
    if found := _DAY_MONTH.fullmatch(text.strip()):
        return _day(found[3], _NAMES.get(found[2].lower(), 0), found[1])
    if found := _MONTH_DAY.fullmatch(text.strip()):
        return _day(found[3], _NAMES.get(found[1].lower(), 0), found[2])
    return None


def _day(year: str, month: int, day: str) -> pd.Timestamp | None:
    try:
        return read_day(pd.Timestamp(int(year), month, int(day)))
    except ValueError:
        return None


def _decided(orders: Mapping[str, Mapping[bool, pd.Timestamp]], counts: Mapping[str, int]) -> tuple[bool | None, str]:
    """Whether the day stands first in all texts, or why it cannot be told."""
    day = [text for text, found in orders.items() if False not in found]
    month = [text for text, found in orders.items() if True not in found]
    if day and month:
        return None, (
            f"days first in {_rows(day, counts)} and months first in {_rows(month, counts)} are mixed; write all as in '2024-01-31'"
        )
    if day or month:
        return bool(day), ""
    both = [text for text, found in orders.items() if found[True] != found[False]]
    return None, _both(both, orders, counts) if both else ""


def _both(texts: list[str], orders: Mapping[str, Mapping[bool, pd.Timestamp]], counts: Mapping[str, int]) -> str:
    first, count = orders[texts[0]], sum(counts[text] for text in texts)
    return (
        f"{count:,} value{'s' if count != 1 else ''} can be read in two ways ({shown(texts[0])} is {first[True]:%Y-%m-%d} with the "
        f"day first and {first[False]:%Y-%m-%d} with the month first); say day_first=True or day_first=False"
    )


def _rows(texts: list[str], counts: Mapping[str, int]) -> str:
    count = sum(counts[text] for text in texts)
    more = ", ..." if len(texts) > _SHOWN else ""
    return f"{count:,} row{'s' if count != 1 else ''} ({', '.join(map(shown, texts[:_SHOWN]))}{more})"
