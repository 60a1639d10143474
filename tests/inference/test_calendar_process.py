import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import multivariate_normal

from crmml.inference.calendar_process import CalendarProcess, Hyperparameters

DAY = (np.arange(60) + 0.5) * 7.0


def counts_of(level, expected=300.0, seed=0):
    rng = np.random.default_rng(seed)
    return rng.poisson(expected * level).astype(float), np.full(level.size, expected)


def test_the_multiplier_of_a_day_far_from_all_is_one_on_average():
    count, expected = counts_of(np.exp(0.2 * np.sin(np.arange(60) / 3)))
    process = CalendarProcess(DAY, count, expected, yearly=False)
    far = np.array([6000.0])
    assert process.mean(far)[0] == pytest.approx(0.0, abs=2e-3)
    drawn = np.exp(process.draws(far, 40_000, np.random.default_rng(1)))
    assert drawn.mean() == pytest.approx(1.0, abs=4 * drawn.std() / 200)


def test_the_marginal_likelihood_is_laplace_s_and_near_that_of_sampling():
    day, count, expected = DAY[:4], np.array([40.0, 52.0, 61.0, 45.0]), np.full(4, 50.0)
    process = CalendarProcess(day, count, expected)
    point = Hyperparameters(0.2, 91.0, 0.2, 0.1)
    fitted = process._mode(point, None)
    cov = point.covariance(day, day) + point.noise**2 * np.eye(4)
    f = multivariate_normal(np.full(4, -point.variance / 2), cov).rvs(400_000, random_state=0)
    log = (count * (f + np.log(expected)) - expected * np.exp(f) - gammaln(count + 1)).sum(axis=1)
    top = log.max()
    sampled = top + np.log(np.exp(log - top).mean())
    assert fitted.log_marginal - gammaln(count + 1).sum() == pytest.approx(sampled, abs=0.02)


def test_the_mode_has_no_slope():
    count, expected = counts_of(np.exp(0.3 * np.cos(np.arange(60) / 5)))
    process = CalendarProcess(DAY, count, expected)
    point = Hyperparameters(0.2, 91.0, 0.2, 0.1)
    fitted = process._mode(point, None)
    mean = expected * np.exp(fitted.mode - point.variance / 2)
    K = point.covariance(DAY, DAY) + (point.noise**2 + 1e-10) * np.eye(DAY.size)
    slope = count - mean - np.linalg.solve(K, fitted.mode)
    assert np.abs(slope).max() < 1e-2  # of purchases, 300 a bin


def test_a_curve_that_was_there_is_found_and_none_where_there_was_none():
    level = np.exp(0.3 * np.sin(2 * np.pi * DAY / 365.25))
    found = np.exp(CalendarProcess(DAY, *counts_of(level)).past())
    assert np.sqrt(np.mean((found / level - 1) ** 2)) < 0.05
    flat = np.exp(CalendarProcess(DAY, *counts_of(np.ones(60))).past())
    assert np.sqrt(np.mean((flat - 1) ** 2)) < 0.04
    assert CalendarProcess(DAY, *counts_of(np.ones(60))).hyperparameters().short < 0.06


def test_a_year_that_was_seen_twice_is_expected_again_and_one_that_was_not_is_wide():
    day = (np.arange(130) + 0.5) * 7.0
    level = np.exp(0.4 * np.cos(2 * np.pi * day / 365.25))
    process = CalendarProcess(day, *counts_of(level))
    ahead = day[-1] + 7.0 * np.arange(1, 53)
    wanted = 0.4 * np.cos(2 * np.pi * ahead / 365.25)
    assert np.corrcoef(process.mean(ahead), wanted)[0, 1] > 0.95
    spread = process.draws(ahead, 500, np.random.default_rng(0)).std(axis=0).mean()
    short = CalendarProcess(day[:20], *counts_of(level[:20]))
    later = day[19] + 7.0 * np.arange(20, 53)
    assert short.draws(later, 500, np.random.default_rng(0)).std(axis=0).mean() > 1.5 * spread


def test_bins_in_which_nothing_was_expected_say_nothing():
    count, expected = counts_of(np.ones(60))
    expected[:5], count[:5] = 0.0, 3.0
    process = CalendarProcess(DAY, count, expected)
    past = process.past()
    assert np.isfinite(past).all()
    assert past.shape == (60,)
    np.testing.assert_allclose(past[5:], CalendarProcess(DAY[5:], count[5:], expected[5:]).past())


def test_draws_have_the_mean_and_are_the_same_for_the_same_seed():
    process = CalendarProcess(DAY, *counts_of(np.exp(0.2 * np.sin(np.arange(60) / 4))))
    ahead = DAY[-1] + 7.0 * np.arange(1, 11)
    drawn = process.draws(ahead, 20_000, np.random.default_rng(3))
    np.testing.assert_allclose(np.exp(drawn).mean(axis=0), np.exp(process.mean(ahead)), rtol=0.02)
    np.testing.assert_array_equal(drawn, process.draws(ahead, 20_000, np.random.default_rng(3)))
