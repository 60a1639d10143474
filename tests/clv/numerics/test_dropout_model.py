import sys
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmml.clv.numerics import dropout_integral
from crmml.clv.numerics.dropout_model import DropoutModel
from crmml.clv.numerics.gompertz import GompertzDropout
from crmml.clv.numerics.pareto import ParetoDropout
from crmml.clv.numerics.rows import Rows

gompertz = DropoutModel(GompertzDropout)
pareto = DropoutModel(ParetoDropout)

MODELS = pytest.mark.parametrize(
    ("model", "theta"),
    [
        (pareto, (0.8, 6.0, 0.7, 9.0)),
        (pareto, (2.5, 30.0, 1.0, 30.0)),
        (gompertz, (0.8, 6.0, 0.05, 0.7, 0.9)),
        (gompertz, (2.5, 30.0, 0.3, 2.0, 40.0)),
    ],
)
any_model = st.sampled_from([pareto, gompertz])
legal_theta = st.tuples(*[st.floats(-6, 6).map(np.exp)] * 5)
legal_row = st.tuples(st.integers(0, 300), st.floats(0, 1), st.floats(0.01, 1000))


def rows_of(*given_rows):
    x, share, T = (np.array(column, dtype=float) for column in zip(*given_rows, strict=True))
    return Rows(x, np.where(x > 0, share * T, 0.0), T)


def fitting(model, theta):
    """As many parameters as the model has."""
    return theta if model is gompertz else theta[:4]


@settings(max_examples=60, deadline=None)
@given(any_model, legal_row, legal_theta)
def test_gradient_equals_finite_differences(model, row, theta):
    rows, theta = rows_of(row), fitting(model, theta)
    value, gradient = model.log_likelihood_gradient(rows, theta)
    np.testing.assert_allclose(value, model.log_likelihood(rows, theta), rtol=1e-12, atol=1e-12)
    u, h = np.log(theta), 1e-5
    for j in range(len(theta)):
        up, down = u.copy(), u.copy()
        up[j] += h
        down[j] -= h
        upper, lower = (model.log_likelihood(rows, np.exp(v))[0] for v in (up, down))
        scale = 1 + rows.x[0] * np.log(1 + theta[1] + rows.T[0])
        noise = 1e-15 * (abs(value[0]) + scale) / h * 20
        assert gradient[j, 0] == pytest.approx((upper - lower) / (2 * h), rel=1e-5, abs=1e-5 + noise)


@settings(max_examples=60, deadline=None)
@given(any_model, legal_row, legal_theta, st.floats(0, 2000))
def test_no_illegal_number_for_legal_input(model, row, theta, horizon):
    rows, theta = rows_of(row), fitting(model, theta)
    alive = np.exp(model.log_probability_alive(rows, theta, horizon))
    now = np.exp(model.log_probability_alive(rows, theta))
    assert 0 <= alive[0] <= now[0] * (1 + 1e-12) <= 1 + 1e-12
    near, far = (model.conditional_expectation(rows, h, theta)[0] for h in (horizon, 2 * horizon + 1))
    assert 0 <= near <= far * (1 + 1e-9)
    rate = (theta[0] + rows.x[0]) / (theta[1] + rows.T[0])
    assert near <= now[0] * rate * horizon * (1 + 1e-9)  # nobody buys more than one who never leaves
    proba = np.exp(model.conditional_count_log_proba(rows, horizon, theta, 30))
    assert ((proba >= 0) & (proba <= 1 + 1e-12)).all()
    assert proba.sum() <= 1 + 1e-9
    quiet = np.exp(model.next_purchase_log_survival(rows, horizon, theta))
    assert quiet[0] == pytest.approx(proba[0, 0], rel=1e-9, abs=1e-300)
    discounted = model.discounted_residual_transactions(rows, 0.01, theta)
    assert 0 <= discounted[0] <= now[0] * rate / 0.01 * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(any_model, legal_row, legal_theta, st.floats(-4, 4).map(np.exp))
def test_a_change_of_the_time_unit_changes_nothing(model, row, theta, factor):
    rows, theta = rows_of(row), fitting(model, theta)
    scaled = Rows(rows.x, factor * rows.t_x, factor * rows.T)
    r, alpha, *law = theta
    law = [law[0], factor * law[1]] if model is pareto else [law[0] / factor, *law[1:]]
    other = (r, factor * alpha, *law)
    ours, theirs = model.log_likelihood(rows, theta)[0], model.log_likelihood(scaled, other)[0]
    assert theirs + rows.x[0] * np.log(factor) == pytest.approx(ours, rel=1e-9, abs=1e-8)
    assert model.conditional_expectation(scaled, 7 * factor, other)[0] == pytest.approx(
        model.conditional_expectation(rows, 7.0, theta)[0], rel=1e-8, abs=1e-300
    )


