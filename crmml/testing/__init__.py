"""Checks that estimators of this library, and of third parties who extend it, must pass."""

from .adapter import legal_estimators, legal_rows
from .registry import all_estimators
from .stage_contract import check_stage_model, contract_chain
from .transaction_contract import ContractError, check_transaction_model

__all__ = [
    "ContractError",
    "all_estimators",
    "check_stage_model",
    "check_transaction_model",
    "contract_chain",
    "legal_estimators",
    "legal_rows",
]
