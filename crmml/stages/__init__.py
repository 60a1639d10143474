"""Relationship stages: stage spaces, Markov models of the moves between them, chains, decisions."""

from .decisions.displays import PolicyTableDisplay
from .decisions.off_policy import OffPolicyValue, off_policy_value
from .decisions.policy import RobustChoice, StagePolicy
from .decisions.process import StageDecisionProcess
from .displays import StageFlowDisplay
from .models.base import StageModel, StagePanelModel
from .models.continuous import ContinuousTimeStageModel
from .models.covariate import CovariateMarkovStageModel
from .models.hidden import HiddenMarkovStageModel
from .models.hidden_selection import StageSelection, select_n_stages
from .models.marginal_effect import MarginalEffect
from .models.markov import MarkovStageModel
from .models.markov_tests import GroupComparison, StageTest, homogeneity_test, order_test
from .models.panel import to_panel
from .models.semi_markov import SemiMarkovStageModel
from .process.chain import StageChain
from .process.displays import RuptureCurveDisplay, TransitionHeatmapDisplay
from .process.embedding import Embedding, embeddability
from .process.generator import StageGenerator
from .process.lever import Lever
from .process.space import StageSpace, dwyer_schurr_oh, recency_stages, relationship_lifecycle
from .staging.lifecycle import LifecycleStager
from .staging.protocol import ColumnStager, RuleStager, Stager
from .staging.recency import RecencyStager

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
    "PolicyTableDisplay",
    "RecencyStager",
    "RobustChoice",
    "RuleStager",
    "RuptureCurveDisplay",
    "SemiMarkovStageModel",
    "StageChain",
    "StageDecisionProcess",
    "StageFlowDisplay",
    "StageGenerator",
    "StageModel",
    "StagePanelModel",
    "StagePolicy",
    "StageSelection",
    "StageSpace",
    "StageTest",
    "Stager",
    "TransitionHeatmapDisplay",
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
