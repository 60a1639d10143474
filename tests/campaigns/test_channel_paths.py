import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.campaigns import ChannelPaths

LOG = pd.DataFrame(
    {
        "path_id": ["p", "p", "q"],
        "timestamp": pd.to_datetime(["2024-01-03 10:00", "2024-01-01 00:00", "2024-01-31 12:00"]),
        "channel": ["B", "A", "A"],
        "converted": [1, 0, 0],
    }
)


def test_touches_are_ordered_and_rows_may_come_in_any_order():
    read = ChannelPaths.from_touches(LOG, window=("2024-01-01", "1M"))
    assert read.channels == ("A", "B")
    assert [read.sequences[i] for i in read.sequence] == [(0, 1), (0,)]
    assert read.converted.tolist() == [1, 0]
    assert read.days[0] == pytest.approx([2 + 10 / 24, 0])
    assert repr(read) == "ChannelPaths(2 paths, 1 conversions, 2 channels)"


def refused(frame, **options):
    with pytest.raises(DataError) as error:
        ChannelPaths.from_touches(frame, **options)
    return str(error.value)


def test_faults_of_touches():
    assert "1 events lie before the window and 1 after it" in refused(LOG, window=("2024-01-02", "2024-01-30"))
    text = refused(LOG.assign(channel=[None, "A", " "], converted=[1, 0, 2]))
    assert "1 of 3 rows has no channel" in text
    assert "1 row has an empty channel" in text
    assert "neither 0 nor 1 in 1 row" in text
    assert "1 row repeats" in refused(pd.concat([LOG, LOG[:1]]))
    assert "the order is unknown" in refused(LOG.assign(timestamp=pd.Timestamp("2024-01-01")))
    assert "touches after their conversion" in refused(LOG.assign(converted=[0, 1, 0]))
    three = pd.DataFrame({"path_id": 1, "position": [1, 2, 3], "channel": "A", "converted": [0, 1, 1]})
    assert "convert more than once" in refused(three)
    assert "nothing orders the touches" in refused(LOG.drop(columns="timestamp"))
    assert "no rows" in refused(LOG[:0])
    assert "1 conversions have no value" in refused(LOG.assign(value=np.nan), value="value")
    assert "'converted' is missing" in refused(LOG.drop(columns="converted"))
    assert "needs times" in refused(three.assign(converted=1), window=("2024-01-01", "2024-01-02"))


def test_identifiers_stay_out_of_errors():
    assert "secret" not in refused(LOG.assign(path_id="secret", converted=[0, 1, 0]))


def test_compact_paths_as_text_or_lists():
    text = pd.DataFrame({"path": ["A>B", "B"], "conversions": [2, 0], "nulls": [1, 4], "value": [50.0, 0.0]})
    a = ChannelPaths.from_compact(text, nulls="nulls", value="value")
    b = ChannelPaths.from_compact(text.assign(path=[["A", "B"], ["B"]]), nulls="nulls", value="value")
    assert a.sequences == b.sequences == ((0, 1), (1,))
    assert (a.n_paths, a.n_conversions) == (7, 2)
    assert a.value.tolist() == [25.0, 0.0, 0.0]


def test_faults_of_compact_paths():
    bad = pd.DataFrame({"path": ["A>", None, "B"], "conversions": [1, 2.5, -1]})
    with pytest.raises(DataError) as error:
        ChannelPaths.from_compact(bad)
    assert "2 of 3 rows have an empty path" in str(error.value)
    assert "whole number of at least 0 in 2 rows" in str(error.value)
    with pytest.raises(DataError, match="value but no conversion"):
        ChannelPaths.from_compact(pd.DataFrame({"path": ["A"], "conversions": [0], "value": [3]}), value="value")


def test_numbers_are_no_times():
    with pytest.raises(DataError, match=r"timestamp holds numbers, whose unit is not known; give position="):
        ChannelPaths.from_touches(LOG.assign(timestamp=[3, 1, 31]))


def test_days_whose_month_nobody_can_tell():
    european = ["03/04/2024", "01/04/2024", "05/04/2024"]
    assert "written with the year first as in 2024-01-31, in 3 rows" in refused(LOG.assign(timestamp=european))
    assert "does not begin with the year" in refused(LOG, window=("01/01/2024", "31/01/2024"))
    assert "is not made of days" in refused(LOG, window=(None, None))
    assert "has a time zone" in refused(LOG, window=("2024-01-01T00:00Z", "2024-01-31"))
    text = LOG.assign(timestamp=["2024-01-03 10:00", "2024-01-01", "2024-01-31T12:00"])
    read, wanted = ChannelPaths.from_touches(text), ChannelPaths.from_touches(LOG)
    assert [days.tolist() for days in read.days] == [days.tolist() for days in wanted.days]
    zones = ["2024-01-03T10:00+02:00", "2024-01-01T00:00+01:00", "2024-01-31T12:00Z"]
    assert "mixes time zones" in refused(LOG.assign(timestamp=zones))


