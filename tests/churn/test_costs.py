import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crmml import DataError
from crmml.churn import ContactCosts

amounts = st.floats(0, 1e6)


@given(st.floats(0.01, 1e6), amounts, amounts, st.floats(0, 1), st.floats(0, 1))
@example(1.0, 2.2250738585072014e-308, 4.0, 0.0, 0.0)
def test_break_even_is_where_profit_begins(clv, incentive, contact, acceptance, p):
    costs = ContactCosts(clv, incentive, contact, acceptance)
    border = costs.break_even()
    profit = float(costs.expected_profit(p))
    slack = 1e-9 * (clv + incentive + contact)
    if p > border + 1e-9:
        assert profit > -slack
    if p < border - 1e-9:
        assert profit < slack


def test_hand_computed():
    costs = ContactCosts(clv=100, incentive_cost=20, contact_cost=4, acceptance=0.5)
    # a churner: 0.5 · 80 − 4 = 36; a stayer: −24
    np.testing.assert_allclose(costs.expected_profit([1.0, 0.0, 0.4]), [36, -24, 0])
    assert costs.break_even() == pytest.approx(0.4)
    assert ContactCosts(clv=1, incentive_cost=20, contact_cost=0, acceptance=1.0).break_even() > 1
    assert ContactCosts(clv=5, incentive_cost=20, contact_cost=0, acceptance=1.0).expected_profit(1.0) < 0


def test_an_amount_a_customer():
    costs = ContactCosts(clv=np.asarray([100.0, 1000.0]))
    assert costs.per_customer
    assert costs.break_even().shape == (2,)
    costs.check_length(2)
    with pytest.raises(DataError, match="clv has 2 amounts for 3 customers"):
        costs.check_length(3)


def test_every_fault_at_once():
    with pytest.raises(DataError) as caught:
        ContactCosts(clv=[100, -5, 0], incentive_cost=-1, contact_cost="much", acceptance=1.5)
    text = str(caught.value)
    assert len(caught.value.faults) == 4
    assert "clv is -5 at its lowest, out of range for 2 of 3 customers; it must be above 0" in text
    assert "incentive_cost is -1; it must be at least 0" in text
    assert "contact_cost='much' is not a number" in text
    assert "acceptance is above 1" in text
    with pytest.raises(DataError, match="clv is missing or infinite for 1 of 2"):
        ContactCosts(clv=[1, np.nan])
    with pytest.raises(DataError, match=r"clv has shape \(1, 2\)"):
        ContactCosts(clv=[[1, 2]])


def test_from_mappings():
    assert ContactCosts.of(None) == ContactCosts()
    assert ContactCosts.of({"clv": 50}, contact_cost=3) == ContactCosts(clv=50, contact_cost=3)
    assert ContactCosts.of(ContactCosts(clv=7), clv=None) == ContactCosts(clv=7)
    with pytest.raises(ValueError, match="costs has 'price'; its fields are clv, incentive_cost"):
        ContactCosts.of({"price": 3})
    with pytest.raises(ValueError, match="must be ContactCosts"):
        ContactCosts.of(3)


def test_amounts_are_copied_and_compared_by_value():
    clv = np.asarray([10.0, 20.0])
    costs = ContactCosts(clv=clv)
    same = ContactCosts(clv=[10.0, 20.0])
    clv[0] = 99.0
    assert costs.clv[0] == 10.0
    assert costs == same
    assert hash(costs) == hash(same)
    assert costs != ContactCosts(clv=[10.0, 21.0])
