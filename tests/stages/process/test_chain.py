import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crmml import DataError
from crmml.stages import MarkovStageModel, StageChain, StageSpace, recency_stages, relationship_lifecycle

from ..oracle import SPACE, values


def recency_chain(p, period="Y"):
    n = len(p)
    P = np.zeros((n + 1, n + 1))
    for i, q in enumerate(p):
        P[i, 0] += q
        P[i, i + 1] = 1 - q
    P[n, n] = 1
    return StageChain(P, recency_stages(n), period)


@pytest.fixture(scope="module")
def chain():
    return StageChain(values()["P"], SPACE, "Y", concentration=np.array(values()["counts"]) + 0.2)


def test_pfeifer_and_carraway():
    chain, reward = recency_chain([0.30, 0.20, 0.15, 0.05]), [36, -4, -4, -4, 0]
    five = chain.lifetime_value(reward, 0.2, horizon=5)  # payments at 0, 1, .., 4
    np.testing.assert_allclose(five, [50.1150, 4.2199, 0.5921, -1.9801, 0], atol=5e-5)
    for_ever = chain.lifetime_value(reward, 0.2)
    np.testing.assert_allclose(for_ever, [52.3196, 5.5538, 1.2508, -1.8200, 0], atol=5e-5)
    np.testing.assert_allclose(chain.hitting_time(), [6.050420, 4.621849, 3.014706, 1.302521, 0], atol=5e-7)
    other = recency_chain([0.5, 0.2, 0.1, 0.0]).lifetime_value([100, 0, 0, 0, 0], 0.1)
    np.testing.assert_allclose(other[:4], [231.0764, 57.2917, 21.0069, 0], atol=5e-5)


def test_brand_switching():
    np.testing.assert_allclose(StageChain([[0.7, 0.3], [0.5, 0.5]]).stationary(), [0.625, 0.375], rtol=1e-14)


def test_two_state_value():
    m, r, d = 100.0, 0.8, 0.1
    chain = StageChain([[r, 1 - r], [0, 1]], StageSpace(("on", "off"), rupture="off", absorbing=("off",)), "Y")
    assert chain.lifetime_value([m, 0], d)[0] == pytest.approx(m * (1 + d) / (1 + d - r), rel=1e-13)
    assert chain.lifetime_value([m, 0], d, first_payment="next")[0] == pytest.approx(m * r / (1 + d - r), rel=1e-13)
    monthly = StageChain(chain.P, chain.stages, "M")
    per_month = 1.1 ** (1 / 12) - 1
    assert monthly.lifetime_value([m, 0], d)[0] == pytest.approx(m * (1 + per_month) / (1 + per_month - r), rel=1e-12)
    assert chain.lifetime_value([m, 0])[0] == pytest.approx(m / (1 - r), rel=1e-12)
    assert chain.customer_equity({"on": 10, "off": 5}, [m, 0], d) == pytest.approx(10 * m * 1.1 / 0.3)


def test_oracle(chain):
    o = values()
    np.testing.assert_allclose(chain.fundamental_matrix(), o["fundamental_matrix"], rtol=1e-9)
    np.testing.assert_allclose(chain.hitting_time()[:4], o["expected_periods_to_rupture"], rtol=1e-9)
    np.testing.assert_allclose(chain.hitting_time_variance()[:4], o["variance_periods_to_rupture"], rtol=1e-9)
    np.testing.assert_allclose(chain.absorption_probabilities()[:, 0], o["absorption_probability"], rtol=1e-9)
    clv = o["clv"]
    reward, rate = clv["reward_per_period"], clv["discount_rate_per_period"]
    np.testing.assert_allclose(chain.lifetime_value(reward, rate), clv["infinite_horizon"], rtol=1e-9)
    np.testing.assert_allclose(
        chain.lifetime_value(reward, rate, horizon=12), clv["horizon_12_periods_t0_to_t11"], rtol=1e-9
    )
    np.testing.assert_allclose(
        chain.lifetime_value(reward, rate, first_payment="end"), clv["infinite_horizon_end_of_period"], rtol=1e-9
    )


