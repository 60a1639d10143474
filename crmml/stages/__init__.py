"""Relationship stages: stage spaces, Markov models of the moves between them, chains, decisions."""

from .chain import StageChain
from .covariate import CovariateMarkovStageModel
from .effects import MarginalEffect
from .lever import Lever
from .markov import MarkovStageModel
from .markov_tests import GroupComparison, StageTest, homogeneity_test, order_test
from .panel import to_panel
from .space import StageSpace, dwyer_schurr_oh, recency_stages, relationship_lifecycle

__all__ = [
    "CovariateMarkovStageModel",
    "GroupComparison",
    "Lever",
    "MarginalEffect",
    "MarkovStageModel",
    "StageChain",
    "StageSpace",
    "StageTest",
    "dwyer_schurr_oh",
    "homogeneity_test",
    "order_test",
    "recency_stages",
    "relationship_lifecycle",
    "to_panel",
]
