import numpy as np
import pytest
from sklearn.cluster import KMeans

from crmml.segments._cluster_fits import by_kmeans, by_mixture, kmeans_centers


def inertia(rows, centers):
    return ((rows[:, None] - centers) ** 2).sum(axis=2).min(axis=1).sum()


@pytest.mark.parametrize(("k", "d"), [(2, 1), (3, 2), (5, 4), (8, 8)])
def test_centres_of_separated_clusters_are_those_of_scikit_learn(k, d):
    rng = np.random.default_rng(k)
    middles = 20 * np.arange(k)[:, None] + rng.normal(size=(k, d))
    samples = middles[rng.integers(k, size=(6, 200))] + rng.normal(size=(6, 200, d)) + 1000
    for rows, (predict, centers) in zip(samples, by_kmeans(samples, k, np.random.RandomState(0)), strict=True):
        theirs = KMeans(k, n_init=4, random_state=0).fit(rows)
        order, other = np.argsort(centers[:, 0]), np.argsort(theirs.cluster_centers_[:, 0])
        np.testing.assert_allclose(centers[order], theirs.cluster_centers_[other], rtol=1e-12)
        np.testing.assert_array_equal(np.argsort(order)[predict(rows)], np.argsort(other)[theirs.labels_])


def test_inertia_is_as_low_as_scikit_learns_where_there_is_no_single_best():
    samples = np.random.default_rng(0).normal(size=(40, 300, 3))
    centers = kmeans_centers(samples, 5, np.random.RandomState(0))
    ours = [inertia(rows, found) for rows, found in zip(samples, centers, strict=True)]
    theirs = [
        KMeans(5, n_init=4, max_iter=50, tol=1e-3, random_state=seed).fit(rows).inertia_
        for seed, rows in enumerate(samples)
    ]
    # the mean of 40 ratios that vary by about 1 % each
    assert np.mean(np.divide(ours, theirs)) == pytest.approx(1.0, abs=0.01)


def test_fewer_distinct_customers_than_centres():
    samples = np.repeat([[[0.0], [1.0]]], 20, axis=1)
    ((predict, centers),) = by_kmeans(samples, 3, np.random.RandomState(0))
    assert sorted(set(centers.ravel())) == [0.0, 1.0]
    assert len(set(predict(samples[0]))) == 2


def test_the_mixture_finds_long_clusters_on_the_common_scale():
    rng = np.random.default_rng(1)
    kind = rng.integers(2, size=(20, 240))
    samples = rng.normal(size=(20, 240, 2)) * [8, 0.5] + np.array([[0, 0], [0, 5]])[kind]
    samples = (samples - samples.mean(axis=1, keepdims=True)) / samples.std(axis=1, keepdims=True)
    for rows, truth, (predict, _) in zip(samples, kind, by_mixture(samples, 2, np.random.RandomState(0)), strict=True):
        same = (predict(rows) == truth).mean()
        assert max(same, 1 - same) == 1.0  # 10 standard deviations apart
