import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln

from crmml.clv.numerics.beta_mixture import log_mean_survival, mean_purchases


def by_quad(kernel, a, b):
    def integrand(u):
        p = 1 / (1 + np.exp(-u))
        return kernel(p) * np.exp(-a * np.logaddexp(0, -u) - b * np.logaddexp(0, u) - betaln(a, b))

    return quad(integrand, -80, 40, points=(np.log(a / b), 0.0), limit=500, epsabs=1e-13, epsrel=1e-12)[0]


@settings(max_examples=60, deadline=None)
@given(st.floats(0.5, 40), st.floats(0.5, 300), st.floats(0.1, 200), st.floats(1e-3, 100))
def test_against_adaptive_quadrature(a, b, nu, s):
    survival = by_quad(lambda p: (1 + p * s) ** -nu, a, b)
    assert np.exp(log_mean_survival(nu, s, a, b)) == pytest.approx(survival, rel=1e-7, abs=1e-12)
    purchases = by_quad(lambda p: -np.expm1(-nu * np.log1p(p * s)) / p, a, b)
    assert float(mean_purchases(nu, s, a, b)) == pytest.approx(purchases, rel=1e-7)


def test_limits():
    assert float(mean_purchases(2.0, 0.0, 1.0, 1.0)) == 0.0
    assert float(log_mean_survival(2.0, 0.0, 1.0, 1.0)) == pytest.approx(0.0, abs=1e-15)
    # where hardly anybody leaves, purchases are those of the rate alone
    assert float(mean_purchases(2.0, 3.0, 1e-6, 10.0)) == pytest.approx(6.0, rel=1e-5)
    # a dropout probability that is all but certain
    assert float(mean_purchases(2.0, 3.0, 1e8, 1.0)) == pytest.approx(1 - 4.0**-2, rel=1e-6)


def test_problems_of_any_shape():
    nu, a = np.ones((3, 1)), np.linspace(0.5, 2, 4)
    found = mean_purchases(nu, 2.0, a, 3.0)
    assert found.shape == (3, 4)
    np.testing.assert_allclose(found[1, 2], mean_purchases(1.0, 2.0, a[2], 3.0), rtol=1e-10)
