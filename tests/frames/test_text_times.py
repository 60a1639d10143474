import datetime as dt
import time

import numpy as np
import pandas as pd
import pytest

from crmml.frames import expressions as ex
from crmml.frames.text_times import with_text_times


def read(engine, texts):
    frame = engine.frame({"at": pd.Series(texts, dtype="str"), "row": range(len(texts))})
    return read_frame(frame)


def read_frame(native):
    frame, faults = with_text_times(ex.from_native(native), "at", "time")
    if faults:
        return faults
    frame = frame.collect() if isinstance(frame, ex.LazyFrame) else frame
    ordered = frame.sort("row")
    assert ordered.columns[-1] == "time"
    return pd.to_datetime(ordered["time"].to_pandas()).tolist()


#: Text beside the time on its own wall clock.
TIMES = [
    ("2024-02-29", "2024-02-29"),
    ("1999-12-31 00:00", "1999-12-31"),
    ("2024-01-05 10:11", "2024-01-05 10:11"),
    ("2024-01-05T10:11", "2024-01-05 10:11"),
    ("2024-01-05 10:11:12", "2024-01-05 10:11:12"),
    ("2024-01-05T23:59:59", "2024-01-05 23:59:59"),
    *((f"2024-01-05 10:11:12.{'123456789'[:n]}", f"2024-01-05 10:11:12.{'123456'[:n]}") for n in range(1, 10)),
    ("2024-01-05 10:11:12,345", "2024-01-05 10:11:12.345"),
    ("2024-01-05T10:11:12.0000000", "2024-01-05 10:11:12"),
    ("2024-01-05 10:11:12.999999999", "2024-01-05 10:11:12.999999"),
    (" 2024-01-05", "2024-01-05"),
    ("2024-01-05 10:11\t\r\n", "2024-01-05 10:11"),
    ("\u00a02024-01-05\ufeff", "2024-01-05"),
    ("9999-12-31", "9999-12-31"),
    ("1600-01-01 01:02:03", "1600-01-01 01:02:03"),
    ("2024-03-31 02:30", "2024-03-31 02:30"),  # the clocks of Berlin skip it
]
#: The same with a zone; all of them are of two zones an hour apart.
ZONED = [
    ("2024-01-05T10:11:12Z", "2024-01-05 10:11:12"),
    ("2024-01-05 10:11:12 Z", "2024-01-05 10:11:12"),
    ("2024-01-05T10:11:12.345Z", "2024-01-05 10:11:12.345"),
    ("2024-01-05 10:11:12 UTC", "2024-01-05 10:11:12"),
    ("2024-01-05 10:11:12UTC", "2024-01-05 10:11:12"),
    ("2024-01-05 10:11:12.5 GMT", "2024-01-05 10:11:12.5"),
    ("2024-01-05 10:11:12+00", "2024-01-05 10:11:12"),
    ("2024-01-05 10:11:12-00:00", "2024-01-05 10:11:12"),
    ("2024-01-05 10:11:12+01", "2024-01-05 10:11:12"),
    ("2024-01-05 10:11:12 +01", "2024-01-05 10:11:12"),
    ("2024-01-05 10:11:12 +0100", "2024-01-05 10:11:12"),
    ("2024-01-05 10:11:12+0100", "2024-01-05 10:11:12"),
    ("2024-01-05T10:11+01:00", "2024-01-05 10:11"),
    ("2024-01-05 10:11:12.123456789 +01:00", "2024-01-05 10:11:12.123456"),
    ("2024-01-05 00:11 +00:30", "2024-01-05 00:11"),
]
NO_TIMES = [
    "2024",
    "2024-01",
    "2024-1-5",
    "2023-02-29",
    "2024-02-30",
    "2024-04-31",
    "1900-02-29",
    "2024-13-01",
    "2024-00-10",
    "2024-01-05 24:00",
    "2024-01-05 24:61",
    "2024-01-05 10",
    "2024-01-05 10:61",
    "2024-01-05 10:11:60",
    "2024-01-05 10:11:12.",
    "2024-01-05 10:11:12.1234567890",
    "2024-01-05  10:11",
    "2024-01-05 Z",
    "2024-01-05+01:00",
    "2024-01-05 10:11 Europe/Berlin",
    "2024-01-05 10:11:12 +1",
    "2024-01-05 10:11:12 +19:00",
    "2024-01-05 10:11:12 PM",
    "20240105",
    "1/5/2024",
    "31.12.2024",
    "05 Jan 2024",
    "2024-01-05\n10:11",
    "\u0662\u0660\u0662\u0664-01-05",
    "NaT",
    "soon",
    "x" * 100_000,
    "2024-01-05" + " " * 60 + "10:11",
]


@pytest.mark.parametrize("table", [TIMES, ZONED], ids=["bare", "zoned"])
def test_every_row_is_read_by_itself(engine, table):
    assert read(engine, [text for text, _ in table]) == [pd.Timestamp(wanted) for _, wanted in table]


@pytest.mark.parametrize(("text", "wanted"), [*TIMES, *ZONED])
def test_each_shape_alone(text, wanted):
    assert read_frame(pd.DataFrame({"at": [text, text], "row": [0, 1]})) == [pd.Timestamp(wanted)] * 2


