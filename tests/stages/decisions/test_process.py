from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.stages import MarkovStageModel, StageChain, StageDecisionProcess, StageSpace, recency_stages

from ..process.test_chain import recency_chain

LOST = StageSpace(("on", "off", "lost"), rupture="lost", absorbing=("lost",))


def two_actions(period="M"):
    nothing = StageChain([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0, 0, 1]], LOST, period)
    visit = StageChain([[0.8, 0.17, 0.03], [0.4, 0.5, 0.1], [0, 0, 1]], LOST, period)
    return {"nothing": nothing, "visit": visit}


def process(rate=0.2, cost=4.0):
    return StageDecisionProcess(two_actions(), [20, 5, 0], {"visit": [cost, cost, 0]}, rate)


def test_catalogue():
    mail = StageChain([[0.3, 0.7], [0.2, 0.8]], ["low", "high"], "Y")
    none = StageChain([[0.5, 0.5], [0.6, 0.4]], ["low", "high"], "Y")
    rewards = {"mail": [20, 50], "nothing": [10, 25]}
    policy = StageDecisionProcess({"mail": mail, "nothing": none}, rewards, {"mail": 15}, 1 / 0.9 - 1).solve()
    assert [policy.action(name) for name in ("low", "high")] == ["mail", "mail"]
    np.testing.assert_allclose(policy.stage_value, [257.692308, 290.659341], atol=5e-7)


def test_pfeifer_and_carraway_stop_after_the_third():
    free = StageSpace(recency_stages(4).names, rupture="lost", absorbing=("lost",))
    mail = StageChain(recency_chain([0.30, 0.20, 0.15, 0.05]).P, free, "Y")
    stop = np.zeros((5, 5))
    stop[:, 4] = 1
    mdp = StageDecisionProcess(
        {"mail": mail, "stop": StageChain(stop, free, "Y")}, [40, 0, 0, 0, 0], {"mail": [4, 4, 4, 4, 0]}, 0.2
    )
    policy = mdp.solve()
    assert [policy.action(i) for i in range(4)] == ["mail", "mail", "mail", "stop"]
    np.testing.assert_allclose(policy.stage_value[:4], [53.1494, 6.6207, 2.6437, 0], atol=5e-5)
    always = mdp.evaluate({**dict.fromkeys(free.names, "mail")})
    np.testing.assert_allclose(always.stage_value[:4], [52.3196, 5.5538, 1.2508, -1.8200], atol=5e-5)


def brute_force(mdp, mix):
    best = -np.inf
    for choice in product(range(2), repeat=3):
        best = max(best, mdp.evaluate(np.eye(2)[list(choice)], start=mix).value)
    return best


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_best_of_all_policies(seed):
    rng = np.random.default_rng(seed)
    chains = {name: StageChain(rng.dirichlet(np.ones(3), 3), list("xyz"), "Y") for name in ("a", "b")}
    mdp = StageDecisionProcess(chains, rng.normal(size=3) * 10, {"b": rng.random(3) * 3}, 0.3)
    mix = rng.dirichlet(np.ones(3))
    assert mdp.solve(start=mix).value == pytest.approx(brute_force(mdp, mix), abs=1e-9)


def test_a_finite_horizon_without_limits_is_backward_induction():
    mdp = process()
    policy = mdp.solve(horizon=60, start="on")
    value = np.zeros(3)
    for _ in range(60):
        value = np.max(
            [
                r - c + mdp.discount * chain.P @ value
                for chain, r, c in zip(mdp.chains.values(), [mdp._reward[:, 0]] * 2, mdp._costs.T, strict=True)
            ],
            axis=0,
        )
    np.testing.assert_allclose(policy.stage_value, value, rtol=1e-8)
    assert policy.value == pytest.approx(value[0], rel=1e-8)
    assert process(0.9).solve(start="on", horizon=500).value == pytest.approx(
        process(0.9).solve(start="on").value, rel=1e-6
    )


