"""Folders that would run code in MLflow's own readers: none of it runs, and each is refused in words."""

import io
import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import mlflow
import numpy as np
import pytest
import skops.io
import yaml

from crmml import DataError, tracking
from crmml.clv import BetaGeoNBD
from crmml.tracking._model_folders import foreign_types

from ..clv.cdnow import cdnow_split


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The folder of a stored model."""
    uri = tracking.local_uri(tmp_path_factory.mktemp("store"))
    with tracking.track("study", uri=uri) as run:
        model_uri = run.log_model(BetaGeoNBD(horizon=4).fit(cdnow_split()), "shop", cdnow_split())
    with tracking.tracking_at(uri):
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=model_uri))


@pytest.fixture
def folder(good, tmp_path):
    return Path(shutil.copytree(good, tmp_path / "model"))


def described(folder, **flavors):
    """Change what a folder says of itself."""
    said = yaml.safe_load((folder / "MLmodel").read_text())
    for flavor, entries in flavors.items():
        said["flavors"].setdefault(flavor, {}).update(entries)
    (folder / "MLmodel").write_text(yaml.safe_dump(said))


def node(value):
    """A plain value as skops writes it."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(value))) as archive:
        return {key: entry for key, entry in json.loads(archive.read("schema.json")).items() if key != "protocol"}


def as_skops(path, schema):
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(1))) as archive:
        made_by = {key: json.loads(archive.read("schema.json"))[key] for key in ("protocol", "_skops_version")}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema | made_by))


def called(module, name, *arguments):
    """What skops makes by calling a name of a module."""
    return {
        "__class__": name,
        "__module__": module,
        "__loader__": "ConstructorFromReduceNode",
        "__id__": 1,
        "content": node(tuple(arguments)),
    }


class Planted:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_good_folder_is_read(folder):
    model = tracking.load_model(str(folder))
    assert isinstance(model, BetaGeoNBD)
    assert np.isfinite(model.predict(cdnow_split())).all()


@pytest.mark.parametrize("kept_as", ["pickle", "cloudpickle", None])
@pytest.mark.filterwarnings("ignore")
def test_pickles_do_not_run(folder, tmp_path, kept_as):
    (folder / "model.pkl").write_bytes(pickle.dumps(Planted(tmp_path / "ran")))
    described(folder, sklearn={"serialization_format": kept_as, "pickled_model": "model.pkl"})
    if kept_as is None:
        said = yaml.safe_load((folder / "MLmodel").read_text())
        del said["flavors"]["sklearn"]["serialization_format"]
        (folder / "MLmodel").write_text(yaml.safe_dump(said))
    with pytest.raises(DataError, match=rf"is kept as '{kept_as or 'pickle'}', which runs code when it is read"):
        tracking.load_model(str(folder))
    assert not (tmp_path / "ran").exists()
    mlflow.sklearn.load_model(str(folder))
    assert (tmp_path / "ran").exists()  # it would have run


def test_code_beside_a_model_does_not_run(folder, tmp_path):
    (folder / "code").mkdir()
    (folder / "code" / "planted_beside.py").write_text(
        f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\nclass Thing: ...\n"
    )
    as_skops(folder / "model.skops", called("planted_beside", "Thing"))
    trusted = {"skops_trusted_types": ["planted_beside.Thing"]}
    described(folder, sklearn={"code": "code", **trusted})
    with pytest.raises(DataError, match="brings code of its own"):
        tracking.load_model(str(folder))
    described(folder, sklearn={"code": None}, python_function={"code": "code"})
    with pytest.raises(DataError, match="brings code of its own"):
        tracking.load_model(str(folder))
    described(folder, sklearn=trusted, python_function={"code": None})
    with pytest.raises(DataError, match=r"holds planted_beside\.Thing, which is not known to be safe"):
        tracking.load_model(str(folder))
    assert not (tmp_path / "ran").exists()


#: Names that do something to a path when they are called: of Python, of trusted packages, and of this library.
HARMFUL = {
    "a command": ("posix", "system", lambda path: [f"mkdir '{path}'"]),
    "a function of scikit-learn": ("sklearn.datasets._base", "get_data_home", lambda path: [str(path)]),
    "a class of scipy": ("scipy.io._fortran", "FortranFile", lambda path: [str(path), "w"]),
    "an import of this library": ("crmml.datasets.fetched", "os.mkdir", lambda path: [str(path)]),
    "what a module of this library imported": ("crmml.files.writing", "tempfile", lambda path: [str(path)]),
}


@pytest.mark.parametrize("case", HARMFUL)
@pytest.mark.filterwarnings("ignore")
def test_types_that_a_folder_trusts_by_itself_do_not_run(folder, tmp_path, case):
    module, name, arguments = HARMFUL[case]
    as_skops(folder / "model.skops", called(module, name, *arguments(tmp_path / "ran")))
    described(folder, sklearn={"skops_trusted_types": [f"{module}.{name}"]})
    with pytest.raises(DataError, match="is not known to be safe to read"):
        tracking.load_model(str(folder))
    assert not (tmp_path / "ran").exists()
    if "library" not in case:
        mlflow.sklearn.load_model(str(folder))
        assert (tmp_path / "ran").exists()  # it would have run


