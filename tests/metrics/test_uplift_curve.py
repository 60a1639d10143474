import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.metrics import against_control, qini_curve, qini_score, uplift_at_k, uplift_curve

from .. import ORACLES


def test_oracle():
    wanted = json.loads((ORACLES / "emp.json").read_text())["uplift"]
    rows = pd.read_csv(ORACLES / "uplift_rows.csv")
    curve = qini_curve(rows["outcome"], rows["uplift_score"], rows["treatment"])
    points = np.asarray(wanted["qini_curve_points"])
    # the stored points break ties by row: compare where a group of equal scores ends
    at = curve["share"] * len(rows)
    there = np.isin(points[:, 0], at.round())
    assert there.sum() > 5
    found = np.interp(points[there, 0], at, curve["gain"])
    np.testing.assert_allclose(found, points[there, 1], atol=1e-12)


def brute(y, score, treated, k):
    top = np.argsort(-score, kind="stable")[:k]
    t = treated[top] == 1
    return y[top][t].sum(), y[top][~t].sum(), t.sum(), (~t).sum()


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 40), st.integers(0, 10_000), st.booleans())
def test_equal_brute_force(n, seed, tied):
    rng = np.random.default_rng(seed)
    y, treated = rng.normal(size=n), np.append([0, 1], rng.integers(0, 2, n - 2))
    score = rng.integers(0, 4, n).astype(float) if tied else rng.permutation(n).astype(float)
    gain, uplift = qini_curve(y, score, treated), uplift_curve(y, score, treated)
    n_t = treated.sum()
    for share, value in zip(gain["share"][1:], gain["gain"][1:], strict=True):
        y_t, y_c, t, c = brute(y, score, treated, round(share * n))
        assert value == pytest.approx((y_t - (y_c * t / c if c else 0)) / n_t, abs=1e-12)
    for share, value in zip(uplift["share"], uplift["uplift"], strict=True):
        y_t, y_c, t, c = brute(y, score, treated, round(share * n))
        assert value == pytest.approx(y_t / t - y_c / c, abs=1e-12)
    assert uplift["uplift"].iloc[-1] == pytest.approx(uplift_at_k(y, score, treated, share=1.0))
    # the score is the mean height of the curve above the line
    k = np.arange(1, n + 1) / n
    height = np.interp(k, gain["share"], gain["gain"]).mean() - gain["random"].iloc[-1] / 2
    assert qini_score(y, score, treated, ties="line") == pytest.approx(height, abs=1e-12)


def test_independent_of_what_else_is_scored():
    rng = np.random.default_rng(0)
    y, treated, one, two = rng.integers(0, 2, 300), rng.integers(0, 2, 300), rng.normal(size=300), rng.normal(size=300)
    alone = qini_score(y, one, treated)
    qini_score(y, two, treated)
    assert qini_score(y, one, treated) == alone
    assert qini_score(y, 3 * one + 7, treated) == alone


def test_one_arm_against_the_control():
    arm = np.asarray(["b", "none", "a", "none", "b"])
    y, treated = against_control("b", "none", arm, np.arange(5))
    assert y.tolist() == [0, 1, 3, 4]
    assert treated.tolist() == [1, 0, 0, 1]
    with pytest.raises(DataError, match="no customer is in arm 'c'; there are 'b', 'none', 'a'"):
        against_control("c", "none", arm)
    with pytest.raises(DataError, match="an array has 2 rows for 5 arms"):
        against_control("b", "none", arm, [1, 2])
    with pytest.raises(DataError, match="arm and control are both 'b'"):
        against_control("b", "b", arm)
