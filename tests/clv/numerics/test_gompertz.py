import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.clv.numerics.dropout_model import DropoutModel
from crmml.clv.numerics.gompertz import GompertzDropout
from crmml.clv.numerics.pareto import ParetoDropout
from crmml.clv.numerics.rows import Rows

from .edge import close, edge_rows

gompertz = DropoutModel(GompertzDropout)
pareto = DropoutModel(ParetoDropout)

NAMES = ("r", "alpha", "b", "s", "beta")


def test_against_50_digit_integrals():
    count = 0
    for number, rows, theta, horizon, reference in edge_rows("ggomnbd", NAMES):
        found = {
            "loglik": gompertz.log_likelihood(rows, theta)[0],
            "log_p_alive": gompertz.log_probability_alive(rows, theta)[0],
            "cet": gompertz.conditional_expectation(rows, horizon, theta)[0],
        }
        for name, value in found.items():
            assert close(value, reference[name]), (number, name, value, reference[name])
        count += 1
    assert count >= 40


def test_pareto_is_the_limit_of_a_hazard_that_does_not_grow():
    r, alpha, s, beta, b = 0.55, 10.6, 0.6, 11.7, 1e-9
    x, t_x, T = np.array([0.0, 3, 26, 200]), np.array([0.0, 12, 30.86, 10]), np.array([39.0, 39, 31, 104])
    rows, theirs, ours = Rows(x, t_x, T), (r, alpha, s, beta), (r, alpha, b, s, b * beta)
    for name, arguments in (("log_likelihood", ()), ("log_probability_alive", ())):
        np.testing.assert_allclose(
            getattr(gompertz, name)(rows, ours, *arguments), getattr(pareto, name)(rows, theirs, *arguments), rtol=1e-6
        )
    np.testing.assert_allclose(
        gompertz.conditional_expectation(rows, 20.0, ours),
        pareto.conditional_expectation(rows, 20.0, theirs),
        rtol=1e-6,
    )
    _, gradient = gompertz.log_likelihood_gradient(rows, ours)
    _, limit = pareto.log_likelihood_gradient(rows, theirs)
    np.testing.assert_allclose(gradient[[0, 1, 3, 4]], limit, rtol=1e-5)
    np.testing.assert_allclose(gradient[2], -limit[3], rtol=1e-5)  # only beta / b matters


@settings(max_examples=100, deadline=None)
@given(*[st.floats(-8, 8).map(np.exp)] * 3, st.floats(0, 1e4), st.floats(0, 1e4))
def test_law_after_some_time_is_conditional(b, s, beta, t, u):
    law = GompertzDropout(b, s, beta)
    whole, first = law.log_survival(t + u), law.log_survival(t)
    assert whole <= 0
    assert law.after(t).log_survival(u) == pytest.approx(whole - first, rel=1e-9, abs=1e-12 * abs(whole) + 1e-300)


def test_a_hazard_that_explodes_stays_finite():
    rows = Rows(np.array([0.0, 5.0]), np.array([0.0, 1.0]), np.array([1e4, 1e4]))
    theta = (0.5, 5.0, 50.0, 0.3, 1e6)
    for value in (
        gompertz.log_likelihood(rows, theta),
        gompertz.log_probability_alive(rows, theta),
        gompertz.conditional_expectation(rows, 1e4, theta),
        gompertz.log_likelihood_gradient(rows, theta)[1],
    ):
        assert np.isfinite(value).all()


def test_sample_follows_the_survival_function():
    law = GompertzDropout(0.1, 0.7, 3.0)
    times = law.sample(200_000, np.random.default_rng(1))
    for t in (1.0, 10.0, 40.0):
        assert (times > t).mean() == pytest.approx(float(np.exp(law.log_survival(t))), abs=4 * np.sqrt(0.25 / 200_000))
