"""Errors that carry every fault found, what was expected and how to mend it, and warnings that name the caller's line."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sklearn

_PACKAGE = Path(__file__).parent
#: Folders whose lines nobody asks to be told of: this library's, and scikit-learn's, which call the one on behalf of the other.
_INSIDE = (f"{_PACKAGE}{os.sep}", f"{Path(sklearn.__file__).parent}{os.sep}")
#: The command line is a caller, like any other.
_CALLERS = f"{_PACKAGE / 'cli'}{os.sep}"


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called the library, however many of its functions lie between.

    Parameters
    ----------
    message : str
    category : type of Warning, default=UserWarning

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn("two customers share a name")
    >>> str(caught[0].message)
    'two customers share a name'
    """
    level = 2
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_inside(frame.f_code.co_filename):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_inside(filename: str) -> bool:
    return filename.startswith(_INSIDE) and not filename.startswith(_CALLERS)


#: What faults count, and the verbs that go with them.
_COUNTED = (
    "accounts|amounts|arms|cells|columns|customers|days|draws|durations|entries|gaps|intervals|labels|levels|moves|numbers"
    "|observations|paths|periods|probabilities|rows|scores|stages|times|values|weights"
)
_SINGULAR = {
    "have": "has",
    "are": "is",
    "were": "was",
    "repeat": "repeats",
    "hold": "holds",
    "lack": "lacks",
    "share": "shares",
    "lie": "lies",
    "name": "names",
}
_ONE = re.compile(rf"(?<![\w.,='\"-])1 (of [\d,]+ )?({_COUNTED})\b( of \w+)?( (?:{'|'.join(_SINGULAR)})\b)?")

#: Runs in a fault that only the cell of a table, or the text of an argument, can be.
_HUGE = re.compile(r"\S{300,}|'[^']{1000,}'|\"[^\"]{1000,}\"")


def shown(value: Any, most: int = 40) -> str:
    """Return a value as a message shows it: its ``repr``, cut with an ellipsis where it is long.

    Parameters
    ----------
    value : object
    most : int, default=40
        Longest text, in characters, without the quotes of a string.

    Examples
    --------
    >>> shown("loyal")
    "'loyal'"
    >>> len(shown("x" * 1_000_000))
    42
    """
    if isinstance(value, str):
        return repr(shortened(value, most))
    return shortened(repr(value), most)


def listed(texts: Sequence[str], most: int = 20, separator: str = ", ") -> str:
    """Return texts in a row, long ones shortened, and how many more there are behind the first ``most``.

    Examples
    --------
    >>> listed(["training", "servers", "staff"], most=2)
    'training, servers and 1 more'
    """
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return separator.join(shortened(str(text), 80) for text in texts[:most]) + more


def shortened(text: str, most: int = 40) -> str:
    """Return a text of at most ``most`` characters: itself, or its beginning and an ellipsis.

    Examples
    --------
    >>> shortened("customers who came back after a year", 14)
    'customers who…'
    """
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def in_number(text: str) -> str:
    """Return a sentence with nouns and verbs in the singular behind a count of one.

    Examples
    --------
    >>> in_number("1 rows have no date")
    '1 row has no date'
    >>> in_number("1 of 3 customers were seen once, 21 rows are empty")
    '1 of 3 customers was seen once, 21 rows are empty'
    """

    def singular(found: re.Match[str]) -> str:
        of, noun, whose, verb = found[1] or "", found[2], found[3] or "", found[4] or ""
        if not of:
            noun = f"{noun[:-3]}y" if noun.endswith("ies") else noun.removesuffix("s")
        return f"1 {of}{noun}{whose}{' ' + _SINGULAR[verb.strip()] if verb else ''}"

    return _ONE.sub(singular, text)


def _told(fault: str) -> str:
    """A fault as it is read: one thing in the singular, no cell of a table at its full length."""
    return in_number(_HUGE.sub(lambda found: shortened(found[0]), fault))


class DataError(ValueError):
    """Input that was refused before any computing.

    Parameters
    ----------
    faults : sequence of str
        One entry per fault: what is wrong, in how many rows, the first offenders, and the way to mend it.
    subject : str, default="the data"
        What was looked at, for the first line of the message.

    Attributes
    ----------
    faults : tuple of str
    """

    def __init__(self, faults: Sequence[str], subject: str = "the data"):
        self.faults = tuple(map(_told, faults))
        self.subject = subject
        count = len(self.faults)
        head = f"{subject} cannot be used, {count} fault{'s' if count != 1 else ''} found:"
        super().__init__("\n".join([head, *(f"  - {fault}" for fault in self.faults)]))

    def __reduce__(self):
        return type(self), (self.faults, self.subject)


class RulerError(DataError):
    """A summary measured in another unit, period or observation end than the model was fitted on."""


class WorkError(ArithmeticError, ValueError):
    """An answer that would take more time or memory than anybody has; the message says what to ask instead."""


class LogWarning(UserWarning):
    """Something in a transaction log was left out or merged; the message says how much and how to change it."""


class FeatureWarning(UserWarning):
    """A column of features was left out, filled in or not fully known; the message says which and what to do."""


class EvidenceWarning(UserWarning):
    """A comparison rests on less than it seems to; the message says on what and how to mend it."""


class MissingInputsError(DataError):
    """A return that cannot be known; the message lists everything that is missing, and what else is wrong.

    Parameters
    ----------
    faults : sequence of str
        One entry for each input that is missing: what it is, what it is needed for and how to give it.
    subject : str, default="the return on investment"

    Attributes
    ----------
    faults : tuple of str
    missing : tuple of str
        The same.

    Examples
    --------
    >>> raise MissingInputsError(["no cost has an amount"])
    Traceback (most recent call last):
    crmml.exceptions.MissingInputsError: the return on investment cannot be known, 1 input is missing or wrong:
      - no cost has an amount
    """

    def __init__(self, faults: Sequence[str], subject: str = "the return on investment"):
        super().__init__(faults, subject)
        count = len(self.faults)
        head = f"{subject} cannot be known, {count} input{'s are' if count != 1 else ' is'} missing or wrong:"
        self.args = ("\n".join([head, *(f"  - {fault}" for fault in self.faults)]),)

    @property
    def missing(self) -> tuple[str, ...]:
        """What is missing."""
        return self.faults
