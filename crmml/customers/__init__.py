"""Customer records: several departments' tables into one, what is missing, pseudonyms, and nobody named by accident."""

from .integration import KeyWarning, integrate
from .integration_report import IntegrationReport
from .pseudonyms import pseudonymize
from .scanning.identifiers import IDENTIFIERS, IdentifierFound, IdentifierScan, IdentifierWarning, assert_no_identifiers
from .small_cells import SmallCellWarning, export_table, suppress_small_cells

__all__ = [
    "IDENTIFIERS",
    "IdentifierFound",
    "IdentifierScan",
    "IdentifierWarning",
    "IntegrationReport",
    "KeyWarning",
    "SmallCellWarning",
    "assert_no_identifiers",
    "export_table",
    "integrate",
    "pseudonymize",
    "suppress_small_cells",
]