def test_rupture_is_first_passage_with_win_back_cut():
    space = StageSpace(("on", "off"), rupture="off")
    chain = StageChain([[0.8, 0.2], [0.5, 0.5]], space)
    np.testing.assert_allclose(chain.rupture_probability(3), [1 - 0.8**3, 1])
    np.testing.assert_allclose(chain.rupture_probability([0, 1, np.inf]), [[0, 0.2, 1], [1, 1, 1]])
    np.testing.assert_allclose(chain.hitting_time(), [5, 0])
    np.testing.assert_allclose(chain.hitting_time("on"), [0, 2])
    np.testing.assert_allclose(chain.hitting_time_variance(), [0.8 / 0.04, 0])
    np.testing.assert_allclose(chain.sojourn_time(), [5, 2])
    np.testing.assert_allclose(chain.step(2), chain.P @ chain.P)


def test_what_is_not_certain_is_infinite():
    space = StageSpace(("a", "b", "c", "safe"), rupture="c", absorbing=("safe",))
    chain = StageChain([[0.5, 0.2, 0.2, 0.1], [0, 0.5, 0.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]], space)
    np.testing.assert_array_equal(chain.hitting_time(), [np.inf, 2, 0, np.inf])
    np.testing.assert_array_equal(chain.hitting_time_variance(), [np.inf, 2, 0, np.inf])
    np.testing.assert_allclose(chain.rupture_probability(np.inf), [0.8, 1, 1, 0])
    np.testing.assert_allclose(chain.absorption_probabilities(), [[0.8, 0.2], [1, 0]])
    assert np.isinf(chain.sojourn_time()[3])
    trap = StageChain([[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]], StageSpace(("a", "b", "c"), rupture="c"))
    np.testing.assert_array_equal(trap.fundamental_matrix(), [[np.inf, np.inf], [0, np.inf]])
    np.testing.assert_array_equal(trap.absorption_probabilities(), [[0], [0]])


def test_refusals(chain):
    with pytest.raises(DataError, match="one number for each of the stages"):
        chain.lifetime_value(["a", *[1.0] * (len(chain) - 1)])
    with pytest.raises(DataError, match=f"negative in {chain.stages.names[0]}$"):
        chain.customer_equity([-1.0] + [1.0] * (len(chain) - 1), [1.0] * len(chain))
    with pytest.raises(DataError, match=r"the row of 'stage_1' sums to 0\.9"):
        StageChain([[0.4, 0.5], [0.5, 0.5]])
    with pytest.raises(DataError, match="outside 0 to 1"):
        StageChain([[1.4, -0.4], [0.5, 0.5]])
    with pytest.raises(DataError, match="moves from 'lost' to 'recency_1', which the space rules out"):
        StageChain([[0.5, 0.5], [0.5, 0.5]], recency_stages(1))
    with pytest.raises(DataError, match="there are 4 stages"):
        StageChain(np.eye(2), recency_stages(3))
    with pytest.raises(DataError, match="not finite"):
        StageChain([[np.nan, 1], [0, 1]])
    free = StageChain([[0.5, 0.5], [0.5, 0.5]])
    for call in (free.hitting_time, lambda: free.rupture_probability(2), lambda: free.rupture_sensitivity()):
        with pytest.raises(ValueError, match="names no rupture"):
            call()
    with pytest.raises(ValueError, match="nothing is transient"):
        free.fundamental_matrix()
    with pytest.raises(ValueError, match="carries no posterior"):
        free.interval("stationary")
    with pytest.raises(ValueError, match="how long a period is"):
        free.lifetime_value([1, 1], 0.1)
    with pytest.raises(ValueError, match="stage_1, stage_2 pay for ever"):
        free.lifetime_value([1, 1])
    with pytest.raises(ValueError, match="never left once entered"):
        StageChain(np.eye(2)).stationary()
    for wrong in (-1, 0.5, np.nan):
        with pytest.raises(ValueError, match="must be a"):
            chain.rupture_probability(wrong)
    with pytest.raises(AttributeError, match="does not change"):
        chain.period = "M"
    with pytest.raises(ValueError, match="read-only"):
        chain.P[0, 0] = 1
    with pytest.raises(DataError, match="'5' is missing"):
        chain.lifetime_value({"1": 1, "2": 1, "3": 1, "4": 1}, 0.1)


