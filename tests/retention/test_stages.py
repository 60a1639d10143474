import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.amounts import Percent, Points, Uncertain
from crmml.retention import ArcShift, StageTerms, retention_value
from crmml.stages import MarkovStageModel, StageChain, StageSpace

from ..stages.oracle import SPACE, panel

TWO = StageSpace(["active", "gone"], rupture="gone", absorbing=["gone"])
THREE = StageSpace(["on", "low", "gone"], rupture="gone")
P = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.05, 0.05, 0.9]])
MONEY = {"annual_discount_rate": 0.1, "currency": "EUR"}


def value(chain, change, n=(100, 50, 10), reward=(10, 4, 0), **options):
    return retention_value(chain, change, StageTerms(n_customers=n, reward=reward), **{**MONEY, **options})


def equity(matrix, n=(100, 50, 10), reward=(10, 4, 0), period="Y"):
    discount = 1.1 ** -(1 if period == "Y" else 1 / 12)
    return np.array(n) @ np.linalg.solve(np.eye(len(matrix)) - discount * matrix, reward)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 0.85), st.floats(0, 10))
def test_two_stages_are_a_constant_rate(r, points):
    chain = StageChain([[r, 1 - r], [0, 1]], TWO, "Y")
    found = value(chain, Points(points), (1, 0), (1, 0))
    for rate, there in ((r, found.equity_before), (r + points / 100, found.equity_after)):
        assert there == pytest.approx(1.1 / (1.1 - rate))


def test_one_arc():
    chain = StageChain(P, THREE, "M")
    for amount in (Points(8), Percent(20)):
        found = value(chain, ArcShift("low", "on", amount))
        moved = P.copy()
        moved[1] += [0.08, 0, -0.08]
        assert found.equity_before == pytest.approx(equity(P, period="M"))
        assert found.equity_after == pytest.approx(equity(moved, period="M"))
    stay = value(chain, ArcShift("low", "low", Points(8)))
    assert 0 < stay.equity_gain < found.equity_gain
    assert stay.equity_gain_interval is None
    assert "20 percent of those who break from 'low' go to 'on' instead" in found.describe()


def test_the_gain_of_a_small_shift_is_its_derivative():
    chain = StageChain(P, THREE, "Y")
    V = np.linalg.solve(np.eye(3) - P / 1.1, [10, 4, 0])
    visits = np.array([100, 50, 10]) @ np.linalg.inv(np.eye(3) - P / 1.1)
    found = value(chain, ArcShift("low", "on", Points(1e-4)))
    assert found.equity_gain == pytest.approx(1e-6 * visits[1] * (V[0] - V[2]) / 1.1, rel=1e-4)


def test_retention_of_every_stage():
    chain = StageChain(P, THREE, "Y")
    up = value(chain, Points(5))
    moved = np.array([[0.7 * 0.95 / 0.9, 0.2 * 0.95 / 0.9, 0.05], [0.325, 0.325, 0.35], P[2]])
    assert up.equity_after == pytest.approx(equity(moved))
    relative = value(chain, Percent(5))
    moved = np.array([[0.735, 0.21, 0.055], [0.315, 0.315, 0.37], P[2]])
    assert relative.equity_after == pytest.approx(equity(moved))
    assert value(chain, Points(-5)).equity_gain < 0


def test_posterior_of_a_fitted_model():
    model = MarkovStageModel(SPACE, prior=0.5, period="M").fit(panel())
    n, reward = dict.fromkeys(SPACE.names, 100), dict(zip(SPACE.names, (5, 9, 12, 3, 0), strict=True))
    found = value(model, Percent(1), n, reward, n_draws=200, programme_cost=1_000, random_state=0)
    lower, upper = found.equity_gain_interval
    assert lower < found.equity_gain < upper
    assert found.roi_interval == pytest.approx(((lower - 1_000) / 1_000, (upper - 1_000) / 1_000))
    again = value(model.chain_, Percent(1), n, reward, n_draws=200, programme_cost=1_000, random_state=0)
    assert again.equity_gain_interval == found.equity_gain_interval
    drawn = [
        StageChain(matrix, SPACE, "M").customer_equity(n, reward, 0.1)
        for matrix in model.chain_.draws(200, np.random.RandomState(1))
    ]
    assert np.mean(drawn) == pytest.approx(found.equity_before, rel=0.01)


def test_an_uncertain_shift_has_an_interval():
    chain = StageChain(P, THREE, "Y")
    shift = ArcShift("low", "on", Points(Uncertain.triangular(0, 8, 40)))
    found = value(chain, shift, n_draws=500, random_state=0)
    assert found.equity_gain_interval[0] > 0
    assert found.n_draws == 500


def test_refusals():
    chain = StageChain(P, THREE, "Y")
    with pytest.raises(DataError, match=r"'on': \+20 points of retention, but 10 % break"):
        value(chain, Points(20))
    with pytest.raises(DataError, match=r"'low': .* but 40 % break"):
        value(chain, ArcShift("low", "on", Points(41)))
    with pytest.raises(DataError, match="'lwo' is not a stage"):
        value(chain, ArcShift("lwo", "on", Points(1)))
    with pytest.raises(DataError, match="cannot take up"):
        value(chain, ArcShift("gone", "on", Points(1)))
    with pytest.raises(DataError, match="names no rupture"):
        value(StageChain(P, ["a", "b", "c"], "Y"), Points(1))
    with pytest.raises(DataError, match="0 in every stage"):
        value(chain, Points(1), (0, 0, 0))
    with pytest.raises(TypeError, match="does not say whether"):
        ArcShift("low", "on", 0.1)
    with pytest.raises(TypeError, match="does not say whether"):
        value(chain, 0.1)


def test_draws_that_move_all_there_is_are_told():
    chain = StageChain(P, THREE, "Y")
    shift = ArcShift("low", "on", Points(Uncertain.uniform(0, 60)))
    found = value(chain, shift, n_draws=2_000, random_state=0)
    held = float(found.describe().split("In ")[1].split("%")[0])
    assert held == pytest.approx(100 / 3, abs=4)
    assert (
        "of the draws"
        not in value(chain, ArcShift("low", "on", Points(Uncertain.uniform(0, 30))), random_state=0).mapping
    )


def test_customers_that_cost_money_have_no_relative_gain():
    found = value(StageChain(P, THREE, "Y"), Points(5), reward=(1, -8, 0))
    assert found.equity_before < 0
    assert np.isnan(found.relative_gain)
    assert "%)" not in found.describe()
