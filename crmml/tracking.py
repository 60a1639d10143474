"""Every experiment is an MLflow run: parameters, metrics, plots and the model itself, never a customer's row.

MLflow is imported only inside functions. Its embedded default here is a SQLite file with artifacts beside it; a server
named by ``MLFLOW_TRACKING_URI``, or set in MLflow itself, is used instead where there is one.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

from . import frames
from .customers import IDENTIFIERS, export_table
from .exceptions import DataError
from .typing import Estimator, Frame, FrameLike

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHAMPION = "champion"
#: What a stored model needs to run again.
REQUIREMENTS = ("crmml", "scikit-learn", "scipy", "numpy", "pandas", "skops")


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

    def log_model(self, model: BaseEstimator, name: str, X_example: FrameLike) -> str:
        """Store a fitted model with its signature, and register it as a new version; see :func:`log_model`."""
        return log_model(model, name, X_example)


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
            place = _artifact_folder(here)
            experiment_id = mlflow.create_experiment(experiment, artifact_location=place)
        else:
            experiment_id = known.experiment_id
        with mlflow.start_run(experiment_id=experiment_id, run_name=run_name) as active:
            run = Run(active.info.run_id, experiment_id)
            run.log_params(params)
            mlflow.set_tag("crmml.version", version("crmml"))
            yield run


def log_model(model: BaseEstimator, name: str, X_example: Any) -> str:
    """Store a fitted model in the active run with its signature, and register it as a new version of ``name``.

    The model is stored with skops, which executes no code when it is read; the example only tells names and types of
    the columns and is not stored.

    Parameters
    ----------
    model : fitted estimator
    name : str
        Name in the registry.
    X_example : frame
        A few rows of what it was fitted on.

    Returns
    -------
    str
        ``models:/name/version``.

    Raises
    ------
    DataError
        When the model holds a type that is not known to be safe to read, or takes a customer identifier as input.
    """
    import mlflow
    from mlflow import MlflowClient
    from mlflow.models import infer_signature

    columns = list(getattr(model, "feature_names_in_", ())) or list(frames.wrap(X_example).collect_schema().names())
    if named := [column for column in columns if column in IDENTIFIERS]:
        raise DataError([f"{column} is among the model's inputs" for column in named], "the model to be stored")
    example = frames.to_columns(X_example, columns).head(100)
    numeric = example.select_dtypes("number").columns
    example = example.astype(dict.fromkeys(numeric, np.float64))
    signature = infer_signature(example, model.predict(frames.set_ruler(example, frames.get_ruler(X_example))))
    with warnings.catch_warnings():
        # MLflow looks at predict's type hints although the signature is given
        warnings.filterwarnings("ignore", message=".*type hint.*", category=UserWarning)
        info = mlflow.sklearn.log_model(
            model,
            name=name,
            serialization_format="skops",
            skops_trusted_types=trusted_types(model),
            signature=signature,
            pip_requirements=[f"{package}=={version(package)}" for package in REQUIREMENTS],
        )
    client = MlflowClient()
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    registered = client.create_model_version(name, info.artifact_path, info.run_id, model_id=info.model_id)
    return f"models:/{name}/{registered.version}"


#: Packages whose types a stored model may hold: this library and what it is built on.
_TRUSTED = ("crmml.", "sklearn.", "scipy.")


def trusted_types(model: BaseEstimator) -> list[str]:
    """Return the types of this library, scikit-learn and scipy that a model is made of, for reading it back.

    skops knows most estimators of scikit-learn, but not the tree structures and splines that its compiled code keeps them
    in; they are named in the stored model, beside it.

    Raises
    ------
    DataError
        Naming types from elsewhere, which skops does not know.
    """
    import skops.io

    unknown = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    foreign = [name for name in unknown if not name.startswith(_TRUSTED)]
    if foreign:
        raise DataError([f"it holds a {name}, which skops does not know to be safe" for name in foreign], "the model")
    return sorted(unknown)


def load_model(model_uri: str, *, uri: str | None = None) -> Any:
    """Read a stored model.

    Parameters
    ----------
    model_uri : str
        ``models:/name@champion``, ``models:/name/3`` or ``runs:/…``.
    uri : str, default=None
        Tracking URI, as in :func:`track`.

    Returns
    -------
    estimator

    Raises
    ------
    DataError
        When there is no such model.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    with tracking_at(uri) as here:
        if (store := _sqlite_file(here)) is not None and not store.exists():
            raise DataError([f"{model_uri} was not found: there is no store {store}"], "the model")
        try:
            return mlflow.sklearn.load_model(model_uri)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            raise DataError([f"{model_uri} was not found in {here} ({error.message})"], "the model") from None


