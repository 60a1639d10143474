"""What a change of retention is worth, for each family of models."""

from .constant import ConstantRetention
from .dropout_scaling import DropoutScaling
from .stages import ArcShift
from .value import RetentionValue, retention_value

__all__ = [
    "ArcShift",
    "ConstantRetention",
    "DropoutScaling",
    "RetentionValue",
    "retention_value",
]
