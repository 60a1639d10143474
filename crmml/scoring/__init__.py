"""Batch scoring: a stored model and a table of customers in, a Parquet file or folder of scores out."""

from .local import ScoringReport, score
from .predictions import scores_of
from .spark import score_spark

__all__ = ["ScoringReport", "score", "score_spark", "scores_of"]
