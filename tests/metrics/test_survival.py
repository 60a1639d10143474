import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.metrics import brier_score_at, concordance, integrated_brier_score, kaplan_meier

rows = st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 3)), min_size=2, max_size=25)


def test_kaplan_meier_of_a_textbook():
    """Freireich's 6-MP arm: 21 patients, times with + censored."""
    duration = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    event = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    at, survival = kaplan_meier(duration, event)
    assert at.tolist() == [6, 7, 10, 13, 16, 22, 23]
    np.testing.assert_allclose(survival, [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], atol=5e-4)
    assert kaplan_meier(duration, event, [5, 6, 100])[1].round(3).tolist() == [1.0, 0.857, 0.448]


@settings(max_examples=60, deadline=None)
@given(rows)
def test_concordance_pair_by_pair(rows):
    duration, event, risk = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    agree = pairs = 0.0
    for i in range(len(rows)):
        for j in range(len(rows)):
            sooner = duration[i] < duration[j] or (duration[i] == duration[j] and not event[j])
            if event[i] and sooner and i != j:
                pairs += 1
                agree += 1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0
    found = concordance(duration, event, risk)
    if pairs:
        assert found == pytest.approx(agree / pairs)
    else:
        assert np.isnan(found)


def test_brier_without_censoring_is_the_mean_square():
    rng = np.random.default_rng(0)
    duration, survival = rng.exponential(1, 200), rng.random((200, 2))
    wanted = [np.mean((survival[:, k] - (duration > t)) ** 2) for k, t in enumerate((0.5, 1.0))]
    np.testing.assert_allclose(brier_score_at(duration, np.ones(200), survival, [0.5, 1.0]), wanted)


def test_weighting_undoes_censoring():
    rng = np.random.default_rng(0)
    n = 60_000
    rate = rng.gamma(2, 0.5, n)
    life, seen = rng.exponential(1 / rate), rng.exponential(1.5, n)
    duration, event = np.minimum(life, seen), life <= seen
    times = np.array([0.3, 0.8, 1.4])
    truth = np.exp(-rate[:, None] * times)
    full = brier_score_at(life, np.ones(n), truth, times)
    np.testing.assert_allclose(brier_score_at(duration, event, truth, times), full, atol=0.004)
    assert integrated_brier_score(duration, event, truth, times) < integrated_brier_score(
        duration, event, np.tile(truth.mean(axis=0), (n, 1)), times
    )
    assert concordance(duration, event, rate) == pytest.approx(concordance(life, np.ones(n), rate), abs=0.03)


def test_faults():
    with pytest.raises(DataError, match="1 duration is negative"):
        kaplan_meier([-1, 2], [1, 0])
    with pytest.raises(DataError, match="event must be 1"):
        kaplan_meier([1, 2], [1, 3])
    with pytest.raises(DataError, match="nobody is seen any more"):
        brier_score_at([1, 2], [1, 1], [[0.5], [0.5]], [2.0])
    with pytest.raises(DataError, match="two or more rising times"):
        integrated_brier_score([1, 2], [1, 1], [[0.5], [0.5]], [1.0])
    with pytest.raises(DataError, match=r"survival has shape \(2, 1\)"):
        brier_score_at([1, 2], [1, 1], [[0.5], [0.5]], [0.5, 1.0])
