import warnings

import numpy as np
import pytest
from scipy.stats import kstest

from crmml import DataError
from crmml.stages import MarkovStageModel, StageChain, StageSpace, homogeneity_test, order_test, recency_stages

from ..oracle import SPACE, panel, values

RAIN = np.array([[362, 126, 60], [136, 90, 68], [50, 79, 124]])


@pytest.fixture(scope="module")
def fitted():
    return MarkovStageModel(SPACE, period="M").fit(panel())


def test_oracle(fitted):
    o = values()
    np.testing.assert_array_equal(fitted.counts_, o["counts"])
    np.testing.assert_allclose(fitted.transition_matrix_, o["P"], rtol=1e-9)
    np.testing.assert_allclose(fitted.std_errors_, o["se"], rtol=1e-9, atol=1e-15)
    assert fitted.log_likelihood_ == pytest.approx(o["loglik_pairs"], rel=1e-9)
    assert fitted.n_parameters_ == 16
    assert fitted.score(panel()) * len(panel()) == pytest.approx(fitted.log_likelihood_)
    np.testing.assert_allclose(fitted.chain_.hitting_time()[:4], o["expected_periods_to_rupture"], rtol=1e-9)


def test_tests_of_the_oracle(fitted):
    o = values()
    first, second = fitted.order_test(panel())
    assert first.statistic == pytest.approx(o["lr_order_1_vs_0"]["transient_origins"]["G2"], rel=1e-9)
    assert first.degrees_of_freedom == o["lr_order_1_vs_0"]["transient_origins"]["df_standard"]
    expected = o["lr_order_2_vs_1"]["middle_stage_transient"]
    assert (second.statistic, second.p_value) == pytest.approx((expected["G2"], expected["p"]), rel=1e-9)
    assert second.degrees_of_freedom == expected["df"]
    expected = o["lr_time_homogeneity"]["transient_origins"]
    found = fitted.homogeneity_test(panel())
    assert (found.statistic, found.degrees_of_freedom) == (pytest.approx(expected["G2"], rel=1e-9), expected["df"])
    assert found.p_value == pytest.approx(
        expected["p_standard"] if "p_standard" in expected else expected["p"], rel=1e-9
    )
    assert "not refuted" in found.describe()
    assert "is refuted" in first.describe()


def test_pairs_across_missing_periods():
    o = values()["mle_with_gaps"]
    model = MarkovStageModel(SPACE, missing="gaps").fit(panel())
    assert model.log_likelihood_ == pytest.approx(o["loglik"], abs=1e-6)
    np.testing.assert_allclose(model.transition_matrix_, o["P"], atol=1e-6)
    assert model.converged_
    assert model.score(panel()) * len(panel()) == pytest.approx(model.log_likelihood_)
    plain = MarkovStageModel(SPACE).fit(panel())
    used = plain.std_errors_ > 1e-6
    n = [m.transition_matrix_ * (1 - m.transition_matrix_) for m in (model, plain)]
    ratio = (model.std_errors_[used] / np.sqrt(n[0][used])) / (plain.std_errors_[used] / np.sqrt(n[1][used]))
    assert (ratio < 1).all()  # more moves are used
    assert (ratio > 0.9).all()
    assert model.chain_.interval("hitting_time").shape == (5, 2)


def test_gaps_equal_counts_where_nothing_is_missing(fitted):
    whole = fitted.chain_.simulate(300, 12, start=[1, 1, 1, 1, 0], random_state=0)
    plain, gaps = (MarkovStageModel(SPACE, missing=m).fit(whole) for m in ("adjacent", "gaps"))
    np.testing.assert_allclose(gaps.transition_matrix_, plain.transition_matrix_, atol=1e-12)
    np.testing.assert_allclose(gaps.std_errors_, plain.std_errors_, rtol=1e-5, atol=1e-12)