@pytest.mark.parametrize("column", ["path_id", "channel", "timestamp", "converted"])
def test_lists_and_names_that_are_there_twice(column):
    assert f"{column} holds lists or their like in 3 rows" in refused(LOG.assign(**{column: [[1], [2], [3]]}))
    assert f"column '{column}' is there more than once" in refused(pd.concat([LOG, LOG[[column]]], axis=1))


def test_compact_tables_of_what_is_no_path_or_count():
    def fault(**columns):
        with pytest.raises(DataError) as error:
            ChannelPaths.from_compact(pd.DataFrame({"path": ["A > B", "B"], "conversions": [3, 1], **columns}))
        return str(error.value)

    assert "2 of 2 rows have an empty path" in fault(path=[1, 2.5])
    assert "conversions add up to 1e+300; at most 9e+15 paths" in fault(conversions=[1e300, 0])
    assert "conversions is not a whole number" in fault(conversions=pd.to_datetime(["2024-01-01", "2024-01-02"]))
    assert "conversions is not a whole number" in fault(conversions=["x", 1])


def test_the_hour_that_clocks_show_twice():
    at = pd.to_datetime(["2024-11-03 05:45", "2024-11-03 06:15"], utc=True).tz_convert("America/New_York")
    touches = pd.DataFrame({"path_id": 1, "timestamp": at, "channel": ["first", "second"], "converted": 1})
    read = ChannelPaths.from_touches(touches, window=("2024-11-03", "2024-11-04"))
    assert [read.channels[i] for i in read.sequences[0]] == ["first", "second"]
    assert read.days[0] == pytest.approx([0.5 / 24, 0])


@pytest.mark.parametrize(
    ("window", "end"),
    [
        (("2024-01-01 08:00", "2024-01-31"), "start"),
        (("2024-01-01", "2024-01-31T12:00"), "end"),
        ((pd.Timestamp("2024-01-01 08:00"), "1M"), "start"),
    ],
)
def test_a_window_with_a_time_of_day_is_refused(window, end):
    assert f"has a time of day in its {end}; a window is of whole days" in refused(LOG, window=window)


def test_the_end_of_the_window_is_exclusive():
    assert "0 events lie before the window and 1 after it (from 2024-01-01, before 2024-01-31)" in refused(
        LOG, window=("2024-01-01", "2024-01-31")
    )
    for end in ("2024-02-01", "1M", "31D"):
        assert ChannelPaths.from_touches(LOG, window=("2024-01-01", end)).n_paths == 2
    midnight = LOG.assign(timestamp=pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-03"]))
    assert "and 1 after it" in refused(midnight, window=("2024-01-01", "2024-01-03"))
    assert ChannelPaths.from_touches(midnight, window=("2024-01-01", "3D")).n_paths == 2


def test_every_fault_of_touches_is_told_at_once():
    touches = pd.DataFrame(
        {
            "path_id": ["a", "a", "b", "b", "c", "d", "e", "e", None, "f", "f"],
            "timestamp": [
                "2024-01-01", "2024-01-02", "2024-01-01", "2024-01-01", "03/04/2024", "2024-01-05", "2024-01-06", "2024-01-07",
                "2024-01-01", "2024-01-01", "2024-02-01",
            ],
            "channel": ["A", "B", "A", "B", "A", " ", "A", "B", "A", "A", ["B"]],
            "converted": [1, 0, 0, 1, 1, 2, 0, 1, 0, 0, 1],
            "value": [5, None, None, 5, 5, None, None, None, None, None, 5],
        }
    )  # fmt: skip
    with pytest.raises(DataError) as error:
        ChannelPaths.from_touches(touches, value="value", window=("2024-01-01", "1M"))
    wanted = [
        "channel holds lists or their like in 1 row",
        "1 of 11 rows has no path_id",
        "1 row has an empty channel",
        "converted is neither 0 nor 1 in 1 row",
        "0 events lie before the window and 1 after it",
        "timestamp cannot be read as a time",
        "1 row shares path_id and timestamp with another channel",
        "1 path has touches after their conversion",
        "1 conversions have no value",
    ]
    assert len(error.value.faults) == len(wanted)
    for fault, start in zip(error.value.faults, wanted, strict=True):
        assert fault.startswith(start)


def test_every_fault_of_compact_paths_is_told_at_once():
    bad = pd.DataFrame({"path": ["A>", "B", "C"], "conversions": [1, 0, -1], "nulls": [0.5, 1, 1], "value": [1, 5, -2]})
    with pytest.raises(DataError) as error:
        ChannelPaths.from_compact(bad, nulls="nulls", value="value")
    wanted = [
        "1 of 3 rows has an empty path",
        "conversions is not a whole number of at least 0 in 1 row",
        "nulls is not a whole number of at least 0 in 1 row",
        "value is not an amount of at least 0 in 1 row",
        "1 row has a value but no conversion",
    ]
    for fault, start in zip(error.value.faults, wanted, strict=True):
        assert fault.startswith(start)
