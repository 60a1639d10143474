"""Columns of a frame of any engine picked by name for an estimator, and its remembered ruler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_array, validate_data

from .. import frames
from ..exceptions import DataError
from ..results import NotebookMixin
from .ruler import Ruler


class NamedColumnsMixin(NotebookMixin):
    """Reads a frame of any engine by column names, or an array by position, into a float array.

    An estimator that uses it states the names it needs; extra columns are ignored and their order is free. The ruler of
    a summary (unit, period, observation end) is remembered at ``fit`` as ``ruler_`` and compared ever after.
    """

    ruler_: Ruler

    def _columns_of(self, X: Any, names: Sequence[str], *, reset: bool) -> np.ndarray:
        """Return X as a float64 array of shape (n, len(names)), checked by scikit-learn but not yet for its meaning."""
        if frames.is_frame(X):
            picked = _as_numbers(frames.to_columns(X, list(names)))
            if reset:
                self.feature_names_in_ = np.asarray(names, dtype=object)
                self.n_features_in_ = len(names)
            return check_array(picked, dtype=np.float64, ensure_all_finite=False, estimator=self)
        shape = np.shape(X)
        if reset and len(shape) == 2 and shape[1] != len(names):
            raise ValueError(
                f"{type(self).__name__} takes a frame with columns {', '.join(names)}, or an array with exactly these "
                f"{len(names)} columns in this order; the array has {shape[1]}."
            )
        return validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite=False)

    def _remember_ruler(self, X: Any, *, reset: bool) -> Ruler:
        """Keep the ruler of X at fit; afterwards refuse an X that declares another unit or period."""
        ruler = frames.get_ruler(X) if frames.is_frame(X) else Ruler()
        if reset:
            self.ruler_ = ruler
        else:
            self.ruler_.check_same(ruler)
        return ruler


def _as_numbers(picked: pd.DataFrame) -> np.ndarray:
    try:
        return picked.to_numpy(dtype=np.float64)
    except (ValueError, TypeError):
        pass
    faults = []
    for name in picked:
        column = picked[name]
        wrong = column.notna() & pd.to_numeric(column, errors="coerce").isna()
        if wrong.any():
            shown = ", ".join(repr(value) for value in column[wrong].head(3))
            faults.append(
                f"column {name!r} must be a number; it is not one in {int(wrong.sum()):,} of {len(column):,} rows ({shown})"
            )
    raise DataError(faults or ["the columns cannot be read as numbers"], "the summary")
