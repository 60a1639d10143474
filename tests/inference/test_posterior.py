import numpy as np
import pytest

from crmml.inference import sample_posterior
from crmml.inference.posterior import student_t, systematic_resample


def skewed(u):
    """A gamma(3) on the log scale, and a normal that leans on it."""
    return 3 * u[:, 0] - np.exp(u[:, 0]) - 0.5 * (u[:, 1] - 0.5 * u[:, 0]) ** 2 / 0.25


def test_moments_of_a_skewed_target():
    mode = np.array([np.log(3), 0.5 * np.log(3)])
    posterior = sample_posterior(
        skewed, mode, np.diag([1 / 3, 0.4]), names=["a", "b"], transform=lambda u: np.column_stack([np.exp(u[:, 0]), u[:, 1]]),
        n_draws=20_000, random_state=0,
    )  # fmt: skip
    assert posterior.pareto_k < 0.7
    assert posterior.draws["a"].mean() == pytest.approx(3.0, abs=0.06)
    assert posterior.draws["a"].var() == pytest.approx(3.0, rel=0.06)
    table = posterior.summary(0.8)
    assert table.loc["a", "lower"] == pytest.approx(1.102, abs=0.05)  # gamma(3) deciles
    assert table.loc["a", "upper"] == pytest.approx(5.322, abs=0.12)
    assert "can be trusted" in posterior.describe()


def test_a_bad_start_is_adapted():
    posterior = sample_posterior(
        lambda u: -0.5 * ((u - 4) ** 2).sum(axis=1), np.zeros(3), 0.05 * np.eye(3), names="abc", random_state=1
    )
    assert posterior.rounds > 1
    assert posterior.pareto_k < 0.7
    assert np.allclose(posterior.draws.mean(), 4, atol=0.1)


def test_where_no_proposal_fits_a_warning_and_an_ensemble_sampler():
    pytest.importorskip("emcee")

    def two_needles(u):
        near = -0.5 * ((u - 30) ** 2).sum(axis=1) / 1e-4
        far = -0.5 * ((u + 30) ** 2).sum(axis=1) / 1e-4
        return np.logaddexp(near, far)

    with pytest.warns(UserWarning, match="an ensemble sampler takes over"):
        posterior = sample_posterior(
            two_needles, np.full(4, 30.0), 400 * np.eye(4), names="abcd", n_draws=400, random_state=3
        )
    assert posterior.method == "ensemble"
    assert np.isnan(posterior.pareto_k)
    assert len(posterior.draws) == 400
    assert "ensemble sampler" in posterior.describe()


def test_equal_seeds_give_equal_draws():
    draws = [
        sample_posterior(skewed, np.ones(2), np.eye(2), names="ab", random_state=seed).draws.to_numpy()
        for seed in (5, 5, 6)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_to_arviz():
    pytest.importorskip("arviz")
    posterior = sample_posterior(skewed, np.ones(2), np.eye(2), names="ab", random_state=0)
    data = posterior.to_arviz()
    assert np.asarray(data["posterior"]["a"]).shape == (1, 4000)


def test_too_few_draws():
    with pytest.raises(ValueError, match="from 100 to"):
        sample_posterior(skewed, np.ones(2), np.eye(2), names="ab", n_draws=10)


def test_student_t_density():
    from scipy.stats import multivariate_t

    rng = np.random.default_rng(0)
    scale = np.array([[2.0, 0.3], [0.3, 0.5]])
    points, log_density = student_t(rng, np.array([1.0, -1.0]), scale, 50)
    np.testing.assert_allclose(log_density, multivariate_t([1.0, -1.0], scale, df=5).logpdf(points), rtol=1e-10)


def test_resampling_is_systematic():
    weights = np.array([0.1, 0.6, 0.3])
    counts = np.bincount(systematic_resample(weights, 100, np.random.default_rng(0)), minlength=3)
    assert (abs(counts - 100 * weights) <= 1).all()
