import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad
from scipy.linalg import expm

from crmml import DataError
from crmml.stages import StageGenerator, StageSpace

from ... import ORACLES

SPACE = StageSpace(
    tuple("12345"),
    rupture="5",
    absorbing=("5",),
    allowed=[
        ("1", "2"),
        ("1", "5"),
        ("2", "1"),
        ("2", "3"),
        ("2", "5"),
        ("3", "2"),
        ("3", "4"),
        ("3", "5"),
        ("4", "3"),
        ("4", "5"),
    ],
)
ORACLE = json.loads((ORACLES / "stage_panel_ct.json").read_text())["no_covariate"]["all"]


def reference():
    Q = np.array(ORACLE["Q"]["est"])
    Q[4] = 0
    np.fill_diagonal(Q, 0)
    return Q - np.diag(Q.sum(axis=1))


@pytest.fixture(scope="module")
def generator():
    return StageGenerator(reference(), SPACE, "M")


def test_oracle(generator):
    np.testing.assert_allclose(generator.step(12), ORACLE["P12"], atol=1e-8)
    np.testing.assert_allclose(generator.step(1), ORACLE["P1"], atol=1e-8)
    np.testing.assert_allclose(generator.hitting_time()[:4], ORACLE["efpt_to_rupture"][:4], rtol=1e-8)
    np.testing.assert_allclose(
        generator.sojourn_time()[:4], [row["estimates"] for row in ORACLE["sojourn"]][:4], rtol=1e-8
    )
    assert np.isinf(generator.sojourn_time()[4])


def test_rupture_is_first_passage(generator):
    np.testing.assert_allclose(
        generator.rupture_probability([0, 3.5, np.inf]).T[1], generator.step(3.5)[:, 4], rtol=1e-10
    )
    np.testing.assert_allclose(generator.rupture_probability(np.inf), 1)
    for i in range(4):
        alive = quad(lambda t, i=i: 1 - generator.rupture_probability(t)[i], 0, 3000, limit=400)[0]
        assert alive == pytest.approx(generator.hitting_time()[i], rel=1e-6)
    np.testing.assert_allclose(generator.fundamental_matrix().sum(axis=1), generator.hitting_time()[:4])
    back = StageGenerator([[-0.2, 0.2], [0.5, -0.5]], StageSpace(("on", "off"), rupture="off"))
    np.testing.assert_allclose(back.rupture_probability(3), [1 - np.exp(-0.6), 1])
    np.testing.assert_allclose(back.hitting_time_variance(), [25, 0])
    np.testing.assert_allclose(back.stationary(), [5 / 7, 2 / 7])


def test_sensitivity_is_the_derivative(generator):
    eps, D, D12 = 1e-6, generator.rupture_sensitivity(), generator.rupture_sensitivity(12.0)
    for i, j in ((0, 1), (1, 2), (2, 1), (3, 2)):
        ends = []
        for e in (eps, -eps):
            Q = reference()
            Q[i, j] += e
            Q[i, 4] -= e
            ends.append(StageGenerator(Q, SPACE, "M"))
        slope = (ends[0].hitting_time() - ends[1].hitting_time()) / (2 * eps)
        np.testing.assert_allclose(slope[:4], D[:4, i, j], rtol=1e-4)
        slope = (ends[0].rupture_probability(12) - ends[1].rupture_probability(12)) / (2 * eps)
        np.testing.assert_allclose(slope, D12[:, i, j], rtol=1e-4, atol=1e-7)
    assert "intensity" in generator.best_lever(12).describe()


def test_value_is_the_integral(generator):
    reward, rate = np.array([12.0, 25, 60, 140, 0]), 0.1
    delta = np.log(1.1) / 12
    for horizon in (None, 7.5):
        end = 2000 if horizon is None else horizon
        expected = [
            quad(lambda t, i=i: np.exp(-delta * t) * (generator.step(t) @ reward)[i], 0, end, limit=300)[0]
            for i in range(2)
        ]
        np.testing.assert_allclose(generator.lifetime_value(reward, rate, horizon=horizon)[:2], expected, rtol=1e-6)
    assert generator.customer_equity([1, 0, 0, 0, 0], reward, rate) == pytest.approx(
        generator.lifetime_value(reward, rate)[0]
    )


def test_simulation_and_forecast(generator):
    moves = generator.simulate(4000, 12.0, start="1", random_state=0)
    assert list(moves.columns) == ["customer_id", "time", "stage"]
    last = moves.groupby("customer_id")["stage"].last()
    np.testing.assert_allclose((last == "5").mean(), generator.rupture_probability(12)[0], atol=0.03)
    np.testing.assert_allclose(generator.forecast("1", [0, 12])[1], generator.step(12)[0])


def test_a_chain_at_equal_steps(generator):
    chain = generator.to_chain(1.0, "M")
    np.testing.assert_allclose(chain.step(12), generator.step(12), rtol=1e-9, atol=1e-14)
    weeks = StageGenerator(reference() * 12 / 365.25 * 7, SPACE, "W")
    np.testing.assert_allclose(weeks.hitting_time() * 7 * 12 / 365.25, generator.hitting_time(), rtol=1e-10)


def test_refusals_and_copies(generator):
    with pytest.raises(DataError, match="rules out"):
        StageGenerator([[-1, 0, 1.0], [0, 0, 0], [0, 0, 0]], StageSpace(("a", "b", "c"), allowed=[("a", "b")]))
    with pytest.raises(DataError, match="sums to"):
        StageGenerator([[-1, 2], [1, -1]])
    with pytest.raises(DataError):
        StageGenerator([[1, -1], [1, -1]])
    with pytest.raises(ValueError, match="at least 0"):
        generator.step(-1)
    with pytest.raises(ValueError, match="carries no posterior"):
        generator.interval("hitting_time")
    assert pickle.loads(pickle.dumps(generator)) == generator
    assert "Expected months until rupture" in generator.describe()
    draws = np.stack([reference() * f for f in np.linspace(0.9, 1.1, 101)])
    ends = StageGenerator(reference(), SPACE, "M", draws=draws).interval("hitting_time", n_draws=101)
    assert (ends[:4, 0] < generator.hitting_time()[:4]).all()


@settings(max_examples=60, deadline=None)
@given(arrays(float, (4, 4), elements=st.floats(0, 3.0)), st.floats(0, 20), st.floats(0, 20))
def test_identities(rates, s, t):
    np.fill_diagonal(rates, 0)
    Q = rates - np.diag(rates.sum(axis=1))
    generator = StageGenerator(Q)
    P = generator.step(s)
    assert (P >= 0).all()
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(P, expm(Q * s), atol=1e-11)
    np.testing.assert_allclose(P @ generator.step(t), generator.step(s + t), atol=1e-11)
    np.testing.assert_allclose((generator.step(1e-7) - np.eye(4)) / 1e-7, Q, atol=1e-5)


def test_rounding_is_taken_off_and_faults_are_not():
    process = StageGenerator([[-2.0, 2.0, -1e-17], [1.0, -1.0, 0.0], [0.0, 0.0, 0.0]])
    assert process.Q[0, 2] == 0
    assert process.Q[0].sum() == 0
    with pytest.raises(DataError, match="negative intensities"):
        StageGenerator([[-2.0, 2.0 + 1e-9, -1e-9], [1.0, -1.0, 0.0], [0.0, 0.0, 0.0]])
