import numpy as np
import pytest

from crmml import DataError
from crmml.campaigns import Targeting
from crmml.campaigns.holdout import draw_holdout


def plan_of(n=2000, **options):
    rng = np.random.default_rng(0)
    u = rng.uniform(-0.05, 0.3, n)
    return Targeting(holdout=0.25, random_state=3, **options).plan(u, value=100, cost=2), u, rng


def test_the_hold_out_is_recorded_and_repeatable():
    plan, _, _ = plan_of()
    again, _, _ = plan_of()
    assert (plan.holdout == again.holdout).all()
    chosen = plan.chosen >= 0
    assert not (plan.holdout & ~chosen).any()
    assert abs(plan.holdout.sum() - 0.25 * chosen.sum()) < 1
    assert set(plan.propensity[chosen]) == {0.75}
    assert (plan.propensity[~chosen] == 0).all()
    assert all(x is None for x in plan.action[plan.holdout])
    assert plan.planned_profit > plan.expected_profit


def test_everyone_has_the_stated_probability():
    choice = np.array([0, 0, 0, 1, 1, -1])
    rng = np.random.RandomState(0)
    held = np.mean([draw_holdout(choice, 0.3, None, rng)[0] for _ in range(1000)], axis=0)
    assert held[:5] == pytest.approx(0.3, abs=0.058)  # 4 standard errors
    assert held[5] == 0


def test_judgement_by_hand():
    plan = Targeting(holdout=0.5, random_state=0).plan(np.full(4, 0.5), value=10, cost=1)
    y = np.where(plan.holdout, 1.0, 3.0)
    y[np.flatnonzero(plan.holdout)[0]] = 0.0  # held out 0 and 1, contacted 3 and 3
    found = plan.judge(y)
    assert found.difference == pytest.approx(2.5)
    # Neyman: 0/2 + .5/2, and z at 90 %
    assert found.upper - found.difference == pytest.approx(1.6448536 * 0.5)
    assert found.profit == pytest.approx(2 * 25 - 2)
    assert found.predicted == 0.5
    assert "held out at random" in found.describe(currency="CNY")


def test_intervals_cover_the_truth():
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        u = rng.uniform(0.05, 0.3, 600)
        strata = rng.integers(0, 3, 600)
        plan = Targeting(holdout=0.3, random_state=seed).plan(u, value=100, cost=2, strata=strata)
        y = rng.random(600) < 0.1 * (1 + strata) + np.where(plan.contacted, u, 0)
        found = plan.judge(y)
        covered += found.lower <= u.mean() <= found.upper
    assert 81 <= covered <= 99  # binomial(100, .9), 3 standard errors


def test_what_cannot_be_judged_is_refused():
    plan = Targeting().plan(np.full(4, 0.5), value=10, cost=1)
    with pytest.raises(DataError, match="holdout > 0"):
        plan.judge(np.ones(4))
    with pytest.raises(DataError, match="shape"):
        plan.judge(np.ones(3))
    with pytest.raises(DataError, match="1 outcomes"):
        plan.judge([1, 0, np.nan, 1])
