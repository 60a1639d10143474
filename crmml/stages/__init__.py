"""Relationship stages: stage spaces, Markov models of the moves between them, chains, decisions."""

from .chain import StageChain
from .lever import Lever
from .panel import to_panel
from .space import StageSpace, dwyer_schurr_oh, recency_stages, relationship_lifecycle

__all__ = [
    "Lever",
    "StageChain",
    "StageSpace",
    "dwyer_schurr_oh",
    "recency_stages",
    "relationship_lifecycle",
    "to_panel",
]
