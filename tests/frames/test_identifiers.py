import datetime as dt
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from crmml.frames import expressions as ex
from crmml.frames.identifiers import LARGEST_WHOLE, look_alikes, may_look_alike, with_identifiers, with_plain_integers


def read(native, name="id"):
    found = with_identifiers(ex.from_native(native), name, "read")
    if found.faults:
        return found.faults
    frame = found.frame.collect() if isinstance(found.frame, ex.LazyFrame) else found.frame
    return frame["read"].to_list()


def objects(*entries):
    return pd.DataFrame({"id": pd.Series(entries, dtype=object)})


def test_numbers_and_text_of_one_column_are_text():
    found = with_identifiers(
        ex.from_native(objects(123, "123", 17850.0, np.int64(5), Decimal("6.0"), None, "a")), "id", "read"
    )
    (note,) = found.notes
    assert found.changed
    assert found.frame["read"].to_list()[:5] == ["123", "123", "17850", "5", "6"]
    assert found.frame["read"].is_null().to_list() == [False] * 5 + [True, False]
    assert "mixes numbers (4 rows) and text (2 rows)" in note


@pytest.mark.parametrize("order", [1, -1])
def test_the_first_entries_do_not_decide(order):
    entries = [*[str(number) for number in range(150)], *range(150)][::order]
    assert len(set(read(objects(*entries)))) == 150


def test_numbers_among_objects_are_whole_numbers():
    assert read(objects(1, 2.0, np.int32(3), Decimal(4))) == [1, 2, 3, 4]
    assert read(objects(1, None, 3.0))[::2] == [1, 3]
    assert read(objects(2**63, 1)) == [str(2**63), "1"]
    assert read(objects(2**63 - 1, None))[0] == 2**63 - 1


def test_names_of_nothing_are_customers(engine):
    names = ["NA", "NULL", "None", "nan", "NaN", "null", "N/A"]
    assert sorted(read(engine.frame({"id": names}))) == sorted(names)
    assert read(objects(*names)) == names
    assert read(objects(*names, 1)) == [*names, "1"]


def test_whole_floats_are_whole_numbers(engine):
    native = engine.frame({"id": [17850.0, np.nan, 3.0]})
    assert sorted(entry for entry in read(native) if not pd.isna(entry)) == [3, 17850]
    assert all(isinstance(entry, int) for entry in read(native) if not pd.isna(entry))
    assert sorted(read(engine.frame({"id": [2.0, 1.0]}))) == [1, 2]


def test_fractions_and_floats_that_are_no_longer_exact(engine):
    broken, large = read(engine.frame({"id": [1.5, np.nan, 3.0, LARGEST_WHOLE, np.inf, -0.25]}))
    assert "column 'id' holds numbers with fractions in 2 of 6 rows (1.5, -0.25)" in broken
    assert "column 'id' holds floats of 2**53 or more in 2 of 6 rows (9007199254740992.0, inf)" in large
    assert len(read(engine.frame({"id": [LARGEST_WHOLE - 1]}))) == 1
    (fault,) = read(engine.frame({"id": np.asarray([1, 2**24], dtype=np.float32)}))
    assert "2**24 or more in 1 of 2 rows" in fault


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        (True, "truth values"),
        (np.bool_(True), "truth values"),
        (dt.timedelta(1), "lengths of time"),
        (np.timedelta64(1, "D"), "lengths of time"),
        (dt.date(2024, 1, 5), "dates or times"),
        (pd.Timestamp("2024-01-05"), "dates or times"),
        (1 + 2j, "complex numbers"),
        ([1], "lists or their like"),
        ({"a": 1}, "lists or their like"),
    ],
)
@pytest.mark.parametrize("beside", [1, "a"])
def test_what_identifies_nobody(entry, word, beside):
    (fault,) = read(objects(entry, beside, beside))
    assert f"column 'id' holds {word} in 1 of 3 rows" in fault


def test_fractions_among_objects():
    (fault,) = read(objects(1.5, "a", 2.0))
    assert "fractions in 1 of 3 rows (1.5)" in fault
    (fault,) = read(objects(Decimal("1.5"), Decimal("NaN"), 2))
    assert "fractions in 1 of 3 rows" in fault


def test_kinds_of_columns_that_identify_nobody(engine):
    (fault,) = read(engine.frame({"id": [True, False]}))
    assert "column 'id' is of type Boolean" in fault
    (fault,) = read(engine.frame({"id": pd.to_datetime(["2024-01-05", "2024-01-06"])}))
    assert "column 'id' is of type Datetime" in fault


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1 + 0j, 2 + 0j]),
        pd.Series(pd.to_timedelta([1, 2], unit="D")),
        pd.Series(pd.period_range("2024-01-01", periods=2)),
        pd.Series([True, None], dtype="boolean"),
    ],
)
def test_kinds_of_columns_that_pandas_alone_has(column):
    (fault,) = read(pd.DataFrame({"id": column}))
    assert "column 'id' is of type" in fault
    assert "identifies a customer" in fault


def test_other_objects_of_one_kind_stay_and_mixed_ones_are_refused():
    keys = [uuid.UUID(int=1), uuid.UUID(int=2)]
    assert read(objects(*keys)) == keys
    (fault,) = read(objects(*keys, "a"))
    assert "mixes entries of the kinds UUID, str" in fault


@pytest.mark.parametrize("entries", [["b", "a", "b"], [2, 1, 2]])
def test_categories_are_their_values(entries):
    assert read(pd.DataFrame({"id": pd.Series(entries, dtype="category")})) == entries


def test_whole_numbers_stay_what_they_are(engine):
    numbers = [2**60 + 1, 2**60, -3]
    assert sorted(read(engine.frame({"id": numbers}))) == sorted(numbers)


def alike(engine, ids):
    frame = ex.from_native(engine.frame({"id": ids}))
    asked = frame.select(may_look_alike(ex.col("id")).cast(ex.Int64).sum().alias("n"))
    asked = asked.collect() if isinstance(asked, ex.LazyFrame) else asked
    return int(asked["n"][0]), look_alikes(frame, "id", "id")


def test_text_that_differs_in_form_alone(engine):
    n, (note,) = alike(engine, ["00123", "123", "123", "17850.0", "17850", "a", " a", "0", "00", "b0", "1.50"])
    assert n == 5
    assert "writes 4 identifiers in several ways" in note
    assert "'00123' and '123'" in note
    assert alike(engine, ["00123", "124", "x.0", "0x"])[1] == []
    assert alike(engine, ["123", "124", "", "a0"])[1] == []
    assert alike(engine, ["123", "124", "a0"]) == (0, [])


def test_nullable_integers_without_a_missing_entry_are_plain():
    frame = ex.from_native(
        pd.DataFrame({"id": pd.array([1, 2], dtype="Int64"), "other": pd.array([1, None], dtype="Int64")})
    )
    plain = with_plain_integers(frame, ["id", "other"]).to_native()
    assert [str(dtype) for dtype in plain.dtypes] == ["int64", "Int64"]
