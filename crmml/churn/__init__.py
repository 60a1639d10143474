"""Churn: classifiers whose probabilities can be trusted and whose decisions pay."""

from .classifier import ChurnClassifier
from .costs import ContactCosts

__all__ = ["ChurnClassifier", "ContactCosts"]