@MODELS
def test_counts_add_up_to_the_expectation(model, theta):
    rows = rows_of((0, 0, 30), (3, 0.7, 40), (12, 0.9, 40), (12, 1.0, 40))
    proba = np.exp(model.conditional_count_log_proba(rows, 20.0, theta, 400))
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-10)
    np.testing.assert_allclose(proba @ np.arange(401), model.conditional_expectation(rows, 20.0, theta), rtol=1e-8)
    new = np.exp(model.count_log_proba(20.0, theta, 400))
    assert new.sum() == pytest.approx(1, rel=1e-10)
    assert new @ np.arange(401) == pytest.approx(float(model.expectation(20.0, theta)), rel=1e-8)
    assert model.count_log_proba(0.0, theta, 2).tolist() == [0, -np.inf, -np.inf]


@MODELS
def test_likelihoods_of_all_histories_add_up(model, theta):
    """P(X(T) = 0) is the likelihood of x = 0; P(X(T) = 1) the integral of that of x = 1 over t_x."""
    T = 25.0
    node, weight = np.polynomial.legendre.leggauss(40)
    t_x, weight = (node + 1) / 2 * T, weight / 2 * T
    once = Rows(np.ones(40), t_x, np.full(40, T))
    found = [
        model.log_likelihood(rows_of((0, 0, T)), theta)[0],
        np.log(weight @ np.exp(model.log_likelihood(once, theta))),
    ]
    np.testing.assert_allclose(found, model.count_log_proba(T, theta, 1), rtol=1e-9)


@MODELS
def test_simulation_agrees_with_expectation_and_counts(model, theta):
    n, T = 100_000, 40.0
    customer, time = model.simulate(n, np.full(n, T), theta, np.random.default_rng(0))
    x = np.bincount(customer, minlength=n)
    assert (time <= T).all()
    assert (time >= 0).all()
    assert x.mean() == pytest.approx(float(model.expectation(T, theta)), abs=4 * x.std() / np.sqrt(n))
    proba = np.exp(model.count_log_proba(T, theta, 6))
    np.testing.assert_allclose(np.bincount(x, minlength=7)[:7] / n, proba, atol=4 * np.sqrt(0.25 / n))


def reference_quiet(model, theta, row, u):
    """P(no purchase within u | alive at T) by mpmath, from the survival function of the literature."""
    r, alpha, *law = (mpmath.mpf(value) for value in theta)
    x, _, T = row

    def survival(t):
        if model is pareto:
            return (law[1] / (law[1] + t)) ** law[0]
        return (law[2] / (law[2] + mpmath.expm1(law[0] * t))) ** law[1]

    p, a = r + x, alpha + T

    def buys(t):
        return p / a * (a / (a + t)) ** (p + 1) * survival(T + t) / survival(T)

    points = [0, 1, 5, 20, 60, 200, 600, 2000, 10**5]
    return 1 - mpmath.quad(buys, [v for v in points if v < u] + [u])


@MODELS
@pytest.mark.parametrize("quantile", [0.01, 0.5, 0.99])
def test_the_next_purchase(model, theta, quantile):
    row = (3, 0.7, 40.0)
    rows = rows_of(row)
    s = model.next_purchase_quantile(rows, quantile, theta)[0]
    with mpmath.workdps(25):
        ever = 1 - reference_quiet(model, theta, row, mpmath.inf)
        come = 1 - reference_quiet(model, theta, row, mpmath.mpf(float(s)))
    assert float(come / ever) == pytest.approx(quantile, rel=1e-10)
    alive = np.exp(model.log_probability_alive(rows, theta)[0])
    assert np.exp(model.next_purchase_log_survival(rows, s, theta)[0]) == pytest.approx(
        1 - alive * float(come), rel=1e-12
    )
    assert model.next_purchase_quantile(rows, 0.0, theta)[0] == 0


