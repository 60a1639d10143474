"""What a model says of each customer, as named columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .. import frames
from ..typing import Estimator


def scores_of(model: Estimator, X: pd.DataFrame, keep: Sequence[str] = ("customer_id",)) -> pd.DataFrame:
    """Return a model's predictions for each row, beside the columns that are kept.

    Parameters
    ----------
    model : fitted estimator
        Its ``table`` is taken where it has one (value models); a transaction model gives probability_alive and
        expected_purchases within its horizon; a contractual one survival to its horizon's end and expected_renewals (in continuous
        time expected_time) within it; a classifier probability of the last class; any other ``prediction``.
    X : DataFrame of shape (n, ...)
    keep : sequence of str, default=("customer_id",)
        Columns of X that come first; those that X lacks are left out.

    Returns
    -------
    DataFrame of shape (n, ...)
    """
    kept = {name: X[name].array for name in keep if name in X}
    if hasattr(model, "table"):
        table = model.table(X)
        columns = {name: table[name].to_numpy() for name in table.columns if name not in kept and name != "customer_id"}
    elif hasattr(model, "probability_alive"):
        columns = {"probability_alive": model.probability_alive(X), "expected_purchases": model.predict(X)}
    elif hasattr(model, "fit_survivors"):
        stays = "expected_renewals" if model._discrete else "expected_time"
        columns = {"survival": model.predict_survival(X, model.horizon), stays: model.predict(X)}
    elif hasattr(model, "predict_proba"):
        columns = {"probability": np.asarray(model.predict_proba(X))[:, -1]}
    else:
        columns = {"prediction": np.asarray(model.predict(X))}
    return pd.DataFrame({**kept, **columns})


def columns_needed(model: Estimator, there: Sequence[str], keep: Sequence[str]) -> list[str]:
    """The columns to read: what the model was fitted on and what is kept; all where the model does not say.

    Raises
    ------
    DataError
        When a column that the model needs is missing.
    """
    frames.check_names([name for name in keep if name != "customer_id"], there, "the table to be scored")
    named = getattr(model, "feature_names_in_", None)
    if named is None:
        return list(there)
    frames.check_names([str(name) for name in named], there, "the table to be scored")
    return [*(name for name in keep if name in there), *(str(name) for name in named if name not in keep)]
