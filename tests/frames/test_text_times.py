import pandas as pd
import pytest

from crmml.frames import expressions as ex
from crmml.frames.text_times import with_text_times


def read(engine, texts):
    frame, faults = with_text_times(ex.from_native(engine.frame({"at": texts, "row": range(len(texts))})), "at", "time")
    if faults:
        return faults
    frame = frame.collect() if isinstance(frame, ex.LazyFrame) else frame
    return pd.to_datetime(frame.sort("row")["time"].to_pandas()).tolist()


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["2024-02-29", "1999-12-31"], ["2024-02-29", "1999-12-31"]),
        (["2024-02-29 17:45", "1999-12-31 00:00"], ["2024-02-29 17:45", "1999-12-31"]),
        (["2024-02-29T17:45:09", "1999-12-31T00:00:00"], ["2024-02-29 17:45:09", "1999-12-31"]),
    ],
)
def test_each_shape_is_read_on_every_engine(engine, texts, wanted):
    assert read(engine, texts) == [pd.Timestamp(text) for text in wanted]


@pytest.mark.parametrize("wrong", ["2023-02-29", "31/12/2024", "soon", "2024-13-01"])
def test_what_is_no_day_is_told_with_its_cure(engine, wrong):
    (fault,) = read(engine, ["2024-01-01", wrong])
    assert "column 'at'" in fault
    assert "1 rows" in fault or "1 row" in fault
    assert wrong in fault
    assert "write dates as 2024-03-31" in fault
