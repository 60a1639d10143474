import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.roi import BenefitLedger, CostLedger
from crmml.roi._cash_flows import CashFlows

START, END = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-01-01")
entry = st.tuples(st.integers(0, 365), st.integers(1, 100))


def first_day(cost, gain):
    """The definition, day by day: the first day that is paid for, and the first from which all are."""
    paid = []
    for day in range(366):
        spent = sum(a for d, a in cost if d <= day)
        paid.append(spent > 0 and sum(a for d, a in gain if d <= day) >= spent)
    first = paid.index(True) if any(paid) else np.inf
    return first, (366 - paid[::-1].index(False) if False in paid else 0) if paid[-1] else np.inf


@settings(max_examples=60, deadline=None)
@given(st.lists(entry, min_size=1, max_size=5), st.lists(entry, max_size=6))
def test_payback_is_the_first_day(cost, gain):
    costs, benefits = CostLedger("EUR"), BenefitLedger("EUR")
    for k, (day, amount) in enumerate(cost):
        costs = costs.add(START + pd.Timedelta(days=day), "other", f"{k}", amount)
    for k, (day, amount) in enumerate(gain):
        benefits = benefits.add(START + pd.Timedelta(days=day), "margin", f"{k}", amount, direct=True)
    flows = CashFlows(costs.rows, benefits.rows, START, END)
    (when,), (lasting,) = flows.payback(flows.amounts())
    assert (when, lasting) == first_day(cost, gain)


def test_blocks_of_draws_give_the_same(monkeypatch, rng):
    costs = CostLedger("EUR").add("2024-01-01", "other", "a", 100)
    benefits = BenefitLedger("EUR").add("2024-01-31", "margin", "b", 10, direct=True, every="M", times=12)
    flows = CashFlows(costs.rows, benefits.rows, START, END)
    money = flows.amounts(n=50) * rng.uniform(0.5, 2, (2, 50))
    whole = flows.payback(money)
    monkeypatch.setattr("crmml.roi._cash_flows._CELLS", 40)
    np.testing.assert_array_equal(flows.payback(money), whole)
