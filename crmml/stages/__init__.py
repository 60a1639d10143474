"""Relationship stages: stage spaces, Markov models of the moves between them, chains, decisions."""

from .chain import StageChain
from .continuous import ContinuousTimeStageModel
from .covariate import CovariateMarkovStageModel
from .decision import StageDecisionProcess
from .effects import MarginalEffect
from .embedding import Embedding, embeddability
from .generator import StageGenerator
from .hidden import HiddenMarkovStageModel
from .hidden_selection import StageSelection, select_n_stages
from .lever import Lever
from .markov import MarkovStageModel
from .markov_tests import GroupComparison, StageTest, homogeneity_test, order_test
from .off_policy import OffPolicyValue, off_policy_value
from .panel import to_panel
from .policy import RobustChoice, StagePolicy
from .recency_stager import RecencyStager
from .semi_markov import SemiMarkovStageModel
from .space import StageSpace, dwyer_schurr_oh, recency_stages, relationship_lifecycle
from .stager import LifecycleStager
from .stager_protocol import ColumnStager, RuleStager, Stager

__all__ = [
    "ColumnStager",
    "ContinuousTimeStageModel",
    "CovariateMarkovStageModel",
    "Embedding",
    "GroupComparison",
    "HiddenMarkovStageModel",
    "Lever",
    "LifecycleStager",
    "MarginalEffect",
    "MarkovStageModel",
    "OffPolicyValue",
    "RecencyStager",
    "RobustChoice",
    "RuleStager",
    "SemiMarkovStageModel",
    "StageChain",
    "StageDecisionProcess",
    "StageGenerator",
    "StagePolicy",
    "StageSelection",
    "StageSpace",
    "StageTest",
    "Stager",
    "dwyer_schurr_oh",
    "embeddability",
    "homogeneity_test",
    "off_policy_value",
    "order_test",
    "recency_stages",
    "relationship_lifecycle",
    "select_n_stages",
    "to_panel",
]
