import numpy as np
import pytest

from crmml import DataError
from crmml.churn._labels import labels_of


@pytest.mark.parametrize(
    ("y", "classes"),
    [([0, 1, 1], [0, 1]), (["No", "Yes", "Yes"], ["No", "Yes"]), ([False, True, True], [False, True])],
)
def test_the_second_class_is_churn(y, classes):
    found, code = labels_of("X", np.array(y), 3)
    assert found.tolist() == classes
    assert code.tolist() == [0, 1, 1]


def test_faults_together():
    with pytest.raises(DataError) as caught:
        labels_of("X", [1.0, None, 1.0], 2)
    assert len(caught.value.faults) == 3
    with pytest.raises(ValueError, match="X requires y to be passed"):
        labels_of("X", None, 2)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        labels_of("X", [0.1, 0.2, 0.3], 3)
