import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from crmml import DataError
from crmml.tables.reading import TableMixin


class Reader(TableMixin, BaseEstimator):
    """Nothing but the reading of tables."""


def test_frames_by_name_and_arrays_by_position(engine):
    X = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    reader = Reader()
    assert list(reader._table(X, reset=True)) == ["a", "b"]
    back = reader._table(engine.frame(X[["b", "a"]].assign(c=0)), reset=False)
    assert list(back) == ["a", "b"]
    assert back["a"].tolist() == [1.0, 2.0]
    assert list(Reader()._table(np.zeros((2, 3)), reset=True)) == ["x0", "x1", "x2"]


def test_faults():
    with pytest.raises(DataError, match="0 rows"):
        Reader()._table(pd.DataFrame({"a": []}), reset=True)
    reader = Reader()
    reader._table(pd.DataFrame({"a": [1.0]}), reset=True)
    with pytest.raises(DataError, match="column 'a' is missing"):
        reader._table(pd.DataFrame({"b": [1.0]}), reset=False)
