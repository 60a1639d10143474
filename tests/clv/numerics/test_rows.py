import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crmml.clv.numerics.rows import Rows, distinct


@given(st.lists(st.integers(-5, 5).map(float), min_size=1))
def test_distinct_is_sorted_and_complete(values):
    unique, code = distinct(np.array(values))
    assert unique.tolist() == sorted(set(values))
    assert unique[code].tolist() == values


def test_pairs():
    rows = Rows(np.array([2.0, 0.0, 2.0, 2.0]), np.zeros(4), np.array([9.0, 9.0, 8.0, 9.0]))
    x, T, code = rows.count_and_length
    assert sorted(zip(x, T, strict=True)) == [(0, 9), (2, 8), (2, 9)]
    np.testing.assert_array_equal(x[code], rows.x)
    np.testing.assert_array_equal(T[code], rows.T)
    assert len(rows) == 4
    np.testing.assert_array_equal(rows.x_values[rows.x_code], rows.x)
