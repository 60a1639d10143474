import json
import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from crmml import DataError
from crmml.datasets import make_stage_panel
from crmml.stages import ContinuousTimeStageModel, StageGenerator, StageSpace

from ... import ORACLES
from ..process.test_generator import SPACE

OFF_DIAGONAL = np.array(
    [[0, 1, 0, 0, 1], [1, 0, 1, 0, 1], [0, 1, 0, 1, 1], [0, 0, 1, 0, 1], [0, 0, 0, 0, 0]], dtype=bool
)


@cache
def oracle():
    frame = pd.read_csv(ORACLES / "stage_panel_ct.csv", dtype={"stage": str}).rename(columns={"id": "customer_id"})
    return frame, json.loads((ORACLES / "stage_panel_ct.json").read_text())


@cache
def fitted(covariate=False):
    return ContinuousTimeStageModel(SPACE, unit="M", covariates=["loyalty"] if covariate else []).fit(oracle()[0])


def compare(generator, errors, expected):
    Q, std_error = np.array(expected["Q"]["est"]), np.array(expected["Q"]["se"])
    np.testing.assert_allclose(np.log(generator.matrix[OFF_DIAGONAL]), np.log(Q[OFF_DIAGONAL]), atol=1e-4)
    np.testing.assert_allclose(errors[:4][std_error[:4] > 0], std_error[:4][std_error[:4] > 0], rtol=1e-3)


def test_oracle():
    model, expected = fitted(), oracle()[1]["no_covariate"]
    assert model.converged_
    assert -2 * model.log_likelihood_ == pytest.approx(expected["minus2loglik"], abs=1e-5)
    compare(model.generator_, model.std_errors_, expected["all"])
    table = model.summary()
    lower = np.array(expected["all"]["Q"]["L"])[OFF_DIAGONAL]
    np.testing.assert_allclose(table["lower"], lower, rtol=1e-3)
    sojourn = [row["estimates"] for row in expected["all"]["sojourn"]][:4]
    np.testing.assert_allclose(model.generator_.sojourn_time()[:4], sojourn, rtol=1e-4)
    assert model.score(oracle()[0]) * 400 == pytest.approx(model.log_likelihood_)


def test_covariate_oracle():
    model, expected = fitted(covariate=True), oracle()[1]["covariate"]
    assert -2 * model.log_likelihood_ == pytest.approx(expected["minus2loglik"], abs=1e-5)
    for value in (0, 1):
        generator = model.generator({"loyalty": value})
        compare(generator, model.std_errors({"loyalty": value}), expected[f"loyalty{value}"])
    compare(model.generator_, model.std_errors_, expected["mean"])
    table = model.hazard_ratios()
    found = table[["hazard_ratio", "lower", "upper"]].to_numpy()
    np.testing.assert_allclose(found, expected["hazard_ratio"]["loyalty"], rtol=1e-3)
    assert 2 * (model.log_likelihood_ - fitted().log_likelihood_) == pytest.approx(
        6254.520164594 - 6220.151544140, abs=1e-6
    )


def test_misclassification_oracle():
    frame, values = oracle()
    expected = values["misclassification_hmm"]
    told = pd.read_csv(ORACLES / "stage_panel_ct.csv", dtype={"stage_observed": str})["stage_observed"]
    pairs = [("1", "2"), ("2", "1"), ("2", "3"), ("3", "2"), ("3", "4"), ("4", "3")]
    model = ContinuousTimeStageModel(SPACE, unit="M", misclassification=pairs, initial=expected["initprobs"])
    model.fit(frame.assign(stage=told))
    assert model.converged_
    assert -2 * model.log_likelihood_ == pytest.approx(expected["minus2loglik"], abs=1e-5)
    compare(model.generator_, model.std_errors_, expected["all"])
    np.testing.assert_allclose(model.classification_, expected["E"]["est"], atol=1e-4)
    errors = np.array(expected["E"]["se"])
    single = np.array([[0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]], dtype=bool)
    np.testing.assert_allclose(model.classification_errors_[single], errors[single], rtol=1e-3)
    np.testing.assert_allclose(model.generator_.step(12), expected["all"]["P12"], atol=1e-5)
    head = frame.assign(stage=told)[frame["customer_id"] < 4]
    share = model.predict_proba(head, 0.0)
    np.testing.assert_allclose(share.sum(axis=1), 1)
    assert model.score(frame.assign(stage=told)) * 400 == pytest.approx(model.log_likelihood_)
    with pytest.raises(ValueError, match="neither of them rupture"):
        ContinuousTimeStageModel(SPACE, misclassification=[("1", "5")]).fit(frame)


