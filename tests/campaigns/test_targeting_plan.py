import numpy as np
import pytest

from crmml.campaigns import Targeting


def test_table_and_sentences():
    plan = Targeting(budget=9, capacity=3, holdout=0.4, random_state=0).plan(
        np.full((6, 1), 0.1), value=100, cost=2, uplift_std=np.full((6, 1), 0.03), customer_id=np.arange(6)
    )
    table = plan.table
    assert list(table) == [
        "customer_id", "action", "planned_action", "expected_uplift", "cost", "expected_profit", "probability_it_pays", "held_out",
        "propensity",
    ]  # fmt: skip
    assert (table["planned_action"].notna().sum(), plan.chosen.tolist()) == (3, [0, 0, 0, -1, -1, -1])
    assert table["expected_profit"].sum() == pytest.approx(plan.planned_profit) == pytest.approx(24)
    assert plan.n_contacts == 3 - plan.holdout.sum()
    text = plan.describe(currency="CNY")
    for part in ("The budget is 9.00 CNY", "At most 3 contacts", "held out at random", "90% interval", "earns more"):
        assert part in text
    assert plan.optimal
    assert plan.gap == 0
    assert plan.method == "sorted"