def test_functions_and_imports_of_the_library_are_no_types():
    assert foreign_types(["crmml.clv.beta_geo.BetaGeoNBD", "sklearn.tree._tree.Tree"]) == []
    refused = [
        "crmml.clv.base.np",  # a module
        "crmml.clv.base.DataError",  # defined elsewhere
        "crmml.clv.beta_geo.BetaGeoNBD.fit",  # a method
        "crmml.transactions.summary.summarize",  # a function
        "crmml.quickstart.HoldoutCheck",
        "crmml.clvx.Thing",
        "crmml.clv.none.Thing",
        "crmml.cli.main",
        "sklearn.datasets._base.get_data_home",
        "builtins.eval",
        "Thing",
        "",
    ]
    assert foreign_types(refused) == refused


def test_methods_of_known_types_are_refused(folder):
    with zipfile.ZipFile(folder / "model.skops") as archive:
        schema = json.loads(archive.read("schema.json"))
    owner = {key: entry for key, entry in schema.items() if key not in ("protocol", "_skops_version")}
    method = {
        "__class__": owner["__class__"],
        "__module__": owner["__module__"],
        "__loader__": "MethodNode",
        "__id__": 7,
        "content": {"func": "simulate", "obj": node({})},
    }
    as_skops(folder / "model.skops", method)
    with pytest.raises(DataError, match="the stored model cannot be used"):
        tracking.load_model(str(folder))


@pytest.mark.parametrize("named", ["../evil.skops", "/etc/passwd", "..", ""])
def test_files_outside_the_folder_are_not_read(folder, named):
    as_skops(folder.parent / "evil.skops", node({}))
    described(folder, sklearn={"pickled_model": named})
    with pytest.raises(DataError, match=r"names a file outside its folder|there is no model in its folder"):
        tracking.load_model(str(folder))


def test_other_readers_are_refused(folder):
    described(folder, python_function={"loader_module": "os"})
    with pytest.raises(DataError, match="asks to be read by 'os'"):
        tracking.load_model(str(folder))
    described(folder, python_function={"loader_module": "mlflow.sklearn"}, pytorch={"pickle_module_name": "os"})
    with pytest.raises(DataError, match="is also of the kind pytorch"):
        tracking.load_model(str(folder))
    (folder / "MLmodel").write_text("flavors: {python_function: {loader_module: mlflow.pyfunc.model}}")
    with pytest.raises(DataError, match="is of the kind python_function, and only what log_model stores"):
        tracking.load_model(str(folder))


BROKEN = {
    "no description": lambda folder: (folder / "MLmodel").unlink(),
    "a description cut short": lambda folder: (folder / "MLmodel").write_text("flavors: {sklearn: ["),
    "a description of no flavors": lambda folder: (folder / "MLmodel").write_text("3"),
    "an object in yaml": lambda folder: (folder / "MLmodel").write_text("!!python/object/apply:os.getcwd []"),
    "no model": lambda folder: (folder / "model.skops").unlink(),
    "an empty model": lambda folder: (folder / "model.skops").write_bytes(b""),
    "a model cut short": lambda folder: (folder / "model.skops").write_bytes(
        (folder / "model.skops").read_bytes()[:-900]
    ),
    "no schema": lambda folder: zipfile.ZipFile(folder / "model.skops", "w").close(),
    "a schema without content": lambda folder: as_skops(folder / "model.skops", {}),
    "endless nesting": lambda folder: _schema(folder, b'{"content":' * 100_000),
    "no estimator": lambda folder: as_skops(folder / "model.skops", node({"a": 1})),
    "a class that is gone": lambda folder: as_skops(folder / "model.skops", called("crmml.clv.beta_geo", "Gone")),
    "a class made wrongly": lambda folder: as_skops(
        folder / "model.skops", called("crmml.clv.beta_geo", "BetaGeoNBD", *range(99))
    ),
}


def _schema(folder, text):
    with zipfile.ZipFile(folder / "model.skops", "w") as archive:
        archive.writestr("schema.json", text)


@pytest.mark.parametrize("how", BROKEN)
def test_broken_folders_are_told_in_one_sentence(folder, how):
    BROKEN[how](folder)
    with pytest.raises(DataError, match="the stored model cannot be used, 1 fault found") as caught:
        tracking.load_model(str(folder))
    (fault,) = caught.value.faults
    assert "\n" not in fault
    assert len(fault) < 400 + len(str(folder))


def test_a_bomb_is_not_unpacked(folder, monkeypatch):
    with zipfile.ZipFile(folder / "model.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * 2**24)
    assert (folder / "model.skops").stat().st_size < 2**16
    monkeypatch.setattr("crmml.tracking._model_folders.MOST_BYTES", 2**20)
    with pytest.raises(DataError, match="it unpacks to 16,777,216 bytes"):
        tracking.load_model(str(folder))