def promote(
    name: str,
    *,
    model_version: int | str | None = None,
    if_better: str | None = None,
    greater_is_better: bool = False,
    uri: str | None = None,
) -> bool:
    """Make a version of a registered model its champion, ``models:/name@champion``.

    Parameters
    ----------
    name : str
    model_version : int, default=None
        None takes the newest.
    if_better : str, default=None
        Only when this metric of the version's run is better than that of the present champion's run.
    greater_is_better : bool, default=False
        Which way the metric is better; errors are better when small.
    uri : str, default=None
        Tracking URI, as in :func:`track`.

    Returns
    -------
    bool
        Whether the version is the champion now.

    Raises
    ------
    DataError
        When there is no such model, or a run lacks the metric.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    with tracking_at(uri):
        client = MlflowClient()
        versions = client.search_model_versions(f"name = '{name}'")
        if not versions:
            raise DataError([f"there is no registered model {name!r}"], "the model")
        newest = max(versions, key=lambda entry: int(entry.version))
        chosen = newest if model_version is None else client.get_model_version(name, str(model_version))
        try:
            champion = client.get_model_version_by_alias(name, CHAMPION)
        except MlflowException:
            champion = None
        if if_better is not None and champion is not None and champion.version != chosen.version:
            new, old = (_metric(client, entry, if_better) for entry in (chosen, champion))
            if not (new > old if greater_is_better else new < old):
                return False
        client.set_registered_model_alias(name, CHAMPION, chosen.version)
        return True


def fit_metrics(model: Estimator) -> dict[str, float]:
    """Estimates, log-likelihood, AIC, BIC, convergence and size of a fitted parametric model, as figures."""
    figures = {f"estimate_{name}": value for name, value in getattr(model, "params_", {}).items()}
    for name in ("log_likelihood", "aic", "bic", "n_customers", "converged"):
        if hasattr(model, f"{name}_"):
            figures[name] = float(getattr(model, f"{name}_"))
    return figures


def quiet() -> None:
    """Switch MLflow's telemetry off and its chatter to warnings; call it before MLflow is first used."""
    disable_telemetry()
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def disable_telemetry() -> None:
    """Switch MLflow's telemetry off; call it before MLflow is first imported."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


def local_uri(folder: str | os.PathLike = ".") -> str:
    """Tracking URI of the SQLite store in a folder."""
    return f"sqlite:///{(Path(folder).resolve() / 'mlflow.db').as_posix()}"


@contextmanager
def tracking_at(uri: str | None) -> Iterator[str]:
    """Point MLflow at a store for the length of a block, and back again."""
    import mlflow

    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    here = uri or before or local_uri()
    mlflow.set_tracking_uri(here)  # the registry follows, unless the caller has set one of its own
    try:
        with _migrations_unheard():
            yield here
    finally:
        mlflow.set_tracking_uri(before)


@contextmanager
def _migrations_unheard() -> Iterator[None]:
    """The first use of a SQLite store runs dozens of migrations, each of which would be a line of log."""
    logger = logging.getLogger("alembic.runtime.migration")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _artifact_folder(uri: str) -> str | None:
    """Artifacts lie beside a SQLite file; a server decides for itself."""
    store = _sqlite_file(uri)
    return None if store is None else (store.parent / "mlartifacts").as_uri()


def _sqlite_file(uri: str) -> Path | None:
    return Path(uri.removeprefix("sqlite:///")).resolve() if uri.startswith("sqlite:///") else None


def _settings(model: BaseEstimator) -> dict[str, Any]:
    settings = {name: value for name, value in model.get_params(deep=False).items() if not hasattr(value, "fit")}
    settings["model"] = type(model).__name__
    ruler = getattr(model, "ruler_", None)
    if ruler is not None and ruler.is_known:
        settings |= {f"ruler_{name}": value for name, value in vars(ruler).items() if value is not None}
    return settings


def _metric(client: Any, entry: Any, name: str) -> float:
    metrics = client.get_run(entry.run_id).data.metrics
    if name not in metrics:
        raise DataError(
            [f"version {entry.version} has no metric {name!r}; its run has {', '.join(sorted(metrics)) or 'none'}"],
            f"the model {entry.name}",
        )
    return float(metrics[name])
