import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.churn._labels import labels_of
from crmml.exceptions import FeatureWarning


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


def test_labels_of_several_types_and_blanks():
    for mixed in ([0, 1.0, 0, 1.0], [False, np.True_, False, True]):
        assert labels_of("X", pd.Series(mixed, dtype=object), 4)[1].tolist() == [0, 1, 0, 1]
    with pytest.raises(DataError, match="1 of 4 labels is missing"):
        labels_of("X", ["Yes", " ", "No", "Yes"], 4)
    with pytest.raises(ValueError, match="continuous"):
        labels_of("X", [0.2, 0.7], 2)


def test_a_first_label_that_names_churners_is_spoken_of():
    with pytest.warns(FeatureWarning, match="stands for churn, which is 'Existing Customer'; if 'Attrited Customer'"):
        labels_of("X", ["Attrited Customer", "Existing Customer"], 2)
