import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

from crmml import typing as types


def test_a_frame_of_any_engine_is_one():
    data = pd.DataFrame({"a": [1, 2]})
    frames = [
        data,
        pl.from_pandas(data),
        pl.from_pandas(data).lazy(),
        pa.Table.from_pandas(data),
        duckdb.sql("select 1 as a"),
    ]
    assert all(isinstance(frame, types.Frame) for frame in frames[:2] + frames[3:])
    assert hasattr(type(frames[2]), "columns")  # asked of a lazy frame, it would compute its schema
    assert not isinstance([[1, 2]], types.Frame)


def test_every_name_is_there():
    assert all(hasattr(types, name) for name in types.__all__)
