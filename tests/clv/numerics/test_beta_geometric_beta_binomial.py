import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.clv.numerics import beta_geometric_beta_binomial as bb
from crmml.clv.numerics.rows import Rows

from .edge import PATH, close

NAMES = ("alpha", "beta", "gamma", "delta")
THETA = (1.204, 0.75, 0.657, 2.783)
legal_theta = st.tuples(*[st.floats(-6, 6).map(np.exp)] * 4)


@st.composite
def legal_rows(draw):
    n = draw(st.integers(0, 40))
    t_x = draw(st.integers(0, n))
    return rows_of((draw(st.integers(1, t_x)) if t_x else 0, t_x, n))


def rows_of(*given_rows):
    return Rows(*(np.array(column, dtype=float) for column in zip(*given_rows, strict=True)))


def all_histories(n):
    """Every sequence of n opportunities as (x, t_x, n), with how many sequences share it."""
    counts = {}
    for code in range(2**n):
        bits = [code >> i & 1 for i in range(n)]
        key = (sum(bits), max((i + 1 for i in range(n) if bits[i]), default=0), n)
        counts[key] = counts.get(key, 0) + 1
    return rows_of(*counts), np.array(list(counts.values()), dtype=float)


def test_against_50_digit_sums():
    count = 0
    for row in json.loads(PATH.read_text())["rows"]:
        if row["model"] != "bgbb":
            continue
        rows = rows_of([float(row[name]) for name in ("x", "t_x", "n")])
        theta = [float(row["params"][name]) for name in NAMES]
        found = {
            "loglik": bb.log_likelihood(rows, theta)[0],
            "log_p_alive": bb.log_probability_alive(rows, theta)[0],
            "log_p_alive_next": bb.log_probability_alive(rows, theta, 1)[0],
            "cet": bb.conditional_expectation(rows, float(row["t"]), theta)[0],
        }
        for name, value in found.items():
            assert close(value, float(row[name])), (row["row"], name, value, row[name])
        count += 1
    assert count == 36


def test_all_histories_together_have_probability_one():
    rows, times = all_histories(7)
    assert times @ np.exp(bb.log_likelihood(rows, THETA)) == pytest.approx(1, rel=1e-13)
    by_count = np.bincount(rows.x.astype(int), times * np.exp(bb.log_likelihood(rows, THETA)))
    np.testing.assert_allclose(by_count, np.exp(bb.count_log_proba(7, THETA, 7)), rtol=1e-12)


def test_predictions_follow_from_the_likelihood_of_longer_histories():
    """P(silent at n + 1 | history) is a ratio of two likelihoods; so is the expectation of one more opportunity."""
    rows = rows_of((0, 0, 6), (1, 1, 6), (4, 5, 6), (6, 6, 6))
    longer = Rows(rows.x, rows.t_x, rows.T + 1)
    silent = np.exp(bb.log_likelihood(longer, THETA) - bb.log_likelihood(rows, THETA))
    np.testing.assert_allclose(bb.conditional_expectation(rows, 1, THETA), 1 - silent, rtol=1e-12)
    np.testing.assert_allclose(np.exp(bb.conditional_count_log_proba(rows, 1, THETA, 0))[:, 0], silent, rtol=1e-12)


@settings(max_examples=100, deadline=None)
@given(legal_rows(), legal_theta)
def test_gradient_equals_finite_differences(rows, theta):
    value, gradient = bb.log_likelihood_gradient(rows, theta)
    np.testing.assert_allclose(value, bb.log_likelihood(rows, theta), rtol=1e-12, atol=1e-12)
    u, h = np.log(theta), 1e-5
    for j in range(4):
        up, down = u.copy(), u.copy()
        up[j] += h
        down[j] -= h
        upper, lower = (bb.log_likelihood(rows, np.exp(v))[0] for v in (up, down))
        noise = 1e-15 * abs(value[0]) / h * 20
        assert gradient[j, 0] == pytest.approx((upper - lower) / (2 * h), rel=1e-5, abs=1e-5 + noise)


