import numpy as np
import pytest

from crmml import DataError
from crmml.metrics.inputs import descending_groups, numbers, read_binary


def test_the_event_is_named_where_labels_do_not_tell():
    with pytest.raises(DataError, match="say churned='churn' or churned='stay'"):
        read_binary(["stay", "churn"], [1, 2])
    y, score = read_binary(["stay", "churn"], [1, 2], churned="churn")
    assert y.tolist() == [False, True]
    assert read_binary(["churn", "churn"], [1, 2], churned="churn")[0].all()
    assert read_binary([0, 1], [1, 2], churned=0)[0].tolist() == [True, False]
    assert read_binary(["No", "Yes"], [1, 2])[0].tolist() == [False, True]
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
