import numpy as np
import pytest
from sklearn.base import clone

from crmml.inference import Estimates
from crmml.stages import MarkovStageModel, SemiMarkovStageModel, StageModel, StagePanelModel, StageSpace

SPACE = StageSpace(("on", "gone"), rupture="gone", absorbing=("gone",))
X = np.array([[0, 0, 1.0], [0, 0, 0], [0, 1, 1], [0, 0, np.nan]])


@pytest.mark.parametrize("model", [MarkovStageModel(SPACE), SemiMarkovStageModel(SPACE, 1, random_state=0)])
def test_estimates_give_parameters_tables_and_criteria(model):
    fitted = clone(model).fit(X)
    assert isinstance(fitted, StagePanelModel)
    table = fitted.summary(0.9)
    assert list(table) == ["estimate", "std_error", "lower", "upper"]
    assert table.index.name == "parameter"
    assert dict(fitted.params_) == table["estimate"].to_dict()
    assert fitted.aic_ == pytest.approx(2 * fitted.n_parameters_ - 2 * fitted.log_likelihood_)
    assert fitted.bic_ == pytest.approx(
        np.log(fitted.n_informative_) * fitted.n_parameters_ - 2 * fitted.log_likelihood_
    )
    with pytest.raises(ValueError, match="coverage=90 must lie between 0 and 1"):
        fitted.summary(coverage=90)


def test_a_model_that_declares_less_cannot_be_made():
    class Half(StageModel):
        def estimates(self):
            return Estimates([], np.empty(0), np.empty(0), [])

    with pytest.raises(TypeError, match="abstract"):
        Half()


def test_rupture_of_the_next_period_is_the_probability_of_moving_there():
    model = MarkovStageModel(SPACE).fit(X)
    np.testing.assert_allclose(model.rupture_probability(X[:2], 1), [1.0, model.chain_.P[0, 1]])
    assert model.predict([[0.0, 0.0]]).tolist() == [int(model.chain_.P[0].argmax())]
