"""Amounts written as text, as spreadsheets and bank exports write them: separators, currency signs, minus signs.

Whether a comma or a point parts the decimals is decided by all texts of a column together: "1,200" alone can be read in two
ways, beside "12.50" in one only. Nothing is guessed; where both readings fit, both are told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..exceptions import shown

#: What parts the decimals.
DecimalMark: TypeAlias = Literal[".", ","]

#: Words for a cell that holds nothing.
MISSING_WORDS = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "<na>"})

#: Offenders that a message shows.
_SHOWN = 3

#: Longest text that can be an amount; a longer one is not looked at.
_LONGEST = 60

#: The currencies that each sign stands for.
CURRENCY_SIGNS: Mapping[str, frozenset[str]] = {
    sign: frozenset(codes.split())
    for sign, codes in {
        "€": "EUR",
        "£": "GBP EGP GIP FKP SHP SSP LBP",
        "$": "USD CAD AUD NZD SGD HKD TWD MXN ARS CLP COP UYU BBD BMD BSD BZD FJD GYD JMD KYD LRD NAD SBD SRD TTD XCD",
        "US$": "USD",
        "C$": "CAD NIO",
        "CA$": "CAD",
        "A$": "AUD",
        "AU$": "AUD",
        "NZ$": "NZD",
        "S$": "SGD",
        "HK$": "HKD",
        "NT$": "TWD",
        "MX$": "MXN",
        "R$": "BRL",
        "¥": "CNY JPY",
        "元": "CNY",
        "RMB": "CNY",
        "円": "JPY",
        "₹": "INR",
        "Rs": "INR PKR LKR NPR MUR",
        "Rs.": "INR PKR LKR NPR MUR",
        "₽": "RUB",
        "₩": "KRW KPW",
        "₺": "TRY",
        "₪": "ILS",
        "฿": "THB",
        "₫": "VND",
        "₱": "PHP",
        "₴": "UAH",
        "₦": "NGN",
        "zł": "PLN",
        "Kč": "CZK",
        "Ft": "HUF",
        "lei": "RON MDL",
        "kr": "SEK NOK DKK ISK",
        "kr.": "SEK NOK DKK ISK",
        "Fr": "CHF",
        "Fr.": "CHF",
        "R": "ZAR",
    }.items()
}

_SPACES = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-", "\u2013": "-", "’": "'", "￥": "¥"}
)
_CODE = re.compile(r"[A-Z]{3}")

#: A number with a decimal point: plain, with thousands in threes, or grouped as in India.
_POINT = re.compile(
    r"\d+(\.\d+)?([eE][+-]?\d{1,3})?|\.\d+|[1-9]\d{0,2}([, '])\d{3}(\3\d{3})*(\.\d+)?|[1-9]\d?(,\d\d)+,\d{3}(\.\d+)?"
)
#: A number with what stands around it; ",-" and ".-" say that there are no cents, as in "300,-".
_AROUND = re.compile(r"(?P<before>[^0-9,]{0,8})(?P<body>,?[0-9](?:.*[0-9])?)(?:[.,]-)?(?P<after>[^0-9.,]{0,8}\.?)")
_SWAPPED = str.maketrans(".,", ",.")


@dataclass(frozen=True)
class TextAmounts:
    """What the texts of one column say.

    Attributes
    ----------
    values : dict of str to float
        By the text; only of those that are read.
    signs : dict of str to str
        Currency sign or code beside the number, where there is one.
    unread : dict of str to str
        What is wrong with each text that is not an amount.
    decimal : {".", ","} or None
        What parts the decimals; None where no text depends on it, or where they do not agree.
    faults : tuple of str
        Why the column as a whole cannot be read: both marks fit, or they are mixed.
    """

    values: Mapping[str, float]
    signs: Mapping[str, str]
    unread: Mapping[str, str]
    decimal: DecimalMark | None
    faults: tuple[str, ...]


def read_text_amounts(texts: Iterable[str], decimal: DecimalMark | None = None, *, pin: str = "decimal") -> TextAmounts:
    """Read the texts of a column as amounts, by one convention for all of them.

    Parameters
    ----------
    texts : iterable of str
        All values of the column, without those that say that nothing is there; see `is_missing_text`.
    decimal : {".", ","}, default=None
        What parts the decimals; None decides by the texts.
    pin : str, default="decimal"
        What the caller's argument of that name is called, for the cure.

    Returns
    -------
    TextAmounts

    Examples
    --------
    >>> read_text_amounts(["1.200,50 €", "300", "(45,00)"]).values
    {'1.200,50 €': 1200.5, '300': 300.0, '(45,00)': -45.0}
    >>> print(read_text_amounts(["1,200", "300"]).faults[0])
    1 value can be read in two ways ('1,200' is 1,200 with a decimal point and 1.2 with a decimal comma); say \
