import pandas as pd
import pytest

from crmml.frames import expressions as ex
from crmml.frames.texts import WHITE_SPACE, is_blank, may_be_blank, trimmed, with_texts


def column(frame, name):
    frame = frame.collect() if isinstance(frame, ex.LazyFrame) else frame
    return frame.sort("row")[name].to_list()


def test_the_same_white_space_on_every_engine(engine):
    texts = ["", WHITE_SPACE, f"{WHITE_SPACE}a b{WHITE_SPACE}", "a", *WHITE_SPACE]
    frame = ex.from_native(engine.frame({"text": texts, "row": range(len(texts))}))
    assert column(frame.with_columns(trimmed(ex.col("text")).alias("out")), "out")[:4] == ["", "", "a b", "a"]
    blank = column(frame.with_columns(is_blank(ex.col("text")).alias("out")), "out")
    asked = column(frame.with_columns(may_be_blank(ex.col("text")).alias("out")), "out")
    assert all(asked[at] for at, gone in enumerate(blank) if gone)
    assert not asked[3]
    assert blank == [True, True, False, False, *[True] * len(WHITE_SPACE)]


def test_missing_text_is_empty(engine):
    frame = ex.from_native(engine.frame({"text": pd.Series(["a", None], dtype="str"), "row": [0, 1]}))
    assert column(with_texts(frame, "text", "out"), "out") == ["a", ""]


@pytest.mark.parametrize("first", [["a"] * 200, [1.5] * 200])
def test_objects_are_written_whatever_the_first_ones_are(first):
    native = pd.DataFrame({"text": pd.Series([*first, 7, "b", None], dtype=object), "row": range(203)})
    assert column(with_texts(ex.from_native(native), "text", "out"), "out")[-3:] == ["7", "b", ""]
    assert column(with_texts(ex.from_native(native), "text", "out", repr), "out")[-2:] == ["b", ""]
