"""Folders of stored models, read without running what they say.

What lies in a folder may come from anyone who can write to the store. MLflow follows it: it unpickles, puts ``code`` on the
path of imports, and trusts the types that the folder itself lists. Here the folder is read first and anything but a skops
file of known types is refused; the list of types is this library's own.
"""

from __future__ import annotations

import importlib
import inspect
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from ..exceptions import DataError

#: Packages of this library whose classes a fitted model is made of; none of them does anything when it is made.
OWN_PACKAGES = (
    *("crmml.amounts", "crmml.campaigns", "crmml.churn", "crmml.clv", "crmml.frames.ruler", "crmml.inference"),
    *("crmml.segments", "crmml.stages", "crmml.tables", "crmml.transactions"),
)
#: What skops does not know of compiled and private parts of fitted estimators. Each only keeps numbers. No whole package is
#: trusted, since among the functions and classes of any there are some that write or open files when they are called.
KNOWN_TYPES = frozenset(
    {
        "scipy._lib.array_api_compat.numpy._aliases.asarray",  # of a spline
        "scipy.interpolate._bsplines.BSpline",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.compose._column_transformer._RemainderColsList",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.metrics._dist_metrics.EuclideanDistance",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._ball_tree.BallTree64",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._kd_tree.KDTree64",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
    }
)
#: Bytes that a model may take when it is unpacked.
MOST_BYTES = 4 * 2**30

_SUBJECT = "the stored model"


def read_folder(folder: Path, name: str) -> Any:
    """Return the estimator of a model's folder.

    Raises
    ------
    DataError
        When the folder is broken, names anything that would run, or holds a type that is not known to be safe.
    """
    path = _skops_file(folder, name)
    try:
        data = path.read_bytes()
        unknown = _unknown_types(data)
    except Exception as error:  # a broken file can fail in any way
        raise DataError([f"{name} is broken: {path.name} cannot be read ({_said(error)})"], _SUBJECT) from None
    if foreign := foreign_types(unknown):
        raise DataError([f"{name} holds {kind}, which is not known to be safe to read" for kind in foreign], _SUBJECT)
    return _constructed(data, unknown, name)


def foreign_types(names: Iterable[str]) -> list[str]:
    """Those of the types, named as skops names them, that are neither this library's classes nor known ones."""
    return [name for name in names if name not in KNOWN_TYPES and not _is_own_class(name)]


def _is_own_class(name: str) -> bool:
    """Whether a name is that of a class where it is defined: not a function, nor what a module has imported."""
    module, _, own = name.rpartition(".")
    if not any(module == package or module.startswith(package + ".") for package in OWN_PACKAGES):
        return False
    try:
        found = getattr(importlib.import_module(module), own, None)
    except ImportError:
        return False
    return inspect.isclass(found) and (found.__module__, found.__qualname__) == (module, own)


def _skops_file(folder: Path, name: str) -> Path:
    """The file that a model's folder names, when it names nothing that would run."""
    import yaml  # type: ignore[import-untyped]

    try:
        said = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
        flavors = {str(flavor): dict(entries) for flavor, entries in said["flavors"].items()}
    except Exception as error:  # nor is a broken description of one kind
        raise DataError([f"{name} is broken: its MLmodel cannot be read ({_said(error)})"], _SUBJECT) from None
    own, loader = flavors.get("sklearn"), flavors.get("python_function", {})
    if own is None:
        raise DataError(
            [f"{name} is of the kind {', '.join(flavors) or 'none'}, and only what log_model stores can be read"],
            _SUBJECT,
        )
    kept_as = own.get("serialization_format", "pickle")
    faults = []
    if kept_as != "skops":
        faults.append(f"{name} is kept as {kept_as!r}, which runs code when it is read; store it again with log_model")
    if other := sorted(set(flavors) - {"sklearn", "python_function"}):
        faults.append(f"{name} is also of the kind {', '.join(other)}, which log_model does not store")
    if any(entries.get("code") for entries in flavors.values()):
        faults.append(f"{name} brings code of its own, which would run when it is read")
    if loader.get("loader_module", "mlflow.sklearn") != "mlflow.sklearn":
        faults.append(f"{name} asks to be read by {loader['loader_module']!r}, code that is not this library's")
    path = folder / str(own.get("pickled_model", ""))
    if not path.resolve().is_relative_to(folder.resolve()):
        faults.append(f"{name} names a file outside its folder")
    elif not faults and not path.is_file():
        faults.append(f"{name} is broken: there is no {path.name or 'model'} in its folder")
    if faults:
        raise DataError(faults, _SUBJECT)
    return path


def _unknown_types(data: bytes) -> list[str]:
    import skops.io

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if (size := sum(entry.file_size for entry in archive.infolist())) > MOST_BYTES:
            raise ValueError(f"it unpacks to {size:,} bytes")
    return list(skops.io.get_untrusted_types(data=data))


def _constructed(data: bytes, trusted: list[str], name: str) -> Any:
    import skops.io

    try:
        model = skops.io.loads(data, trusted=trusted)
    except Exception as error:  # what was stored by other versions, or altered, can fail anywhere
        raise DataError(
            [f"{name} is broken, or was stored by another version: it cannot be put together ({_said(error)})"],
            _SUBJECT,
        ) from None
    if not isinstance(model, BaseEstimator):
        raise DataError([f"{name} holds a {type(model).__name__}, no estimator"], _SUBJECT)
    return model


def _said(error: Exception) -> str:
    """What an error says, on one line and not at length."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:160]}" if text else type(error).__name__
