"""Campaigns: what an action changes, whom to contact under a budget, which channel earned a sale."""

from ._propensity import OverlapWarning
from .attribution import Attribution, attribute, attribute_all, compare_attributions
from .attribution_display import AttributionDisplay
from .channel_paths import ChannelPaths
from .holdout import CampaignResult
from .s_learner import SLearner
from .t_learner import TLearner
from .targeting import Targeting, TargetingWarning
from .targeting_displays import BudgetDisplay
from .targeting_plan import TargetingPlan
from .transformed_outcome import TransformedOutcome
from .uplift_display import UpliftCalibrationDisplay, UpliftDisplay
from .x_learner import XLearner

__all__ = [
    "Attribution",
    "AttributionDisplay",
    "BudgetDisplay",
    "CampaignResult",
    "ChannelPaths",
    "OverlapWarning",
    "SLearner",
    "TLearner",
    "Targeting",
    "TargetingPlan",
    "TargetingWarning",
    "TransformedOutcome",
    "UpliftCalibrationDisplay",
    "UpliftDisplay",
    "XLearner",
    "attribute",
    "attribute_all",
    "compare_attributions",
]