decimal='.' or decimal=','
    """
    counts = Counter(texts)
    signs: dict[str, str] = {}
    unread: dict[str, str] = {}
    readings: dict[str, dict[DecimalMark, float]] = {}
    for text in counts:
        parts = _apart(text)
        found = {} if parts is None else _readings(parts[1], negative=parts[0])
        if parts is None or not found:
            unread[text] = _not_a_number(text)
            continue
        readings[text] = found
        if parts[2]:
            signs[text] = parts[2]
    mark, fault = (decimal, "") if decimal else _decided(readings, counts, pin)
    if fault:
        return TextAmounts({}, signs, unread, None, (fault,))
    values = {text: found[mark or "."] for text, found in readings.items() if (mark or ".") in found}
    word = "comma" if mark == "," else "point"
    unread |= {text: f"{shown(text)} is not a number with a decimal {word}" for text in readings if text not in values}
    return TextAmounts(values, signs, unread, mark, ())


def is_missing_text(text: str) -> bool:
    """Whether a text says that nothing is there: blank, or a word such as "n/a".

    Examples
    --------
    >>> is_missing_text("  "), is_missing_text("N/A"), is_missing_text("0")
    (True, True, False)
    """
    return (len(text) <= _LONGEST and text.strip().lower() in MISSING_WORDS) or not text.strip()


def sign_agrees(sign: str, currency: str) -> bool:
    """Whether a sign or code beside an amount can stand for a currency.

    Examples
    --------
    >>> sign_agrees("$", "CAD"), sign_agrees("$", "EUR"), sign_agrees("USD", "USD")
    (True, False, True)
    """
    return sign == currency or currency in CURRENCY_SIGNS.get(sign, ())


def _not_a_number(text: str) -> str:
    return f"{shown(text)} is not a number{'; it is an amount, not a percentage' if '%' in text else ''}"


def _apart(text: str) -> tuple[bool, str, str] | None:
    """Whether an amount is negative, its digits with their separators, and its currency; None where a text is no amount."""
    if len(text) > _LONGEST:
        return None
    bare = text.translate(_SPACES).strip()
    bracketed = bare.startswith("(") and bare.endswith(")")
    found = _AROUND.fullmatch(bare[1:-1].strip() if bracketed else bare)
    if found is None:
        return None
    before, body, after = found["before"].strip(), found["body"], found["after"].strip()
    if before.endswith(".") and before not in CURRENCY_SIGNS:  # a fraction without its zero, as in ".50"
        before, body = before[:-1].strip(), f".{body}"
    minus = before.count("-") + after.count("-") + bracketed
    sign = _currency(f"{before.strip('+- ')} {after.strip('- ')}".strip())
    return None if minus > 1 or sign is None else (minus == 1, body, sign)


def _currency(beside: str) -> str | None:
    """The sign or code of a currency that stands beside a number, "" where nothing does; None where it is another word."""
    if not beside or beside in CURRENCY_SIGNS:
        return beside
    return beside.upper() if _CODE.fullmatch(beside.upper()) else None


def _readings(body: str, *, negative: bool) -> dict[DecimalMark, float]:
    """What digits are with a decimal point and with a decimal comma, where they are a number so."""
    found: dict[DecimalMark, float] = {}
    marks: tuple[DecimalMark, DecimalMark] = (".", ",")
    for mark, digits in zip(marks, (body, body.translate(_SWAPPED)), strict=True):
        if _POINT.fullmatch(digits):
            value = float(re.sub(r"[, ']", "", digits))
            found[mark] = -value if negative else value
    return found


def _decided(
    readings: Mapping[str, Mapping[DecimalMark, float]], counts: Mapping[str, int], pin: str
) -> tuple[DecimalMark | None, str]:
    """The mark that all texts are written with, or why none can be told."""
    point = [text for text, found in readings.items() if "," not in found]
    comma = [text for text, found in readings.items() if "." not in found]
    if point and comma:
        return None, (
            f"decimal points in {_rows(point, counts)} and decimal commas in {_rows(comma, counts)} are mixed; write all alike"
        )
    if point or comma:
        return ("." if point else ","), ""
    both = [text for text, found in readings.items() if found["."] != found[","]]
    return None, _both(both, readings, counts, pin) if both else ""


def _both(
    texts: list[str], readings: Mapping[str, Mapping[DecimalMark, float]], counts: Mapping[str, int], pin: str
) -> str:
    count, first = sum(counts[text] for text in texts), readings[texts[0]]
    return (
        f"{count:,} value{'s' if count != 1 else ''} can be read in two ways ({shown(texts[0])} is {first['.']:,.12g} with a decimal "
        f"point and {first[',']:,.12g} with a decimal comma); say {pin}='.' or {pin}=','"
    )


def _rows(texts: list[str], counts: Mapping[str, int]) -> str:
    count = sum(counts[text] for text in texts)
    more = ", ..." if len(texts) > _SHOWN else ""
    return f"{count:,} row{'s' if count != 1 else ''} ({', '.join(map(shown, texts[:_SHOWN]))}{more})"
