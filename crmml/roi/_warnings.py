"""The warning of evidence that is weaker than it looks."""

from __future__ import annotations


class EvidenceWarning(UserWarning):
    """A comparison rests on less than it seems to; the message says on what and how to mend it."""
