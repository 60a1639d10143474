"""Runs: parameters, metrics, plots and models of an experiment, never a customer's row."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

from ..customers import export_table
from ..typing import Estimator, Frame, FrameLike
from .models import log_model
from .stores import artifact_folder, tracking_at

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Run:
    """An MLflow run under way, as :func:`track` gives it.

    Attributes
    ----------
    run_id : str
    experiment_id : str
    """

    def __init__(self, run_id: str, experiment_id: str):
        self.run_id = run_id
        self.experiment_id = experiment_id

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record settings; values are stored as text."""
        import mlflow

        mlflow.log_params({name: str(value) for name, value in params.items() if value is not None})

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Record figures; those that are not finite are left out, since stores differ in what they take."""
        import mlflow

        mlflow.log_metrics({name: float(value) for name, value in metrics.items() if np.isfinite(value)})

    def log_figure(self, figure: Figure, name: str) -> None:
        """Record a plot under a file name such as ``tracking.png``."""
        import mlflow

        mlflow.log_figure(figure, name)

    def log_text(self, text: str, name: str) -> None:
        """Record a text under a file name such as ``findings.txt``."""
        import mlflow

        mlflow.log_text(text, name)

    def log_table(self, table: Frame, name: str, *, count: str, **options: Any) -> None:
        """Record a table under a file name such as ``segments.csv``, with cells of few customers hidden.

        Parameters
        ----------
        table : frame of any engine
        name : str
            Ending in .csv or .parquet.
        count : str
            Column with each cell's customers.
        **options
            As :func:`crmml.customers.export_table` takes them: minimum (5 by default), columns, within.
        """
        import mlflow

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            export_table(table, path, count=count, **options)
            mlflow.log_artifact(str(path))

    def log_fit(self, model: BaseEstimator, prefix: str = "") -> None:
        """Record a fitted model's settings, estimates, log-likelihood, AIC and BIC; of its parts, where it has some."""
        self.log_params({f"{prefix}{name}": value for name, value in _settings(model).items()})
        self.log_metrics({f"{prefix}{name}": value for name, value in fit_metrics(model).items()})
        for name in ("transactions", "spend"):
            if hasattr(model, f"{name}_"):
                self.log_fit(getattr(model, f"{name}_"), f"{name}_")

    def log_model(self, model: BaseEstimator, name: str, X_example: FrameLike, *, allow: Sequence[str] = ()) -> str:
        """Store a fitted model with its signature, and register it as a new version; see :func:`log_model`."""
        return log_model(model, name, X_example, allow=allow)


@contextmanager
def track(experiment: str, *, run_name: str | None = None, uri: str | None = None, **params: Any) -> Iterator[Run]:
    """Record what happens inside as one MLflow run.

    Parameters
    ----------
    experiment : str
        Made when it is not there.
    run_name : str, default=None
    uri : str, default=None
        Tracking URI. None takes the one set in MLflow or its environment, else ``sqlite:///mlflow.db`` in the current
        folder with artifacts in ``mlartifacts`` beside it.
    **params
        Settings to record.

    Yields
    ------
    Run
        Marked as failed when the block raises.

    Examples
    --------
    >>> import tempfile
    >>> from crmml.tracking import local_uri
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with track("study", uri=local_uri(folder), period="D") as run:
    ...         run.log_metrics({"error": 0.1})
    ...     len(run.run_id)
    32
    """
    import mlflow

    with tracking_at(uri) as here:
        known = mlflow.get_experiment_by_name(experiment)
        if known is None:
            place = artifact_folder(here)
            experiment_id = mlflow.create_experiment(experiment, artifact_location=place)
        else:
            experiment_id = known.experiment_id
        with mlflow.start_run(experiment_id=experiment_id, run_name=run_name) as active:
            run = Run(active.info.run_id, experiment_id)
            run.log_params(params)
            mlflow.set_tag("crmml.version", version("crmml"))
            yield run


def fit_metrics(model: Estimator) -> dict[str, float]:
    """Estimates, log-likelihood, AIC, BIC, convergence and size of a fitted parametric model, as figures."""
    figures = {f"estimate_{name}": value for name, value in getattr(model, "params_", {}).items()}
    for name in ("log_likelihood", "aic", "bic", "n_customers", "converged"):
        if hasattr(model, f"{name}_"):
            figures[name] = float(getattr(model, f"{name}_"))
    return figures


def _settings(model: BaseEstimator) -> dict[str, Any]:
    settings = {name: value for name, value in model.get_params(deep=False).items() if not hasattr(value, "fit")}
    settings["model"] = type(model).__name__
    ruler = getattr(model, "ruler_", None)
    if ruler is not None and ruler.is_known:
        settings |= {f"ruler_{name}": value for name, value in vars(ruler).items() if value is not None}
    return settings
