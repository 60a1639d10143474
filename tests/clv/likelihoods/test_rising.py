import mpmath
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crmml.clv._likelihoods.rising import log_rising, log_rising_slope


@given(st.floats(-14, 18).map(np.exp), st.integers(0, 2000))
def test_against_50_digits(c, j):
    with mpmath.workdps(50):
        exact = float(mpmath.loggamma(mpmath.mpf(c) + j) - mpmath.loggamma(c))
        slope = float(c * (mpmath.digamma(mpmath.mpf(c) + j) - mpmath.digamma(c)))
    np.testing.assert_allclose(log_rising(c, float(j)), exact, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(log_rising_slope(c, float(j)), slope, rtol=1e-11, atol=1e-12)


def test_whole_numbers_by_table_and_arrays_of_c():
    j = np.array([0, 3, 3, 1, 0])
    np.testing.assert_allclose(log_rising(2.5, j), log_rising(2.5, j.astype(float)), rtol=1e-14)
    c = np.array([0.5, 30.0])
    np.testing.assert_allclose(log_rising(c, 4.0), [log_rising(0.5, 4.0), log_rising(30.0, 4.0)], rtol=1e-14)
