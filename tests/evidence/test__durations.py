import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crmml.evidence import _durations as durations


@given(st.lists(st.integers(1, 30), min_size=3, max_size=40).filter(lambda v: len(set(v)) > 1))
def test_without_censoring_it_is_the_mean_and_its_variance(values):
    x = np.array(values, dtype=float)
    mean, variance = durations.restricted_mean(x, np.ones(len(x), dtype=bool), x.max())
    assert mean == pytest.approx(x.mean())
    assert variance == pytest.approx(x.var(ddof=1) / len(x))


def test_restricted_mean_by_hand():
    # times 1, 2+, 3, 4+: S = 3/4 from 1, 3/8 from 3; the area to 4 is 1 + 2 * 3/4 + 3/8
    x, event = np.array([1.0, 2, 3, 4]), np.array([True, False, True, False])
    mean, variance = durations.restricted_mean(x, event, 4.0)
    assert mean == pytest.approx(2.875)
    ahead = 1.5 + 0.375, 0.375
    assert variance == pytest.approx(2 * (ahead[0] ** 2 / (4 * 3) + ahead[1] ** 2 / (2 * 1)))


def test_the_longer_some_wait_the_more_a_mean_of_closed_ones_lies():
    rng = np.random.default_rng(0)
    true, cut = rng.exponential(10, 4000), rng.uniform(0, 20, 4000)
    duration, event = np.minimum(true, cut), true <= cut
    found, variance = durations.restricted_mean(duration, event, 15.0)
    wanted = 10 * (1 - np.exp(-1.5))
    assert abs(found - wanted) < 3 * np.sqrt(variance)
    assert duration[event].mean() < 0.7 * wanted
    value, lower, upper = durations.median(duration, event, 0.9)
    assert lower < 10 * np.log(2) < upper
    assert lower < value < upper


def test_interval_of_the_median_inverts_the_band():
    rng = np.random.default_rng(3)
    x, event = rng.exponential(5, 30).round(1) + 0.1, rng.random(30) < 0.8
    value, lower, upper = durations.median(x, event, 0.95)
    inside = []
    for t in np.unique(x[event]):
        at = x[event & (x <= t)]
        s, var = 1.0, 0.0
        for u in np.unique(at):
            n, d = (x >= u).sum(), (at == u).sum()
            s *= 1 - d / n
            var += d / (n * (n - d)) if n > d else np.inf
        if 0 < s < 1 and abs(np.log(-np.log(s)) - np.log(-np.log(0.5))) <= stats.norm.ppf(0.975) * np.sqrt(var) / abs(
            np.log(s)
        ):
            inside.append(t)
    assert lower == min(inside)
    assert upper > max(inside)
    assert lower <= value <= upper


def test_coverage_of_the_median():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        true, cut = rng.exponential(1, 60), rng.uniform(0, 4, 60)
        _, lower, upper = durations.median(np.minimum(true, cut), true <= cut, 0.9)
        hits += lower <= np.log(2) <= upper
    assert 0.85 <= hits / 300 <= 0.96


def test_a_median_that_is_not_reached_is_unknown():
    x, event = np.array([1.0, 2, 3, 3, 3]), np.array([True, False, False, False, False])
    assert durations.median(x, event, 0.9)[0] == np.inf
    assert np.isnan(durations.median_difference((x, event), (x, event), 0.9, 99, np.random.RandomState(0))).all()
