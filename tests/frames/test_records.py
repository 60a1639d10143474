import numpy as np
import pandas as pd
import pytest

from crmml.exceptions import DataError
from crmml.frames import records, to_arrow


def base():
    return pd.DataFrame({"region": ["a", "b", "c"], "n": [1.0, 2.0, 3.0]})


def test_entries_are_blanked_on_every_engine(engine):
    frame = engine.frame(base())
    shown = to_arrow(records.blanked(frame, to_arrow(frame), ["n"], np.asarray([False, True, False]))).to_pydict()
    assert shown["n"][1] is None or np.isnan(shown["n"][1])
    assert shown["region"] == ["a", "b", "c"]


def test_only_pandas_has_an_index_that_could_be_lost(engine):
    frame = engine.frame(base())
    assert records.is_numbered_by_row(frame)
    records.check_index(frame, ["region"], "the frame")
    named = base().set_index("region")
    assert not records.is_numbered_by_row(named)
    assert records.index_names(named) == ["region"]
    with pytest.raises(DataError, match=r"'region' is in the index of pandas; call reset_index\(\) first"):
        records.check_index(named, ["region"], "the frame")


def test_columns_named_by_numbers_go_by_position():
    assert isinstance(records.named_by_position(pd.DataFrame([[1, 2]])), np.ndarray)
    assert records.named_by_position(base()).equals(base())
