"""Segments of the customer base: by recency, frequency and money, by value, and by likeness."""

from .base import UNKNOWN, Segmenter, SegmentWarning
from .cluster import ClusterSegmenter
from .cluster_displays import SegmentMapDisplay
from .concentration import Concentration, concentration
from .displays import LorenzDisplay, PyramidDisplay, RFMGridDisplay
from .key_accounts import KeyAccountReport, key_accounts
from .migration import SegmentMigration, migration
from .migration_displays import MigrationFlowDisplay
from .profile import SegmentProfile
from .pyramid import PyramidSegmenter
from .rfm import RFMSegmenter
from .rfm_names import rfm_names
from .value_movement import ValueMovement, fallen, value_movement

__all__ = [
    "UNKNOWN",
    "ClusterSegmenter",
    "Concentration",
    "KeyAccountReport",
    "LorenzDisplay",
    "MigrationFlowDisplay",
    "PyramidDisplay",
    "PyramidSegmenter",
    "RFMGridDisplay",
    "RFMSegmenter",
    "SegmentMapDisplay",
    "SegmentMigration",
    "SegmentProfile",
    "SegmentWarning",
    "Segmenter",
    "ValueMovement",
    "concentration",
    "fallen",
    "key_accounts",
    "migration",
    "rfm_names",
    "value_movement",
]
