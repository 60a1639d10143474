import numpy as np
import pytest

from crmml import DataError
from crmml.evidence import Average, Share


def test_shares_and_averages():
    assert Share(140, 200).rate == 0.7
    assert Share(np.int64(3), 4.0) == Share(3, 4)
    values = np.array([1.0, 2.0, 4.0])
    assert Average.of(values) == Average(values.mean(), values.std(ddof=1), 3)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Share(210, 200), "outside 0 to 100 %"),
        (lambda: Share(-1, 200), "outside 0 to 100 %"),
        (lambda: Share(0, 0), "the group is empty"),
        (lambda: Share(0.7, 200), "two whole numbers"),
        (lambda: Average(1.0, -2.0, 5), "standard deviation"),
        (lambda: Average(float("nan"), 2.0, 5), "no finite number"),
        (lambda: Average(1.0, 2.0, 1), "at least 2"),
        (lambda: Average.of([3.0]), "at least 2"),
    ],
)
def test_faults(make, text):
    with pytest.raises(DataError, match=text):
        make()
