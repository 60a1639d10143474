import json

import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.metrics import qini_score, uplift_at_k

from .. import ORACLES


def test_oracle():
    wanted = json.loads((ORACLES / "emp.json").read_text())["uplift"]
    rows = pd.read_csv(ORACLES / "uplift_rows.csv")
    given = rows["outcome"], rows["uplift_score"], rows["treatment"]
    assert qini_score(*given) == pytest.approx(wanted["Q_stable_order_ties_by_row"], abs=1e-12)
    assert qini_score(*given, ties="line") == pytest.approx(wanted["Q_ties_linear_interpolation"], abs=1e-12)
    effect = uplift_at_k(*given, share=1.0)
    assert effect == pytest.approx(wanted["ATE"], abs=1e-12)


def test_random_scores_have_none_and_true_effects_much():
    rng = np.random.default_rng(0)
    n = 40_000
    effect, t = rng.uniform(0, 0.4, n), rng.integers(0, 2, n)
    y = (rng.random(n) < 0.2 + effect * t).astype(float)
    assert qini_score(y, effect, t) > 0.02
    assert abs(qini_score(y, rng.random(n), t)) < 0.005
    assert uplift_at_k(y, effect, t, share=0.1) == pytest.approx(0.38, abs=0.04)


def test_faults():
    with pytest.raises(DataError, match="some of each"):
        qini_score([1, 0], [0.1, 0.2], [1, 1])
    with pytest.raises(DataError, match="ties='mean' is not known"):
        qini_score([1, 0], [0.1, 0.2], [1, 0], ties="mean")
    with pytest.raises(DataError, match="share=2"):
        uplift_at_k([1, 0], [0.1, 0.2], [1, 0], share=2)
    assert np.isnan(uplift_at_k([1, 0, 1], [3, 2, 1], [1, 0, 1], share=0.4))


def test_shares_text_and_order_of_rows():
    y, score, treated = np.zeros(100), -np.arange(100.0), np.tile([0, 1], 50)
    y[28] = 1  # the 29th customer, of the control arm
    assert uplift_at_k(y, score, treated, share=0.29) == pytest.approx(-1 / 15)
    with pytest.raises(DataError, match="against_control"):
        qini_score(y, score, np.where(treated, "mail", "none"))
    with pytest.raises(DataError, match="score has the row labels of y in another order"):
        qini_score(pd.Series(y), pd.Series(score)[::-1], treated)


@pytest.mark.parametrize(
    ("fault", "y", "score", "treatment"),
    [
        ("y is not a number in 1 of 2 rows", ["yes", 1], [1, 2], [0, 1]),
        ("score is not a number in 1 of 2 rows", [0, 1], [0.1, "upper"], [0, 1]),
        ("treatment is not a number in 2 of 2 rows", [0, 1], [1, 2], [b"x", b"x"]),
        ("y is not a number in 2 of 2 rows", pd.Series([[1], [2]]), [1, 2], [0, 1]),
        (r"y is of type datetime64\[s\]; numbers are needed", np.zeros(2, "datetime64[s]"), [1, 2], [0, 1]),
    ],
)
def test_what_is_no_number_is_named(fault, y, score, treatment):
    with pytest.raises(DataError, match=fault) as error:
        qini_score(y, score, treatment)
    assert not any(shown in str(error.value) for shown in ("yes", "upper", "b'x'", "[1]"))
