import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.metrics import cumulative_gains, normalized_gini, top_decile_lift


def test_lift_of_perfect_random_and_tied_scores():
    y = np.repeat([1, 0], [20, 80])
    assert top_decile_lift(y, y) == pytest.approx(5)
    assert top_decile_lift(y, np.zeros(100)) == pytest.approx(1)
    assert top_decile_lift(y, -y) == 0
    half = np.r_[np.ones(20), np.ones(20), np.zeros(60)]
    assert top_decile_lift(y, half) == pytest.approx(2.5)
    assert np.isnan(top_decile_lift(np.zeros(10), np.arange(10)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=30), st.integers(0, 10))
def test_no_order_of_rows_changes_gains(rows, seed):
    y, score = np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])
    if len(set(y)) < 2:
        return
    order = np.random.default_rng(seed).permutation(y.size)
    one, two = cumulative_gains(y, score), cumulative_gains(y[order], score[order])
    np.testing.assert_allclose(one, two)
    assert one["gain"].iloc[-1] == pytest.approx(1)
    assert (np.diff(one["gain"]) >= -1e-12).all()


def test_gini():
    y = np.array([0.0, 1.0, 3.0, 16.0])
    assert normalized_gini(y, y) == pytest.approx(1)
    assert normalized_gini(y, -y) == pytest.approx(-1)
    assert normalized_gini(y, np.ones(4)) == pytest.approx(0)
    assert np.isnan(normalized_gini(np.ones(4), y))
    # the ratio of the binary case is 2 AUC - 1
    rng = np.random.default_rng(0)
    label, score = rng.random(500) < 0.3, rng.normal(size=500)
    from sklearn.metrics import roc_auc_score

    assert normalized_gini(label.astype(float), score) == pytest.approx(2 * roc_auc_score(label, score) - 1)


def test_faults():
    with pytest.raises(DataError, match="1 amount is negative"):
        normalized_gini([-1.0, 2.0], [1.0, 2.0])
    with pytest.raises(DataError, match="share=0"):
        top_decile_lift([0, 1], [0, 1], share=0)
    with pytest.raises(DataError, match="shares must lie"):
        cumulative_gains([0, 1], [0, 1], shares=[1.5])
