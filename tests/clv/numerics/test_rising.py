import mpmath
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crmml.clv.numerics.rising import log_rising, log_rising_slope


@given(st.floats(-14, 18).map(np.exp), st.integers(0, 2000))
def test_against_50_digits(c, j):
    with mpmath.workdps(50):
        exact = float(mpmath.loggamma(mpmath.mpf(c) + j) - mpmath.loggamma(c))
        slope = float(c * (mpmath.digamma(mpmath.mpf(c) + j) - mpmath.digamma(c)))
    np.testing.assert_allclose(log_rising(c, float(j)), exact, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(log_rising_slope(c, float(j)), slope, rtol=1e-11, atol=1e-12)


def test_arrays_of_c():
    c = np.array([0.5, 30.0])
    np.testing.assert_allclose(log_rising(c, 4.0), [log_rising(0.5, 4.0), log_rising(30.0, 4.0)], rtol=1e-14)
    slopes = [log_rising_slope(0.5, 4.0), log_rising_slope(30.0, 4.0)]
    np.testing.assert_allclose(log_rising_slope(c, 4.0), slopes, rtol=1e-14)
