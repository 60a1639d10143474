"""From a transaction log to summaries of customers: cleaning, summaries, hold-out periods, unique rows."""

from .compression import compress
from .summary import summarize

__all__ = ["compress", "summarize"]
