"""Checks that estimators of this library, and of third parties who extend it, must pass."""

from .adapter import legal_estimators, legal_rows
from .registry import all_estimators
from .transaction_contract import ContractError, check_transaction_model

__all__ = ["ContractError", "all_estimators", "check_transaction_model", "legal_estimators", "legal_rows"]
