import numpy as np
import pytest

from crmml.inference import pareto_smooth
from crmml.inference.pareto_smoothing import fit_generalized_pareto, pareto_quantile


@pytest.mark.parametrize("k", [-0.3, 0.0, 0.4, 0.9])
def test_the_shape_is_recovered(k):
    rng = np.random.default_rng(1)
    sample = np.sort(pareto_quantile(rng.random(20_000), k, 2.0))
    found, sigma = fit_generalized_pareto(sample)
    assert found == pytest.approx(k, abs=0.03)
    assert sigma == pytest.approx(2.0, rel=0.05)


def test_weights_sum_to_one_and_keep_their_order():
    rng = np.random.default_rng(2)
    log_weights = rng.normal(0, 2, 4000)
    weights, k = pareto_smooth(log_weights)
    assert weights.sum() == pytest.approx(1.0)
    order = np.argsort(log_weights)
    assert (np.diff(weights[order]) >= -1e-15).all()
    assert 0.2 < k < 1.2


def test_hopeless_weights_are_seen():
    log_weights = 3 * np.random.default_rng(3).standard_cauchy(4000)
    assert pareto_smooth(log_weights)[1] > 0.7


def test_few_weights_are_not_judged():
    assert pareto_smooth(np.zeros(5))[1] == np.inf


def test_draws_outside_the_support_get_no_weight():
    log_weights = np.random.default_rng(4).normal(0, 1, 1000)
    log_weights[:10] = -np.inf
    assert (pareto_smooth(log_weights)[0][:10] == 0).all()


@pytest.mark.parametrize("wrong", [[], [np.nan, 1.0], [np.inf, 1.0], [-np.inf, -np.inf], [[0.0, 1.0]], 1.0])
def test_weights_that_say_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="with a finite entry"):
        pareto_smooth(np.asarray(wrong, dtype=float))
