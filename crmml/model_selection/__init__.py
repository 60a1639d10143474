"""Splits that keep to time, and the search for leaks."""

from ..transactions.snapshot_split import SnapshotSplit
from .fold_leakage import fold_leakage_report
from .leakage import leakage_report
from .leakage_findings import LeakageReport

__all__ = ["LeakageReport", "SnapshotSplit", "fold_leakage_report", "leakage_report"]
