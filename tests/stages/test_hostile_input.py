"""What odd but conceivable input is answered with, across the stage models."""

import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.stages import (
    ContinuousTimeStageModel,
    CovariateMarkovStageModel,
    MarkovStageModel,
    SemiMarkovStageModel,
    StageChain,
    StageDecisionProcess,
    StageSpace,
    off_policy_value,
    order_test,
    to_panel,
)

SPACE = StageSpace(("a", "b", "gone"), rupture="gone", absorbing=("gone",))
FOUR = StageSpace(("a", "b", "never", "gone"), rupture="gone", absorbing=("gone",))
P = [[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0, 0, 1]]


def panel(n=200, T=8):
    return StageChain(P, SPACE).simulate(n, T, start=[1, 1, 0], random_state=0)


def test_numbers_are_names_where_names_are_numbers():
    long = pd.DataFrame({"customer_id": [1, 1], "period": [1, 2], "stage": [1, 2]})
    np.testing.assert_array_equal(to_panel(long, StageSpace((1, 2, 3), rupture=3))[0], [[0, 1]])
    np.testing.assert_array_equal(to_panel(long.assign(stage=[1.0, None]), StageSpace((1, 2, 3)))[0], [[0, np.nan]])
    with pytest.raises(DataError, match=r"names? no stage"):
        to_panel(long.assign(stage=[0, 1]), StageSpace((1, 2, 3)))


def test_moves_seen_only_across_a_gap():
    X = np.array([[0, 0, 1, 0, 1, 1, 0, 0]] * 5 + [[0, 1, np.nan, 2, 2, 2, 2, 2]] * 20, dtype=float)
    one = SemiMarkovStageModel(SPACE, 1, n_init=1).fit(X)
    gaps = MarkovStageModel(SPACE, missing="gaps").fit(X)
    assert one.log_likelihood_ == pytest.approx(gaps.log_likelihood_, abs=1e-4)
    assert one.rupture_probability(X[:1], 3)[0] > 0


def test_every_second_period_observed():
    X = panel()
    X[:, 1::2] = np.nan
    with pytest.raises(DataError, match="two observed periods in sequence"):
        MarkovStageModel(SPACE).fit(X)
    model = MarkovStageModel(SPACE, missing="gaps").fit(X)
    assert model.n_informative_ == 200
    assert np.isfinite(model.bic_)


def test_an_order_longer_than_the_data():
    with pytest.raises(DataError, match="10 observed periods in sequence"):
        MarkovStageModel(SPACE, order=9).fit(panel())
    with pytest.raises(ValueError, match="take a lower order"):
        MarkovStageModel(SPACE, order=20).fit(panel())


def test_rows_that_a_policy_filled_in_have_no_width_and_no_parameters():
    X = np.where(panel() == 2, 3, panel())
    model = MarkovStageModel(FOUR, unvisited="stay").fit(X)
    at = FOUR.index("never")
    np.testing.assert_array_equal(model.chain_.interval("rupture_probability", 12)[at], [0, 0])
    assert model.n_parameters_ == 2 * 3


def test_actions_by_number_and_their_costs():
    chains = {0: StageChain(P, SPACE, "M"), 1: StageChain(P, SPACE, "M")}
    process = StageDecisionProcess(chains, {0: [10, 5, 0], 1: [10, 5, 0]}, {0: 1000}, 0.1)
    assert process.solve().action("a") == "1"
    with pytest.raises(DataError, match="leaves out the stage"):
        StageDecisionProcess(chains, [1, 1, 0], {0: {"a": 1}})
    with pytest.raises(DataError, match="mapped to no StageChain"):
        StageDecisionProcess({"x": [1]}, [1, 1, 0])
    with pytest.raises(ValueError, match="budget=nan"):
        process.solve(budget=np.nan)
    with pytest.raises(DataError, match="'fly' is not an action"):
        process.evaluate({"a": "fly", "b": "0", "gone": "0"})
    with pytest.raises(ValueError, match="gone pay for ever"):
        StageDecisionProcess(chains, [1, 1, 1]).evaluate(np.eye(2)[[0, 0, 0]])


def test_behaviour_must_be_probabilities():
    X = A = np.zeros((40, 2))
    for wrong in ([[0.1, 0.1]], [[np.nan, 0.5]], [[0.5, 0.25, 0.25]]):
        with pytest.raises(DataError, match="behaviour"):
            off_policy_value([[0.5, 0.5]], X, A, X, behaviour=wrong)
    with pytest.raises(DataError, match="nobody did what the policy would do"):
        off_policy_value([[0.0, 1.0]], X, A, X, behaviour=[[0.5, 0.5]], method="weighted")
    with pytest.raises(DataError, match="no customers or no periods"):
        off_policy_value([[0.5, 0.5]], X[:0], A[:0], X[:0])


def test_dates_are_no_numbers():
    rows = pd.DataFrame(
        {"customer_id": [1, 1], "time": pd.to_datetime(["2024-01-01", "2024-03-01"]), "stage": ["a", "b"]}
    )
    with pytest.raises(DataError, match="is not a number in 2 of 2 rows"):
        ContinuousTimeStageModel(SPACE).fit(rows)
    with pytest.raises(DataError, match="no move between different stages"):
        ContinuousTimeStageModel(StageSpace(("a",))).fit(rows.assign(time=[0.0, 1.0], stage="a"))
    with pytest.raises(ValueError, match="must list columns other than"):
        ContinuousTimeStageModel(SPACE, covariates="time").fit(rows)


def test_degrees_of_freedom_where_moves_fall_into_parts():
    space = StageSpace(tuple("abcd"), allowed=np.kron(np.eye(2), np.ones((2, 2))).astype(bool))
    X = np.random.default_rng(0).integers(0, 2, (100, 6)).astype(float)
    X[50:] += 2
    assert order_test(X, space).degrees_of_freedom == 2


def test_a_rare_category_and_a_base_that_is_gone():
    X = panel(150, 5)
    category = np.array(["x"] * 75 + ["y"] * 74 + ["a rare one"])
    model = CovariateMarkovStageModel(SPACE, categorical=["c"]).fit(X, covariates={"c": category})
    found = model.marginal_effect(X, "c", ("x", "y"), covariates={"c": category}, n_resamples=20, random_state=0)
    assert found.lower <= found.upper
    over = np.hstack([X, np.full((150, 1), 2.0)])
    model = CovariateMarkovStageModel(SPACE, categorical=["c"]).fit(over, covariates={"c": category})
    with pytest.raises(DataError, match="still open"):
        model.marginal_effect(over, "c", ("x", "y"), covariates={"c": category})
    with pytest.raises(ValueError, match="horizon"):
        model.rupture_probability(X, -1, covariates={"c": category})


def test_stages_that_are_never_left_and_posteriors_that_are_none():
    still = SemiMarkovStageModel(1, n_init=1).fit(np.zeros((3, 4)))
    assert np.isinf(still.sojourn_time()).all()
    with pytest.raises(ValueError, match="no memory to test"):
        SemiMarkovStageModel(SPACE, 1, n_init=1).fit(panel()).memory_test(panel())
    with pytest.raises(DataError, match="concentration must be numbers"):
        StageChain(np.eye(2), concentration=[[-1, 1], [1, 1]])
    with pytest.raises(DataError, match="counts must be numbers"):
        StageChain(np.eye(2), counts=[1])
