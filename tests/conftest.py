"""One fixture for all dataframe engines, and a Spark session that is missing loudly where it must be there."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ASYNC_LOGGING", "false")
if "PYTEST_XDIST_WORKER" in os.environ:
    # workers share the cores: OpenMP teams of several threads in each of them wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")

ENGINES = ("pandas", "polars", "polars_lazy", "pyarrow", "duckdb", "spark")


def pytest_addoption(parser):
    parser.addoption("--engines", default=",".join(ENGINES), help="dataframe engines to test, separated by commas")


def pytest_generate_tests(metafunc):
    if "engine" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--engines").split(",")
        marks = {"spark": [pytest.mark.spark, pytest.mark.xdist_group("spark")]}
        params = [pytest.param(name, marks=marks.get(name, [])) for name in wanted]
        metafunc.parametrize("engine", params, indirect=True, scope="session")


def pytest_collection_modifyitems(items):
    if not os.environ.get("CRMML_DATA_HOME"):
        skip = pytest.mark.skip(reason="needs the larger public data sets: set CRMML_DATA_HOME")
        for item in items:
            if "data" in item.keywords:
                item.add_marker(skip)


@dataclass(frozen=True)
class Engine:
    """Makes frames of one engine from pandas, and pandas from its frames."""

    name: str
    session: object = None

    @property
    def is_eager(self):
        return self.name in ("pandas", "polars", "pyarrow")

    def frame(self, data):
        data = pd.DataFrame(data)
        if self.name == "pandas":
            return data
        if self.name == "pyarrow":
            import pyarrow as pa

            return pa.Table.from_pandas(data, preserve_index=False)
        if self.name.startswith("polars"):
            import polars as pl

            frame = pl.from_pandas(data)
            return frame.lazy() if self.name == "polars_lazy" else frame
        if self.name == "duckdb":
            import duckdb
            import pyarrow as pa

            rows = pa.Table.from_pandas(data, preserve_index=False)  # noqa: F841 (read by name)
            return duckdb.sql("select * from rows")
        return self._spark_frame(data)

    def _spark_frame(self, data):
        import pyarrow as pa

        return self.session.createDataFrame(pa.Table.from_pandas(data, preserve_index=False))

    def pandas(self, frame):
        """The frame as pandas, rows in the order of the first column where the engine keeps none."""
        wrapped = nw.from_native(frame)
        if isinstance(wrapped, nw.LazyFrame):
            wrapped = wrapped.collect()
        result = wrapped.to_pandas()
        return result if self.is_eager else result.sort_values(list(result.columns), ignore_index=True)

    def owns(self, frame):
        kinds = {
            "pandas": "pandas",
            "polars": "polars.dataframe",
            "polars_lazy": "polars.lazyframe",
            "pyarrow": "pyarrow.",
            "duckdb": ("duckdb.", "_duckdb"),
            "spark": "pyspark.",
        }
        return type(frame).__module__.startswith(kinds[self.name])


def java_17():
    if shutil.which("java") is None:
        return False
    text = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    return re.search(r'version "17', text) is not None


@pytest.fixture(scope="session")
def spark():
    """A local Spark session; without Java 17 or pyspark a skip, or a failure where CRMML_REQUIRE_SPARK=1."""
    missing = []
    if not java_17():
        missing.append("Java 17")
    try:
        import pyspark  # noqa: F401
    except ImportError:
        missing.append("pyspark (pip install 'crmml[spark]')")
    if missing:
        reason = f"Spark tests need {' and '.join(missing)}"
        if os.environ.get("CRMML_REQUIRE_SPARK") == "1":
            pytest.fail(f"{reason}, and CRMML_REQUIRE_SPARK=1 asks for them")
        pytest.skip(reason)
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("crmml-tests")
    for key, value in {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.memory": "1g",
    }.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def engine(request):
    name = request.param
    if name == "spark":
        return Engine(name, request.getfixturevalue("spark"))
    pytest.importorskip(name.split("_")[0])
    return Engine(name)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    """Plots of one test are closed before the next, since pyplot keeps every figure it has opened."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
