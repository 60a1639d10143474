"""Signatures of stored models: the names of their columns, and what they answer.

MLflow converts no whole numbers to floats, so that a signature of doubles refuses a summary whose counts are whole, and
one of longs refuses the same summary with a missing value. The columns are therefore of MLflow's type Any: their names are
enforced, and what they hold is the model's own affair, whose refusals say more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..exceptions import RulerError
from ..stages.models.base import StageModel

#: Rows of the example that are predicted to see what the model answers.
MOST_ROWS = 100


def inputs_of(model: Any, X_example: Any) -> list[str]:
    """Names of the columns that a model takes; none where it takes an array, or panels of any length.

    Stage models take whole histories: a customer's identifier there is a key, of which nothing is learnt, and periods
    beyond those of the fit are welcome, so that no list of columns holds.
    """
    if isinstance(model, StageModel):
        return []
    if (named := getattr(model, "feature_names_in_", None)) is not None:
        return [str(name) for name in named]
    return list(frames.wrap(X_example).collect_schema().names()) if frames.is_frame(X_example) else []


def signature_of(model: Any, X_example: Any, columns: list[str]) -> Any:
    """The signature that takes whatever the model itself takes; None where nothing can be said of it."""
    from mlflow.models.signature import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, Schema

    inputs = Schema([ColSpec(AnyType(), name) for name in columns]) if columns else None
    outputs = _answer(model, _example(X_example, columns)) if hasattr(model, "predict") else None
    return None if inputs is None and outputs is None else ModelSignature(inputs, outputs)


def _example(X: Any, columns: list[str]) -> Any:
    if columns:
        return frames.set_ruler(frames.to_columns(X, columns).head(MOST_ROWS), frames.get_ruler(X))
    if frames.is_frame(X):
        return X.head(MOST_ROWS) if isinstance(X, pd.DataFrame) else X
    return np.asarray(X)[:MOST_ROWS]


def _answer(model: Any, example: Any) -> Any:
    """Schema of what is predicted for the example, or for its first row that can be: some rows may have no finite answer."""
    from mlflow.models import infer_signature

    at = [slice(None), *(slice(row, row + 1) for row in range(len(example)))] if hasattr(example, "__len__") else []
    for rows in at:
        try:
            answer = model.predict(example.iloc[rows] if isinstance(example, pd.DataFrame) else example[rows])
        except RulerError:
            raise
        except ValueError:
            continue
        return infer_signature(None, answer).outputs
    return None
