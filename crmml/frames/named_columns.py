"""Columns of a frame of any engine picked by name for an estimator, and its remembered ruler."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_array, validate_data

from .. import frames
from ..exceptions import DataError
from ..results import NotebookMixin
from .numbers import read_numbers
from .ruler import Ruler

#: Objects of an array that numpy would turn into numbers.
_NO_NUMBERS = (str, bytes, bool, np.bool_, dt.timedelta, dt.date, np.timedelta64, np.datetime64)


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
        _check_kinds(X, names)
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
    """The columns as floats; refused in words where they hold something else."""
    faults, columns = [], []
    for name in picked:
        values, found = read_numbers(picked[name], f"column {name!r}")
        columns.append(values)
        faults += found
    if faults:
        raise DataError(faults, "the summary")
    return np.column_stack(columns) if columns else np.zeros((len(picked), 0))


def _check_kinds(X: Any, names: Sequence[str]) -> None:
    """Refuse an array whose entries numpy would take for numbers although they are none: moments, lengths of time, text."""
    if not hasattr(X, "dtype") or np.ndim(X) != 2:
        return
    array = np.asarray(X)
    if array.dtype.kind not in "mMUSO" or array.shape[1] != len(names):
        return
    if array.dtype.kind == "O" and not any(isinstance(entry, _NO_NUMBERS) for entry in array.ravel()):
        return
    _as_numbers(pd.DataFrame({name: array[:, k] for k, name in enumerate(names)}))
