"""Errors that carry every fault found, what was expected and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence


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
        self.faults = tuple(faults)
        self.subject = subject
        count = len(self.faults)
        head = f"{subject} cannot be used, {count} fault{'s' if count != 1 else ''} found:"
        super().__init__("\n".join([head, *(f"  - {fault}" for fault in self.faults)]))

    def __reduce__(self):
        return type(self), (self.faults, self.subject)


class RulerError(DataError):
    """A summary measured in another unit, period or observation end than the model was fitted on."""


class LogWarning(UserWarning):
    """Something in a transaction log was left out or merged; the message says how much and how to change it."""


class FeatureWarning(UserWarning):
    """A column of features was left out, filled in or not fully known; the message says which and what to do."""
