"""What a change of retention is worth, for each family of models."""

from .constant import ConstantRetention, ConstantTerms
from .dropout_scaling import DropoutScaling, DropoutTerms
from .stages import ArcShift, StageTerms
from .value import RetentionValue, retention_value
from .value_display import RetentionValueDisplay

__all__ = [
    "ArcShift",
    "ConstantRetention",
    "ConstantTerms",
    "DropoutScaling",
    "DropoutTerms",
    "RetentionValue",
    "RetentionValueDisplay",
    "StageTerms",
    "retention_value",
]
