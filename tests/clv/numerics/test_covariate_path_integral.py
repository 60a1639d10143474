import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.clv.numerics.covariate_path_integral import (
    Pieces,
    Segments,
    count_log_weights_on_pieces,
    gone_within,
    silence_on_pieces,
)
from crmml.clv.numerics.dropout_integral import count_log_weights, silence
from crmml.clv.numerics.pareto import ParetoDropout


def made(seed, n=7, most=9, spread=1.0):
    """Pieces of n customers, some of whom have none, with A and B running on, and both at the end."""
    rng = np.random.default_rng(seed)
    count = rng.integers(0, most, n)
    customer = np.repeat(np.arange(n), count)
    segments = Segments(customer, n)
    a, b, length = np.exp(rng.normal(0, spread, (3, customer.size)))
    before = rng.exponential(5, (2, n))
    A, B = before[0][customer] + segments.before(a * length), before[1][customer] + segments.before(b * length)
    end = before[0] + segments.sum(a * length), before[1] + segments.sum(b * length)
    return Pieces(customer, A, a, B, b, length), segments, end, before


def test_sums_maxima_and_running_sums_by_customer():
    customer = np.array([1, 1, 1, 3, 4, 4])
    value = np.array([1.0, 2.0, 4.0, -1.0, 5.0, 6.0])
    segments = Segments(customer, 6)
    assert segments.sum(value).tolist() == [0, 7, 0, -1, 11, 0]
    assert segments.sum(np.stack([value, 2 * value])).tolist() == [[0, 7, 0, -1, 11, 0], [0, 14, 0, -2, 22, 0]]
    assert segments.largest(value).tolist() == [-np.inf, 4, -np.inf, -1, 6, -np.inf]
    assert segments.before(value).tolist() == [0, 1, 3, 0, 0, 5]
    empty = Segments(np.array([], dtype=int), 2)
    assert empty.sum(np.array([])).tolist() == [0, 0]
    assert empty.largest(np.array([])).tolist() == [-np.inf, -np.inf]
    assert empty.before(np.array([])).size == 0
    assert empty.sum(np.empty((0, 0))).shape == (0, 2)


@given(st.integers(0, 10_000))
def test_running_sums_keep_the_digits_of_customers_far_smaller_than_their_neighbours(seed):
    rng = np.random.default_rng(seed)
    customer = np.sort(rng.integers(0, 12, 200))
    value = rng.random(200) * 10.0 ** rng.integers(-12, 12, 12)[customer]
    exact = np.concatenate([np.concatenate([[0.0], np.cumsum(value[customer == i])[:-1]]) for i in np.unique(customer)])
    np.testing.assert_array_equal(Segments(customer, 12).before(value), exact)


@pytest.mark.parametrize(
    ("s", "alpha", "beta", "p"), [(0.7, 9.0, 3.0, 2.5), (3.0, 0.2, 40.0, 60.0), (0.05, 5.0, 5.0, 0.3)]
)
def test_each_piece_is_the_integral_that_it_says(s, alpha, beta, p):
    pieces = made(3, spread=1.5)[0]
    found = gone_within(np.full(pieces.A.size, p), alpha, s, beta, pieces).log_proba

    def exact(A, a, B, b, length):
        def integrand(u):
            grown_A, grown_B = 1 + (A + a * u) / mpmath.mpf(alpha), 1 + (B + b * u) / mpmath.mpf(beta)
            return grown_A ** (-p) * s * b / beta * grown_B ** (-(s + 1))

        return float(mpmath.log(mpmath.quad(integrand, [0, *(length * mpmath.mpf(2) ** k for k in range(-16, 1))])))

    expected = [exact(*map(mpmath.mpf, one)) for one in np.column_stack(pieces[1:])]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@given(st.integers(0, 10_000))
def test_equal_pieces_are_one_stretch(seed):
    """a = b = 1 on every piece: the silence of the model whose rates never change."""
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.uniform(0, 30, 6))
    edges = np.concatenate([[0.0], cuts, [31.0]])
    t = rng.uniform(0, 5)
    one = np.ones(7)
    pieces = Pieces(np.zeros(7, dtype=int), t + edges[:-1], one, t + edges[:-1], one, np.diff(edges))
    p, alpha, s, beta = np.exp(rng.normal(0.5, 1, 4))
    end = (np.array([t + 31.0]),) * 2
    segments = Segments(pieces.customer, 1)
    found = silence_on_pieces(np.array([p]), alpha, s, beta, pieces, segments, end)
    plain = silence(np.array([p]), alpha + t, ParetoDropout(s, beta + t), np.array([31.0]))
    scale = -p * np.log1p(t / alpha) - s * np.log1p(t / beta)
    np.testing.assert_allclose(found.log_proba, plain.log_proba + scale, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found.log_alive, plain.log_alive, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.log_gone, plain.log_gone, rtol=1e-9, atol=1e-12)
    # from the start of the pieces on, as predictions count
    ahead = Pieces(pieces.customer, edges[:-1], one, edges[:-1], one, pieces.length)
    law = np.array([alpha]), s, np.array([beta])
    counts = count_log_weights_on_pieces(np.array([p]), law, ahead, segments, (np.array([31.0]),) * 2, 12)
    expected = count_log_weights(np.array([p]), alpha, ParetoDropout(s, beta), np.array([31.0]), 12)
    np.testing.assert_allclose(counts, expected, rtol=1e-9, atol=1e-10)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 60), st.floats(-30, 30))
def test_nothing_is_nan_and_probabilities_sum_to_one(seed, spread, shift):
    pieces, segments, end, _ = made(seed, spread=spread)
    rng = np.random.default_rng(seed + 1)
    alpha, s, beta = np.exp(rng.normal(0, 3, 3)) * np.array([np.exp(shift), 1, np.exp(-shift)])
    p = np.exp(rng.normal(0, 3, segments.n))
    found = silence_on_pieces(p, alpha, s, beta, pieces, segments, end, gradient=True)
    for value in (found.log_proba, found.log_alive, found.share, *found.gone[1:]):
        assert not np.isnan(value).any()
    assert (found.log_proba <= 1e-9).all()
    np.testing.assert_allclose(np.exp(found.log_alive) + np.exp(found.log_gone), 1, rtol=1e-9)
    np.testing.assert_allclose(np.exp(found.log_alive) + segments.sum(found.share), 1, rtol=1e-9)
