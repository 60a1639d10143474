import json
import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from crmml import DataError
from crmml.stages import HiddenMarkovStageModel, StageChain, StageSpace, select_n_stages

from ... import ORACLES

EARTHQUAKES = np.fromstring(
    """
    13 14 8 10 16 26 32 27 18 32 36 24 22 23 22 18 25 21 21 14 8 11 14 23 18 17 19 20 22 19 13 26 13 14 22 24
    21 22 26 21 23 24 27 41 31 27 35 26 28 36 39 21 17 22 17 19 15 34 10 15 22 18 15 20 15 22 19 16 30 27 29 23
    20 16 21 21 25 16 18 15 18 14 10 15 8 15 6 11 8 7 18 16 13 12 13 20 15 16 12 18 15 16 13 15 16 11 11
    """,
    sep=" ",
)[None]


@cache
def oracle():
    X = pd.read_csv(ORACLES / "poisson_hmm.csv").iloc[:, 1:].to_numpy(float)
    return X, json.loads((ORACLES / "poisson_hmm.json").read_text())["models"]


@cache
def fitted(k):
    return HiddenMarkovStageModel(k, n_init=3, random_state=0).fit(oracle()[0])


@pytest.mark.parametrize("k", [2, 3])
def test_oracle(k):
    X, models = oracle()
    expected, model = models[str(k)], fitted(k)
    assert model.converged_
    assert model.log_likelihood_ == pytest.approx(expected["loglik"], abs=1e-4)
    np.testing.assert_allclose(model.rates_, expected["lambdas"], rtol=1e-3)
    np.testing.assert_allclose(model.transition_matrix_, expected["transmat"], rtol=1e-3)
    np.testing.assert_allclose(model.start_, expected["startprob"], rtol=1e-3)
    assert model.n_parameters_ == expected["n_params"]
    assert model.aic_ == pytest.approx(expected["AIC"], abs=1e-3)
    assert model.bic_ == pytest.approx(expected["BIC_n_customers_500"], abs=1e-3)
    for row, customer in zip(X, expected["customers"], strict=False):
        np.testing.assert_allclose(model.filter(row[None])[0, -1], customer["filtered_last"], atol=2e-4)
        np.testing.assert_array_equal(model.decode(row[None])[0], customer["viterbi_path"])
    if k == 3:
        np.testing.assert_allclose(model.predict_mean(X[:5]), expected["next_period_mean_first_5"], rtol=1e-3)


def test_one_and_four_stages():
    X, models = oracle()
    one = HiddenMarkovStageModel(1).fit(X)
    assert one.log_likelihood_ == pytest.approx(models["1"]["loglik"], abs=1e-6)
    four = HiddenMarkovStageModel(4, n_init=10, std_errors=False, tol=1e-6).fit(X)
    assert four.log_likelihood_ == pytest.approx(models["4"]["loglik"], abs=1e-2)


@pytest.mark.parametrize(("k", "expected"), [(1, -391.9189), (2, -341.8787), (3, -328.5275)])
def test_earthquakes(k, expected):
    model = HiddenMarkovStageModel(k, n_init=8, std_errors=False).fit(EARTHQUAKES)
    assert model.log_likelihood_ == pytest.approx(expected, abs=6e-5)
    assert (np.diff(model.history_) >= -1e-9 * abs(model.log_likelihood_)).all()
    assert (np.diff(model.rates_) > 0).all()


def test_the_starts_do_not_depend_on_the_jobs():
    X = oracle()[0][:80]
    one, two = (HiddenMarkovStageModel(2, n_init=3, n_jobs=n, random_state=4).fit(X) for n in (1, 2))
    np.testing.assert_array_equal(one.transition_matrix_, two.transition_matrix_)
    np.testing.assert_array_equal(one.start_log_likelihoods_, two.start_log_likelihoods_)


def test_number_of_stages():
    X = oracle()[0][:200]
    found = select_n_stages(X, [1, 2, 3, 4], n_init=2, std_errors=False, tol=1e-7)
    assert found.best.rates_.shape == (3,)
    assert found.table["bic"].idxmin() == 2
    assert "3 stages" in found.describe()


def test_missing_and_ragged_rows():
    X = oracle()[0][:60].copy()
    X[:, 12:] = np.nan
    short = HiddenMarkovStageModel(2, n_init=1).fit(X)
    cut = HiddenMarkovStageModel(2, n_init=1).fit(X[:, :12])
    assert short.log_likelihood_ == pytest.approx(cut.log_likelihood_, rel=1e-12)
    np.testing.assert_allclose(short.transition_matrix_, cut.transition_matrix_, rtol=1e-6)
    late = np.hstack([np.full((60, 3), np.nan), X])
    np.testing.assert_allclose(short.predict_proba(late, 2), short.predict_proba(X[:, :12], 2), rtol=1e-9)
    stages = short.smooth(late)
    assert np.isnan(stages[:, :3]).all()
    assert np.isnan(stages[:, 15:]).all()
    np.testing.assert_allclose(stages[:, 3:15], short.smooth(X[:, :12]), rtol=1e-8, atol=1e-12)
    np.testing.assert_array_equal(short.decode(late)[:, 3:15], short.decode(X[:, :12]))