def test_rain():
    pairs = np.array([[i, j] for i in range(3) for j in range(3) for _ in range(RAIN[i, j])], dtype=float)
    model = MarkovStageModel(3).fit(pairs)
    np.testing.assert_allclose(model.transition_matrix_[0], [0.6605839, 0.2299270, 0.1094891], atol=5e-8)
    assert model.log_likelihood_ == pytest.approx(-1040.418547, abs=5e-7)
    assert model.std_errors_[0, 0] == pytest.approx(0.02023, abs=5e-6)
    assert model.params_["stage_1 → stage_2"] == pytest.approx(126 / 548)
    table = model.summary()
    assert ((table["lower"] < table["estimate"]) & (table["estimate"] < table["upper"])).all()


def test_prior_is_dirichlet():
    X = np.array([[0.0, 1.0, 1.0]])
    model = MarkovStageModel(2, prior=1.0).fit(X)
    np.testing.assert_allclose(model.transition_matrix_, [[1 / 3, 2 / 3], [1 / 3, 2 / 3]])
    np.testing.assert_allclose(model.std_errors_[0, 0], np.sqrt(1 / 3 * 2 / 3 / 4))  # Beta(1, 2)
    draws = model.chain_.draws(20_000, 0)
    np.testing.assert_allclose(draws[:, 0, 0].std(), model.std_errors_[0, 0], rtol=0.02)
    space = recency_stages(2)
    kept = MarkovStageModel(space, prior=1.0).fit([[0, 1, 0, 1, 2]]).transition_matrix_
    assert (kept[~space.allowed_moves] == 0).all()
    with pytest.raises(DataError, match="prior must be finite"):
        MarkovStageModel(2, prior=[[1, -1], [0, 0]]).fit(X)


def test_customers_are_never_joined():
    X = np.array([[0.0, 0.0], [1.0, 1.0]])
    np.testing.assert_array_equal(MarkovStageModel(2).fit(X).counts_, np.eye(2))


@pytest.mark.parametrize(("policy", "row"), [("stay", [0, 1, 0]), ("uniform", [1 / 3, 1 / 3, 1 / 3])])
def test_unvisited_stages(policy, row):
    X = np.array([[0.0, 0.0, 2.0, 2.0]])
    with pytest.raises(DataError, match="no move was observed from 'stage_2'"):
        MarkovStageModel(3).fit(X)
    model = MarkovStageModel(3, unvisited=policy).fit(X)
    np.testing.assert_allclose(model.transition_matrix_[1], row)


def test_bad_input():
    lost = recency_stages(2)
    with pytest.raises(DataError, match="1 move from 'lost' to 'recency_1'"):
        MarkovStageModel(lost).fit([[0, 1, 2, 0]])
    with pytest.raises(DataError, match=r"1 of 3 stages is none of the space \(7\)"):
        MarkovStageModel(lost).fit([[0, 1, 7]])
    with pytest.raises(DataError, match="no customer has two observed periods"):
        MarkovStageModel(lost).fit([[0, np.nan, 1], [0, np.nan, np.nan]])
    with pytest.warns(UserWarning, match="1 of 2 customers was seen in one period"):
        model = MarkovStageModel(lost).fit([[0, 1, 2], [0, np.nan, np.nan]])
    with pytest.raises(DataError, match="1 of 2 customers has no observed period"):
        model.predict_proba([[0, 1], [np.nan, np.nan]])


def test_prediction_and_other_lengths(fitted):
    P = fitted.transition_matrix_
    X = [[0, np.nan, np.nan], [1, 2, np.nan]]
    np.testing.assert_allclose(fitted.predict_proba(X, 3), np.linalg.matrix_power(P, 3)[[0, 2]])
    np.testing.assert_array_equal(fitted.predict_proba([[3.0]], 0), [[0, 0, 0, 1, 0]])
    assert fitted.predict([[3.0]]).tolist() == [3]