@settings(max_examples=40, deadline=None)
@given(any_model, legal_row, legal_theta, st.floats(0.01, 0.99))
def test_quantiles_of_the_next_purchase_are_finite_and_ordered(model, row, theta, quantile):
    rows, theta = rows_of(row), fitting(model, theta)
    lower, upper = (model.next_purchase_quantile(rows, q, theta)[0] for q in (quantile / 2, quantile))
    assert 0 < lower <= upper < np.inf


@MODELS
def test_discounting(model, theta):
    rows = rows_of((0, 0, 30), (3, 0.7, 40), (12, 0.9, 40))
    delta = 0.02
    node, weight = np.polynomial.legendre.leggauss(60)
    edges = np.array([0, 5, 20, 60, 150, 400, 1000, 3000.0])
    total = np.zeros(3)
    for lower, upper in pairwise(edges.tolist()):
        t = lower + (node + 1) / 2 * (upper - lower)
        alive = np.exp([model.log_probability_alive(rows, theta, value) for value in t])
        total += (weight * np.exp(-delta * t)) @ alive * (upper - lower) / 2
    rate = (theta[0] + rows.x) / (theta[1] + rows.T)
    np.testing.assert_allclose(model.discounted_residual_transactions(rows, delta, theta), rate * total, rtol=1e-10)
    short = model.discounted_residual_transactions(rows, delta, theta, 13.0)
    assert (short < model.conditional_expectation(rows, 13.0, theta)).all()
    np.testing.assert_allclose(
        model.discounted_residual_transactions(rows, 1e-12, theta, 13.0),
        model.conditional_expectation(rows, 13.0, theta),
        rtol=1e-9,
    )


@MODELS
def test_parameters_broadcast_as_draws_and_by_row(model, theta):
    rows = rows_of((0, 0, 30), (3, 0.7, 40), (3, 0.2, 40), (12, 0.9, 25))
    thetas = np.array([theta, 1.3 * np.array(theta)])
    draws = [column[:, None] for column in thetas.T]
    each = [np.broadcast_to(value, 4).copy() for value in thetas[0]]
    for function in (
        lambda theta: model.log_likelihood(rows, theta),
        lambda theta: model.log_probability_alive(rows, theta, 3.0),
        lambda theta: model.conditional_expectation(rows, 9.0, theta),
        lambda theta: model.discounted_residual_transactions(rows, 0.01, theta),
        lambda theta: model.conditional_count_log_proba(rows, 9.0, theta, 4),
        lambda theta: model.next_purchase_quantile(rows, 0.3, theta),
        lambda theta: model.next_purchase_log_survival(rows, 4.0, theta),
    ):
        one_by_one = np.array([function(list(theta)) for theta in thetas])
        np.testing.assert_allclose(function(draws), one_by_one, rtol=1e-9)
        np.testing.assert_allclose(function(each), one_by_one[0], rtol=1e-9)
    np.testing.assert_allclose(
        model.log_likelihood_gradient(rows, each)[1], model.log_likelihood_gradient(rows, theta)[1], rtol=1e-9
    )
    times = np.array([0.0, 3.0, 50.0])
    one_by_one = [float(model.expectation(t, theta)) for t in times]
    np.testing.assert_allclose(model.expectation(times, theta), one_by_one, rtol=1e-12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(any_model, legal_row, legal_theta, st.floats(0.01, 2000))
def test_more_nodes_change_nothing(monkeypatch, model, row, theta, horizon):
    """The error bound that chooses the number of nodes holds: asking for twice the digits gives the same numbers."""
    rows, theta = rows_of(row), fitting(model, theta)

    def numbers():
        value, gradient = model.log_likelihood_gradient(rows, theta)
        return (
            value,
            gradient,
            model.log_probability_alive(rows, theta),
            model.conditional_expectation(rows, horizon, theta),
            model.discounted_residual_transactions(rows, 0.01, theta),
            np.exp(model.conditional_count_log_proba(rows, horizon, theta, 12)),
        )

    usual = numbers()
    with monkeypatch.context() as patch:
        patch.setattr(dropout_integral, "PRECISION", 2 * dropout_integral.PRECISION)
        for module in (dropout_integral, sys.modules[model.law.__module__]):
            patch.setattr(module, "NEGLIGIBLE", 2 * module.NEGLIGIBLE)
        exact = numbers()
    scale = 1 + np.abs(exact[1]).max()
    for found, expected, absolute in zip(usual, exact, (1e-12, 1e-10 * scale, 1e-12, 0, 0, 1e-12), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=absolute)
