import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from crmml.inference import wilson_interval


@given(st.integers(1, 500), st.floats(0, 1), st.floats(0.5, 0.99))
def test_is_the_interval_of_scipy(n, share, coverage):
    k = round(share * n)
    low, high = wilson_interval(k / n, n, coverage=coverage)
    wanted = binomtest(k, n).proportion_ci(coverage, method="wilson")
    assert (float(low), float(high)) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_arrays():
    low, high = wilson_interval([0.0, 1.0], [10, 10])
    assert low[0] == 0
    assert high[1] == 1
    np.testing.assert_allclose(low[1], 1 - high[0])
