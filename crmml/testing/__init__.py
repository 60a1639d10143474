"""Checks that estimators of this library, and of third parties who extend it, must pass."""

from .adapter import legal_estimators, legal_rows
from .registry import all_estimators

__all__ = ["all_estimators", "legal_estimators", "legal_rows"]
