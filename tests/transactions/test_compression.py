import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crmml.datasets import load_cdnow_sample
from crmml.frames import get_ruler
from crmml.transactions import compress, summarize
from crmml.transactions.compression import unique_rows


def test_compress_on_every_engine(engine):
    data = pd.DataFrame({"frequency": [2, 0, 2, 0], "recency": [1.5, 0.0, 1.5, 0.0], "T": [3.0, 3.0, 3.0, 4.0], "x": 1})
    rows, weight = compress(engine.frame(data))
    table = sorted(zip(*rows.to_numpy().T, weight.tolist(), strict=True))
    assert table == [(0.0, 0.0, 3.0, 1), (0.0, 0.0, 4.0, 1), (2.0, 1.5, 3.0, 2)]


def test_cdnow_shrinks_and_keeps_its_ruler():
    summary = summarize(load_cdnow_sample(), unit="W", value="value")
    rows, weight = compress(summary)
    assert weight.sum() == 2357
    assert len(rows) == len(summary.drop_duplicates(["frequency", "recency", "T"]))
    assert get_ruler(rows) == get_ruler(summary)


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.integers(-3, 3).map(float)))
def test_rows_go_where_their_code_says(matrix):
    unique, counts, code = unique_rows(*matrix.T)
    rows = np.column_stack(unique)
    np.testing.assert_array_equal(rows[code], matrix)
    assert len(np.unique(rows, axis=0)) == len(rows)
    np.testing.assert_array_equal(np.bincount(code), counts)


def test_many_distinct_columns_do_not_overflow():
    rng = np.random.default_rng(0)
    columns = rng.random((9, 5000))
    unique, counts, code = unique_rows(*columns)
    assert counts.size == 5000
    np.testing.assert_array_equal(np.column_stack(unique)[code], columns.T)
