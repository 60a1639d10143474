import numpy as np
import pandas as pd

from crmml import frames
from crmml.frames import expressions as ex

DATA = pd.DataFrame({"who": ["a", "b", "a", "a"], "at": [1, 1, 2, 2], "x": [1.0, 5.0, 2.0, 2.0]})


def test_running_sums_distinct_rows_and_counts_are_the_same_on_every_engine(engine):
    frame = frames.wrap(engine.frame(DATA))
    once = frames.distinct(frame, ["who", "at", "x"])
    assert frames.count_rows(once) == 3
    total = ex.col("x").cum_sum().over("who", order_by="at").alias("total")
    summed = frames.with_running(once, lambda given: given.with_columns(total), needs=["who", "at", "x"], gives="total")
    found = frames.collected(summed).to_pandas().sort_values(["who", "at"])
    assert found["total"].tolist() == [1.0, 3.0, 5.0]


def test_a_finished_query_is_sorted_where_rows_have_an_order(engine):
    frame = frames.wrap(engine.frame(DATA))
    result = frames.finished(frame.select("x").unique(), frame, order="x")
    assert engine.owns(result)
    assert engine.pandas(result)["x"].tolist() == [1.0, 2.0, 5.0]


def test_labelled_days(engine):
    given = engine.frame(DATA)
    ids = frames.collected(frames.wrap(given))["who"]
    made = frames.labelled_days(ids, np.arange(4), ["in", "out"], np.array([0, 1, 0, 1]), given, ("c", "p", "s"))
    assert engine.owns(made)
    found = engine.pandas(made).sort_values("p")
    assert found["s"].tolist() == ["in", "out", "in", "out"]
    assert pd.to_datetime(found["p"]).tolist() == list(pd.date_range("1970-01-01", periods=4))
