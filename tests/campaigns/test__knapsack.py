import numpy as np
import pytest

from crmml.campaigns._assignment import assign
from crmml.campaigns._knapsack import _in_units


def campaign(n, prices, seed):
    rng = np.random.default_rng(seed)
    value = np.exp(rng.normal(4, 1, (n, 1)))
    cost = np.broadcast_to(np.array(prices), (n, len(prices))).copy()
    return rng.normal(0.03, 0.05, cost.shape) * value - cost, cost


def test_costs_are_counted_in_their_largest_common_unit():
    cost, budget, whole = _in_units(np.array([[0.0, 1.5, 4.2, 0.35]]), np.ones((1, 4), dtype=bool), 171.8115)
    assert whole
    assert cost.tolist() == [[0, 30, 84, 7]]
    assert budget == 3436
    assert not _in_units(np.array([[0.0, np.pi]]), np.ones((1, 2), dtype=bool), 10.0)[2]


def test_a_price_list_is_solved_to_the_optimum_whose_proof_needs_all_customers():
    # upgrades from the least price cost 23 or 77 units: 630 of the 636 left can be spent, so that the linear bound is 0.13 % off
    profit, cost = campaign(20_000, (1.5, 4.2, 0.35), 5)
    found = assign(profit, cost, budget=171.81, total=400, time_limit=120)
    rows = np.flatnonzero(found.choice >= 0)
    assert found.optimal
    assert len(rows) <= 400
    assert cost[rows, found.choice[rows]].sum() <= 171.81 + 1e-9
    assert found.bound == pytest.approx(profit[rows, found.choice[rows]].sum())


def test_numbers_by_price_and_numbers_by_customer_give_the_same_optimum(monkeypatch):
    for seed in range(5):
        profit, cost = campaign(80, (1.5, 4.2, 0.35), seed)
        limits = {"budget": 40.0, "total": 25, "each": np.array([9.0, np.inf, 12.0])}
        by_price = assign(profit, cost, **limits)
        with monkeypatch.context() as patch:
            patch.setattr("crmml.campaigns._knapsack._CLASSES", 0)
            by_customer = assign(profit, cost, **limits)
        assert by_price.how == "integer programming"
        assert by_price.optimal
        assert by_customer.optimal
        assert by_price.bound == pytest.approx(by_customer.bound, rel=1e-9)


def test_what_is_found_when_the_time_is_up_keeps_the_limits():
    rng = np.random.default_rng(2)
    cost = rng.uniform(1, 2, (5000, 2))
    profit = cost * rng.uniform(0.5, 1.5, cost.shape)
    found = assign(profit, cost, budget=1000.0, total=700, time_limit=1e-9)
    rows = np.flatnonzero(found.choice >= 0)
    earned = profit[rows, found.choice[rows]].sum()
    assert len(rows) <= 700
    assert cost[rows, found.choice[rows]].sum() <= 1000.0 * (1 + 1e-10)
    best = assign(profit, cost, budget=1000.0, total=700, time_limit=60).bound
    assert not found.optimal
    assert 0.8 * best < earned <= best + 1e-6
    assert best <= found.bound


def test_nothing_is_written_to_the_standard_output_where_costs_are_whole_hundredths(capfd):
    rng = np.random.default_rng(0)
    value = np.exp(rng.normal(4, 1, (2000, 1)))
    cost = np.round(rng.uniform(0.1, 5, (2000, 3)), 2)
    profit = rng.normal(0.03, 0.05, cost.shape) * value - cost
    for limits in ({"budget": 400.0}, {"budget": 40.0, "total": 40}, {"budget": 400.0, "each": np.array([100.0] * 3)}):
        assert assign(profit, cost, **limits).optimal
    assert capfd.readouterr().out == ""
