import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.special import expit

from crmml.clv import ModifiedBetaGeoNBD
from crmml.datasets import load_cdnow_sample, make_transactions
from crmml.transactions import compress, summarize
from crmml.transactions.rhythm import fit_gaps, gap_log_likelihood, growth, own_rhythm, totals_before


def rows_of(log, **arguments):
    rows, weight = compress(summarize(log, **arguments))
    k, s, T = rows[["frequency", "recency", "T"]].to_numpy(dtype=float).T
    return k, s, T - s, weight.astype(float)


def test_the_gaps_have_the_likelihood_of_mbg_nbd():
    k, s, c, weight = rows_of(load_cdnow_sample())
    value, _ = gap_log_likelihood(k, s, c, pooled=80.0, strength=0.6, gone=0.4, agreement=2.5)
    model = ModifiedBetaGeoNBD().set_fitted_params(r=0.6, alpha=48.0, a=1.0, b=1.5)
    summary = summarize(load_cdnow_sample())
    assert weight @ value == pytest.approx(model.score(summary) * len(summary), rel=1e-12)


def test_on_a_large_log_the_prior_has_no_weight():
    log = load_cdnow_sample()
    k, s, c, weight = rows_of(log)
    found = fit_gaps(k, s, c, weight)
    free = ModifiedBetaGeoNBD().fit(summarize(log))
    r, alpha, a, b = np.exp(free.theta_)
    assert found.converged
    assert found.pooled == pytest.approx(alpha / r, rel=0.02)
    assert found.strength == pytest.approx(r, rel=0.02)
    assert found.gone == pytest.approx(a / (a + b), rel=0.02)
    assert 0 <= free.log_likelihood_ - found.log_likelihood < 0.05


def test_what_was_simulated_is_found_again():
    model = ModifiedBetaGeoNBD().set_fitted_params(r=1.5, alpha=150.0, a=1.0, b=4.0)
    log = make_transactions(model, n_customers=4000, T=2000, unit="D", random_state=3)
    found = fit_gaps(*rows_of(log, observation_end="2029-06-23"))
    assert found.converged
    assert found.pooled == pytest.approx(100.0, rel=0.05)
    assert found.strength == pytest.approx(1.5, rel=0.08)
    assert found.gone == pytest.approx(0.2, rel=0.08)


@settings(max_examples=40, deadline=None)
@given(
    k=st.integers(0, 300),
    gap=st.integers(1, 400),
    c=st.integers(0, 3000),
    theta=st.tuples(st.floats(-1, 7), st.floats(-3, 3), st.floats(-4, 4), st.floats(-2, 4)),
)
def test_gradient(k, gap, c, theta):
    k, s, c = np.array([float(k)]), np.array([float(k * gap)]), np.array([float(c)])

    def of(point):
        return gap_log_likelihood(k, s, c, np.exp(point[0]), np.exp(point[1]), expit(point[2]), np.exp(point[3]))

    value, gradient = of(theta)
    assert np.isfinite(value).all()
    expected = approx_fprime(np.array(theta), lambda point: of(point)[0][0], 1e-7)
    np.testing.assert_allclose(gradient[:, 0], expected, rtol=1e-3, atol=1e-3 * (1 + k[0]))


def test_tiny_logs_have_an_optimum():
    one = fit_gaps(np.array([1.0]), np.array([7.0]), np.array([0.0]), np.array([1.0]))
    assert one.converged
    assert 1 < one.pooled < 50
    regular = fit_gaps(np.full(3, 40.0), np.full(3, 400.0), np.full(3, 5.0), np.ones(3))
    assert regular.converged
    assert regular.pooled == pytest.approx(10, rel=0.1)


def test_own_rhythm_by_hand():
    """μ = 10 at strength 2, rupture at 4 expected gaps; days 0, 4, 8, 60, 62 and, of another, 5."""
    day, offsets = np.array([0, 4, 8, 60, 62, 5]), np.array([0, 5, 6])
    state = own_rhythm(day, offsets, pooled=10.0, strength=2.0, rupture_lateness=4.0)
    np.testing.assert_allclose(state.expected, [10, 24 / 3, 28 / 4, 28 / 4, 30 / 5, 10])
    assert state.purchases.tolist() == [1, 2, 3, 1, 2, 1]
    assert state.arc_start.tolist() == [0, 0, 0, 60, 60, 5]
    assert state.arc.tolist() == [0, 0, 0, 1, 1, 0]


def test_a_gap_of_just_the_rupture_lateness_breaks_nothing():
    state = own_rhythm(np.array([0, 40, 121]), np.array([0, 3]), pooled=10.0, strength=2.0, rupture_lateness=4.0)
    assert state.expected[1] == 20.0
    assert state.arc.tolist() == [0, 0, 1]


def test_growth_by_hand():
    day, offsets = np.array([0, 10, 20, 25, 30]), np.array([0, 5])
    state = own_rhythm(day, offsets, pooled=10.0, strength=2.0, rupture_lateness=4.0)
    found = growth(day, state, recent_gaps=3)
    late, early = (7.5 + 10) / 3, (7.5 + 20) / 3  # of four gaps two are recent
    np.testing.assert_allclose(found, [1, 1, 1, ((25 / 3 + 20) / 3) / ((25 / 3 + 5) / 2), early / late])
    value = np.array([3.0, 1.0, 2.0, 6.0, 6.0])
    worth = growth(day, state, 3, value, offsets) / found
    np.testing.assert_allclose(worth[[0, 1, 4]], [1, 1, ((3.6 + 12) / 3) / ((3.6 + 6) / 4)])
    free = growth(day, state, 3, np.zeros(5), offsets)
    np.testing.assert_allclose(free, found)


@given(gap=st.integers(1, 500), n=st.integers(1, 30), recent_gaps=st.integers(1, 9))
def test_the_steady_do_not_grow(gap, n, recent_gaps):
    day = gap * np.arange(n)
    state = own_rhythm(day, np.array([0, n]), pooled=40.0, strength=1e9, rupture_lateness=1e9)
    found = growth(day, state, recent_gaps, np.full(n, 3.0), np.array([0, n]))
    np.testing.assert_allclose(found, 1.0, rtol=1e-12)


@given(st.lists(st.lists(st.floats(0, 1e6), min_size=1, max_size=6), min_size=1, max_size=6))
def test_totals_know_no_other_customer(customers):
    offsets = np.concatenate([[0], np.cumsum([len(values) for values in customers])])
    together = totals_before(np.concatenate(customers), offsets)
    alone = [totals_before(np.array(values), np.array([0, len(values)])) for values in customers]
    np.testing.assert_array_equal(together, np.concatenate(alone))
