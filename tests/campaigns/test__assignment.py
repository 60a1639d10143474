import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.campaigns._assignment import BUDGET_TOLERANCE, assign


def brute_force(profit, cost, budget, total, each):
    n, k = profit.shape
    best = 0.0
    for choice in itertools.product(range(-1, k), repeat=n):
        choice = np.array(choice)
        rows = np.flatnonzero(choice >= 0)
        fits = cost[rows, choice[rows]].sum() <= budget * (1 + BUDGET_TOLERANCE) and len(rows) <= total
        if fits and (np.bincount(choice[rows], minlength=k) <= each).all():
            best = max(best, profit[rows, choice[rows]].sum())
    return best


@st.composite
def problems(draw):
    k = draw(st.integers(1, 3))
    n = draw(st.integers(1, 6 if k < 3 else 5))
    whole = draw(st.booleans())
    costs = st.integers(0, 6).map(float) if whole else st.floats(0, 5)
    profits = st.integers(-3, 8).map(float) if whole else st.floats(-3, 8)
    table = lambda of: np.array(draw(st.lists(of, min_size=n * k, max_size=n * k))).reshape(n, k)  # noqa: E731
    budget = draw(st.one_of(st.just(np.inf), st.floats(0, 12), st.integers(0, 12).map(float)))
    total = draw(st.one_of(st.just(np.inf), st.integers(0, 5).map(float)))
    each = np.array(draw(st.lists(st.one_of(st.just(np.inf), st.integers(0, 3).map(float)), min_size=k, max_size=k)))
    return table(profits), table(costs), budget, total, each


@settings(max_examples=50, deadline=None)
@given(problems())
def test_equals_brute_force(problem):
    profit, cost, budget, total, each = problem
    found = assign(profit, cost, budget=budget, total=total, each=each)
    rows = np.flatnonzero(found.choice >= 0)
    picked = found.choice[rows]
    assert (profit[rows, picked] > 0).all()
    assert cost[rows, picked].sum() <= budget * (1 + BUDGET_TOLERANCE)
    assert len(rows) <= total
    assert (np.bincount(picked, minlength=profit.shape[1]) <= each).all()
    assert profit[rows, picked].sum() == pytest.approx(brute_force(profit, cost, budget, total, each), abs=1e-9)
    assert found.optimal
    assert found.gap == 0
    assert found.bound == pytest.approx(profit[rows, picked].sum(), abs=1e-9)


@pytest.mark.parametrize("budget", [4.0, 1.0, 2.3e-308])
def test_costs_of_next_to_nothing(budget):
    tiny = 2.22507386e-308
    profit = np.array([[1.0, 2.0], [1.0, 0.0], [0.0, 1.0]])
    cost = np.array([[0.8046875, tiny], [tiny, 0.0], [0.0, 0.8046875]])
    for total, each in [(np.inf, [np.inf, 1.0]), (2.0, [np.inf, np.inf]), (np.inf, [1.0, 1.0])]:
        found = assign(profit, cost, budget=budget, total=total, each=np.array(each))
        earned = sum(profit[i, a] for i, a in enumerate(found.choice) if a >= 0)
        assert earned == pytest.approx(brute_force(profit, cost, budget, total, np.array(each)))
        assert found.optimal


def test_large_cases_equal_the_whole_integer_programme():
    from scipy.optimize import LinearConstraint, milp

    rng = np.random.default_rng(0)
    n, k = 300, 2
    cost = np.round(rng.uniform(1, 5, (n, k)), 2)
    profit = rng.normal(1, 3, (n, k))
    each = np.array([40.0, np.inf])
    found = assign(profit, cost, budget=150.0, total=70, each=each)
    rows = np.flatnonzero(found.choice >= 0)
    first = np.tile([1.0, 0.0], n)
    whole = milp(
        -profit.ravel(),
        integrality=np.ones(n * k),
        bounds=(0, 1),
        constraints=[
            LinearConstraint(np.kron(np.eye(n), np.ones(k)), -np.inf, 1),
            LinearConstraint(cost.ravel()[None], -np.inf, 150.0),
            LinearConstraint(np.ones((1, n * k)), -np.inf, 70),
            LinearConstraint(first[None], -np.inf, 40),
        ],
        options={"mip_rel_gap": 0},
    )
    assert found.how == "integer programming"
    assert found.optimal
    assert profit[rows, found.choice[rows]].sum() == pytest.approx(-whole.fun, abs=1e-5)


def test_customers_alike_are_one_variable_and_earlier_rows_come_first():
    profit = np.tile([[3.0], [5.0]], (50_000, 1))
    cost = np.tile([[2.0], [3.0]], (50_000, 1))
    found = assign(profit, cost, budget=150_003.0)
    # 50,000 of the better kind cost 150,000 and leave room for one of the other: 250,003. One fewer of them leaves room for
    # three: 249,995 + 9 = 250,004, and the whole budget is spent
    assert found.optimal
    assert found.bound == pytest.approx(250_004)
    assert np.flatnonzero(found.choice[::2] >= 0).tolist() == [0, 1, 2]
    assert (found.choice[1::2] == 0).sum() == 49_999
    assert found.choice[-1] == -1
    assert assign(np.ones((5, 1)), np.ones((5, 1)), total=2).choice.tolist() == [0, 0, -1, -1, -1]


def test_a_budget_of_three_tenths_buys_three_contacts_at_a_tenth():
    assert (assign(np.ones((5, 1)), np.full((5, 1), 0.1), budget=0.3).choice >= 0).sum() == 3


def test_a_time_limit_that_is_reached_is_stated():
    rng = np.random.default_rng(1)
    cost = rng.uniform(1, 2, (4000, 1))
    found = assign(cost * 1.5, cost * 1.0, budget=1234.567891, time_limit=1e-6)
    rows = np.flatnonzero(found.choice >= 0)
    earned = (cost[rows] * 1.5).sum()
    assert cost[rows].sum() <= 1234.567891 * (1 + BUDGET_TOLERANCE)
    assert found.bound >= earned - 1e-9
    assert found.optimal or found.gap == pytest.approx((found.bound - earned) / found.bound)
