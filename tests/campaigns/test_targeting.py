import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from crmml import DataError
from crmml.campaigns import Targeting, TargetingWarning

U = np.array([0.10, 0.02, 0.30, 0.08])


def test_only_profitable_contacts_and_shapes_of_money():
    plan = Targeting().plan(U, value=100, cost=5)
    assert plan.action.tolist() == ["contact", None, "contact", "contact"]
    assert plan.expected_profit == pytest.approx(5 + 25 + 3)
    assert plan.gain_over_none == plan.expected_profit
    assert plan.gain_over_all == pytest.approx(3)  # the second loses 3
    assert plan.cost == 15
    two = Targeting(capacity={"mail": 1}).plan(
        np.column_stack([U, U / 2]), value=[100, 100, 10, 100], cost=[5, 1], actions=["mail", "text"]
    )
    # profits: mail 5, -3, -2, 3; text 4, 0, .5, 3: one mail at most goes to the first
    assert two.action.tolist() == ["mail", None, "text", "text"]
    assert two.expected_profit == pytest.approx(5 + 0.5 + 3)


def test_currency_is_a_unit():
    small = Targeting(budget=7).plan(U, value=100, cost=[[4.0], [1.0], [3.0], [2.0]])
    large = Targeting(budget=700).plan(U, value=10_000, cost=[[400.0], [100.0], [300.0], [200.0]])
    assert (small.action == large.action).all()
    assert large.expected_profit == pytest.approx(100 * small.expected_profit)


def test_profit_grows_with_the_budget():
    rng = np.random.default_rng(0)
    u, cost = rng.normal(0.05, 0.05, (40, 2)), np.round(rng.uniform(1, 4, (40, 2)), 2)
    earned = [Targeting(budget=b).plan(u, value=100, cost=cost).expected_profit for b in range(0, 80, 10)]
    assert earned[0] == 0
    assert (np.diff(earned) >= -1e-9).all()


def test_probability_that_it_pays_and_the_interval():
    from scipy.stats import norm

    plan = Targeting(min_probability=0.8).plan(U, value=100, cost=5, uplift_std=[0.01, 0.01, 0.01, 0.1])
    assert plan.table["probability_it_pays"].iloc[0] == pytest.approx(norm.cdf(5.0))
    assert plan.action.tolist() == ["contact", None, "contact", None]
    lower, upper = plan.profit_interval
    assert (upper - lower) / 2 == pytest.approx(norm.ppf(0.95) * np.sqrt(2))
    assert (lower + upper) / 2 == pytest.approx(plan.expected_profit)
    assert f"{lower:.2f} to {upper:.2f}, were errors independent between customers)" in plan.describe()
    draws = U + np.array([-0.06, 0.0, 0.02, 0.04])[:, None]
    shared = Targeting().plan(U, value=100, cost=5, draws=draws)
    assert shared.table["probability_it_pays"].iloc[0] == 0.75
    totals = 100 * draws[:, [0, 2, 3]].sum(axis=1) - 15
    assert shared.profit_interval == pytest.approx(tuple(np.quantile(totals, [0.05, 0.95])))
    assert "independent" not in shared.describe()


def test_same_plan_on_every_engine(engine):
    frame = engine.frame({"customer_id": [1, 2, 3, 4], "mail": U, "text": U / 2})
    plan = Targeting(budget=7).plan(frame, value=100, cost=[5, 1], customer_id="customer_id")
    table = plan.table
    assert engine.owns(table)
    table = engine.pandas(table).sort_values("customer_id")
    wanted = Targeting(budget=7).plan(np.column_stack([U, U / 2]), value=100, cost=[5, 1], actions=["mail", "text"])
    assert [x if isinstance(x, str) else None for x in table["action"]] == wanted.action.tolist()
    assert table["expected_profit"].sum() == pytest.approx(wanted.expected_profit)


def test_every_fault_is_named_at_once():
    with pytest.raises(DataError) as error:
        Targeting(budget=-1, capacity=1.5, holdout=1.0, min_probability=0.5).plan(
            [0.1, np.nan, 0.2], value=[1, -2, np.nan], cost=[1, -1, 0]
        )
    text = str(error.value)
    for part in (
        "budget=-1",
        "1.5",
        "holdout=1.0",
        "uplift_std or draws",
        "values of uplift",
        "values of value",
        "cost",
    ):
        assert part in text
    assert len(error.value.faults) == 8
    with pytest.raises(DataError, match=r"cost has shape \(3,\)"):
        Targeting().plan(np.ones((4, 2)) / 10, value=1, cost=[1, 2, 3])
    with pytest.raises(DataError, match="capacity names 'fax'"):
        Targeting(capacity={"fax": 1}).plan(U, value=1, cost=1)
    with pytest.raises(DataError, match="uplift_std has shape"):
        Targeting().plan(U, value=1, cost=1, uplift_std=[0.1])


def test_percent_where_a_share_is_meant_warns():
    with pytest.warns(TargetingWarning, match="look like percent"):
        Targeting().plan(100 * U, value=100, cost=5, binary=True)
    Targeting().plan(100 * U, value=100, cost=5)


