import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from crmml import DataError
from crmml.metrics import MetricInterval, bootstrap_interval, expected_maximum_profit, qini_score


def test_holds_the_truth_nine_times_in_ten():
    def mean(y):
        return float(np.mean(y))

    inside = 0
    for seed in range(200):
        y = np.random.default_rng(seed).normal(size=60)
        found = bootstrap_interval(mean, y, n_resamples=199, random_state=seed)
        inside += found.lower <= 0 <= found.upper
    assert 0.82 <= inside / 200 <= 0.96


def test_groups_are_drawn_whole():
    rng = np.random.default_rng(0)
    customers = np.repeat(np.arange(40), 10)
    y = np.repeat(rng.normal(size=40), 10)

    def mean(values):
        return float(values.mean())

    alone = bootstrap_interval(mean, y, random_state=0)
    whole = bootstrap_interval(mean, y, groups=customers, random_state=0)
    assert whole.upper - whole.lower > 2.5 * (alone.upper - alone.lower)
    assert whole.estimate == alone.estimate


def test_passes_options_and_draws_again_where_a_class_is_lost():
    y = np.r_[1, np.zeros(9, int)]
    found = bootstrap_interval(roc_auc_score, y, np.arange(10.0)[::-1], random_state=0)
    assert found.lower == found.upper == 1
    money = bootstrap_interval(expected_maximum_profit, y, np.arange(10.0), clv=500, random_state=0)
    assert money.estimate == expected_maximum_profit(y, np.arange(10.0), clv=500)
    assert "90% interval" in money.describe()
    same = bootstrap_interval(expected_maximum_profit, y, np.arange(10.0), clv=500, random_state=0)
    assert same == money
    t = np.tile([0, 1], 50)
    rng = np.random.default_rng(1)
    assert bootstrap_interval(qini_score, rng.random(100), rng.random(100), t, n_resamples=50, random_state=0).lower < 0


def test_faults():
    with pytest.raises(DataError, match=r"the arrays have lengths \[2, 3\]"):
        bootstrap_interval(roc_auc_score, [0, 1], [1, 2, 3])
    with pytest.raises(DataError, match="not a number on the rows given"):
        bootstrap_interval(lambda y: float("nan"), [1.0, 2.0])
    with pytest.raises(DataError, match="nearly every resample lacks a class"):
        bootstrap_interval(lambda y: 1.0, [1, 1], n_resamples=3)
    with pytest.raises(DataError, match="groups has 1 entry for 2 rows"):
        bootstrap_interval(lambda y: 1.0, [0, 1], groups=[1])


def test_an_interval_unpacks_and_is_a_frame_a_picture_and_a_page():
    found = MetricInterval(0.7, 0.6, 0.8, 0.9)
    assert tuple(found) == (0.7, 0.6, 0.8, 0.9)
    assert found.to_frame()[["value", "lower", "upper"]].to_numpy().tolist() == [[0.7, 0.6, 0.8]]
    assert "0.7, 90% interval" in found._repr_html_()
    with pytest.raises(ValueError, match=r"coverage=90 must lie between 0 and 1; write 0\.9"):
        bootstrap_interval(lambda y: float(y.mean()), [0.0, 1.0], coverage=90)
