import numpy as np
import pytest
from sklearn.metrics import fbeta_score

from crmml.churn import ContactCosts
from crmml.churn._thresholds import best_threshold, beta_of


@pytest.fixture
def held():
    rng = np.random.default_rng(1)
    p = rng.beta(1, 3, 500).round(2)
    return p, (rng.random(500) < p).astype(int)


@pytest.mark.parametrize("rule", ["f1", "f2", "f0.5"])
def test_no_threshold_has_a_higher_f_score(held, rule):
    p, y = held
    chosen = best_threshold(rule, p, y, np.arange(500), ContactCosts(), exact=True)
    beta = beta_of(rule)
    scores = [fbeta_score(y, p >= t, beta=beta, zero_division=0) for t in np.linspace(0, 1, 201)]
    assert fbeta_score(y, p >= chosen, beta=beta) == pytest.approx(max(scores))


def test_profit_of_common_costs_is_the_break_even(held):
    p, y = held
    costs = ContactCosts()
    assert best_threshold("profit", p, y, np.arange(500), costs, exact=True) == costs.break_even()
    assert best_threshold("profit", np.zeros(0), None, np.arange(0), costs, exact=False) == costs.break_even()
    assert best_threshold("profit", p, y, np.arange(500), ContactCosts(clv=1), exact=True) == np.inf


@pytest.mark.parametrize("exact", [True, False])
def test_profit_of_own_costs(held, exact):
    p, y = held
    costs = ContactCosts(clv=np.random.default_rng(0).gamma(2, 60, 500))
    chosen = best_threshold("profit", p, y, np.arange(500), costs, exact=exact)
    profit = costs.expected_profit(p if exact else y)
    values = [profit[p >= t].sum() for t in np.linspace(0, 1, 201)]
    assert profit[p >= chosen].sum() == pytest.approx(max(values))


def test_contact_nobody_where_it_never_pays(held):
    p, y = held
    costs = ContactCosts(clv=np.full(500, 1.0))
    assert best_threshold("profit", p, y, np.arange(500), costs, exact=False) == np.inf


def test_rules():
    assert beta_of("profit") is None
    assert beta_of(0.3) is None
    assert best_threshold(0.3, np.zeros(0), None, np.arange(0), ContactCosts(), exact=True) == 0.3
    for wrong in ("gain", "f", "f0", "f-1"):
        with pytest.raises(ValueError, match="is not known; choose 'profit'"):
            beta_of(wrong)
