"""Splits that keep to time, the search for leaks, and drift."""

from ..transactions.snapshot_split import SnapshotSplit
from .drift import DriftReport, drift_report
from .fold_leakage import fold_leakage_report
from .leakage import leakage_report
from .leakage_findings import LeakageReport

__all__ = ["DriftReport", "LeakageReport", "SnapshotSplit", "drift_report", "fold_leakage_report", "leakage_report"]