def test_standard_errors_are_those_of_simulation():
    truth = fitted(2)
    estimates, errors = [], []
    for seed in range(60):
        X, _ = truth.simulate(150, 12, random_state=seed)
        model = HiddenMarkovStageModel(2, n_init=1).fit(X)
        table = model.summary()
        estimates.append(table["estimate"])
        errors.append(table["std_error"])
    ratio = np.mean(errors, axis=0) / np.std(estimates, axis=0)
    assert ((ratio > 0.7) & (ratio < 1.4)).all()  # 60 draws: one in 500 outside of 0.72 to 1.28 each
    true = fitted(2).summary()["estimate"].to_numpy()
    inside = np.abs(np.array(estimates) - true) < 1.645 * np.array(errors)
    assert 0.84 < inside.mean() < 0.95


def test_covariates_on_transitions():
    rng = np.random.default_rng(0)
    n, T = 1500, 14
    visit = rng.integers(0, 2, (n, T)).astype(float)
    stage, X = rng.integers(0, 2, n), np.empty((n, T))
    for t in range(T):
        X[:, t] = rng.poisson(np.array([0.3, 3.0])[stage])
        up = 1 / (1 + np.exp(2.0 - 1.2 * visit[:, t]))
        stage = np.where(stage == 0, rng.random(n) < up, rng.random(n) > 0.15).astype(int)
    model = HiddenMarkovStageModel(2, n_init=2, transition_covariates=["visit"], random_state=0).fit(
        X, covariates={"visit": visit}
    )
    table = model.summary()
    effect = table.loc["stage_1 → stage_2, visit"]
    assert abs(effect["estimate"] - 1.2) < 3 * effect["std_error"]
    assert effect["std_error"] < 0.12
    none = table.loc["stage_2 → stage_1, visit"]
    assert abs(none["estimate"]) < 3 * none["std_error"]
    plain = HiddenMarkovStageModel(2, n_init=1).fit(X)
    assert model.log_likelihood_ > plain.log_likelihood_ + 50
    zero = HiddenMarkovStageModel(2, n_init=1, transition_covariates=["visit"]).fit(
        X, covariates={"visit": np.zeros(n)}
    )
    assert zero.log_likelihood_ == pytest.approx(plain.log_likelihood_, rel=1e-9)
    last = {"covariates": {"visit": np.ones(n)}}
    assert (
        model.predict_proba(X, **last)[:, 1] >= model.predict_proba(X, covariates={"visit": np.zeros(n)})[:, 1]
    ).mean() > 0.9
    assert model.score(X, covariates={"visit": visit}) * n == pytest.approx(model.log_likelihood_)
    with pytest.raises(DataError, match="'visit' is missing"):
        model.predict_proba(X)
    with pytest.raises(DataError, match="missing or infinite in 14 observed"):
        model.predict_proba(X, covariates={"visit": np.r_[np.nan, np.zeros(n - 1)]})


@pytest.mark.parametrize("emission", ["poisson", "gaussian"])
def test_covariates_on_emissions(emission):
    rng = np.random.default_rng(1)
    n, T = 400, 12
    season = rng.normal(size=(n, T))
    stage = StageChain([[0.85, 0.15], [0.2, 0.8]]).simulate(n, T, start=[1, 1], random_state=0).astype(int)
    if emission == "poisson":
        X = rng.poisson(np.array([0.5, 4.0])[stage] * np.exp(0.4 * season)).astype(float)
    else:
        X = rng.normal(np.array([1.0, 4.0])[stage] + 0.4 * season, np.array([0.5, 1.0])[stage])
    model = HiddenMarkovStageModel(2, emission, n_init=1, emission_covariates=["season"]).fit(
        X, covariates={"season": season}
    )
    row = model.summary().loc["emission, season"]
    assert abs(row["estimate"] - 0.4) < 3 * row["std_error"]
    assert row["std_error"] < 0.05
    assert model.score(X, covariates={"season": season}) * n == pytest.approx(model.log_likelihood_)
    with pytest.raises(ValueError, match="takes no emission covariates"):
        HiddenMarkovStageModel(2, "categorical", emission_covariates=["season"]).fit(
            (X > 1).astype(float), covariates={"season": season}
        )


def test_a_space_with_moves_that_cannot_happen():
    space = StageSpace(
        ("active", "asleep", "gone"),
        rupture="gone",
        absorbing=("gone",),
        allowed={"active": ["asleep"], "asleep": ["active", "gone"]},
    )
    truth = StageChain([[0.8, 0.2, 0], [0.3, 0.5, 0.2], [0, 0, 1]], space)
    stage = truth.simulate(1200, 20, start=[1, 0, 0], random_state=1).astype(int)
    X = np.random.default_rng(0).poisson(np.array([4.0, 1.0, 0.02])[stage]).astype(float)
    starts = HiddenMarkovStageModel(space, n_init=6, random_state=0, period="M").fit(X)
    ends = starts.chain_.interval("rupture_probability", 6)
    assert starts.transition_matrix_[0, 2] == 0
    assert starts.transition_matrix_[2].tolist() == [0, 0, 1]
    assert starts.rates_[2] < 0.1  # the labels follow the space, not the rates, where moves are ruled out
    np.testing.assert_allclose(starts.transition_matrix_, truth.P, atol=0.06)
    assert ends[0, 0] < truth.rupture_probability(6)[0] < ends[0, 1]
    assert "Expected months until rupture" in starts.describe()


