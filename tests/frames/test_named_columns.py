import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from crmml.exceptions import DataError, RulerError
from crmml.frames import set_ruler
from crmml.frames.named_columns import NamedColumnsMixin
from crmml.frames.ruler import Ruler


class Reader(NamedColumnsMixin, BaseEstimator):
    """Reads two columns."""

    def read(self, X, reset=True):
        self._remember_ruler(X, reset=reset)
        return self._columns_of(X, ["frequency", "T"], reset=reset)


def test_columns_are_picked_by_name_in_every_engine(engine):
    frame = engine.frame({"T": [9.0, 8.0], "more": ["a", "b"], "frequency": [1, 2]})
    reader = Reader()
    read = reader.read(frame)
    assert sorted(read.tolist()) == [[1.0, 9.0], [2.0, 8.0]]
    assert reader.feature_names_in_.tolist() == ["frequency", "T"]


def test_arrays_go_by_position_and_must_have_as_many_columns():
    assert Reader().read(np.array([[1, 9.0]])).tolist() == [[1.0, 9.0]]
    with pytest.raises(ValueError, match="with exactly these 2 columns in this order; the array has 3"):
        Reader().read(np.zeros((2, 3)))


def test_text_is_refused_with_its_first_offenders():
    with pytest.raises(DataError, match=r"column 'T' .*in 1 of 2 rows \(text: 'soon' in row 1\)"):
        Reader().read(pd.DataFrame({"frequency": [1, 2], "T": [3.0, "soon"]}))


def test_another_ruler_than_that_of_fit_is_refused():
    reader = Reader()
    frame = pd.DataFrame({"frequency": [1], "T": [3.0]})
    reader.read(set_ruler(frame, Ruler(unit="W", period="D")))
    reader.read(frame, reset=False)  # it says nothing, so nothing can be compared
    with pytest.raises(RulerError, match="unit is 'D' in the summary but 'W' in the fitted model"):
        reader.read(set_ruler(frame, Ruler(unit="D", period="D")), reset=False)
