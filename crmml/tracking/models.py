"""Fitted models in MLflow's registry: stored with skops, read back without running what their folder says."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from ..exceptions import DataError
from ._identifying import identifying_contents, identifying_inputs
from ._model_folders import foreign_types, read_folder
from ._signatures import inputs_of, signature_of
from .stores import sqlite_file, tracking_at

CHAMPION = "champion"
#: What a stored model needs to run again.
REQUIREMENTS = ("crmml", "scikit-learn", "scipy", "numpy", "pandas", "skops")


def log_model(model: BaseEstimator, name: str, X_example: Any, *, allow: Sequence[str] = ()) -> str:
    """Store a fitted model in the active run with its signature, and register it as a new version of ``name``.

    The model is stored with skops, which executes no code when it is read. The signature holds the names of the model's
    columns and the type of its answer: ``mlflow.pyfunc`` takes whatever the model itself takes, counts as whole numbers or
    as floats, with or without columns that it does not need. The example only tells names and is not stored.

    Parameters
    ----------
    model : fitted estimator
    name : str
        Name in the registry.
    X_example : frame or array
        A few rows of what it was fitted on.
    allow : sequence of str, default=()
        Columns that look as if they identified customers, and do not.

    Returns
    -------
    str
        ``models:/name/version``.

    Raises
    ------
    DataError
        When the model holds a type that is not known to be safe to read; takes a column that is called like an identifier of
        customers (customer_id, e-mail, licence number …); or has learnt categories that look like identifiers: e-mail
        addresses, phone or bank account numbers, pseudonyms, codes that each hold a number of their own, or texts that differ
        in nearly every row of the example.
    """
    import mlflow
    from mlflow import MlflowClient

    columns = inputs_of(model, X_example)
    allowed = [allow] if isinstance(allow, str) else list(allow)
    faults = identifying_inputs(columns, allowed) + identifying_contents(model, X_example, allowed)
    if faults:
        raise DataError(faults, "the model to be stored")
    signature = signature_of(model, X_example, columns)
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


def trusted_types(model: BaseEstimator) -> list[str]:
    """Return the types of this library, scikit-learn and scipy that a model is made of, for ``mlflow.pyfunc`` to read it.

    skops knows most estimators of scikit-learn, but not the tree structures and splines that its compiled code keeps them
    in. :func:`load_model` does not go by what stands beside the stored model: it has a list of its own.

    Raises
    ------
    DataError
        Naming types from elsewhere, which skops does not know.
    """
    import skops.io

    unknown = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    if foreign := foreign_types(unknown):
        raise DataError([f"it holds a {name}, which is not known to be safe to read" for name in foreign], "the model")
    return sorted(unknown)


def load_model(model_uri: str, *, uri: str | None = None) -> Any:
    """Read a stored model, without running anything that its folder says.

    Only what :func:`log_model` stores is read: a skops file of types of this library, scikit-learn and scipy that are known
    to do nothing when they are made. Pickles, code beside the model and lists of types in the folder are refused, or passed
    over. A file that was made to harm can still hold trees or numbers that make no sense, and end the process when it
    predicts: read models from stores that only people you trust can write to. ``mlflow.pyfunc.load_model`` and
    ``mlflow.sklearn.load_model`` have no such guard.

    Parameters
    ----------
    model_uri : str
        ``models:/name@champion``, ``models:/name/3``, ``runs:/…``, or the folder of a stored model.
    uri : str, default=None
        Tracking URI, as in :func:`track`.

    Returns
    -------
    estimator

    Raises
    ------
    DataError
        When there is no such model, the store cannot be read, or the model is broken or would run code.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    if Path(model_uri).is_dir():
        return read_folder(Path(model_uri), model_uri)
    with tracking_at(uri) as here:
        if (store := sqlite_file(here)) is not None and not store.exists():
            raise DataError([f"{model_uri} was not found: there is no store {store}"], "the model")
        try:
            folder = mlflow.artifacts.download_artifacts(artifact_uri=model_uri)
        except MlflowException as error:
            raise DataError([f"{model_uri} was not found in {here} ({error.message})"], "the model") from None
        except OSError as error:
            raise DataError([f"{model_uri} cannot be read from {here} ({error})"], "the model") from None
    return read_folder(Path(folder), model_uri)


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


def _metric(client: Any, entry: Any, name: str) -> float:
    metrics = client.get_run(entry.run_id).data.metrics
    if name not in metrics:
        raise DataError(
            [f"version {entry.version} has no metric {name!r}; its run has {', '.join(sorted(metrics)) or 'none'}"],
            f"the model {entry.name}",
        )
    return float(metrics[name])
