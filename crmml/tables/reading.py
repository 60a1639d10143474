"""Tables of features of any engine, by column names, as the classifiers of churn take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import validate_data

from .. import frames
from ..exceptions import DataError
from ..results import NotebookMixin


class TableMixin(NotebookMixin):
    """Reads X as a pandas frame with the columns of fit."""

    feature_names_in_: np.ndarray
    n_features_in_: int

    def _table(self, X: Any, *, reset: bool) -> pd.DataFrame:
        """X as a pandas frame with the columns of fit, by name; arrays by position."""
        if frames.is_frame(X):
            names = frames.wrap(X).collect_schema().names()
            if not reset and hasattr(self, "feature_names_in_"):
                wanted = list(self.feature_names_in_)
                frames.check_names(wanted, names, "the features")
                return frames.to_columns(X, wanted)
            if all(isinstance(name, str) for name in names):
                table = frames.to_columns(X, names)
                if reset:
                    self.feature_names_in_ = np.asarray(names, dtype=object)
                    self.n_features_in_ = len(names)
                    _check_shape(table)
                    return table
        array = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan", ensure_min_samples=1)
        return pd.DataFrame(array, columns=getattr(self, "feature_names_in_", [f"x{i}" for i in range(array.shape[1])]))


def _check_shape(table: pd.DataFrame) -> None:
    if not len(table) or not table.shape[1]:
        raise DataError(
            [f"it has {len(table)} rows and {table.shape[1]} columns; at least one of each is needed"],
            "the table of features",
        )
