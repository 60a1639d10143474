import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import binomtest

from crmml.inference import student_interval, wilson_interval


def test_equals_scipy():
    x = np.random.default_rng(0).gamma(2.0, 3.0, 25)
    found = student_interval(x.sum(), (x**2).sum(), x.size, coverage=0.9)
    wanted = stats.t.interval(0.9, x.size - 1, x.mean(), stats.sem(x))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_arrays_and_too_few():
    lower, upper = student_interval([3.0, 8.0], [9.0, 34.0], [1, 2], coverage=0.5)
    assert np.isnan([lower[0], upper[0]]).all()
    assert (lower[1], upper[1]) == (pytest.approx(3.0), pytest.approx(5.0))  # 3 and 5: the quartile of t with 1 is 1


def test_equal_values_have_no_width():
    assert student_interval(0.3, 0.03, 3) == (pytest.approx(0.1), pytest.approx(0.1))


@given(st.integers(1, 500), st.floats(0, 1), st.floats(0.5, 0.99))
def test_is_the_interval_of_scipy(n, share, coverage):
    k = round(share * n)
    lower, upper = wilson_interval(k / n, n, coverage=coverage)
    wanted = binomtest(k, n).proportion_ci(coverage, method="wilson")
    assert (float(lower), float(upper)) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_arrays():
    lower, upper = wilson_interval([0.0, 1.0], [10, 10])
    assert lower[0] == 0
    assert upper[1] == 1
    np.testing.assert_allclose(lower[1], 1 - upper[0])


@pytest.mark.parametrize(("rate", "n"), [(1.2, 10), (-0.1, 10), (0.5, -3)])
def test_a_share_lies_between_0_and_1(rate, n):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]|must be above 0"):
        wilson_interval(rate, n)
