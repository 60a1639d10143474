import numpy as np
import pytest
from scipy.stats import poisson

from crmml import DataError
from crmml.metrics import interval_coverage


def test_ends_count_as_inside():
    assert interval_coverage([0.0, 1.0, 2.0], [[0, 0], [0, 1], [0, 1.5]]) == pytest.approx(2 / 3)


def test_randomized_is_exact_where_plain_intervals_of_counts_are_not():
    rng = np.random.default_rng(0)
    n, mean = 40_000, 0.4
    y = rng.poisson(mean, n)
    ends = np.tile(poisson.ppf([0.05, 0.95], mean), (n, 1))
    assert interval_coverage(y, ends) > 0.98
    draws = rng.poisson(mean, (n, 39))
    assert interval_coverage(y, draws, randomized=True, random_state=0) == pytest.approx(0.9, abs=0.006)
    assert interval_coverage(y, draws + 1, randomized=True, random_state=0) < 0.7
    half = interval_coverage(y, draws, randomized=True, coverage=0.5, random_state=0)
    assert half == pytest.approx(0.5, abs=0.01)


def test_faults():
    with pytest.raises(DataError, match="a row for each of 2 outcomes"):
        interval_coverage([1, 2], [[0, 1]])
    with pytest.raises(DataError, match="lower end above"):
        interval_coverage([1], [[2, 1]])
    with pytest.raises(DataError, match="two ends are needed"):
        interval_coverage([1], [[2, 1, 3]])
    with pytest.raises(DataError, match="1 interval is missing"):
        interval_coverage([1], [[np.nan, 1]])
    with pytest.raises(DataError, match=r"coverage=90 must lie between 0 and 1; write 0\.9"):
        interval_coverage([1], [[0, 1]], coverage=90)