def test_bad_input():
    with pytest.raises(DataError, match="not counts"):
        HiddenMarkovStageModel(2).fit([[1.5, 2.0], [0.0, 1.0]])
    with pytest.raises(DataError, match="1 of 2 customers has no observed period"):
        HiddenMarkovStageModel(2).fit([[np.nan, np.nan], [0.0, 1.0]])
    with pytest.raises(DataError, match="4 stages cannot be told apart by 2 distinct"):
        HiddenMarkovStageModel(4).fit([[1.0, 0.0], [0.0, 1.0]])
    with pytest.warns(UserWarning, match="nearly empty|not settled"):
        HiddenMarkovStageModel(3, n_init=1, max_iter=3, std_errors=False).fit([[0.0, 1, 0, 1, 0, 2, 0, 1]])
    model = HiddenMarkovStageModel(2, "categorical", n_init=1).fit([[0.0, 1, 0, 1, 1, 1, 0, 0]] * 5)
    with pytest.raises(DataError, match="category 3 was never seen at fit"):
        model.score([[3.0, 0.0]])
    plain = HiddenMarkovStageModel(2, std_errors=False, n_init=1).fit(oracle()[0][:20]).summary()
    assert plain["std_error"].isna().all()


def test_nothing_underflows():
    X = np.array([[0.0] * 60 + [5000.0] * 60, [5000.0] * 120])
    model = HiddenMarkovStageModel(2, n_init=1).fit(X)
    assert np.isfinite(model.log_likelihood_)
    assert np.isfinite(model.smooth([[0.0, 1e6, 0.0]])).all()
    assert np.isfinite(model.score([[0.0, 1e6, 0.0]]))


def test_copies():
    model = fitted(2)
    X = oracle()[0][:10]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X, 3), model.predict_proba(X, 3))
    assert len(pickle.dumps(model)) < 60_000
    again = clone(model).fit(oracle()[0])
    assert again.log_likelihood_ == model.log_likelihood_
    assert model.predict(X).shape == (10,)
    assert "2 stages on 500 customers" in model.describe()


def test_errors_of_amounts_follow_their_unit():
    stage = StageChain([[0.85, 0.15], [0.2, 0.8]]).simulate(300, 10, start=[1, 1], random_state=0).astype(int)
    X = np.random.default_rng(0).normal(np.array([1.0, 4.0])[stage], 0.5)
    tables = [HiddenMarkovStageModel(2, "gaussian", n_init=1).fit(X * unit).summary() for unit in (1.0, 1e5, 1e-6)]
    assert tables[0].loc["mean stage_1", "std_error"] == pytest.approx(0.5 / np.sqrt((stage == 0).sum()), rel=0.1)
    for table, unit in zip(tables[1:], (1e5, 1e-6), strict=True):
        means = [name for name in table.index if name.startswith(("mean", "standard"))]
        np.testing.assert_allclose(table.loc[means, "std_error"] / unit, tables[0].loc[means, "std_error"], rtol=1e-3)
        others = [name for name in table.index if not name.startswith(("mean", "standard"))]
        np.testing.assert_allclose(table.loc[others, "std_error"], tables[0].loc[others, "std_error"], rtol=1e-3)


def test_a_move_that_never_happens_has_no_error_and_harms_no_other():
    stage = StageChain([[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]]).simulate(
        600, 12, start=[1, 1, 1], random_state=0
    )
    X = np.random.default_rng(0).poisson(np.array([0.2, 10.0, 60.0])[stage.astype(int)]).astype(float)
    table = HiddenMarkovStageModel(3, n_init=1).fit(X).summary()
    assert np.isnan(table.loc["stage_1 → stage_3", "std_error"])
    assert table.loc["stage_1 → stage_2", "std_error"] < 0.2
    assert table.loc["rate stage_2", "std_error"] < 0.02 * table.loc["rate stage_2", "estimate"]


def test_covariates_matter_only_where_customers_were_observed():
    X = np.hstack([np.full((60, 2), np.nan), oracle()[0][:60, :8]])
    z = np.random.default_rng(0).integers(0, 2, (60, 10, 1)).astype(float)
    model = HiddenMarkovStageModel(2, n_init=1, transition_covariates=["visit"]).fit(
        X, covariates={"visit": z[:, :, 0]}
    )
    z[:, :2] = np.nan
    again = HiddenMarkovStageModel(2, n_init=1, transition_covariates=["visit"]).fit(
        X, covariates={"visit": z[:, :, 0]}
    )
    assert again.log_likelihood_ == pytest.approx(model.log_likelihood_, rel=1e-12)
