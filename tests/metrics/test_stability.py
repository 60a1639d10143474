import numpy as np
import pytest

from crmml import DataError
from crmml.metrics import population_stability_index, stability_noise


def test_by_hand():
    before, after = ["a"] * 50 + ["b"] * 50, ["a"] * 80 + ["b"] * 20
    p, q = np.array([50.5, 50.5]) / 101, np.array([80.5, 20.5]) / 101
    assert population_stability_index(before, after) == pytest.approx(((q - p) * np.log(q / p)).sum())


def test_chance_stays_below_the_noise_bound_as_often_as_said():
    rng = np.random.default_rng(0)
    bound = stability_noise(10, 2000, 1000, significance=0.1)
    below = [population_stability_index(rng.normal(size=2000), rng.normal(size=1000)) < bound for _ in range(300)]
    assert 0.85 <= np.mean(below) <= 0.95


def test_shifts_missing_values_and_new_categories_show():
    rng = np.random.default_rng(0)
    x = rng.normal(size=5000)
    assert population_stability_index(x, x + 1) > 0.5
    gone = np.where(rng.random(5000) < 0.5, np.nan, x)
    assert population_stability_index(x, gone) > 0.5
    assert population_stability_index(["a"] * 100, ["b"] * 100) > 1
    assert np.isfinite(population_stability_index(np.full(50, np.nan), x))
    assert population_stability_index(np.ones(50), np.ones(70)) < 1e-12


def test_no_rows():
    with pytest.raises(DataError, match="actual must be a column with rows"):
        population_stability_index([1.0], [])
