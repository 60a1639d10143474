import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.segments._quantile_cuts import MANY, quantile_cuts, reached

VALUES = st.lists(st.integers(-3, 6), min_size=1, max_size=60).map(lambda v: np.asarray(v, dtype=float))


def by_hand(values, below):
    """Every boundary between distinct values, and outside them, tried for the nearest share; the lower one on a draw."""
    distinct = np.unique(values)
    edges = [-np.inf, *distinct[1:], np.inf]
    shares = np.asarray([np.mean(values < edge) if np.isfinite(edge) else float(edge > 0) for edge in edges])
    return np.asarray([edges[int(np.argmin(np.round(np.abs(shares - q), 9)))] for q in below])


@settings(deadline=None, max_examples=60)
@given(VALUES, st.integers(2, 9))
def test_each_share_takes_the_nearest_boundary(values, k):
    below = np.arange(1, k) / k
    np.testing.assert_array_equal(quantile_cuts(values, below), by_hand(values, below))


@settings(deadline=None, max_examples=60)
@given(VALUES, st.integers(2, 9), st.randoms(use_true_random=False))
def test_order_of_rows_and_repetition_do_not_matter(values, k, random):
    below = np.arange(1, k) / k
    cuts = quantile_cuts(values, below)
    shuffled = values.copy()
    random.shuffle(shuffled)
    np.testing.assert_array_equal(quantile_cuts(shuffled, below), cuts)
    distinct, counts = np.unique(values, return_counts=True)
    np.testing.assert_array_equal(quantile_cuts(distinct, below, counts.astype(float)), cuts)
    np.testing.assert_array_equal(quantile_cuts(values, below, np.full(values.size, 3.0)), cuts)


@pytest.mark.parametrize(
    ("values", "cuts"),
    [
        ([5.0] * 7, [-np.inf, -np.inf, np.inf, np.inf]),  # one distinct value
        ([1.0], [-np.inf, -np.inf, np.inf, np.inf]),
        ([1.0] * 60 + list(range(2, 42)), [-np.inf, 2.0, 2.0, 22.0]),  # 60 % at the lowest value
        ([1.0, 2.0, 3.0], [2.0, 2.0, 3.0, 3.0]),  # fewer rows than bins
    ],
)
def test_ties_and_few_rows(values, cuts):
    np.testing.assert_array_equal(quantile_cuts(np.asarray(values), [0.2, 0.4, 0.6, 0.8]), cuts)


@settings(deadline=None, max_examples=60)
@given(VALUES, st.lists(st.integers(-3, 6), max_size=MANY + 6).map(lambda c: np.sort(np.asarray(c, dtype=float))))
def test_a_value_at_a_cut_point_reaches_it(values, cuts):
    expected = (values[:, None] >= cuts).sum(axis=1)
    np.testing.assert_array_equal(reached(values, cuts), expected)
    np.testing.assert_array_equal(reached(values, cuts, descending=True), (values[:, None] <= cuts).sum(axis=1))


def test_many_rows_in_blocks():
    values = np.random.default_rng(0).normal(size=200_001)
    cuts = quantile_cuts(values, [0.25, 0.5, 0.75])
    np.testing.assert_array_equal(np.bincount(reached(values, cuts)), [50_000, 50_000, 50_001, 50_000])
