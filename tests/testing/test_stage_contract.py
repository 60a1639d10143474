import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.stages import CovariateMarkovStageModel, MarkovStageModel
from crmml.testing import ContractError, check_stage_model, contract_chain
from crmml.testing.strategies import chains, generators, panels

SPACE = contract_chain().stages


@pytest.mark.parametrize(
    "model",
    [
        MarkovStageModel(SPACE),
        MarkovStageModel(SPACE, prior=0.5),
        MarkovStageModel(SPACE, missing="gaps"),
        MarkovStageModel(SPACE, order=2),
        CovariateMarkovStageModel(SPACE),
    ],
    ids=["plain", "prior", "gaps", "order two", "covariates"],
)
def test_the_librarys_models_keep_the_contract(model):
    check_stage_model(model)


class Uniform(MarkovStageModel):
    """Says that every stage is as likely as any other."""

    def predict_proba(self, X, horizon=1):
        return np.full((len(X), len(self.stages_)), 1 / len(self.stages_))


class Joined(MarkovStageModel):
    """Makes one sequence of all customers."""

    def read_panel(self, X, *, reset):
        return super().read_panel(np.reshape(X, (1, -1)), reset=reset) if reset else super().read_panel(X, reset=False)


class Fearless(MarkovStageModel):
    """Scores twice, and keeps the data."""

    def fit(self, X, y=None, sample_weight=None):
        self.data_ = np.array(X)
        return super().fit(X)

    def score(self, X, y=None, sample_weight=None):
        return 2 * super().score(X)


def test_what_is_broken_is_named():
    with pytest.raises(ContractError) as caught:
        check_stage_model(Uniform(SPACE))
    text = str(caught.value)
    for part in (
        "an absorbing stage is left",
        "one has probability 0.25",
        "largest difference",
        "[0.25, 0.25, 0.25, 0.25]",
    ):
        assert part in text
    with pytest.raises(ContractError) as caught:
        check_stage_model(Fearless(SPACE))
    assert "it takes" in str(caught.value)
    assert "score(X) times the number of customers" in str(caught.value)
    assert "a weight of 0 as leaving the customer out" in str(caught.value)
    assert len(caught.value.broken) == 3


def test_joining_customers_breaks_the_contract():
    free = contract_chain().stages
    with pytest.raises(Exception, match="declared absorbing"):
        check_stage_model(Joined(free))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_drawn_chains_and_panels_are_legal(data):
    chain = data.draw(chains())
    assert np.isfinite(chain.hitting_time()).all()
    assert np.isfinite(chain.rupture_sensitivity()).all()
    X = data.draw(panels(chain))
    model = MarkovStageModel(chain.stages, prior=0.5).fit(X)
    proba = model.predict_proba(X, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert np.isfinite(model.score(X))
    assert (model.chain_.draws(5, 0)[:, ~chain.stages.allowed_moves] == 0).all()


@settings(max_examples=40, deadline=None)
@given(generators(), st.floats(0.0, 30.0))
def test_drawn_generators_are_legal(generator, time):
    P = generator.step(time)
    assert (P >= 0).all()
    np.testing.assert_allclose(P.sum(axis=1), 1)
    assert np.isfinite(generator.hitting_time()).all()
    broken = generator.rupture_probability([time, time + 1.0])
    assert (broken[:, 0] <= broken[:, 1] + 1e-12).all()