def small():
    space = StageSpace(("on", "off", "gone"), rupture="gone", absorbing=("gone",))
    return StageGenerator([[-0.3, 0.2, 0.1], [0.4, -0.6, 0.2], [0, 0, 0]], space, "M")


def observed(generator, n, seed, times=6):
    """Customers looked at now and then; the moment of rupture is known."""
    rng = np.random.default_rng(seed)
    rows = []
    moves = generator.simulate(n, 30.0, start=[1, 1, 0], random_state=seed)
    for who, path in moves.groupby("customer_id"):
        at, stage = path["time"].to_numpy(), path["stage"].to_numpy()
        broken = at[stage == "gone"].min() if (stage == "gone").any() else np.inf
        for t in np.r_[0, np.sort(rng.uniform(0, 12, times))]:
            if t < broken:
                rows.append((who, t, stage[np.searchsorted(at, t, "right") - 1]))
        if broken < 12:
            rows.append((who, broken, "gone"))
    return pd.DataFrame(rows, columns=["customer_id", "time", "stage"])


@pytest.mark.filterwarnings("ignore:.*were observed once")
def test_intervals_keep_their_coverage():
    truth, inside = small(), 0
    for seed in range(60):
        model = ContinuousTimeStageModel(truth.stages).fit(observed(truth, 60, seed))
        table = model.summary(0.9)
        true = np.array([0.2, 0.1, 0.4, 0.2])
        inside += ((table["lower"] <= true) & (true <= table["upper"])).sum()
    assert 0.84 <= inside / 240 <= 0.955


@pytest.mark.filterwarnings("ignore:.*were observed once")
def test_what_is_known_of_the_end():
    truth = small()
    frame = observed(truth, 400, 1)
    alive = frame.groupby("customer_id")["stage"].transform("last") != "gone"
    ends = frame[alive].groupby("customer_id").last().reset_index().assign(time=12.5, stage=None)
    censored = pd.concat([frame, ends], ignore_index=True).sample(frac=1, random_state=0)
    model, bare = (ContinuousTimeStageModel(truth.stages, unit="M").fit(X) for X in (censored, frame))
    assert model.log_likelihood_ < bare.log_likelihood_  # surviving to the end is one more thing to explain
    np.testing.assert_allclose(model.intensity_matrix_, truth.matrix, atol=0.08)
    head = censored[censored["customer_id"] == ends["customer_id"][0]]
    share = model.predict_proba(head, 0.0)
    assert share[0, 2] == 0
    assert 0 < share[0, 0] < 1
    later = model.predict_proba(head, 4.0)
    np.testing.assert_allclose(later, share @ model.generator_.step(4.0))


@pytest.mark.filterwarnings("ignore:.*were observed once")
def test_the_unit_of_time_is_free():
    frame = observed(small(), 150, 2)
    months, days = (ContinuousTimeStageModel(small().stages).fit(frame.assign(time=k * frame["time"])) for k in (1, 30))
    np.testing.assert_allclose(days.intensity_matrix_ * 30, months.intensity_matrix_, rtol=1e-6)
    exact = (frame["stage"] == "gone").sum()
    assert months.log_likelihood_ - days.log_likelihood_ == pytest.approx(exact * np.log(30), abs=1e-6)


def test_rupture_seen_later_than_it_happened():
    truth = small()
    rng = np.random.default_rng(0)
    P = truth.step(1.0)
    X = np.zeros((800, 10), dtype=int)
    for t in range(9):
        X[:, t + 1] = (rng.random(800)[:, None] >= np.cumsum(P, axis=1)[X[:, t]]).sum(axis=1).clip(max=2)
    who, t = np.nonzero(np.ones_like(X))
    frame = pd.DataFrame({"customer_id": who, "time": t, "stage": X[who, t]})
    model = ContinuousTimeStageModel(truth.stages, exact_rupture=False).fit(frame)
    np.testing.assert_allclose(model.generator_.step(1.0), P, atol=0.02)


