import numpy as np
import pandas as pd
import pytest

from crmml.stages import ContinuousTimeStageModel, HiddenMarkovStageModel, StageGenerator, StageSpace

SPACE = StageSpace(("on", "off", "gone"), rupture="gone", absorbing=("gone",))


@pytest.mark.filterwarnings("ignore:.*were observed once")
def test_weights_of_histories_are_copies():
    truth = StageGenerator([[-0.3, 0.2, 0.1], [0.4, -0.6, 0.2], [0, 0, 0]], SPACE)
    panel = truth.to_chain(1.0).simulate(200, 8, random_state=0).astype(int)
    who, time = (index.ravel() for index in np.indices(panel.shape))
    rows = pd.DataFrame({"customer_id": who, "time": time, "stage": panel.ravel()})
    weight = 1 + rows["customer_id"].to_numpy() % 2
    twice = rows[weight == 2].assign(customer_id=lambda frame: frame["customer_id"] + 1000)
    weighed = ContinuousTimeStageModel(SPACE, exact_rupture=False).fit(rows, sample_weight=weight)
    copied = ContinuousTimeStageModel(SPACE, exact_rupture=False).fit(pd.concat([rows, twice]))
    np.testing.assert_allclose(weighed.summary(), copied.summary(), rtol=1e-4)
    assert weighed.log_likelihood_ == pytest.approx(copied.log_likelihood_, rel=1e-9)
    assert weighed.score(rows, sample_weight=weight) == pytest.approx(copied.score(pd.concat([rows, twice])))
    assert (weighed.rupture_probability(rows, 1.0) <= weighed.rupture_probability(rows, 5.0) + 1e-12).all()


def test_weights_of_hidden_stages_are_copies():
    X = np.random.default_rng(0).poisson([[0.5] * 8, [4.0] * 8] * 40).astype(float)
    weight = np.arange(len(X)) % 3
    settings = {"n_init": 1, "random_state": 0}
    weighed = HiddenMarkovStageModel(2, **settings).fit(X, sample_weight=weight)
    copied = HiddenMarkovStageModel(2, **settings).fit(np.repeat(X, weight, axis=0))
    assert weighed.log_likelihood_ == pytest.approx(copied.log_likelihood_, rel=1e-8)
    np.testing.assert_allclose(weighed.rates_, copied.rates_, rtol=1e-4)
    assert weighed.score(X, sample_weight=weight) * weight.sum() == pytest.approx(weighed.log_likelihood_)
