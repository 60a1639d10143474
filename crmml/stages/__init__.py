"""Relationship stages: stage spaces, Markov models of the moves between them, chains, decisions."""

from .panel import to_panel
from .space import StageSpace, dwyer_schurr_oh, recency_stages, relationship_lifecycle

__all__ = ["StageSpace", "dwyer_schurr_oh", "recency_stages", "relationship_lifecycle", "to_panel"]
