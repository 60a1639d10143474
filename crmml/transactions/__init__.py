"""From a transaction log to summaries of customers: cleaning, summaries, hold-out periods, unique rows."""

from .cleaning import CleaningReport, clean
from .clock import Clock
from .clock_display import ClockDisplay
from .cohorts import cohorts
from .compression import compress
from .covariate_paths import covariate_paths
from .displays import CohortDisplay, ReadingDisplay
from .entry import EntryPeriod, entry_period
from .holdout import split_calibration_holdout
from .reading import read_log
from .reading_proposal import ReadingProposal, propose_reading
from .reading_report import ReadingReport
from .snapshot_data import SnapshotData
from .snapshot_split import SnapshotSplit
from .snapshots import snapshots
from .stage_panel import stage_panel
from .summary import summarize

__all__ = [
    "CleaningReport",
    "Clock",
    "ClockDisplay",
    "CohortDisplay",
    "EntryPeriod",
    "ReadingDisplay",
    "ReadingProposal",
    "ReadingReport",
    "SnapshotData",
    "SnapshotSplit",
    "clean",
    "cohorts",
    "compress",
    "covariate_paths",
    "entry_period",
    "propose_reading",
    "read_log",
    "snapshots",
    "split_calibration_holdout",
    "stage_panel",
    "summarize",
]
