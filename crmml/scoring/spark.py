"""Scoring a Spark frame where it lies, partition by partition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from .. import tracking
from ..checks import check_unit
from ..exceptions import DataError
from ..frames.ruler import Ruler
from .predictions import columns_needed, scores_of


def score_spark(
    model_uri: str,
    spark_frame: Any,
    *,
    keep: Sequence[str] = ("customer_id",),
    unit: str | None = None,
    uri: str | None = None,
) -> Any:
    """Score a PySpark DataFrame with a stored model, without collecting it.

    The model is read once on the driver and travels to the workers, where crmml must be installed as well.

    Parameters
    ----------
    model_uri : str
        For instance ``models:/shop@champion``.
    spark_frame : pyspark.sql.DataFrame
        With the columns the model was fitted on.
    keep : sequence of str, default=("customer_id",)
        Columns to carry over.
    unit : {"h", "D", "W", "M", "Y"}, default=None
        What the frame's times are counted in, which Spark cannot carry; None takes them to be in the model's unit.
    uri : str, default=None
        MLflow tracking URI.

    Returns
    -------
    pyspark.sql.DataFrame
        Lazy: scores are computed when it is used.

    Raises
    ------
    DataError
        When a column is missing, or the model was fitted on an array and so does not know its columns.
    RulerError
        When ``unit`` is not the model's.
    """
    import pyarrow as pa
    from pyspark.sql.types import DoubleType, StructField, StructType

    model = tracking.load_model(model_uri, uri=uri)
    if not hasattr(model, "feature_names_in_"):
        raise DataError(
            [f"{model_uri} was fitted on an array and does not know the names of its columns; fit it on a frame"],
            "the model",
        )
    if unit is not None and hasattr(model, "ruler_"):
        model.ruler_.check_same(Ruler(unit=check_unit(unit)), what="unit=")
    columns = columns_needed(model, spark_frame.columns, keep)
    kept = [name for name in keep if name in columns]
    sample = pd.DataFrame({str(name): [0.0] for name in model.feature_names_in_})
    made = list(scores_of(model, sample, ()).columns)
    fields = [spark_frame.schema[name] for name in kept] + [StructField(name, DoubleType()) for name in made]

    def score_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                scores = scores_of(model, batch.to_pandas(), ())
                arrays = [batch.column(name) for name in kept]
                arrays += [pa.array(scores[name].to_numpy(), pa.float64()) for name in made]
                yield pa.RecordBatch.from_arrays(arrays, [*kept, *made])

    return spark_frame.select(*columns).mapInArrow(score_batches, StructType(fields))
