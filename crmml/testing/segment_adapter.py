"""Segmenters that take any numbers, so that scikit-learn's own checks can run on them.

As in :mod:`crmml.testing.adapter`, the hook through which input passes is overridden: each row is mapped, by itself, to a legal
one. Names of segments are replaced by their places, since the checks compare predictions as numbers. They are for tests only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from ..segments import PyramidSegmenter, RFMSegmenter
from .adapter import legal_rows


class PlacesMixin:
    """Predicts places in ``segments_``."""

    @property
    def _names(self) -> np.ndarray:
        return np.arange(len(self.segments_))  # type: ignore[attr-defined]


class LegalRFMSegmenter(PlacesMixin, RFMSegmenter):
    """RFM segments of any matrix."""

    def _read(self, X: Any, *, reset: bool) -> dict[str, np.ndarray]:
        rows = legal_rows(validate_data(self, X, reset=reset, dtype=np.float64), ("T", "frequency", "monetary_value"))
        self._of_summary = False
        return dict(zip(self._columns, rows.T, strict=True))


class LegalPyramidSegmenter(PlacesMixin, PyramidSegmenter):
    """A pyramid of any matrix."""

    def _read(self, X: Any, *, reset: bool) -> dict[str, np.ndarray]:
        rows = legal_rows(validate_data(self, X, reset=reset, dtype=np.float64), ("T",))
        return {self.value: rows[:, 0]}


def legal_segmenters() -> list[Any]:
    """Return one instance of each, for ``sklearn.utils.estimator_checks.parametrize_with_checks``."""
    return [LegalRFMSegmenter(), LegalPyramidSegmenter((0.2, 0.3, 0.5))]
