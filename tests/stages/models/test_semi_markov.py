import numpy as np
import pytest

from crmml import DataError
from crmml.stages import MarkovStageModel, SemiMarkovStageModel, StageSpace, recency_stages
from crmml.testing import check_stage_model, contract_chain

SPACE = StageSpace(("active", "resting", "gone"), rupture="gone", absorbing=("gone",))


def with_memory(n=1500, T=16, seed=0):
    """Active stays have two phases of mean 2 periods each; resting is without memory."""
    rng = np.random.default_rng(seed)
    P = np.array([[0.5, 0.5, 0, 0], [0, 0.5, 0.35, 0.15], [0.3, 0, 0.6, 0.1], [0, 0, 0, 1]])
    phase, X = np.zeros(n, dtype=int), np.zeros((n, T))
    for t in range(T):
        X[:, t] = np.array([0, 0, 1, 2])[phase]
        phase = (rng.random(n)[:, None] >= np.cumsum(P, axis=1)[phase]).sum(axis=1).clip(max=3)
    return X


def test_one_phase_is_the_markov_model():
    chain = contract_chain()
    X = chain.simulate(400, 10, start=[1, 1, 1, 0], random_state=0)
    X[:, 3][np.random.default_rng(0).random(400) < 0.3] = np.nan
    one = SemiMarkovStageModel(chain.stages, 1).fit(X)
    plain = MarkovStageModel(chain.stages, missing="gaps").fit(X)
    assert one.log_likelihood_ == pytest.approx(plain.log_likelihood_, rel=1e-9)
    np.testing.assert_allclose(one.expanded_chain_.P, plain.transition_matrix_, atol=1e-4)
    assert one.n_parameters_ == (chain.P > 0).sum() - 1 - 3
    np.testing.assert_allclose(one.predict_proba(X[:20], 3), plain.predict_proba(X[:20], 3), atol=1e-4)


def test_memory_is_found():
    X = with_memory()
    model = SemiMarkovStageModel(SPACE, {"active": 2}, n_init=2).fit(X)
    assert model.n_phases_ == {"active": 2, "resting": 1, "gone": 1}
    leave = model.sojourn_distribution("active", 8)
    k = np.arange(1, 9)
    np.testing.assert_allclose(leave, (k - 1) * 0.25 * 0.5 ** (k - 2), atol=0.03)
    assert model.sojourn_time()[0] == pytest.approx(4.0, rel=0.06)
    assert np.isinf(model.sojourn_time()[2])
    assert model.memory_test(X).p_value < 1e-6
    fresh, old = model.rupture_probability([[1, 0, np.nan, np.nan, np.nan], [1, 0, 0, 0, 0]], 1)
    assert fresh < 0.03 < old
    assert "A stay in active lasts" in model.describe()
    assert model.score(X) * len(X) == pytest.approx(model.log_likelihood_)


def test_without_memory_the_test_keeps_its_size():
    chain = MarkovStageModel(SPACE).fit(with_memory(300)).chain_
    p = []
    for seed in range(4):
        X = chain.simulate(100, 6, start=[1, 1, 0], random_state=seed)
        model = SemiMarkovStageModel(SPACE, {"active": 2}, n_init=1).fit(X)
        p.append(model.memory_test(X, n_resamples=9, random_state=seed).p_value)
    assert min(p) >= 0.1  # 1 / 10 is the least that nine simulations can give
    assert np.mean(np.array(p) <= 0.1) <= 0.75  # binomial(4, 0.1): all four in one of 10,000
    assert model.memory_test(X, n_resamples=1, random_state=0).method == "bootstrap"


def test_contract():
    check_stage_model(SemiMarkovStageModel(contract_chain().stages, {"new": 2}, n_init=1, random_state=0))


def test_stages_that_cannot_be_stayed_in_have_one_phase():
    space = recency_stages(2)
    model = SemiMarkovStageModel(space, n_init=1).fit([[0, 0, 1, 0, 1, 2], [0, 1, 2, 2, 2, 2], [0, 0, 0, 1, 2, 2]] * 4)
    assert model.n_phases_ == {"recency_1": 2, "recency_2": 1, "lost": 1}


def test_bad_input():
    with pytest.raises(ValueError, match="n_phases names 'old'"):
        SemiMarkovStageModel(SPACE, {"old": 2}).fit(with_memory(50))
    with pytest.raises(DataError, match="no move was observed from 'resting'"):
        SemiMarkovStageModel(SPACE).fit([[0, 0, 2], [0, 2, 2]])
    with pytest.raises(DataError, match="no observed period"):
        SemiMarkovStageModel(SPACE, 1).fit(with_memory(50)).predict_proba([[np.nan, np.nan]])
