"""The error of a figure that cannot be known yet."""

from __future__ import annotations

from collections.abc import Sequence

from ..exceptions import DataError


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
    crmml.roi.missing_inputs.MissingInputsError: the return on investment cannot be known, 1 input is missing or wrong:
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
