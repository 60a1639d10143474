"""Churn: classifiers whose probabilities can be trusted and whose decisions pay."""

from .alive import AliveChurnClassifier
from .classifier import ChurnClassifier
from .costs import ContactCosts
from .displays import ContributionDisplay, SurvivalDisplay
from .explanation import Explanation, explain
from .hazard import HazardChurnClassifier
from .model_features import ModelFeatures

__all__ = [
    "AliveChurnClassifier",
    "ChurnClassifier",
    "ContactCosts",
    "ContributionDisplay",
    "Explanation",
    "HazardChurnClassifier",
    "ModelFeatures",
    "SurvivalDisplay",
    "explain",
]