def test_weights_equal_repetition():
    X = panel()[:40]
    weight = np.arange(40) % 3
    for options in ({}, {"missing": "gaps"}, {"order": 2}):
        model = MarkovStageModel(SPACE, unvisited="stay", **options)
        a = model.fit(X, sample_weight=weight)
        a = (a.log_likelihood_, a.chain_.P, a.score(X, sample_weight=weight))
        b = model.fit(np.repeat(X, weight, axis=0))
        b = (b.log_likelihood_, b.chain_.P, b.score(np.repeat(X, weight, axis=0)))
        for one, other in zip(a, b, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_order_two():
    space = StageSpace(("a", "b", "c"), rupture="c", absorbing=("c",))
    rng, X = np.random.default_rng(0), np.zeros((4000, 10))
    X[:, 1] = rng.integers(0, 2, 4000)
    stay = np.array([[0.8, 0.5], [0.3, 0.6]])
    for t in range(2, 10):
        a, b = X[:, t - 2].astype(int), X[:, t - 1].astype(int)
        u = rng.random(4000)
        alive = np.where(u < 0.9 * stay[np.minimum(a, 1), np.minimum(b, 1)], b, np.where(u < 0.9, 1 - b, 2))
        X[:, t] = np.where(b == 2, 2, alive)
    model = MarkovStageModel(space, order=2).fit(X)
    for a in range(2):
        for b in range(2):
            row = model.predict_proba([[a, b]])[0]
            np.testing.assert_allclose(row[b], 0.9 * stay[a, b], atol=0.02)
            assert row[2] == pytest.approx(0.1, abs=0.02)
    unknown = model.predict_proba([[np.nan, 1]])[0]
    lower, upper = sorted(model.predict_proba([[0, 1], [1, 1]])[:, 1])
    assert lower < unknown[1] < upper
    assert order_test(X, space, order=2).p_value < 1e-10
    alive = ~model.chain_.stages.rupture_mask
    np.testing.assert_allclose(model.chain_.hitting_time()[alive], 10, rtol=0.1)
    assert model.score(X) * len(X) == pytest.approx(model.log_likelihood_)
    np.testing.assert_allclose(model.predict_proba([[0, 1]], 40)[0, 2], 1 - 0.9**40, atol=0.02)


@pytest.mark.parametrize("n_resamples", [0, 39])
def test_the_tests_keep_their_size(n_resamples):
    truth = StageChain([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0, 0, 1]], StageSpace(("a", "b", "c"), absorbing=("c",)))
    p, runs = [], 60 if n_resamples else 400
    for seed in range(runs):
        X = truth.simulate(150, 8, start=[1, 1, 0], random_state=seed)
        X[np.random.default_rng(seed).random(X.shape) < 0.05] = np.nan
        options = {"n_resamples": n_resamples, "random_state": seed}
        p.append(
            [
                homogeneity_test(X, truth.stages, **options).p_value,
                order_test(X, truth.stages, order=2, **options).p_value,
            ]
        )
    p = np.array(p)
    for column in p.T:
        assert kstest(column, "uniform").pvalue > 0.001
        assert (column < 0.05).mean() <= 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / runs)


