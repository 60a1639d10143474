import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.campaigns._arms import read_arms


@pytest.mark.parametrize(
    ("treatment", "control", "treated"),
    [
        ([0, 1], 0, [1]),
        ([False, True], False, [True]),
        ([2, 0, 1], 0, [1, 2]),
        (["mail", "Control"], "Control", ["mail"]),
        (["Womens E-Mail", "No E-Mail", "Mens E-Mail"], "No E-Mail", ["Mens E-Mail", "Womens E-Mail"]),
        (["b", "none", "a"], "none", ["a", "b"]),
    ],
)
def test_the_control_is_told_by_its_name(treatment, control, treated):
    found = read_arms(np.repeat(np.asarray(treatment), 10), None, 10 * len(treatment))
    assert found.control == control
    assert found.treated == treated
    assert np.bincount(found.code).tolist() == [10] * len(treatment)
    assert found.code[0] == [control, *treated].index(treatment[0])


@pytest.mark.parametrize("treatment", [["a", "b"], [1, 2], ["none", "control"]])
def test_a_control_that_cannot_be_told_is_refused(treatment):
    with pytest.raises(DataError, match=r"is the control cannot be told .* say control="):
        read_arms(np.repeat(treatment, 10), None, 20)
    assert read_arms(np.repeat(treatment, 10), treatment[1], 20).treated == [treatment[0]]


@pytest.mark.parametrize(
    ("treatment", "control", "said"),
    [
        ([0.0, 1.0, np.nan] * 10, None, "treatment is missing in 10 of 30 rows; .* not a missing value"),
        ([0, 1] * 15, 5, "control=5 is not among the arms; there are 0, 1"),
        ([1] * 30, None, "all 30 rows are of arm 1"),
        ([0] * 30, None, "all 30 rows are of arm 0"),
        ([0] * 20 + [1] * 7 + [2] * 3, None, "arm 1 has 7 rows; at least 10 are needed"),
        ([0] * 20 + [1] * 7 + [2] * 3, None, "arm 2 has 3 rows; at least 10 are needed"),
        ([0, 1], None, r"shape \(2,\); \(30,\) is expected"),
        (None, None, "one arm per customer"),
        (np.zeros((30, 2)), None, "one arm per customer"),
        (np.linspace(0, 1, 30), None, "treatment has 30 values in 30 rows"),
        (pd.Categorical(["no", "call"] * 15, ["no", "call", "visit"]), None, "arm 'visit' has no rows"),
    ],
)
def test_refused(treatment, control, said):
    with pytest.raises(DataError, match=said):
        read_arms(treatment, control, 30)
