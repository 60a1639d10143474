"""Every experiment is an MLflow run: parameters, metrics, plots and the model itself, never a customer's row.

MLflow is imported only inside functions. Its embedded default here is a SQLite file with artifacts beside it; a server
named by ``MLFLOW_TRACKING_URI``, or set in MLflow itself, is used instead where there is one.
"""

from .models import CHAMPION, load_model, log_model, promote, trusted_types
from .runs import Run, fit_metrics, track
from .stores import check_store, disable_telemetry, local_uri, quiet, tracking_at

__all__ = [
    "CHAMPION",
    "Run",
    "check_store",
    "disable_telemetry",
    "fit_metrics",
    "load_model",
    "local_uri",
    "log_model",
    "promote",
    "quiet",
    "track",
    "tracking_at",
    "trusted_types",
]
