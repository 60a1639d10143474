import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.clv.numerics.dropout_integral import (
    BLOCK,
    ORDERS,
    Window,
    count_log_weights,
    log_integral,
    plan,
    shorten,
    silence,
)
from crmml.clv.numerics.gompertz import GompertzDropout
from crmml.clv.numerics.pareto import ParetoDropout

LAWS = pytest.mark.parametrize("law", [ParetoDropout(0.7, 9.0), GompertzDropout(0.2, 0.7, 3.0)])


def window_of(width, slope, curvature):
    width, slope, curvature = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (width, slope, curvature)))
    return Window(np.ones_like(width), width.copy(), slope, curvature, np.ones_like(width))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 50), st.floats(-200, 200)), min_size=1, max_size=8))
def test_exponentials_are_integrated_to_rounding(cases):
    width, rate = np.array(cases).T
    found = log_integral(lambda w, index: rate[index] * w, window_of(width, np.abs(rate), 0.0))
    with np.errstate(over="ignore"):
        exact = [
            float(mpmath.log(mpmath.quad(lambda w, a=a: mpmath.exp(a * w), [0, h])))
            if abs(a) * h < 1e-3
            else float(mpmath.log(mpmath.expm1(a * h) / a))
            for h, a in cases
        ]
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12)


def test_every_row_is_in_one_block_and_blocks_stay_small():
    rng = np.random.default_rng(0)
    window = window_of(rng.exponential(5, 20_000), rng.exponential(30, 20_000), 1.0)
    seen = np.zeros(20_000, dtype=int)
    for index, node, weight in plan(window):
        seen[index] += 1
        assert node.size * index.size <= max(BLOCK, node.size)
        assert weight.sum() == pytest.approx(1)
        assert (node > 0).all()
        assert (node < 1).all()
    assert (seen == 1).all()


def test_more_nodes_for_wider_and_steeper_integrands():
    sizes = [
        next(node.size for _, node, _ in plan(window_of([width], [slope], [0.1])))
        for width, slope in ((0.1, 1), (1, 1), (5, 1), (50, 1), (50, 100))
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < ORDERS[-1] < sizes[-1]


def test_shorten_leaves_out_nothing_that_counts():
    width = np.array([1.0, 100.0, 1e6])
    found = width
    for _ in range(4):
        found = shorten(found, lambda w, end: (-w, np.ones_like(w)))
    assert found[0] == 1
    np.testing.assert_allclose(found[1:], 32)


@LAWS
@pytest.mark.parametrize("p", [0.5, 20.0])
def test_silence_is_staying_quiet_or_having_gone(law, p):
    alpha, u = 6.0, 15.0
    quiet = silence(p, alpha, law, np.array([u]))
    stay = float(law.log_survival(u)) - p * np.log1p(u / alpha)
    node, weight = np.polynomial.legendre.leggauss(200)
    t, weight = (node + 1) / 2 * u, weight / 2 * u
    h = 1e-4
    density = (np.exp(law.log_survival(t - h)) - np.exp(law.log_survival(t + h))) / (2 * h)
    gone = weight @ (density * (alpha / (alpha + t)) ** p)
    assert np.exp(quiet.log_proba[0]) == pytest.approx(np.exp(stay) + gone, rel=1e-7)
    assert np.exp(quiet.log_alive[0]) == pytest.approx(np.exp(stay) / (np.exp(stay) + gone), rel=1e-7)
    assert np.exp(quiet.log_alive[0]) + np.exp(quiet.log_gone[0]) == pytest.approx(1, rel=1e-14)
    assert np.exp(count_log_weights(p, alpha, law, np.array([u]), 0)[0, 0]) == pytest.approx(
        np.exp(quiet.log_proba[0]), rel=1e-12
    )


@LAWS
def test_silence_keeps_its_digits_close_to_certainty(law):
    u = np.array([1e-12, 1e-9, 1e-6])
    found = silence(0.5, 6.0, law, u).log_proba
    np.testing.assert_allclose(found, -0.5 / 6.0 * u, rtol=3e-7)
    assert silence(0.5, 6.0, law, np.array([0.0])).log_proba[0] == 0


@LAWS
def test_no_time_no_gradient(law):
    quiet = silence(0.5, 6.0, law, np.array([0.0]), gradient=True)
    assert quiet.log_alive[0] == 0
    np.testing.assert_array_equal(quiet.gradient, 0)