def test_free_contacts_and_no_contacts_are_stated():
    free = Targeting().plan(U, value=100, cost=0)
    assert free.n_contacts == 4
    assert "4 of the contacts cost nothing" in free.describe()
    nobody = Targeting(budget=0).plan(U, value=100, cost=5)
    assert nobody.n_contacts == 0
    assert nobody.describe(currency="EUR").startswith("0 of 4 customers are contacted at a cost of 0.00 EUR")


def test_clone_and_no_identifier_in_words():
    assert clone(Targeting(budget=3, capacity={"a": 1})).budget == 3
    plan = Targeting(budget=5).plan(U, value=100, cost=5, customer_id=["secret-a", "b", "c", "d"])
    assert "secret" not in repr(plan) + plan.describe()
    assert plan.table["customer_id"].tolist() == ["secret-a", "b", "c", "d"]
    assert isinstance(plan.table, pd.DataFrame)


def test_a_learners_table_is_read_and_what_is_no_action_is_not():
    table = pd.DataFrame({"customer_id": list("abcd"), "uplift": U})
    plan = Targeting(budget=5).plan(table, value=100, cost=5)
    assert plan.table["customer_id"].tolist() == list("abcd")
    assert plan.actions == ("uplift",)
    assert plan.action.tolist() == [None, None, "uplift", None]
    bounds = table.assign(uplift_std=0.01, uplift_lower=0.0, uplift_upper=1.0)
    with pytest.raises(DataError, match="uplift_std, uplift_lower, uplift_upper are not actions"):
        Targeting().plan(bounds, value=100, cost=5)
    named = Targeting(budget=5).plan(bounds, value=100, cost=5, actions=["uplift"], uplift_std=bounds["uplift_std"])
    assert named.action.tolist() == plan.action.tolist()


def test_rows_in_another_order_and_customers_twice_are_refused():
    uplift = pd.Series(U, index=list("abcd"))
    cost = pd.Series([4.0, 1.0, 3.0, 2.0], index=list("bacd"))
    with pytest.raises(DataError, match=r"cost has the row labels of uplift in another order; .* cost.reindex"):
        Targeting().plan(uplift, value=100, cost=cost)
    # by the labels: profits 9, -2, 27, 6
    assert Targeting().plan(uplift, value=100, cost=cost.reindex(uplift.index)).expected_profit == pytest.approx(42)
    with pytest.raises(DataError, match="1 row repeats another's customer_id"):
        Targeting().plan(U, value=100, cost=5, customer_id=["a", "b", "b", "c"])
    frame = pd.DataFrame({"contact": U}, index=list("abcd"))
    plan = Targeting(holdout=0.5, random_state=0).plan(frame, value=100, cost=1)
    with pytest.raises(DataError, match="outcome has the row labels of uplift in another order"):
        plan.judge(pd.Series([0.0, 1, 0, 1], index=list("dcba")))


def test_what_is_no_number_or_no_single_value():
    plan = Targeting(holdout=0.5, random_state=0).plan([0.2] * 8, value=100, cost=5)
    with pytest.raises(DataError, match="outcome is not a number in 8 of 8 rows"):
        plan.judge(["yes"] * 8)
    with pytest.raises(DataError, match="outcome is not a number in 8 of 8 rows"):
        plan.judge(pd.date_range("2024-01-01", periods=8))
    for name in ("strata", "customer_id"):
        with pytest.raises(DataError, match=f"{name} holds lists or their like in 4 of 4 rows"):
            Targeting(holdout=0.5).plan(U, value=100, cost=5, **{name: pd.Series([[1], [2], [3], [4]])})


@pytest.mark.parametrize(
    ("money", "fault"),
    [
        ({"cost": -1}, "cost is negative; a contact costs at least 0"),
        ({"cost": float("nan")}, "cost is missing, infinite or not a number"),
        ({"cost": None}, "cost is missing, infinite or not a number"),
        ({"value": float("inf")}, "value is missing, infinite or not a number"),
        ({"cost": {"call": 2}}, "cost by action and the actions differ in 'call', 'contact'"),
    ],
)
def test_faults_of_single_figures(money, fault):
    with pytest.raises(DataError, match=fault):
        Targeting().plan(U, **{"value": 100, "cost": 1, **money})


def test_costs_by_name_of_action():
    both = np.stack([U, U / 2], axis=1)
    by_name = Targeting(budget=9).plan(both, value=100, cost={"mail": 1, "call": 5}, actions=["call", "mail"])
    assert (
        by_name.action.tolist()
        == Targeting(budget=9).plan(both, value=100, cost=[5, 1], actions=["call", "mail"]).action.tolist()
    )


def test_a_customer_number_is_no_action():
    frame = pd.DataFrame({"customer_number": [100001, 100002, 100003, 100004], "uplift": U})
    plan = Targeting(budget=5).plan(frame, value=100, cost=5)
    assert plan.actions == ("uplift",)
    assert plan.table["customer_number"].tolist() == frame["customer_number"].tolist()
