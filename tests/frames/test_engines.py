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


def test_a_column_that_is_the_index_and_a_name_that_is_no_text():
    with pytest.raises(
        DataError, match=r"'customer_id' is missing; .*; it is the index, which reset_index\(\) makes a column"
    ):
        frames.to_columns(DATA.set_index("customer_id"), ["customer_id"])
    with pytest.raises(
        DataError, match="'customer_id' is missing; there are 'buyer'; say which one it is with customer_id="
    ):
        frames.check_names(["customer_id"], ["buyer"], "the log", arguments=["customer_id"])
    with pytest.raises(DataError, match="column True is missing; there are"):
        frames.to_columns(DATA, [True])


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

    index = frame.select(frames.period_index(nw.col("t"), period, frame).alias("i"))
    found = sorted(frames.collected(index).to_pandas()["i"].tolist())
    assert found == [frames.index_of(moment, period) for moment in moments]


@pytest.mark.parametrize("period", ["D", "W", "M", "Y"])
def test_days_and_moments_are_numbered_alike_and_back(period):
    days = np.arange(-800, 25_000, 13)
    number = frames.period_of(days, period)
    first = frames.first_day_of(number, period)
    assert (first <= days).all()
    assert (days < frames.first_day_of(number + 1, period)).all()
    assert [frames.index_of(pd.Timestamp(0) + pd.Timedelta(days=int(day)), period) for day in days] == number.tolist()


def test_a_period_is_complete_with_its_last_instant():
    month = 1997 * 12
    assert frames.last_complete(pd.Timestamp("1997-01-31 23:59:59.999999"), "M") == month
    assert frames.last_complete(pd.Timestamp("1997-01-31 23:59:59.999998"), "M") == month - 1
    assert frames.last_complete(pd.Timestamp("1997-02-01"), "M") == month


def test_a_frame_made_from_columns_is_of_the_same_engine_and_knows_null(engine):
    given = engine.frame(pd.DataFrame({"a": [1, 2]}))
    columns = {
        "day": np.asarray([0, 400]).astype("datetime64[D]"),
        "x": np.asarray([1.5, np.nan]),
        "text": np.asarray(["a", None], dtype=object),
        "n": np.asarray([1, 2]),
    }
    made = frames.from_columns(columns, given)
    assert engine.owns(made)
    found = engine.pandas(made)
    assert pd.to_datetime(found["day"]).tolist() == [pd.Timestamp("1970-01-01"), pd.Timestamp("1971-02-05")]
    assert found["x"].isna().tolist() == [False, True]
    assert found["text"].isna().tolist() == [False, True]
    assert found["n"].tolist() == [1, 2]
    if engine.name != "pandas":
        assert frames.collected(frames.wrap(made)).to_arrow()["x"].null_count == 1


def test_rows_of_other_labels_are_refused_and_those_without_go_by_position():
    n = 6
    X = pd.DataFrame({"x": range(n)}, index=list("abcdef"))
    faults = {
        "another order": pd.Series(range(n), index=list("fedcba")),
        "4 of its 6 row labels in common": pd.Series(range(n), index=list("cdefgh")),
        "0 of its 6 row labels in common": pd.Series(range(n), index=list("uvwxyz")),
    }
    for words, y in faults.items():
        (fault,) = frames.misaligned({"X": X, "y": y})
        assert words in fault
        with pytest.raises(DataError, match=words):
            frames.check_aligned("the rows", X=X, y=y)
    same = pd.Series(range(n), index=X.index)
    plain = pd.Series(range(n))
    arrays = [
        np.arange(n),
        list(range(n)),
        None,
        pd.Series(range(n - 1)),
        plain.iloc[::-1].set_axis([9, 7, 5, 3, 1, 0]),
    ]
    for y in [same, plain, *arrays]:
        assert frames.misaligned({"X": X, "y": y}) == []
    # what pandas counts by itself is no label, unless it was shuffled
    assert "another order" in frames.misaligned({"X": plain, "y": plain.iloc[::-1]})[0]
    assert frames.misaligned({"X": plain, "y": plain.set_axis(range(4, 4 + n))}) == []
    assert frames.misaligned({"X": plain, "y": plain.set_axis([4, 0, 1, 9, 2, 3])}) == []  # a random half of a table
    # rising labels of which half are shared are the rest of one table: moved by some, or with rows that were dropped
    for labels in (range(1, 1 + n), range(3, 3 + n), [0, 1, 3, 4, 6, 7]):
        for columns in ({"X": plain, "y": plain.set_axis(labels)}, {"X": plain.set_axis(labels), "y": plain}):
            assert "of its 6 row labels in common" in frames.misaligned(columns)[0]
    # labels of one kind that were counted from elsewhere
    assert "3 of its 6" in frames.misaligned({"X": plain.set_axis(range(1, 7)), "y": plain.set_axis(range(4, 10))})[0]
    # an unlabelled first one does not hide what differs behind it
    assert "w has 4 of" in frames.misaligned({"X": plain, "y": same, "w": faults["4 of its 6 row labels in common"]})[0]
