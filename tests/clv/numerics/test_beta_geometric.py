import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.clv.numerics import beta_geometric as bg
from crmml.clv.numerics.rows import Rows

from .edge import close, edge_rows

NAMES = ("r", "alpha", "a", "b")
legal_theta = st.tuples(*[st.floats(-6, 6).map(np.exp)] * 4)
legal_row = st.tuples(st.integers(0, 300), st.floats(0, 1), st.floats(0.01, 1000))


def rows_of(*given_rows):
    x, share, T = (np.array(column, dtype=float) for column in zip(*given_rows, strict=True))
    return Rows(x, np.where(x > 0, share * T, 0.0), T)


@pytest.mark.parametrize(("model", "modified"), [("bgnbd", False), ("mbgnbd", True)])
def test_against_50_digit_integrals(model, modified):
    count = 0
    for number, rows, theta, horizon, reference in edge_rows(model, NAMES):
        found = {
            "loglik": bg.log_likelihood(rows, theta, modified=modified)[0],
            "log_p_alive": bg.log_probability_alive(rows, theta, modified=modified)[0],
            "cet": bg.conditional_expectation(rows, horizon, theta, modified=modified)[0],
        }
        for name, value in found.items():
            assert close(value, reference[name]), (number, name, value, reference[name])
        count += 1
    assert count >= 40


@settings(max_examples=150, deadline=None)
@given(legal_row, legal_theta, st.booleans())
def test_gradient_equals_finite_differences(row, theta, modified):
    rows = rows_of(row)
    value, gradient = bg.log_likelihood_gradient(rows, theta, modified=modified)
    np.testing.assert_allclose(value, bg.log_likelihood(rows, theta, modified=modified), rtol=1e-12, atol=1e-12)
    u, h = np.log(theta), 1e-5
    for j in range(4):
        up, down = u.copy(), u.copy()
        up[j] += h
        down[j] -= h
        upper, lower = (bg.log_likelihood(rows, np.exp(v), modified=modified)[0] for v in (up, down))
        noise = 1e-15 * abs(value[0]) / h * 20
        assert gradient[j, 0] == pytest.approx((upper - lower) / (2 * h), rel=1e-5, abs=1e-5 + noise)


@settings(max_examples=150, deadline=None)
@given(legal_row, legal_theta, st.floats(0, 2000), st.booleans())
def test_no_illegal_number_for_legal_input(row, theta, horizon, modified):
    rows = rows_of(row)
    alive = np.exp(bg.log_probability_alive(rows, theta, horizon, modified=modified))
    now = np.exp(bg.log_probability_alive(rows, theta, modified=modified))
    assert 0 <= alive[0] <= now[0] * (1 + 1e-12) <= 1 + 1e-12
    near, far = (bg.conditional_expectation(rows, h, theta, modified=modified)[0] for h in (horizon, 2 * horizon + 1))
    assert 0 <= near <= far * (1 + 1e-9)
    rate = (theta[0] + rows.x[0]) / (theta[1] + rows.T[0])
    assert near <= rate * horizon * (1 + 1e-9)  # nobody buys more than one who never leaves
    proba = np.exp(bg.conditional_count_log_proba(rows, horizon, theta, 30, modified=modified))
    assert ((proba >= 0) & (proba <= 1 + 1e-12)).all()
    assert proba.sum() <= 1 + 1e-9


@settings(max_examples=60, deadline=None)
@given(legal_row, legal_theta, st.floats(-4, 4).map(np.exp), st.booleans())
def test_a_change_of_the_time_unit_changes_nothing(row, theta, factor, modified):
    rows = rows_of(row)
    scaled = Rows(rows.x, factor * rows.t_x, factor * rows.T)
    other = (theta[0], factor * theta[1], *theta[2:])
    shift = rows.x[0] * np.log(factor)
    ours, theirs = (
        bg.log_likelihood(rows, theta, modified=modified)[0],
        bg.log_likelihood(scaled, other, modified=modified)[0],
    )
    assert theirs + shift == pytest.approx(ours, rel=1e-9, abs=1e-8)
    assert bg.conditional_expectation(scaled, 7 * factor, other, modified=modified)[0] == pytest.approx(
        bg.conditional_expectation(rows, 7.0, theta, modified=modified)[0], rel=1e-8
    )


@pytest.mark.parametrize("modified", [False, True])
def test_counts_add_up_to_the_expectation(modified):
    theta, rows = (0.8, 6.0, 0.9, 2.5), rows_of((0, 0, 30), (3, 0.7, 40), (12, 0.9, 40))
    proba = np.exp(bg.conditional_count_log_proba(rows, 20.0, theta, 400, modified=modified))
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-10)
    expected = bg.conditional_expectation(rows, 20.0, theta, modified=modified)
    np.testing.assert_allclose(proba @ np.arange(401), expected, rtol=1e-8)
    new = np.exp(bg.count_log_proba(20.0, theta, 400, modified=modified))
    assert new.sum() == pytest.approx(1, rel=1e-10)
    assert new @ np.arange(401) == pytest.approx(float(bg.expectation(20.0, theta, modified=modified)), rel=1e-8)


@pytest.mark.parametrize("modified", [False, True])
def test_simulation_agrees_with_expectation_and_likelihood(modified):
    theta, n, T = (1.2, 8.0, 0.9, 2.5), 100_000, 40.0
    customer, time = bg.simulate(n, np.full(n, T), theta, np.random.default_rng(0), modified=modified)
    x = np.bincount(customer, minlength=n)
    assert (time <= T).all()
    assert x.mean() == pytest.approx(float(bg.expectation(T, theta, modified=modified)), abs=4 * x.std() / np.sqrt(n))
    proba = np.exp(bg.count_log_proba(T, theta, 6, modified=modified))
    np.testing.assert_allclose(np.bincount(x, minlength=7)[:7] / n, proba, atol=4 * np.sqrt(0.25 / n))


def test_the_next_purchase_of_the_living_is_lomax():
    theta, rows = (0.8, 6.0, 0.9, 2.5), rows_of((3, 0.7, 40.0))
    for q in (0.1, 0.5, 0.99):
        t = bg.next_purchase_quantile(rows, q, theta)[0]
        assert 1 - (46 / (46 + t)) ** 3.8 == pytest.approx(q, rel=1e-12)


@pytest.mark.parametrize("modified", [False, True])
def test_parameters_broadcast_as_draws_and_by_row(modified):
    rows = rows_of((0, 0, 30), (3, 0.7, 40), (3, 0.2, 40), (12, 0.9, 25))
    thetas = np.array([[0.8, 6.0, 0.9, 2.5], [0.3, 4.0, 0.5, 1.5]])
    draws = [column[:, None] for column in thetas.T]
    each = [np.broadcast_to(value, 4).copy() for value in thetas[0]]
    for function in (
        lambda theta: bg.log_likelihood(rows, theta, modified=modified),
        lambda theta: bg.log_probability_alive(rows, theta, 3.0, modified=modified),
        lambda theta: bg.conditional_expectation(rows, 9.0, theta, modified=modified),
        lambda theta: bg.conditional_count_log_proba(rows, 9.0, theta, 4, modified=modified),
        lambda theta: bg.next_purchase_quantile(rows, 0.3, theta, modified=modified),
    ):
        one_by_one = np.array([function(list(theta)) for theta in thetas])
        np.testing.assert_allclose(function(draws), one_by_one, rtol=1e-9)
        np.testing.assert_allclose(function(each), one_by_one[0], rtol=1e-9)
