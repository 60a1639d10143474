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


def test_nothing_is_known_of_the_spread_where_nothing_varies():
    plan = Targeting(holdout=0.3, random_state=0).plan(np.full(50, 0.2), value=100, cost=0.1)
    judged = plan.judge(np.zeros(50))
    assert judged.difference == 0
    assert np.isnan([judged.lower, judged.upper, judged.profit_lower, judged.profit_upper]).all()
    assert "(interval unknown, for no outcome differs from another; not surely other" in judged.describe()