def test_limits_hold_and_bind():
    mdp = process(cost=9.0)
    free = mdp.solve(horizon=12, start="on")
    safest = mdp.solve(objective="rupture", start="on")
    goal = (free.rupture + safest.rupture) / 2
    limited = mdp.solve(max_rupture=goal, start="on")
    assert limited.rupture == pytest.approx(goal, abs=1e-8)
    assert safest.value < limited.value < free.value
    assert ((limited.probabilities > 1e-6) & (limited.probabilities < 1 - 1e-6)).any()  # chance decides somewhere
    spent = mdp.solve(objective="rupture", budget=safest.cost / 2, start="on")
    assert spent.cost == pytest.approx(safest.cost / 2, abs=1e-6)
    assert safest.rupture < spent.rupture < mdp.evaluate(np.eye(2)[[0, 0, 0]], horizon=12, start="on").rupture
    both = mdp.solve(max_rupture=goal, budget=1000.0, start="on")
    assert both.value == pytest.approx(limited.value, abs=1e-7)
    worth = mdp.solve(objective="rupture", min_value=limited.value, start="on")
    assert worth.rupture == pytest.approx(goal, abs=1e-6)
    with pytest.raises(ValueError, match=r"the lowest probability of rupture is 0\.\d+"):
        mdp.solve(max_rupture=safest.rupture / 2, start="on")


def test_rupture_is_what_the_chain_says():
    mdp = process()
    visit = mdp.evaluate(np.eye(2)[[1, 1, 1]], horizon=12, start="on")
    assert visit.rupture == pytest.approx(two_actions()["visit"].rupture_probability(12)[0], rel=1e-12)
    reward = np.array([20 - 4, 5 - 4, 0])
    expected = two_actions()["visit"].lifetime_value(reward, 0.2, horizon=12)
    np.testing.assert_allclose(visit.stage_value, expected, rtol=1e-10)
    row = visit.compared.set_index("action").loc["visit"]
    assert row["value"] == pytest.approx(visit.value)
    assert row["rupture"] == pytest.approx(visit.rupture)


def test_win_back_is_cut_for_rupture_but_paid_for():
    space = StageSpace(("on", "off"), rupture="off")
    chain = {"a": StageChain([[0.8, 0.2], [0.5, 0.5]], space, "M")}
    policy = StageDecisionProcess(chain, [10, 1], None, 0.1).solve(horizon=6, max_rupture=1.0, start="on")
    assert policy.rupture == pytest.approx(1 - 0.8**6)
    assert policy.value == pytest.approx(chain["a"].lifetime_value([10, 1], 0.1, horizon=6)[0])


def test_the_frontier_is_monotone_and_concave():
    mdp = process(cost=9.0)
    most = mdp.solve(horizon=12, start="on", objective="rupture").cost
    values = [-mdp.solve(objective="rupture", budget=b, start="on").rupture for b in np.linspace(0, most, 7)]
    steps = np.diff(values)
    assert (steps >= -1e-9).all()
    assert (np.diff(steps) <= 1e-7).all()


def test_robust_choice():
    rng = np.random.default_rng(0)
    sure = {name: StageChain(chain.P, LOST, "M", concentration=chain.P * 1e7) for name, chain in two_actions().items()}
    certain = StageDecisionProcess(sure, [20, 5, 0], {"visit": [4, 4, 0]}, 0.2)
    found = certain.solve_robust(start="on")
    assert found.policy.value == pytest.approx(certain.solve(start="on").value)
    assert found.probability_best == 1
    assert found.upper - found.lower < 0.01 * found.mean
    few = {
        name: MarkovStageModel(LOST, prior=0.2, period="M")
        .fit(chain.simulate(25, 4, start=[1, 1, 0], random_state=rng.integers(99)))
        .chain_
        for name, chain in two_actions().items()
    }
    unsure = StageDecisionProcess(few, [20, 5, 0], {"visit": [4, 4, 0]}, 0.2)
    careful = unsure.solve_robust(quantile=0.1, start="on")
    bold = unsure.solve_robust(quantile=None, start="on")
    assert careful.table["judged"].is_monotonic_decreasing
    assert bold.mean >= careful.mean - 1e-9
    assert len(careful.table) == 4  # two stages with a choice: in lost the actions are alike
    assert careful.table["probability_best"].sum() == pytest.approx(1)
    assert careful.upper - careful.lower > 0.1 * careful.mean
    assert "it is the best of 4 candidates with probability" in careful.describe()
    with pytest.raises(ValueError, match="carries a posterior"):
        process().solve_robust()


