import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crmml.clv.numerics import beta_geometric as bg
from crmml.clv.numerics import erlang_renewal
from crmml.clv.numerics import erlang_timing as et
from crmml.clv.numerics.rows import Rows

THETA = (1.56, 4.03, 0.62, 1.91)
legal_theta = st.tuples(*[st.floats(-4, 4).map(np.exp)] * 4)
legal_row = st.tuples(st.integers(0, 60), st.floats(0, 1), st.floats(0.01, 500))
phases = st.integers(2, 6)
both = pytest.mark.parametrize("modified", [False, True])


def rows_of(*given_rows):
    x, share, T = (np.array(column, dtype=float) for column in zip(*given_rows, strict=True))
    return Rows(x, np.where(x > 0, share * T, 0.0), T)


ROWS = rows_of((0, 0, 30), (3, 0.7, 40), (3, 0.2, 40), (12, 0.9, 25))


@both
def test_one_phase_is_the_beta_geometric_model(modified):
    """The functions call it then; the formulas for k phases agree with it as well."""
    theta, general = et._parameters(THETA), {"k": 1, "modified": modified}
    np.testing.assert_allclose(
        et._value(ROWS, theta, 1, modified), bg.log_likelihood(ROWS, THETA, modified=modified), rtol=1e-13
    )
    np.testing.assert_allclose(
        et._log_odds_gone(ROWS, theta, 1, modified), bg._log_odds_gone(ROWS, *theta, modified), rtol=1e-12
    )
    alive = bg.log_probability_alive(ROWS, THETA, modified=modified)
    mean = np.exp(alive + et._given_alive(erlang_renewal.log_expected_purchases, ROWS, 26.0, theta, 1, modified))
    np.testing.assert_allclose(mean, bg.conditional_expectation(ROWS, 26.0, THETA, modified=modified), rtol=1e-9)
    stays = alive + et._given_alive(erlang_renewal.log_stays_alive, ROWS, 26.0, theta, 1, modified)
    np.testing.assert_allclose(stays, bg.log_probability_alive(ROWS, THETA, 26.0, modified=modified), rtol=1e-9)
    assert (et.log_likelihood(ROWS, THETA, **general) == bg.log_likelihood(ROWS, THETA, modified=modified)).all()
    assert et.expectation(9.0, THETA, **general) == bg.expectation(9.0, THETA, modified=modified)


@settings(max_examples=100, deadline=None)
@given(legal_row, legal_theta, phases, st.booleans())
def test_gradient_equals_finite_differences(row, theta, k, modified):
    rows, options = rows_of(row), {"k": k, "modified": modified}
    value, gradient = et.log_likelihood_gradient(rows, theta, **options)
    np.testing.assert_allclose(value, et.log_likelihood(rows, theta, **options), rtol=1e-12, atol=1e-12)
    u, h = np.log(theta), 1e-5
    for j in range(4):
        up, down = u.copy(), u.copy()
        up[j] += h
        down[j] -= h
        upper, lower = (et.log_likelihood(rows, np.exp(v), **options)[0] for v in (up, down))
        noise = 1e-14 * (abs(value[0]) + k * row[0]) / h * 20
        assert gradient[j, 0] == pytest.approx((upper - lower) / (2 * h), rel=1e-5, abs=1e-5 + noise)


@settings(max_examples=60, deadline=None)
@given(legal_row, legal_theta, st.floats(0, 600), phases, st.booleans())
@example((0, 0.0, 1.0), (np.exp(-4.0), 1.0, 1.0, 1.0), 0.0, 2, False)  # a silence of 1e21 leaves the digits of 1 alone
def test_no_illegal_number_for_legal_input(row, theta, horizon, k, modified):
    rows, options = rows_of(row), {"k": k, "modified": modified}
    now, later = (np.exp(et.log_probability_alive(rows, theta, h, **options))[0] for h in (0.0, horizon))
    assert 0 <= later <= now * (1 + 1e-9) <= 1 + 1e-9
    near, far = (et.conditional_expectation(rows, h, theta, **options)[0] for h in (horizon, 2 * horizon + 1))
    assert 0 <= near <= far * (1 + 1e-8)
    proba = np.exp(et.conditional_count_log_proba(rows, horizon, theta, 30, **options))
    assert ((proba >= 0) & (proba <= 1 + 1e-12)).all()
    assert proba.sum() <= 1 + 1e-9
    early, late = (et.next_purchase_quantile(rows, q, theta, **options)[0] for q in (0.1, 0.6))
    assert 0 < early < late


def test_times_that_are_very_long():
    """With T = alpha = 1, A(s) is nearly s^−r (1 + r) where s is long, and the time solves A(s) = 0.4 A(0)."""
    for r in (0.1, 0.02):
        found = et.next_purchase_quantile(rows_of((0, 0.0, 1.0)), 0.6, (r, 1.0, 1.0, 1.0), k=2)[0]
        wanted = np.log(1 + r) - np.log(0.4 * (1 + r / 2) * 0.5**r)
        assert np.log(found) == pytest.approx(wanted / r, rel=1e-3)
    assert et.next_purchase_quantile(rows_of((0, 0.0, 1.0)), 0.6, (1e-3, 1.0, 1.0, 1.0), k=2)[0] == np.inf


