import numpy as np
import pytest

from crmml.clv.numerics import erlang_renewal as er


def renewal(k, time, shape=4.2, silence=3.0, rate=20.0, a=0.7, b=2.4):
    return er.Renewal(*(np.array([float(v)]) for v in (shape, silence, rate, time, a, b)), k)


def simulated(k, time, n=400_000, shape=4.2, silence=3.0, rate=20.0, a=0.7, b=2.4):
    """Purchases within ``time`` and whether alive after it, of n customers known to be silent for ``silence``."""
    rng = np.random.default_rng(k)
    chance = rng.gamma(shape, 1.0, n * 8) / (rate - silence)  # known up to the last purchase
    phases = rng.poisson(chance * silence)
    chance, phases = chance[phases < k][:n], phases[phases < k][:n]
    more = rng.poisson(chance * time)
    occasions = (phases + more) // k
    leaves = rng.beta(a, b, chance.size)
    stayed = rng.geometric(leaves)  # the occasion at which the customer leaves
    return np.minimum(occasions, stayed), stayed > occasions


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("time", [4.0, 60.0])
def test_against_simulation(k, time):
    bought, alive = simulated(k, time)
    mean = np.exp(er.log_expected_purchases(renewal(k, time)))[0]
    assert mean == pytest.approx(bought.mean(), abs=4 * bought.std() / np.sqrt(bought.size))
    stays = np.exp(er.log_stays_alive(renewal(k, time)))[0]
    assert stays == pytest.approx(alive.mean(), abs=4 * alive.std() / np.sqrt(alive.size))
    proba = np.exp(er.count_log_proba(renewal(k, time), 3))[0]
    np.testing.assert_allclose(proba, [(bought == j).mean() for j in range(4)], atol=4 * np.sqrt(0.25 / bought.size))


@pytest.mark.parametrize("k", [2, 3, 6])
@pytest.mark.parametrize("time", [50.0, 150.0])
def test_generating_functions_agree_with_the_sum_over_phases(k, time, monkeypatch):
    part = renewal(k, time)
    by_generating = er._expected_by_generating_function(part), er._stay_by_generating_function(part)
    monkeypatch.setattr(er, "SUMMED", 1e9)
    np.testing.assert_allclose(by_generating[0], er.log_expected_purchases(part), atol=1e-9)
    np.testing.assert_allclose(by_generating[1], er.log_stays_alive(part), atol=1e-9)


def test_no_time_ahead():
    for time in (0.0, 1e-300):
        part = renewal(3, time)
        assert np.isneginf(er.log_expected_purchases(part)[0])
        assert er.log_stays_alive(part)[0] == 0
        np.testing.assert_array_equal(er.count_log_proba(part, 2)[0], [0, -np.inf, -np.inf])


def test_short_times_are_proportional():
    """Of k = 1, the chance of a purchase is time times the mean rate."""
    for time in (1e-20, 1e-12, 1e-6):
        mean = np.exp(er.log_expected_purchases(renewal(1, time)))[0]
        assert mean == pytest.approx(time * 4.2 / 20, rel=1e-5)