def test_actions_that_cannot_be_taken():
    mdp = StageDecisionProcess(two_actions(), [20, 5, 0], {"visit": [4, np.inf, 0]}, 0.2)
    assert mdp.solve().action("off") == "nothing"
    assert mdp.solve(objective="rupture").now[1].tolist() == [1, 0]
    assert mdp.solve().compared["action"].tolist() == ["nothing"]
    with pytest.raises(DataError, match="cannot be taken"):
        mdp.evaluate(np.eye(2)[[1, 1, 1]])


def test_refusals():
    chains = two_actions()
    with pytest.raises(DataError) as caught:
        StageDecisionProcess({"a": chains["visit"], "b": two_actions("W")["visit"]}, {"a": [1, 2, 3]}, {"c": 1})
    for part in ("'b' differs from 'a'", "cost names 'c'", "reward leaves out 'b'"):
        assert part in str(caught.value)
    with pytest.raises(DataError, match="negative"):
        StageDecisionProcess(chains, [1, 1, 0], {"visit": -1})
    with pytest.raises(DataError, match="cost is inf for all actions in 'on', so that none can be taken there"):
        StageDecisionProcess(chains, [1, 1, 0], {"visit": [np.inf, 1, 1], "nothing": [np.inf, 1, 1]})
    with pytest.raises(DataError) as caught:
        StageDecisionProcess(chains, [1, np.nan, 0], {"visit": {"on": np.nan, "off": -1, "lost": 0}, "nothing": "free"})
    for part in (
        "reward: it needs one finite number for each of the 3 stages",
        "cost of 'visit' is missing in 'on'; give a number, or inf where the action cannot be taken",
        "cost of 'visit' is negative (-1)",
        "cost of 'nothing' must be numbers, not 'free'",
    ):
        assert part in str(caught.value)
    with pytest.raises(ValueError, match="not defined"):
        StageDecisionProcess(chains, [1, 1, 0]).solve()
    free = {"a": StageChain([[0.5, 0.5], [0.5, 0.5]], ["x", "y"], "M")}
    with pytest.raises(ValueError, match="names no rupture"):
        StageDecisionProcess(free, [1, 1], None, 0.1).solve(max_rupture=0.5)
    with pytest.raises(ValueError, match="objective"):
        process().solve(objective="money")


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6, 1e9, 1e12])
def test_limits_are_kept_whatever_money_is_counted_in(scale):
    """A programme with a limit that does not bind is value iteration; one that binds spends its budget."""
    reward, cost = scale * np.array([20.0, 5.0, 0.0]), {"visit": scale * 4.0}
    mdp = StageDecisionProcess(two_actions(), reward, cost, 0.2)
    free = mdp.solve(horizon=8, budget=1e3 * scale)
    value = np.zeros(3)
    flow = np.column_stack([reward - scale * 4.0 * (name == "visit") for name in mdp.actions])
    for _ in range(8):
        value = (flow + mdp.discount * np.einsum("asj,j->sa", mdp._P, value)).max(axis=1)
    assert free.value == pytest.approx(value[:2].mean(), rel=1e-7)
    bound = mdp.solve(horizon=8, budget=0.5 * free.cost)
    assert bound.cost == pytest.approx(0.5 * free.cost, rel=1e-6)
    assert bound.value < free.value
    floor = mdp.solve(horizon=8, objective="rupture", min_value=0.99 * free.value)
    assert floor.value >= 0.99 * free.value * (1 - 1e-6)
    with pytest.raises(ValueError, match="No policy keeps the limits"):
        mdp.solve(horizon=8, min_value=1.01 * free.value)
