import numpy as np
import pandas as pd
import pytest

from crmml import DataError, Ruler, frames

DATA = pd.DataFrame({"customer_id": ["x", "y"], "frequency": [1, 2], "other": [0.5, 1.5]})


def test_columns_by_name(engine):
    picked = frames.to_columns(engine.frame(DATA), ["other", "frequency"])
    assert picked.to_numpy().tolist() == [[0.5, 1.0], [1.5, 2.0]]
    assert frames.is_frame(engine.frame(DATA))


def test_missing_columns_are_named(engine):
    with pytest.raises(DataError, match=r"column 'freqency' is missing; there are .*did you mean 'frequency'\?"):
        frames.to_columns(engine.frame(DATA), ["freqency"])


def test_results_beside_the_identifier_in_the_same_engine(engine):
    result = frames.with_identifier(engine.frame(DATA), {"clv": np.array([3.0, 4.0])}, "customer_id")
    table = frames.collected(frames.wrap(result)).to_pandas()
    assert table["clv"].tolist() == [3.0, 4.0]
    assert table["customer_id"].tolist() == ["x", "y"]
    without = frames.with_identifier(engine.frame(DATA), {"clv": np.array([3.0, 4.0])}, "id")
    assert list(frames.wrap(without).collect_schema().names()) == ["clv"]


def test_a_computed_frame_goes_back_as_the_kind_it_came_from(engine):
    frame = engine.frame(DATA)
    computed = frames.collected(frames.wrap(frame))
    result = frames.like(computed, frame)
    assert engine.owns(result)
    assert type(result) is type(frame)
    pd.testing.assert_frame_equal(engine.pandas(result), DATA, check_dtype=False)


def test_arrays_are_no_frames():
    assert not frames.is_frame(np.zeros((2, 2)))
    assert not frames.is_frame([[1]])
    assert list(frames.with_identifier(np.zeros((2, 3)), {"a": np.zeros(2)}, "customer_id").columns) == ["a"]
    with pytest.raises(TypeError, match="no dataframe that is known here"):
        frames.wrap(object())


def test_rulers_travel_where_they_can(engine):
    ruler = Ruler(unit="W", period="D", observation_end="2024-01-01")
    carried = frames.get_ruler(frames.set_ruler(engine.frame(DATA), ruler))
    assert carried == (ruler if engine.name in ("pandas", "pyarrow") else Ruler())


def test_arrow_without_an_index(engine):
    assert frames.to_arrow(engine.frame(DATA)).column_names == ["customer_id", "frequency", "other"]


@pytest.mark.parametrize("period", ["h", "D", "W", "M", "Y"])
def test_period_index_is_one_number_on_every_engine(engine, period):
    moments = pd.to_datetime(
        ["1969-12-31 23:59:59", "1970-01-05", "2000-02-29 12:00", "2023-12-31 23:00", "2024-01-01"], format="ISO8601"
    )
    frame = frames.wrap(engine.frame({"t": moments}))
    import narwhals as nw

    index = frame.select(frames.period_index(nw.col("t"), period, frame.implementation).alias("i"))
    found = sorted(frames.collected(index).to_pandas()["i"].tolist())
    assert found == [frames.index_of(moment, period) for moment in moments]