def test_bad_input():
    space = SPACE
    rows = pd.DataFrame(
        {"customer_id": ["a", "a", "b", "b"], "time": [0.0, 1.0, 0.0, 2.0], "stage": ["1", "2", "5", "1"]}
    )
    with pytest.raises(DataError, match="1 move from '5' to '1': out of '5', which was declared absorbing"):
        ContinuousTimeStageModel(space).fit(rows)
    with pytest.raises(DataError, match="1 row repeats a customer's time"):
        ContinuousTimeStageModel(space).fit(rows.assign(time=[0.0, 0.0, 1.0, 2.0]))
    with pytest.raises(DataError) as caught:
        ContinuousTimeStageModel(space, covariates=["size"]).fit(
            rows.assign(size=[1, None, 2, 3], time=["x", 1, 2, 3], customer_id=[None, "a", "b", "b"])
        )
    for part in ("'time' is not a number in 1", "'size' is missing", "'customer_id' is missing in 1"):
        assert part in str(caught.value)
    with pytest.raises(DataError, match=r"names? no stage"):
        ContinuousTimeStageModel(space).fit(rows.assign(stage=["1", "9", "1", "2"]))
    with pytest.raises(DataError, match="observed twice"):
        ContinuousTimeStageModel(space).fit(rows.drop_duplicates("customer_id"))
    one_way = StageSpace(("a", "b", "c"), allowed=[("a", "b"), ("b", "c")])
    with pytest.raises(DataError, match="1 observation of 'a' after 'b', to which no allowed moves lead"):
        ContinuousTimeStageModel(one_way).fit(rows.assign(stage=["a", "b", "b", "a"]))
    with pytest.raises(ValueError, match="takes a frame"):
        ContinuousTimeStageModel(space).fit(np.zeros((3, 3)))


@pytest.mark.filterwarnings("ignore:.*were observed once")
def test_a_move_that_never_happens_is_named():
    frame = observed(small(), 80, 3)
    frame = frame[frame["stage"] != "gone"]
    with pytest.warns(ConvergenceWarning, match="on → gone, off → gone runs to 0"):
        model = ContinuousTimeStageModel(small().stages).fit(frame)
    assert not model.converged_


def test_engines(engine):
    frame = oracle()[0].head(400)
    frame = frame[frame.groupby("customer_id")["time"].transform("size") > 1]
    here = ContinuousTimeStageModel(SPACE).fit(engine.frame(frame))
    there = ContinuousTimeStageModel(SPACE).fit(frame.sample(frac=1, random_state=0))
    np.testing.assert_allclose(here.intensity_matrix_, there.intensity_matrix_, rtol=1e-6)


def test_copies_and_words():
    model = fitted()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.generator_.matrix, model.generator_.matrix)
    assert str(clone(model).get_params()) == str(model.get_params())
    assert "400 customers" in model.describe()
    assert set(model.params_) == set(model.summary().index)
    ends = model.generator_.interval("rupture_probability", 12.0, n_draws=300)
    assert (ends[:4, 0] < model.generator_.rupture_probability(12.0)[:4]).all()
    with pytest.raises(ValueError, match="no covariates"):
        model.hazard_ratios()


def test_a_customer_first_seen_in_rupture_has_probabilities_under_misclassification():
    space = StageSpace(("on", "off", "gone"), rupture="gone", absorbing=("gone",))
    truth = StageGenerator([[-0.08, 0.05, 0.03], [0.05, -0.1, 0.05], [0, 0, 0]], space, "M")
    seen = make_stage_panel(truth.to_chain(1.0, "M"), n_customers=500, n_periods=10, random_state=0)
    seen = seen.rename(columns={"period": "time"})
    wrong = (np.random.default_rng(0).random(len(seen)) < 0.2) & (seen["stage"] == "on").to_numpy()
    seen["stage"] = np.where(wrong, "off", seen["stage"].astype(object))
    late = pd.DataFrame({"customer_id": [9001, 9002, 9002], "time": [0, 0, 3], "stage": ["gone", "gone", "gone"]})
    options = {"exact_rupture": False, "unit": "M", "misclassification": [("on", "off")]}
    model = ContinuousTimeStageModel(space, **options).fit(seen)
    both = pd.concat([seen, late])
    with pytest.warns(UserWarning, match="was observed once"):
        again = ContinuousTimeStageModel(space, **options).fit(both)
    assert again.log_likelihood_ == pytest.approx(model.log_likelihood_, rel=1e-6)
    share = model.predict_proba(both, 2.0)
    np.testing.assert_allclose(share.sum(axis=1), 1)
    np.testing.assert_allclose(share[-2:], [[0, 0, 1]] * 2)
    np.testing.assert_allclose(model.rupture_probability(late, 1.0), 1)
