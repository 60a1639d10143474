import matplotlib as mpl
import numpy as np
import pytest

from crmml import DataError
from crmml.campaigns import BudgetDisplay, Targeting

mpl.use("Agg")


def test_each_point_is_its_own_optimum():
    rng = np.random.default_rng(0)
    u, cost = rng.normal(0.05, 0.05, (60, 1)), np.round(rng.uniform(1, 4, (60, 1)), 2)
    plan = Targeting(budget=30).plan(u, value=100, cost=cost, uplift_std=np.full((60, 1), 0.02))
    display = BudgetDisplay.from_result(plan, budgets=[0, 10, 30, 500], currency="CNY").plot()
    for budget, profit in zip(display.table["budget"], display.table["profit"], strict=True):
        assert profit == pytest.approx(Targeting(budget=budget).plan(u, value=100, cost=cost).expected_profit)
    assert (display.table["spent"] <= display.table["budget"] + 1e-9).all()
    assert display.plan_profit == pytest.approx(display.table["profit"].iloc[2])
    assert (display.table["lower"] <= display.table["profit"]).all()
    assert "CNY" in display.ax_.get_xlabel()
    assert len(BudgetDisplay.from_result(plan, budgets=5).table) == 5
    with pytest.raises(DataError, match="budgets"):
        BudgetDisplay.from_result(plan, budgets=[-1.0])