@pytest.mark.parametrize("k", [2, 3, 6])
@both
def test_likelihood_is_the_integral_over_rate_and_dropout(k, modified):
    """By plain summation over a fine grid of λ and p of the likelihood of one customer's purchases."""
    from scipy.stats import beta, erlang, gamma

    r, alpha, a, b = 1.5, 4.0, 1.4, 2.2
    u, w = np.polynomial.legendre.leggauss(400)
    u, w = (u + 1) / 2, w / 2
    rate, leave = 12 * u[:, None] ** 3, u[None, :] ** 3  # cubes: more points near zero
    weight = 36 * (u**2 * w)[:, None] * (3 * u**2 * w)[None, :]
    weight = weight * gamma.pdf(rate, r, scale=1 / alpha) * beta.pdf(leave, a, b)
    for gaps, rest in (([], 3.0), ([2.0, 5.0], 4.0), ([3.0], 0.2)):
        x, t_x = len(gaps), sum(gaps)
        density = np.prod([erlang.pdf(gap, k, scale=1 / rate) for gap in gaps], axis=0) if gaps else 1.0
        silent = erlang.sf(rest, k, scale=1 / rate)
        stays = (1 - leave) ** (x + modified)
        gone = leave * (1 - leave) ** (x + modified - 1) if x + modified else 0.0
        expected = np.log(np.sum(weight * density * (stays * silent + gone)))
        rows = et.ErlangRows(*(np.array([v]) for v in (float(x), t_x + 0.0, t_x + rest, np.sum(np.log(gaps)))))
        found = et.log_likelihood(rows, (r, alpha, a, b), k=k, modified=modified)[0]
        assert found == pytest.approx(expected, rel=1e-6)
        bare = et.log_likelihood(Rows(rows.x, rows.t_x, rows.T), (r, alpha, a, b), k=k, modified=modified)[0]
        assert found - bare == pytest.approx((k - 1) * np.sum(np.log(gaps)), abs=1e-12)


@both
def test_counts_add_up_to_the_expectation(modified):
    for k in (2, 4):
        options = {"k": k, "modified": modified}
        proba = np.exp(et.conditional_count_log_proba(ROWS, 20.0, THETA, 300, **options))
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-9)
        expected = et.conditional_expectation(ROWS, 20.0, THETA, **options)
        np.testing.assert_allclose(proba @ np.arange(301), expected, rtol=1e-7)
        new = np.exp(et.count_log_proba(20.0, THETA, 300, **options))
        assert new.sum() == pytest.approx(1, rel=1e-9)
        assert new @ np.arange(301) == pytest.approx(float(et.expectation(20.0, THETA, **options)), rel=1e-7)


@both
def test_long_horizons_continue_short_ones(modified):
    """Beyond a length the sum over phases gives way to generating functions; the answer does not notice."""
    options = {"k": 3, "modified": modified}
    times = np.array([0.5, 20.0, 60.0, 100.0, 140.0, 180.0, 240.0, 400.0])
    mean = np.array([et.conditional_expectation(ROWS, t, THETA, **options) for t in times])
    stay = np.array([et.log_probability_alive(ROWS, THETA, t, **options) for t in times])
    many = 6000
    for i, t in enumerate(times[-2:], start=len(times) - 2):
        terms = np.exp(et.conditional_count_log_proba(ROWS, t, THETA, many, **options))
        np.testing.assert_allclose(terms @ np.arange(many + 1), mean[i], rtol=1e-6)
    assert (np.diff(mean, axis=0) > 0).all()
    assert (np.diff(stay, axis=0) < 0).all()


@both
def test_simulation_agrees_with_expectation_and_likelihood(modified):
    n, T, options = 100_000, 40.0, {"k": 3, "modified": modified}
    customer, time = et.simulate(n, np.full(n, T), THETA, np.random.default_rng(0), **options)
    x = np.bincount(customer, minlength=n)
    assert (time <= T).all()
    assert x.mean() == pytest.approx(float(et.expectation(T, THETA, **options)), abs=4 * x.std() / np.sqrt(n))
    proba = np.exp(et.count_log_proba(T, THETA, 6, **options))
    np.testing.assert_allclose(np.bincount(x, minlength=7)[:7] / n, proba, atol=4 * np.sqrt(0.25 / n))


@both
def test_the_next_purchase_of_the_living(modified):
    """Nobody leaves without buying: P(no purchase by then) is what the counts say."""
    options = {"k": 3, "modified": modified}
    alive = np.exp(et.log_probability_alive(ROWS, THETA, **options))
    assert (et.next_purchase_quantile(ROWS, 0.0, THETA, **options) == 0).all()
    for q in (0.1, 0.5, 0.99):
        times = et.next_purchase_quantile(ROWS, q, THETA, **options)
        for i, t in enumerate(times):
            none = np.exp(et.conditional_count_log_proba(ROWS, t, THETA, 0, **options))[i, 0]
            assert (1 - none) / alive[i] == pytest.approx(q, rel=1e-8)


@both
def test_parameters_broadcast_as_draws_and_by_row(modified):
    thetas, options = np.array([THETA, (0.3, 4.0, 0.5, 1.5)]), {"k": 3, "modified": modified}
    draws = [column[:, None] for column in thetas.T]
    each = [np.broadcast_to(value, 4).copy() for value in thetas[0]]
    for function in (
        lambda theta: et.log_likelihood(ROWS, theta, **options),
        lambda theta: et.log_probability_alive(ROWS, theta, 3.0, **options),
        lambda theta: et.conditional_expectation(ROWS, 9.0, theta, **options),
        lambda theta: et.conditional_count_log_proba(ROWS, 9.0, theta, 4, **options),
        lambda theta: et.next_purchase_quantile(ROWS, 0.3, theta, **options),
    ):
        one_by_one = np.array([function(list(theta)) for theta in thetas])
        np.testing.assert_allclose(function(draws), one_by_one, rtol=1e-9)
        np.testing.assert_allclose(function(each), one_by_one[0], rtol=1e-9)
