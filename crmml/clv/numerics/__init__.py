"""Pure numerics of the models of purchases and spend: likelihoods, gradients, expectations; nothing here knows a frame."""

from .contracts import ContractNumerics, ContractRows
from .dropout_integral import DropoutLaw, Nodes, Window
from .dropout_model import DropoutModel
from .protocol import TransactionNumerics
from .rows import Rows

__all__ = [
    "ContractNumerics",
    "ContractRows",
    "DropoutLaw",
    "DropoutModel",
    "Nodes",
    "Rows",
    "TransactionNumerics",
    "Window",
]
