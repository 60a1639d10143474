from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crmml import DataError
from crmml.stages import StageSpace, to_panel
from crmml.stages.models.panel import check_panel, count_transitions, last_observed

SPACE = StageSpace(
    ("new", "loyal", "gone"), rupture="gone", absorbing=("gone",), allowed={"new": ["loyal", "gone"], "loyal": ["gone"]}
)
LONG = pd.DataFrame(
    {"customer_id": ["b", "a", "a", "b"], "period": [2, 3, 1, 3], "stage": ["loyal", "gone", "new", None]}
)


def test_a_panel_has_a_row_a_customer_and_nan_where_nothing_was_seen(engine):
    X, ids = to_panel(engine.frame(LONG), SPACE)
    np.testing.assert_array_equal(X, [[0, np.nan, 2], [np.nan, 1, np.nan]])
    assert ids.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("dates", "every", "columns"),
    [
        (["2024-11-01", "2025-01-01", "2024-12-01"], None, 3),
        (["2024-12-30", "2025-01-13", "2025-01-06"], None, 3),
        (["2024-12-30", "2025-01-02", "2024-12-31"], None, 4),
        (["2022-01-01", "2025-01-01", "2024-01-01"], "Y", 4),
        (["2024-01-01", "2024-02-01", "2024-03-01"], "D", 61),
    ],
)
def test_periods_as_dates(dates, every, columns):
    long = pd.DataFrame({"customer_id": 1, "period": pd.to_datetime(dates), "stage": ["new", "gone", "loyal"]})
    X, _ = to_panel(long, SPACE, every=every)
    assert X.shape == (1, columns)
    order = np.argsort(dates)
    np.testing.assert_array_equal(X[~np.isnan(X)], np.array([0.0, 2.0, 1.0])[order])


def test_pandas_periods_and_text():
    long = LONG.assign(period=pd.PeriodIndex(["2024-02", "2024-03", "2024-01", "2024-03"], freq="M"))
    np.testing.assert_array_equal(to_panel(long, SPACE)[0], to_panel(LONG, SPACE)[0])
    text = LONG.assign(period=["2024-02-01", "2024-03-01", "2024-01-01", "2024-03-01"])
    np.testing.assert_array_equal(to_panel(text, SPACE)[0], to_panel(LONG, SPACE)[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"period": [2, 3, 3, 3]}, "1 row repeats a customer's period"),
        ({"period": [2, None, 1, 3]}, "column 'period' is missing in 1 of 4"),
        ({"customer_id": [None, "a", None, "b"]}, "column 'customer_id' is missing in 2 of 4"),
        ({"stage": ["old", "older", "new", "loyal"]}, r"2 of 4 values name no stage \('old', 'older'\)"),
        ({"period": [2.5, 3, 1, 3]}, "not whole numbers"),
        ({"period": ["soon", "later", "now", "then"]}, "neither whole numbers nor dates"),
        ({"period": [20240101, 20240201, 20240301, 20250101]}, "number them one apart"),
    ],
)
def test_what_is_wrong_is_named_and_counted(changes, message):
    with pytest.raises(DataError, match=message):
        to_panel(LONG.assign(**changes), SPACE)


def test_no_rows():
    with pytest.raises(DataError, match="it has no rows"):
        to_panel(LONG.head(0), SPACE)


def test_moves_that_cannot_happen_are_counted():
    faults = check_panel(np.array([[2.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, np.nan]]), SPACE)
    assert len(faults) == 2
    assert "1 move from 'gone' to 'new': out of 'gone', which was declared absorbing" in faults[0] + faults[1]
    assert "2 moves from 'loyal' to 'new': along an arc that the space does not allow" in faults[0] + faults[1]
    (fault,) = check_panel(np.array([[0.0, 3.0, -1.0, 0.5, np.nan]]), SPACE)
    assert "3 of 4 stages are none of the space (-1, 0.5, 3)" in fault
    assert check_panel(np.array([[0.0, np.nan, 0.0, 2.0]]), SPACE) == []


@given(
    arrays(float, st.tuples(st.integers(1, 8), st.integers(1, 9)), elements=st.sampled_from([0.0, 1.0, 2.0, np.nan]))
)
def test_counts_are_those_of_a_loop(X):
    weight = np.arange(1.0, len(X) + 1)
    expected = np.zeros((3, 3))
    for w, row in zip(weight, X, strict=True):
        for a, b in pairwise(row):
            if not np.isnan(a + b):
                expected[int(a), int(b)] += w
    np.testing.assert_array_equal(count_transitions(X, 3, weight), expected)
    stage, column = last_observed(X)
    for row, s, c in zip(X, stage, column, strict=True):
        seen = np.flatnonzero(~np.isnan(row))
        assert (s, c) == ((row[seen[-1]], seen[-1]) if len(seen) else (-1, X.shape[1] - 1))
