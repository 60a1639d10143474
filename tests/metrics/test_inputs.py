import numpy as np
import pytest

from crmml import DataError
from crmml.metrics.inputs import descending_groups, numbers, read_binary


def test_second_label_in_sorted_order_is_the_event():
    y, score = read_binary(["stay", "churn"], [1, 2])
    assert y.tolist() == [True, False]
    assert score.dtype == float
    assert read_binary([True, True], [1, 2])[0].all()
    assert not read_binary([0, 0], [1, 2])[0].any()


def test_groups_of_equal_scores():
    order, last = descending_groups(np.array([1.0, 3.0, 1.0, 2.0]))
    assert order.tolist() == [1, 3, 0, 2]
    assert last.tolist() == [0, 1, 3]


def test_faults_are_collected():
    _, faults = numbers([[1.0, np.inf]], "score", 3)
    assert len(faults) == 2
    with pytest.raises(DataError, match="it has no rows"):
        read_binary([], [])
