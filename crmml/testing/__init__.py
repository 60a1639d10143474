"""Checks that estimators of this library, and of third parties who extend it, must pass."""

import importlib
from typing import TYPE_CHECKING, Any

from .adapter import legal_estimators, legal_rows
from .contractual_contract import check_contractual_model
from .registry import all_estimators
from .stage_adapter import legal_stage_models
from .stage_contract import check_stage_model, contract_chain
from .transaction_contract import ContractError, check_transaction_model

if TYPE_CHECKING:
    from . import strategies

__all__ = [
    "ContractError",
    "all_estimators",
    "check_contractual_model",
    "check_stage_model",
    "check_transaction_model",
    "contract_chain",
    "legal_estimators",
    "legal_rows",
    "legal_stage_models",
    "strategies",
]


def __getattr__(name: str) -> Any:
    """Load the strategies when they are asked for: they need hypothesis, the checks do not."""
    if name == "strategies":
        return importlib.import_module(".strategies", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
