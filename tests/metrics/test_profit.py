import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta as beta_distribution

from crmml import DataError
from crmml.metrics import expected_maximum_profit, maximum_profit, profit_gain

from .. import ORACLES

Y = [1, 1, 0, 0, 0, 1, 1, 1, 1, 0]
SCORE = [
    0.6125478, 0.364271, 0.4321361, 0.1402911, 0.3848959, 0.2444155, 0.9706413, 0.8901728, 0.7817814, 0.8687518,
]  # fmt: skip


def test_published_example():
    found = expected_maximum_profit(Y, SCORE, return_details=True)
    assert found.profit == pytest.approx(30.3003222629848, abs=1e-9)
    assert found.rate == pytest.approx(0.8996551652, abs=1e-9)
    mpc = maximum_profit(Y, SCORE, return_details=True)
    assert mpc.profit == pytest.approx(30.3, abs=1e-9)
    assert mpc.threshold == 0.2444155
    assert expected_maximum_profit(Y, Y) == pytest.approx(33.6, abs=5e-5)
    assert expected_maximum_profit(Y, np.ones(10)) == pytest.approx(29.2001, abs=5e-5)
    assert expected_maximum_profit([0, 1], [0, 1]) == pytest.approx(28.0000000000391, abs=1e-9)
    for score in ([1, 1], [1, 0]):
        assert expected_maximum_profit([0, 1], score) == pytest.approx(22.5007912244511, abs=1e-9)


def test_oracles():
    rows = pd.read_csv(ORACLES / "emp_scores.csv")
    cases = json.loads((ORACLES / "emp.json").read_text())["emp"]
    assert len(cases) == 5
    for case in cases:
        given = dict(case["parameters"])
        found = expected_maximum_profit(rows["churn"], rows["score"], **given, return_details=True)
        assert found.profit == pytest.approx(case["EMPC_own_exact_piecewise"], abs=1e-9)
        assert found.profit == pytest.approx(case["EMPC_empulse"], abs=1e-9)
        assert found.rate == pytest.approx(case["EMPC_rate_own"], abs=1e-9)
        del given["alpha"], given["beta"]
        mpc = maximum_profit(
            rows["churn"], rows["score"], **given, acceptance=case["MPC_accept_rate"], return_details=True
        )
        assert mpc.profit == pytest.approx(case["MPC_own"], abs=1e-9)
        assert mpc.rate == pytest.approx(case["MPC_rate_own"], abs=1e-9)
        assert mpc.threshold == (np.inf if case["MPC_threshold_own"] is None else case["MPC_threshold_own"])


def every_threshold(y, score, acceptance, clv, incentive_cost, contact_cost):
    """The definition, threshold by threshold."""
    best = 0.0
    for t in np.unique(score):
        hit = score >= t
        best = max(
            best,
            (acceptance * (clv - incentive_cost) - contact_cost) * np.mean(hit & y)
            - (incentive_cost + contact_cost) * np.mean(hit & ~y),
        )
    return best


labels = st.lists(st.booleans(), min_size=2, max_size=12).filter(lambda y: 0 < sum(y) < len(y))


@settings(max_examples=40, deadline=None)
@given(labels, st.randoms(use_true_random=False), st.floats(1, 500), st.floats(0, 60), st.floats(0, 20))
def test_is_the_integral_of_its_definition(y, random, clv, incentive, contact):
    y = np.array(y)
    score = np.array([random.randint(0, 5) for _ in y], dtype=float)
    costs = {"clv": clv, "incentive_cost": incentive, "contact_cost": contact}
    for acceptance in (0.0, 0.3, 1.0):
        wanted = every_threshold(y, score, acceptance, **costs)
        assert maximum_profit(y, score, **costs, acceptance=acceptance) == pytest.approx(wanted, abs=1e-9)
    grid = (np.arange(4000) + 0.5) / 4000
    wanted = np.mean([every_threshold(y, score, g, **costs) for g in beta_distribution.ppf(grid[::20], 2, 3)])
    found = expected_maximum_profit(y, score, **costs, alpha=2, beta=3)
    assert found == pytest.approx(wanted, abs=0.01 * (clv + incentive + contact))


def test_against_quadrature():
    rng = np.random.default_rng(0)
    y, score = rng.random(60) < 0.4, rng.integers(0, 20, 60).astype(float)

    def at(g):
        return every_threshold(y, score, g, 200, 10, 1) * beta_distribution.pdf(g, 6, 14)

    wanted, _ = quad(at, 0, 1, limit=500, epsabs=1e-10)
    assert expected_maximum_profit(y, score) == pytest.approx(wanted, abs=1e-7)


@settings(max_examples=50, deadline=None)
@given(labels, st.randoms(use_true_random=False))
def test_properties(y, random):
    y = np.array(y)
    score = np.array([random.randint(0, 1000) for _ in y]) / 8
    found = expected_maximum_profit(y, score, return_details=True)
    assert found.gain >= -1e-9
    assert found.profit <= expected_maximum_profit(y, y) + 1e-9
    assert expected_maximum_profit(y, 3 * score - 7) == pytest.approx(found.profit)
    assert profit_gain(y, score) == pytest.approx(found.gain)
    assert profit_gain(y, np.zeros(y.size)) == pytest.approx(0, abs=1e-12)


def test_labels_of_any_two_kinds():
    names = np.where(np.array(Y) == 1, "Yes", "No")
    assert expected_maximum_profit(names, SCORE) == expected_maximum_profit(Y, SCORE)
    assert maximum_profit(np.array(Y, dtype=bool), SCORE) == maximum_profit(Y, SCORE)
    assert expected_maximum_profit([0, 0], [0.1, 0.2]) == 0
    assert expected_maximum_profit([1, 1], [0.1, 0.2]) > 0


def test_nobody_is_worth_contacting():
    found = expected_maximum_profit(Y, SCORE, clv=5, incentive_cost=10, return_details=True)
    assert (found.profit, found.rate, found.threshold) == (0.0, 0.0, np.inf)
    assert "Nobody should be contacted" in found.describe()
    assert maximum_profit(Y, SCORE, acceptance=0.0) == 0


def test_faults_are_named_together():
    with pytest.raises(DataError) as caught:
        expected_maximum_profit([0, 1, 2], [0.1, np.nan])
    assert len(caught.value.faults) == 3
    with pytest.raises(DataError, match="incentive_cost=-1"):
        expected_maximum_profit(Y, SCORE, incentive_cost=-1)
    with pytest.raises(DataError, match="alpha=0"):
        expected_maximum_profit(Y, SCORE, alpha=0)
    with pytest.raises(DataError, match="acceptance=2"):
        maximum_profit(Y, SCORE, acceptance=2)
    with pytest.raises(DataError, match="two classes are needed"):
        maximum_profit(["a", "a"], [0.1, 0.2])
    with pytest.raises(DataError, match="1 of 2 labels is missing"):
        maximum_profit([1.0, None], [0.1, 0.2])


def test_the_picture_and_the_frame_of_a_profit():
    y, score = [1, 0, 1, 0], [0.9, 0.2, 0.4, 0.5]
    found = maximum_profit(y, score, return_details=True)
    assert found.to_frame().set_index("quantity").loc["profit", "value"] == found.profit
    display = found.plot()
    assert display.profit.max() == pytest.approx(found.profit)
    assert display.rate[display.profit.argmax()] == found.rate
    assert "CampaignProfit" in found._repr_html_()
    expected = expected_maximum_profit(y, score, return_details=True)
    assert expected.plot().profit.max() <= expected.profit
