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


PAIRS = [
    ("Churn", "No Churn"),
    ("LEAVE", "STAY"),
    ("Exited", "Not exited"),
    ("Attrited Customer", "Existing Customer"),
    ("Ja", "Nein"),
    ("Unsubscribed", "active"),
    ("Y", "N"),
]


@pytest.mark.parametrize(("gone", "here"), PAIRS)
def test_labels_that_do_not_tell_are_refused_and_named_by_the_caller(gone, here):
    y = np.array([gone, here, gone])
    with pytest.raises(DataError, match="do not tell which of them is churn; say churned=") as caught:
        labels_of("X", y, 3)
    assert repr(gone) in str(caught.value)
    assert repr(here) in str(caught.value)
    classes, code = labels_of("X", y, 3, gone)
    assert classes.tolist() == [here, gone]
    assert code.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("gone", "here"), [("True.", "False."), ("TRUE", "FALSE"), ("yes", "no"), ("1", "0"), (1.0, -1.0), (True, False)]
)
def test_plain_answers_need_no_telling(gone, here):
    classes, code = labels_of("X", pd.Series([here, gone, here]), 3)
    assert classes.tolist() == [here, gone]
    assert code.tolist() == [0, 1, 0]
    # and can be turned round
    assert labels_of("X", pd.Series([here, gone, here]), 3, here)[1].tolist() == [1, 0, 1]


def test_of_other_numbers_the_larger_is_taken_with_a_word():
    with pytest.warns(FeatureWarning, match="1 and 2 the larger is taken for churn; say churned=1 or churned=2"):
        assert labels_of("X", [1, 2, 2], 3)[1].tolist() == [0, 1, 1]
    assert labels_of("X", [1, 2, 2], 3, 1)[1].tolist() == [1, 0, 0]


def test_a_name_that_is_no_label_is_refused():
    with pytest.raises(DataError, match="churned='gone' is neither of the labels 'left' and 'stays'"):
        labels_of("X", ["left", "stays"], 2, "gone")


def test_yes_is_no_churn_where_the_column_asks_who_stayed():
    for name in ("retained", "is_active", "StillLoyal"):
        with pytest.raises(
            DataError, match=f"of the column '{name}', in which 'Yes' reads as staying; say churned='No'"
        ):
            labels_of("X", pd.Series(["Yes", "No"], name=name), 2)
    for name in ("Churn", "not_active", "inactive", "y"):
        assert labels_of("X", pd.Series(["Yes", "No"], name=name), 2)[1].tolist() == [1, 0]