def test_order_zero_keeps_its_size_with_moves_that_cannot_happen():
    space = StageSpace(("a", "b", "c"), allowed=[[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    share = np.array([0.5, 0.3, 0.2])
    P = np.where(space.allowed_moves, share, 0)
    truth = StageChain(P / P.sum(axis=1, keepdims=True), space)
    tests = [order_test(truth.simulate(100, 8, random_state=seed), space) for seed in range(300)]
    assert {test.degrees_of_freedom for test in tests} == {1}
    assert kstest([test.p_value for test in tests], "uniform").pvalue > 0.001


def test_groups():
    space = StageSpace(("a", "b", "c"), rupture="c", absorbing=("c",))
    one = StageChain([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0, 0, 1]], space)
    other = StageChain([[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0, 0, 1]], space)
    X = np.vstack([one.simulate(300, 8, random_state=0), other.simulate(300, 8, random_state=1)])
    group = np.repeat(["pharmacy", "hospital"], 300)
    model = MarkovStageModel(space).fit(X)
    found = model.compare_groups(X, group, horizon=4)
    assert found.test.p_value < 1e-6
    assert found.test.degrees_of_freedom == 4
    rows = found.table.set_index(["group", "stage"])
    assert rows.loc[("hospital", "a"), "lower"] > rows.loc[("pharmacy", "a"), "upper"]
    assert "pharmacy: rupture within 4 periods" in found.describe()
    free = MarkovStageModel(StageSpace(("a", "b", "c"), absorbing=("c",))).fit(X)
    p = [
        free.compare_groups(one.simulate(120, 8, random_state=s), np.tile(["x", "y"], 60)).test.p_value
        for s in range(100)
    ]
    assert kstest(p, "uniform").pvalue > 0.001
    with pytest.raises(DataError, match="only one group"):
        model.compare_groups(X, ["x"] * 600)
    with pytest.raises(DataError, match="one label for each"):
        model.compare_groups(X, ["x", "y"])
    with pytest.raises(DataError, match="missing for 1"):
        model.compare_groups(X, [None, *group[1:]])


def test_words(fitted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = fitted.describe()
    assert "Markov stage model of order 1 on" in text
    assert "Expected months until rupture" in text
    with pytest.raises(ValueError, match="is for order=1"):
        MarkovStageModel(SPACE, order=2, missing="gaps").fit(panel())


NAN = np.nan


def test_gaps_with_a_stage_that_is_never_left():
    """A stage of which nothing is known is what the policy says in missing periods too."""
    X = [[0, NAN, 1], [0, 0, 1], [1, 0, 2], [1, NAN, 2]]
    model = MarkovStageModel(["a", "b", "c"], missing="gaps", unvisited="stay").fit(X)
    P = model.transition_matrix_
    np.testing.assert_array_equal(P[2], [0, 0, 1])
    assert model.n_parameters_ == 4
    two = P @ P
    expected = np.log(two[0, 1]) + np.log(P[0, 0] * P[0, 1]) + np.log(P[1, 0] * P[0, 2]) + np.log(two[1, 2])
    assert model.log_likelihood_ == pytest.approx(expected)
    assert model.score(X) == pytest.approx(expected / 4)
    np.testing.assert_allclose(model.chain_.draws(50)[:, 2], [[0, 0, 1]] * 50)
    absorbing = StageSpace(["a", "b", "c"], absorbing=["c"])
    same = MarkovStageModel(absorbing, missing="gaps").fit(X)
    np.testing.assert_allclose(same.transition_matrix_, P, atol=1e-6)
    assert same.log_likelihood_ == pytest.approx(model.log_likelihood_)


def test_gaps_where_nothing_is_free():
    model = MarkovStageModel(["a", "b", "c"], missing="gaps", unvisited="stay").fit([[0, NAN, 2], [0, 1, 2]])
    np.testing.assert_allclose(model.transition_matrix_, [[0, 1, 0], [0, 0, 1], [0, 0, 1]], atol=1e-12)
    assert model.log_likelihood_ == pytest.approx(0, abs=1e-12)
    assert np.isfinite(model.chain_.draws(5)).all()


def test_gaps_that_lead_through_a_stage_overrule_what_was_said_of_it():
    space = StageSpace(["a", "b", "c"], allowed={"a": ["c"], "c": ["b"], "b": ["a"]})
    model = MarkovStageModel(space, missing="gaps", unvisited="stay").fit([[0, NAN, 1], [1, 0, NAN]])
    assert model.transition_matrix_[2, 1] == pytest.approx(1)


def test_moves_that_gaps_leave_open_are_told():
    with pytest.warns(UserWarning, match="leave open how likely these moves are: a → b"):
        model = MarkovStageModel(["a", "b", "c"], missing="gaps").fit([[0, 1, 2], [0, NAN, 1]])
    assert np.isfinite(model.chain_.draws(200)).all()
