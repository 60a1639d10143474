import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from crmml import DataError
from crmml.campaigns import OverlapWarning
from crmml.campaigns._propensity import CLIP, estimate_propensity, of_pair, read_propensity


def test_ways_to_give_it():
    n = 4
    np.testing.assert_allclose(read_propensity(0.25, n, 0, [1]), np.tile([0.75, 0.25], (n, 1)))
    np.testing.assert_allclose(read_propensity({1: 0.25}, n, 0, [1]), np.tile([0.75, 0.25], (n, 1)))
    row = np.asarray([0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(read_propensity(row, n, 0, [1]), np.column_stack([1 - row, row]))
    np.testing.assert_allclose(read_propensity(pd.Series(row), n, 0, [1])[:, 1], row)
    table = np.tile([0.5, 0.3, 0.2], (n, 1))
    np.testing.assert_allclose(read_propensity(table, n, "c", ["a", "b"]), table)
    np.testing.assert_allclose(read_propensity({"c": 0.5, "b": 0.2, "a": 0.3}, n, "c", ["a", "b"]), table)
    np.testing.assert_allclose(of_pair(table, 2), 0.2 / 0.7)


@pytest.mark.parametrize(
    ("propensity", "treated", "said"),
    [
        ([0.5, 1.0, 0.5, 1.0], [1], r"is 0 or 1 in 2 of 4 rows: .*\(no overlap\); leave them out"),
        (0.0, [1], "that of arm 1 is 0 or 1 in 4 of 4 rows"),
        (1.2, [1], "outside 0 to 1 in 4 of 4 rows"),
        ([0.5, np.nan, 0.5, 0.5], [1], "missing or infinite in 1 of 4 rows"),
        (np.tile([0.5, 0.4], (4, 1)), [1], "adds up to 0.9"),
        (0.5, [1, 2], "there are 2 arms beside the control; give a mapping"),
        ([0.5, 0.5], [1], r"shape \(2,\); one number"),
        ({1: 0.5, 7: 0.1}, [1], "7 is not an arm"),
        ({1: 0.5}, [1, 2], "that of arm 2 is missing"),
        ("half", [1], "it must be numbers"),
    ],
)
def test_refused(propensity, treated, said):
    with pytest.raises(DataError, match=said):
        read_propensity(propensity, 4, 0, treated)


def make(slope, n=4000):
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    code = (rng.random(n) < expit(slope * x)).astype(int)
    return pd.DataFrame({"x": x}), code


def test_estimated_on_rows_not_seen():
    X, code = make(1.0)
    found, model, edge = estimate_propensity(X, code, None, {"x": "number"}, [0, 1], 0)
    np.testing.assert_allclose(found[:, 1], expit(X["x"]), atol=0.05)
    assert edge == 0
    assert not np.array_equal(model.predict_proba(X), found)


def test_poor_overlap_is_told_and_none_is_refused():
    X, code = make(4.0)
    with pytest.warns(OverlapWarning, match="below 0.01 in [0-9,]+ of 4,000 rows and was raised to it"):
        found, _, edge = estimate_propensity(X, code, None, {"x": "number"}, [0, 1], 0)
    assert 0 < edge < 2000
    assert found.min() >= CLIP / (1 + CLIP)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    X, code = make(1000.0)
    with pytest.raises(DataError, match="treated and controls do not overlap"):
        estimate_propensity(X, code, None, {"x": "number"}, [0, 1], 0)
