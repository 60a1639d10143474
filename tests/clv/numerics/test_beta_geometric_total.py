import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.clv.numerics import beta_geometric as bg
from crmml.clv.numerics.rows import Rows


@settings(max_examples=80, deadline=None)
@given(st.tuples(*[st.floats(-6, 6).map(np.exp)] * 4), st.integers(0, 10**6), st.booleans())
def test_the_total_is_the_sum_over_rows(theta, seed, modified):
    rng = np.random.default_rng(seed)
    x = rng.poisson(2.0, 40).astype(float)
    T = rng.integers(1, 40, 40).astype(float)
    rows, weight = Rows(x, np.where(x > 0, np.floor(T * rng.random(40)), 0.0), T), rng.random(40) + 0.1
    value, gradient = bg.weighted_total(rows, weight, modified=modified)(theta)
    each, slopes = bg.log_likelihood_gradient(rows, theta, modified=modified)
    assert value == pytest.approx(float(weight @ each), rel=1e-11, abs=1e-10)
    np.testing.assert_allclose(
        gradient, slopes @ weight, rtol=1e-8, atol=1e-8 * (1 + np.abs(slopes).max() * weight.sum())
    )
