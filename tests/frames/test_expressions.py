import narwhals as nw
import pandas as pd

from crmml.frames import expressions as ex


def test_the_words_are_those_of_the_library_behind_them():
    assert all(getattr(ex, name) is getattr(nw, name) for name in ex.__all__ if name != "DType")
    frame = ex.from_native(pd.DataFrame({"a": [1, 2, 3], "g": ["x", "x", "y"]}))
    assert frame.group_by("g").agg(n=ex.len(), top=ex.col("a").max()).sort("g")["n"].to_list() == [2, 1]