def test_what_is_no_time_is_counted_row_by_row(engine):
    (fault,) = read(engine, ["2024-01-01", *NO_TIMES, None, ""])
    assert f"column 'at' cannot be read as a date in {len(NO_TIMES)} of {len(NO_TIMES) + 3} rows" in fault
    assert "write dates as 2024-03-31 or 2024-03-31 17:45:00" in fault
    assert "crmml.transactions.read_log(date_format=...)" in fault
    assert len(fault) < 400


@pytest.mark.parametrize("wrong", NO_TIMES)
def test_each_of_them_alone(wrong):
    (fault,) = read_frame(pd.DataFrame({"at": ["2024-01-01", wrong], "row": [0, 1]}))
    assert "in 1 of 2 rows" in fault
    assert repr(wrong[:10])[1:-1] in fault


def test_blank_text_is_a_missing_time(engine):
    times = read(engine, ["2024-01-05", None, "", " ", "\t \u00a0"])
    assert times[0] == pd.Timestamp("2024-01-05")
    assert all(moment is pd.NaT for moment in times[1:])
    assert all(moment is pd.NaT for moment in read(engine, ["", " "]))


def test_with_and_without_a_zone(engine):
    (fault,) = read(engine, ["2024-01-05", "2024-01-06 10:00Z", "2024-01-06 10:00+00"])
    assert "mixes times with a zone (2 rows) and without (1 rows)" in fault


def test_zones_of_more_than_one_place(engine):
    (fault,) = read(
        engine, ["2024-01-06 10:00-05", "2024-01-06 10:00-0500", "2024-01-06 10:00Z", "2024-07-06 10:00 +01"]
    )
    assert "-05:00 (2 rows), +00:00 (1 rows), +01:00 (1 rows)" in fault
    assert "convert all times to one zone" in fault


def test_summer_and_winter_of_one_place(engine):
    texts = ["2024-01-06 10:00-05:00", "2024-07-06 10:00-04:00"]
    assert read(engine, texts) == [pd.Timestamp("2024-01-06 10:00"), pd.Timestamp("2024-07-06 10:00")]


def test_objects_of_pandas_are_read_by_the_same_rule():
    entries = [
        "2024-01-05 10:11:12.5",
        dt.date(2024, 1, 5),
        dt.datetime(2024, 1, 5, 10, 11),
        pd.Timestamp("2024-01-05 10:11:12.123456789"),
        np.datetime64("2024-01-05T10:11"),
        None,
        np.nan,
        pd.NaT,
        " ",
    ]
    native = pd.DataFrame({"at": pd.Series(entries, dtype=object), "row": range(9)}).set_axis([7] * 9)
    wanted = [
        "2024-01-05 10:11:12.5",
        "2024-01-05",
        "2024-01-05 10:11",
        "2024-01-05 10:11:12.123456",
        "2024-01-05 10:11",
    ]
    assert read_frame(native)[:5] == [pd.Timestamp(text) for text in wanted]
    assert all(moment is pd.NaT for moment in read_frame(native)[5:])
    aware = pd.DataFrame(
        {"at": pd.Series(["2024-07-05 10:00+02", pd.Timestamp("2024-01-05 10:00", tz="Europe/Berlin")])}
    )
    assert read_frame(aware.assign(row=[0, 1])) == [pd.Timestamp("2024-07-05 10:00"), pd.Timestamp("2024-01-05 10:00")]
    (fault,) = read_frame(
        native.assign(at=pd.Series([20240105, "2024-01", pd.Period("2024-01-05"), *["2024-01-05"] * 6]).to_numpy())
    )
    assert "in 3 of 9 rows (20240105, '2024-01'" in fault.replace("'20240105'", "20240105")


def test_text_that_begins_after_a_hundred_others():
    native = pd.DataFrame({"at": pd.Series([dt.date(2024, 1, 5)] * 200 + ["2024-01-06"]), "row": range(201)})
    assert read_frame(native)[-1] == pd.Timestamp("2024-01-06")
    native = pd.DataFrame(
        {"at": pd.Series(["2024-01-06"] * 200 + [dt.date(2024, 1, 5)], dtype=object), "row": range(201)}
    )
    assert read_frame(native)[-1] == pd.Timestamp("2024-01-05")


@pytest.mark.parametrize("kind", ["category", "string", object])
def test_other_kinds_of_text_in_pandas(kind):
    native = pd.DataFrame({"at": pd.Series(["2024-01-05", None, " "]).astype(kind), "row": range(3)})
    assert read_frame(native)[0] == pd.Timestamp("2024-01-05")


def test_what_is_neither_text_nor_time(engine):
    (fault,) = read_frame(engine.frame({"at": [True, False], "row": [0, 1]}))
    assert "column 'at' is of type Boolean, not a date" in fault


def test_long_cells_take_no_longer_than_their_length(engine):
    begun = time.process_time()
    (fault,) = read(engine, ["2024-01-05 10:11:12." + "1" * 2_000_000 + "x", " " * 2_000_000 + "2024"])
    assert "in 2 of 2 rows" in fault
    assert time.process_time() - begun < 10
