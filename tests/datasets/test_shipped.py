import subprocess
import sys
from importlib import metadata

import numpy as np
import pandas as pd
import pytest

from crmml.datasets import load_cdnow, load_cdnow_sample, load_donations, shipped

COLUMNS = ["customer_id", "timestamp", "quantity", "value"]


@pytest.fixture(scope="module")
def cdnow():
    return load_cdnow()


def test_cdnow_is_whole(cdnow):
    assert list(cdnow) == COLUMNS
    assert (len(cdnow), cdnow["customer_id"].nunique()) == (69_659, 23_570)
    assert cdnow["timestamp"].dtype == "datetime64[us]"
    assert cdnow["timestamp"].min() == pd.Timestamp("1997-01-01")
    assert cdnow["timestamp"].max() == pd.Timestamp("1998-06-30")
    assert not cdnow.isna().any().any()
    assert cdnow["value"].sum() == pytest.approx(2_500_315.63, abs=0.005)
    assert cdnow["quantity"].sum() == 167_881
    assert (cdnow["value"] == 0).sum() == 80
    assert cdnow.groupby("customer_id")["timestamp"].min().max() < pd.Timestamp("1997-04-01")  # one quarter's newcomers


def test_the_sample_is_part_of_the_whole(cdnow):
    sample = load_cdnow_sample()
    assert list(sample) == COLUMNS
    assert (len(sample), sample["customer_id"].nunique()) == (6_919, 2_357)
    order = ["customer_id", "timestamp", "value"]
    part = cdnow[cdnow["customer_id"].isin(sample["customer_id"])]
    pd.testing.assert_frame_equal(
        part.sort_values(order).reset_index(drop=True), sample.sort_values(order).reset_index(drop=True)
    )


def test_donations_are_the_published_table():
    donations = load_donations()
    assert list(donations) == ["frequency", "recency", "T", "weight"]
    assert all(dtype == np.int64 for dtype in donations.dtypes)
    assert len(donations) == 22
    assert not donations.duplicated(["frequency", "recency"]).any()
    assert donations["weight"].sum() == 11_104
    assert set(donations["T"]) == {6}
    by_row = donations.set_index(["frequency", "recency"])["weight"]
    assert (by_row[0, 0], by_row[1, 1], by_row[4, 4], by_row[6, 6]) == (3464, 1091, 240, 1203)


def test_lifetimes_is_never_imported():
    code = (
        "import sys; import crmml.datasets as d; "
        "d.load_cdnow(), d.load_cdnow_sample(), d.load_donations(); "
        "found = {'lifetimes', 'mlflow', 'matplotlib', 'polars', 'duckdb', 'pyspark'} & set(sys.modules); "
        "sys.exit(f'imported: {found}' if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_missing_distribution_is_named(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(shipped, "distribution", absent)
    with pytest.raises(ModuleNotFoundError, match=r"CDNOW_master\.txt comes with .*pip install lifetimes"):
        load_cdnow()


def test_a_missing_file_is_named(monkeypatch, tmp_path):
    class Empty:
        def locate_file(self, path):
            return tmp_path / path

    monkeypatch.setattr(shipped, "distribution", lambda name: Empty())
    with pytest.raises(FileNotFoundError, match=r"donations.csv is missing.*reinstall"):
        load_donations()
