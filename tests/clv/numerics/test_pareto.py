import mpmath
import numpy as np
import pytest

from crmml.clv.numerics.dropout_model import DropoutModel
from crmml.clv.numerics.pareto import ParetoDropout
from crmml.clv.numerics.rows import Rows

from .edge import close, edge_rows

pareto = DropoutModel(ParetoDropout)

NAMES = ("r", "alpha", "s", "beta")


def test_against_50_digit_integrals():
    count = 0
    for number, rows, theta, horizon, reference in edge_rows("paretonbd", NAMES):
        found = {
            "loglik": pareto.log_likelihood(rows, theta)[0],
            "log_p_alive": pareto.log_probability_alive(rows, theta)[0],
            "cet": pareto.conditional_expectation(rows, horizon, theta)[0],
        }
        for name, value in found.items():
            assert close(value, reference[name]), (number, name, value, reference[name])
        count += 1
    assert count >= 80


def test_the_closed_form_where_it_can_be_trusted():
    """Fader and Hardie's two terms in 2F1 at 40 digits."""
    with mpmath.workdps(40):
        r, alpha, s, beta, x, t_x, T = (mpmath.mpf(v) for v in (0.55, 10.6, 0.6, 11.7, 4, 20, 39))
        a, lower = max(alpha, beta), abs(alpha - beta)
        b = s + 1 if alpha >= beta else r + x

        def term(t):
            return mpmath.hyp2f1(r + s + x, b, r + s + x + 1, lower / (a + t)) / (a + t) ** (r + s + x)

        whole = (alpha + T) ** -(r + x) * (beta + T) ** -s + s / (r + s + x) * (term(t_x) - term(T))
        exact = mpmath.log(mpmath.gamma(r + x) / mpmath.gamma(r) * alpha**r * beta**s * whole)
    rows = Rows(np.array([4.0]), np.array([20.0]), np.array([39.0]))
    assert pareto.log_likelihood(rows, (0.55, 10.6, 0.6, 11.7))[0] == pytest.approx(float(exact), rel=1e-13)


def test_expectation_at_s_equal_to_one_is_the_limit():
    around = [pareto.expectation(20.0, (0.5, 5.0, s, 7.0)) for s in (1 - 1e-6, 1 + 1e-6)]
    assert pareto.expectation(20.0, (0.5, 5.0, 1.0, 7.0)) == pytest.approx(np.mean(around), rel=1e-10)


def test_law_after_some_time_is_conditional():
    law = ParetoDropout(0.7, 9.0)
    rest = law.after(5.0)
    assert rest.log_survival(3.0) == pytest.approx(law.log_survival(8.0) - law.log_survival(5.0), rel=1e-14)