@settings(max_examples=100, deadline=None)
@given(legal_rows(), legal_theta, st.integers(0, 60))
def test_no_illegal_number_for_legal_input(rows, theta, horizon):
    assert bb.log_likelihood(rows, theta)[0] <= 1e-12
    now, later = (np.exp(bb.log_probability_alive(rows, theta, k))[0] for k in (0, horizon))
    assert 0 <= later <= now * (1 + 1e-12) <= 1 + 1e-12
    near, far = (bb.conditional_expectation(rows, h, theta)[0] for h in (horizon, 2 * horizon + 1))
    assert 0 <= near <= far * (1 + 1e-9)
    assert near <= horizon
    proba = np.exp(bb.conditional_count_log_proba(rows, horizon, theta, horizon))[0]
    assert proba.sum() == pytest.approx(1, rel=1e-9)
    assert proba @ np.arange(horizon + 1) == pytest.approx(near, rel=1e-8, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(legal_rows(), st.tuples(*[st.floats(-6, 4).map(np.exp)] * 4))
def test_the_next_purchase_comes_the_later_the_surer_one_is_to_be(rows, theta):
    early, late = (bb.next_purchase_quantile(rows, q, theta)[0] for q in (0.2, 0.8))
    assert 1 <= early <= late


def test_counts_add_up_to_the_expectation():
    proba = np.exp(bb.count_log_proba(30, THETA, 30))
    assert proba.sum() == pytest.approx(1, rel=1e-12)
    assert proba @ np.arange(31) == pytest.approx(float(bb.expectation(30, THETA)), rel=1e-12)
    assert np.isneginf(bb.count_log_proba(3, THETA, 5)[4:]).all()


@pytest.mark.parametrize("gamma", [0.3, 1.0, 1 + 1e-9, 40.0, 1e4])
def test_the_closed_form_of_long_sums_continues_the_sum(gamma):
    theta = (1.2, 0.8, gamma, 2.8)
    active = [np.exp(bb.log_probability_alive(rows_of((6, 6, 6)), theta, k))[0] for k in range(1, 501)]
    mean = 7.2 / 8
    for h in (256, 257, 500):
        found = bb.conditional_expectation(rows_of((6, 6, 6)), h, theta)[0]
        assert found == pytest.approx(mean * sum(active[:h]), rel=1e-10)


def test_discounting_adds_up_opportunities():
    rows = rows_of((0, 0, 6), (4, 5, 6), (6, 6, 6))
    each = np.diff([bb.conditional_expectation(rows, h, THETA) for h in range(1201)], axis=0)
    for horizon in (1, 10, 1200, np.inf):
        weight = 1.1 ** -np.arange(1.0, 1201)
        weight[np.arange(1, 1201) > horizon] = 0
        found = bb.discounted_transactions(rows, horizon, np.log(1.1), THETA)
        np.testing.assert_allclose(found, weight @ each, rtol=1e-9)
    near_one = bb.discounted_transactions(rows, np.inf, 1e-6, THETA)
    assert (near_one > bb.discounted_transactions(rows, np.inf, 1e-4, THETA)).all()
    with pytest.raises(ValueError, match="above 0"):
        bb.discounted_transactions(rows, np.inf, 0.0, THETA)


def test_the_next_purchase_is_the_quantile_of_the_first_one():
    rows, theta = rows_of((2, 3, 9)), (1.3, 3.0, 2.5, 4.0)
    alive = np.exp(bb.log_probability_alive(rows, theta))[0]
    come = [
        (1 - np.exp(bb.conditional_count_log_proba(rows, s, theta, 0))[0, 0]) / alive for s in (*range(1, 60), 4000)
    ]
    share = np.array(come[:-1]) / come[-1]
    for q in (0.0, 0.2, 0.5, 0.8, 0.95):
        assert bb.next_purchase_quantile(rows, q, theta)[0] == 1 + np.searchsorted(share, q)


def test_simulation_agrees_with_expectation_and_likelihood():
    n, T = 100_000, 12
    customer, time = bb.simulate(n, np.full(n, float(T)), THETA, np.random.default_rng(0))
    x = np.bincount(customer, minlength=n)
    assert set(np.unique(time)) == set(range(1, T + 1))
    assert x.mean() == pytest.approx(float(bb.expectation(T, THETA)), abs=4 * x.std() / np.sqrt(n))
    proba = np.exp(bb.count_log_proba(T, THETA, T))
    np.testing.assert_allclose(np.bincount(x, minlength=T + 1) / n, proba, atol=4 * np.sqrt(0.25 / n))


def test_parameters_broadcast_as_draws_and_by_row():
    rows = rows_of((0, 0, 6), (3, 5, 8), (3, 3, 8), (7, 8, 8))
    thetas = np.array([THETA, (0.3, 4.0, 0.5, 1.5)])
    draws = [column[:, None] for column in thetas.T]
    full = [np.broadcast_to(column[:, None], (2, 4)).copy() for column in thetas.T]
    each = [np.broadcast_to(value, 4).copy() for value in thetas[0]]
    for function in (
        lambda theta: bb.log_likelihood(rows, theta),
        lambda theta: bb.log_probability_alive(rows, theta, 3),
        lambda theta: bb.conditional_expectation(rows, 9, theta),
        lambda theta: bb.discounted_transactions(rows, np.inf, 0.1, theta),
        lambda theta: bb.discounted_transactions(rows, 7, 0.1, theta),
        lambda theta: bb.conditional_count_log_proba(rows, 9, theta, 4),
        lambda theta: bb.next_purchase_quantile(rows, 0.3, theta),
    ):
        one_by_one = np.array([function(list(theta)) for theta in thetas])
        np.testing.assert_allclose(function(draws), one_by_one, rtol=1e-9)
        np.testing.assert_allclose(function(full), one_by_one, rtol=1e-9)
        np.testing.assert_allclose(function(each), one_by_one[0], rtol=1e-9)


def test_fractions_of_opportunities_are_refused():
    with pytest.raises(ValueError, match="whole numbers of opportunities"):
        bb.log_likelihood(Rows(np.array([1.0]), np.array([1.5]), np.array([3.0])), THETA)


@pytest.mark.parametrize("seed", range(12))
def test_long_silences_are_summed_as_the_recurrence_sums_them(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    n = rng.integers(600, 2500, 12)
    t_x = np.floor(n * rng.random(12) ** rng.choice([0.2, 1, 8]))
    x = np.where(t_x > 0, np.maximum(1, np.floor(t_x * rng.random(12) ** rng.choice([0.1, 1, 5]))), 0)
    rows, theta = rows_of(*zip(x, t_x, n, strict=True)), np.exp(rng.uniform(-5, 5, 4))
    value, gradient = bb.log_likelihood_gradient(rows, theta)
    alive = bb.log_probability_alive(rows, theta)
    monkeypatch.setattr(bb, "LONG", 10**9)
    expected, slope = bb.log_likelihood_gradient(rows, theta)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(gradient, slope, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(alive, bb.log_probability_alive(rows, theta), rtol=1e-10, atol=1e-10)


def test_long_silences_take_draws_of_the_parameters():
    rows = rows_of((0, 0, 1000), (3, 40, 900), (700, 900, 1000))
    draws = np.exp(np.random.default_rng(0).normal(size=(4, 5)))
    together = bb.log_likelihood(rows, [value[:, None] for value in draws])
    np.testing.assert_array_equal(together, [bb.log_likelihood(rows, draw) for draw in draws.T])


def test_a_likelihood_costs_no_more_for_ten_times_as_many_opportunities():
    def seconds(n):
        rows = rows_of(*((3.0, 50.0 + k, n) for k in range(30)))
        bb.log_likelihood_gradient(rows, THETA)
        start = time.process_time()
        for _ in range(5):
            bb.log_likelihood_gradient(rows, THETA)
        return time.process_time() - start

    assert seconds(1e6) < 3 * seconds(1e4) + 0.05
