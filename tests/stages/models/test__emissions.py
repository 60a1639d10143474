import numpy as np
import pytest
from scipy import stats

from crmml.stages.models._emissions import EMISSIONS, CategoricalEmission, GaussianEmission, PoissonEmission


def test_densities():
    values = np.array([0.0, 3.0, 7.0])
    poisson = {"rate": np.array([0.5, 4.0]), "beta": np.zeros(0)}
    np.testing.assert_allclose(
        PoissonEmission().log_density(values, None, poisson), stats.poisson.logpmf(values[:, None], poisson["rate"])
    )
    x = np.array([[1.0], [0.0], [-1.0]])
    shifted = poisson | {"beta": np.array([0.3])}
    np.testing.assert_allclose(
        PoissonEmission().log_density(values, x, shifted),
        stats.poisson.logpmf(values[:, None], poisson["rate"] * np.exp(0.3 * x)),
    )
    gauss = {"mean": np.array([1.0, 5.0]), "sd": np.array([2.0, 0.5]), "beta": np.array([0.3])}
    np.testing.assert_allclose(
        GaussianEmission().log_density(values, x, gauss),
        stats.norm.logpdf(values[:, None], gauss["mean"] + 0.3 * x, gauss["sd"]),
    )
    proba = {"proba": np.array([[0.2, 0.8], [1.0, 0.0]])}
    found = CategoricalEmission().log_density(np.array([0.0, 1.0]), None, proba)
    np.testing.assert_allclose(found[:, 0], np.log([0.2, 0.8]))
    assert found[1, 1] < -600


@pytest.mark.parametrize("kind", list(EMISSIONS))
def test_steps_raise_the_likelihood_and_scores_are_gradients(kind):
    rng = np.random.default_rng(0)
    emission = EMISSIONS[kind]()
    values = rng.integers(0, 4, 40).astype(float) if kind != "gaussian" else rng.normal(size=40)
    x = None if kind == "categorical" else rng.normal(size=(40, 2))
    weight = rng.random((40, 3))
    p = emission.initial(values, np.ones(40), 3, x, rng)

    def total(q):
        return float((weight * emission.log_density(values, x, q)).sum())

    value = total(p)
    for _ in range(20):
        p = emission.m_step(values, x, weight, p)
        assert total(p) >= value - 1e-10
        value = total(p)
    np.testing.assert_allclose(emission.score(values, x, weight, p), 0, atol=1e-4)  # the step finds the optimum
    vector = emission.to_vector(p) + 0.1
    away = emission.from_vector(vector, p)
    np.testing.assert_allclose(emission.to_vector(away), vector, atol=1e-12)
    slope = []
    for k in range(len(vector)):
        e = np.eye(len(vector))[k] * 1e-6
        slope.append((total(emission.from_vector(vector + e, p)) - total(emission.from_vector(vector - e, p))) / 2e-6)
    np.testing.assert_allclose(emission.score(values, x, weight, away), slope, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", list(EMISSIONS))
def test_samples(kind):
    emission, rng = EMISSIONS[kind](), np.random.default_rng(0)
    p = {
        "poisson": {"rate": np.array([0.5, 4.0]), "beta": np.zeros(0)},
        "gaussian": {"mean": np.array([0.5, 4.0]), "sd": np.array([1.0, 2.0]), "beta": np.zeros(0)},
        "categorical": {"proba": np.array([[0.5, 0.3, 0.2], [0.0, 0.1, 0.9]])},
    }[kind]
    stage = np.repeat([0, 1], 20_000)
    drawn = emission.sample(stage, None, p, rng)
    np.testing.assert_allclose([drawn[:20_000].mean(), drawn[20_000:].mean()], emission.mean(p), atol=0.05)


def test_faults():
    assert "not counts (-1)" in PoissonEmission().faults(np.array([-1.0, 2.0]))[0]
    assert "not codes of categories" in CategoricalEmission().faults(np.array([0.5, 2.0]))[0]
    assert GaussianEmission().faults(np.array([2.0, 2.0])) == ["all observed amounts are the same"]