def test_sensitivity_is_the_derivative(chain):
    eps, D, D12 = 1e-6, chain.rupture_sensitivity(), chain.rupture_sensitivity(12)
    N, t = chain.fundamental_matrix(), chain.hitting_time()
    for i in range(4):
        for j in range(4):
            changed = [np.array(chain.P), np.array(chain.P)]
            for P, e in zip(changed, (eps, -eps), strict=True):
                if P[i, j] == 0 and e < 0:
                    P[i, j] = 0  # the arc has no probability to give: a one-sided difference
                    continue
                P[i, 4] -= e
                P[i, j] += e
            up, down = (StageChain(P, SPACE) for P in changed)
            width = 2 * eps if chain.P[i, j] > 0 else eps
            np.testing.assert_allclose(
                (up.hitting_time() - down.hitting_time()) / width, D[:, i, j], rtol=1e-4, atol=1e-3
            )
            slope = (up.rupture_probability(12) - down.rupture_probability(12)) / width
            np.testing.assert_allclose(slope, D12[:, i, j], rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(D[:4, i, j], N[:, i] * t[j], rtol=1e-9)
    lever = chain.best_lever(12)
    assert lever.effect == D12[:4].mean(axis=0)[SPACE.index(lever.origin), SPACE.index(lever.to)]
    gain = D12[:4].mean(axis=0) * chain.P[:, [4]] / 100
    assert lever.gain == pytest.approx(gain.min())
    assert lever.table["gain"].is_monotonic_increasing
    assert "best lever" in lever.describe()
    assert chain.best_lever(start="4").table["gain"].is_monotonic_decreasing


def test_posterior_and_intervals(chain):
    draws = chain.draws(4000, random_state=0)
    alpha = np.array(values()["counts"])[:4] + 0.2
    np.testing.assert_allclose(draws.sum(axis=2), 1, rtol=1e-12)
    np.testing.assert_allclose(draws[:, :4].mean(axis=0), alpha / alpha.sum(axis=1, keepdims=True), atol=2e-3)
    assert (draws[:, 4] == [0, 0, 0, 0, 1]).all()
    ends = chain.interval("hitting_time", coverage=0.9)
    assert ends.shape == (5, 2)
    assert (ends[:4, 0] < chain.hitting_time()[:4]).all()
    assert (ends[:4, 1] > chain.hitting_time()[:4]).all()
    assert chain.interval("rupture_probability", [1, 12]).shape == (5, 2, 2)
    assert (chain.interval("rupture_probability", 12, coverage=0.5)[:4] != ends[:4]).all()
    for words in ("stages", "broken within 3 years", "90 % intervals", "best lever"):
        assert words in chain.describe()


def test_intervals_keep_their_coverage():
    truth = StageChain(
        [[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0, 0, 1]], StageSpace(("a", "b", "c"), rupture="c", absorbing=("c",))
    )
    goal, inside = truth.rupture_probability(6), 0
    for seed in range(250):
        X = truth.simulate(60, 8, start=[1, 1, 0], random_state=seed)
        ends = MarkovStageModel(truth.stages).fit(X).chain_.interval("rupture_probability", 6, n_draws=200)
        inside += (ends[:2, 0] <= goal[:2]) & (goal[:2] <= ends[:2, 1])
    assert (np.abs(inside / 250 - 0.9) < 0.067).all()  # 3.5 binomial standard deviations


def test_forecast_and_simulation(chain):
    mix = chain.forecast("1", 12)
    np.testing.assert_allclose(mix[12], chain.step(12)[0], rtol=1e-12)
    grown = chain.forecast([10, 0, 0, 0, 0], 2, arrivals=[1, 0, 0, 0, 0])
    assert grown.sum(axis=1) == pytest.approx([10, 11, 12])
    X = chain.simulate(20_000, 13, start="1", random_state=0)
    np.testing.assert_allclose(np.bincount(X[:, 12].astype(int), minlength=5) / 20_000, mix[12], atol=0.015)
    assert (chain.simulate(20_000, 13, start="1", random_state=0) == X).all()
    with pytest.raises(DataError, match="negative"):
        chain.forecast([-1, 2, 0, 0, 0], 1)


def test_it_is_a_value(chain):
    again = pickle.loads(pickle.dumps(chain))
    assert again == chain
    np.testing.assert_array_equal(again.draws(3, 0), chain.draws(3, 0))
    assert chain.to_frame().loc["1", "2"] == chain.P[0, 1]
    assert relationship_lifecycle() != chain.stages


@settings(max_examples=60, deadline=None)
@given(arrays(float, (4, 4), elements=st.floats(0.01, 1.0)), st.integers(0, 30))
def test_identities(weights, horizon):
    P = weights / weights.sum(axis=1, keepdims=True)
    P[3] = [0, 0, 0, 1]
    chain = StageChain(P, StageSpace(tuple("abcd"), rupture="d", absorbing=("d",)), "M")
    N, t = chain.fundamental_matrix(), chain.hitting_time()[:3]
    np.testing.assert_allclose(N @ (np.eye(3) - P[:3, :3]), np.eye(3), atol=1e-9)
    np.testing.assert_allclose(chain.absorption_probabilities(), 1, rtol=1e-9)
    np.testing.assert_allclose(chain.hitting_time_variance()[:3], (2 * N - np.eye(3)) @ t - t**2, rtol=1e-9)
    survival = 1 - chain.rupture_probability(np.arange(4000))[:3].T
    np.testing.assert_allclose(survival.sum(axis=0), t, rtol=1e-6)  # E T is the sum of P(T > k)
    assert (np.diff(survival[:40], axis=0) <= 1e-15).all()
    np.testing.assert_allclose(chain.step(horizon) @ chain.step(1), chain.step(horizon + 1), atol=1e-12)
    value = chain.lifetime_value([5, 7, 11, 0], 0.1)
    discount = 1.1 ** (-1 / 12)
    np.testing.assert_allclose(value, np.array([5, 7, 11, 0]) + discount * P @ value, rtol=1e-9)


@given(arrays(float, (3, 3), elements=st.floats(0.01, 1.0)))
def test_the_stationary_mix_is_kept(weights):
    P = weights / weights.sum(axis=1, keepdims=True)
    share = StageChain(P).stationary()
    np.testing.assert_allclose(share @ P, share, rtol=1e-12)
    assert share.sum() == pytest.approx(1)


def test_rounding_is_taken_off_and_faults_are_not():
    space = StageSpace(["a", "b", "gone"], rupture="gone", absorbing=["gone"], allowed={"a": ["b"], "b": ["a", "gone"]})
    chain = StageChain([[0.4, 0.6 + 1e-17, -1e-17], [0.3, 0.5, 0.2], [0, 1e-16, 1]], space)
    assert (chain.P >= 0).all()
    assert chain.P[0, 2] == chain.P[2, 1] == 0
    np.testing.assert_allclose(chain.P.sum(axis=1), 1, rtol=0, atol=1e-15)
    exact = np.array([[0.1, 0.9], [0.7, 0.3]])
    assert np.array_equal(StageChain(exact).P, exact)
    with pytest.raises(DataError, match="has entries outside 0 to 1"):
        StageChain([[1 + 1e-9, -1e-9], [0, 1]])
    with pytest.raises(DataError, match="which the space rules out"):
        StageChain([[0.4, 0.6 - 1e-6, 1e-6], [0.3, 0.5, 0.2], [0, 0, 1]], space)


@pytest.mark.parametrize("matrix", ["ab", [["a", "b"], [0, 1]], None, [[1, 2], [3]]])
def test_what_is_not_a_matrix_of_numbers(matrix):
    with pytest.raises(DataError, match=r"must be a square table of numbers|its shape is"):
        StageChain(matrix)


def test_draws_must_be_numbers_of_the_same_shape():
    P = [[0.5, 0.5], [0, 1]]
    for draws in ([], [[0.5, 0.5], [0, 1]], "many", np.ones((3, 3, 3))):
        with pytest.raises(DataError, match="its draws have the shape"):
            StageChain(P, draws=draws)
    with pytest.raises(DataError, match="1 of 2 draws has entries that are not finite"):
        StageChain(P, draws=[P, [[np.nan, 0.5], [0, 1]]])
