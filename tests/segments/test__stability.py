import numpy as np
import pytest
from sklearn.cluster import KMeans

from crmml.segments import _stability
from crmml.segments._stability import (
    UnimodalReference,
    agreement_of_pairs,
    choose_k,
    critical_bandwidth,
    valley,
    weakest_agreement,
)


def kmeans(samples, k, rng):
    fitted = [KMeans(k, n_init=4, random_state=rng.randint(2**31 - 1)).fit(sample) for sample in samples]
    return [(model.predict, model.cluster_centers_) for model in fitted]


def groups(d):
    return [slice(j, j + 1) for j in range(d)]


def test_weakest_agreement_by_hand():
    a = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    assert weakest_agreement(a, (a + 1) % 3, 3) == 1.0  # names do not matter
    b = np.array([0, 0, 0, 1, 1, 1, 2, 2])  # cluster 1: 2 of 3, cluster 2: 2 of 3
    assert weakest_agreement(a, b, 3) == pytest.approx(2 / 3)
    assert weakest_agreement(a, np.zeros(8, dtype=int), 3) == 0.0  # an empty cluster is found nowhere


def test_critical_bandwidth_tells_two_modes_from_one():
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=2000), np.concatenate([rng.normal(-4, 1, 1000), rng.normal(4, 1, 1000)])
    assert critical_bandwidth(one) < 0.7
    assert critical_bandwidth(two) == pytest.approx(np.sqrt(15), rel=0.1)  # two equal normals merge at h² + 1 = 4²
    assert critical_bandwidth(np.ones(50)) == 0.0


def test_the_reference_keeps_means_variances_and_correlations():
    rng = np.random.default_rng(1)
    Z = rng.multivariate_normal([1, -2], [[2, 1.2], [1.2, 1]], 4000)
    drawn = UnimodalReference(Z, groups(2)).draw(20_000, np.random.RandomState(0))
    np.testing.assert_allclose(drawn.mean(axis=0), Z.mean(axis=0), atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(Z.T), rtol=0.08)


def test_the_reference_has_one_mode_where_the_data_have_two_and_draws_categories_apart():
    rng = np.random.default_rng(2)
    side = rng.integers(2, size=2000)
    one_hot = np.eye(2)[side]
    Z = np.column_stack([rng.normal(size=2000) + 10 * side, one_hot])
    drawn = UnimodalReference(Z, [slice(0, 1), slice(1, 3)]).draw(5000, np.random.RandomState(0))
    assert (np.abs(drawn[:, 0] - 5) < 1).mean() > 0.05  # the gap is filled
    assert (np.abs(Z[:, 0] - 5) < 1).mean() < 0.001
    np.testing.assert_allclose(drawn[:, 1:].sum(axis=1), 1.0)
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.05


def test_a_long_cluster_is_cut_stably_but_not_apart():
    rng = np.random.default_rng(3)
    Z = rng.normal(size=(1000, 2)) * [6, 1]
    assert agreement_of_pairs(Z, 2, 10, kmeans, np.random.RandomState(0)).mean() > 0.85
    assert valley(Z, 2, 5, kmeans, np.random.RandomState(0)) > 1.0
    two = Z / [6, 1] + 6 * rng.integers(2, size=1000)[:, None] * [1, 0]
    assert valley(two, 2, 5, kmeans, np.random.RandomState(0)) < 0.3


def test_k_is_chosen_among_the_candidates_and_a_single_one_is_looked_at_in_full():
    rng = np.random.default_rng(4)
    Z = rng.normal(size=(600, 2)) + 8 * np.array([[0, 0], [1, 0], [0, 1]])[rng.integers(3, size=600)]
    k, figures = choose_k(Z, groups(2), [2, 3, 4], 8, kmeans, np.random.RandomState(0))
    assert k == 3
    assert figures["agreement"][1] > figures["limit"][1] > figures["reference"][1]
    k, figures = choose_k(rng.normal(size=(600, 2)), groups(2), [4], 8, kmeans, np.random.RandomState(0))
    assert k == 1
    assert np.isfinite([figures[name][0] for name in ("agreement", "between", "reference", "limit")]).all()


def test_clusters_no_more_stable_than_without_clusters_are_none(monkeypatch):
    rng = np.random.RandomState(0)
    Z = np.concatenate([rng.normal(-4, 1, (200, 2)), rng.normal(4, 1, (200, 2))])
    k, figures = choose_k(Z, groups(2), [2], 8, kmeans, np.random.RandomState(0))
    assert (k, figures["agreement"][0] > figures["limit"][0]) == (2, True)
    monkeypatch.setattr(_stability.UnimodalReference, "draw", lambda self, n, rng: self.Z[rng.permutation(len(self.Z))])
    tight = np.concatenate([rng.normal(-40, 1, (200, 2)), rng.normal(40, 1, (200, 2))])
    k, figures = choose_k(tight, groups(2), [2], 8, kmeans, np.random.RandomState(0))
    assert (k, figures["agreement"][0], figures["limit"][0]) == (1, 1.0, 1.0)
