import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.frames import get_ruler, to_columns
from crmml.transactions import SnapshotData, snapshots


@pytest.fixture
def log():
    days = pd.date_range("2023-01-01", periods=300, freq="D")
    return pd.DataFrame({"customer_id": np.arange(300) % 7, "timestamp": days})


def test_some_cutoffs_only(engine, log):
    data = snapshots(
        engine.frame(log), cutoffs=["2023-05-01", "2023-06-01", "2023-07-01"], horizon=30, features=["rfm"]
    )
    some = data.at("2023-07-01", "2023-05-01")
    assert engine.owns(some.X)
    assert len(some) == len(data) - 7
    rows = np.flatnonzero(data.cutoff != np.datetime64("2023-06-01"))
    names = ["frequency", "recency", "T", "time_since_last"]
    pd.testing.assert_frame_equal(
        to_columns(some.X, names), to_columns(data.X, names).iloc[rows].reset_index(drop=True), check_dtype=False
    )
    np.testing.assert_array_equal(some.customer_id, data.customer_id[rows])
    assert get_ruler(some.X) == get_ruler(data.X)
    with pytest.raises(DataError, match="2023-06-02 is no cutoff"):
        data.at("2023-06-02")


def test_words():
    cutoff = np.repeat(np.asarray(["2024-01-01"], dtype="datetime64[us]"), 4)
    data = SnapshotData(
        pd.DataFrame({"a": range(4)}), np.asarray([0, 1, 1, 1]), cutoff, np.arange(4), pd.Timedelta("90D")
    )
    assert data.describe() == (
        "4 rows of 4 customers at 1 cutoff from 2024-01-01 to 2024-01-01; 75.0% bought nothing in the 90 days after."
    )
    unknown = SnapshotData(data.X, np.full(4, np.nan), cutoff, np.arange(4), pd.Timedelta("90D"))
    assert unknown.describe().endswith("; none is labelled, 4 rows have no label yet.")


def test_a_frame_a_picture_and_words_in_html():
    data = snapshots(load_cdnow_sample(), cutoffs=["1997-10-01", "1998-01-01"], horizon=60, features=["rfm"])
    table = data.to_frame()
    assert table["n_rows"].sum() == len(data)
    assert table["churned"].iloc[0] == data.at("1997-10-01").y.mean()
    assert data.plot().ax_.get_title(loc="left").startswith("Share that bought nothing")
    assert "SnapshotData" in data._repr_html_()
