"""Stage models through all of scikit-learn's checks, by the adapter that maps any matrix to a legal panel."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from crmml.stages import (
    ColumnStager,
    ContinuousTimeStageModel,
    CovariateMarkovStageModel,
    HiddenMarkovStageModel,
    LifecycleStager,
    MarkovStageModel,
    RecencyStager,
    RuleStager,
    SemiMarkovStageModel,
)
from crmml.testing import all_estimators, contract_chain, legal_stage_models

#: What scikit-learn's checks cannot be run on: they take transaction logs or frames with named columns, not matrices.
TAKE_FRAMES = {ColumnStager, ContinuousTimeStageModel, LifecycleStager, RecencyStager, RuleStager}
#: One sentence of reason for each scikit-learn check that cannot hold.
EXPECTED_FAILURES: dict[str, dict[str, str]] = {}


@pytest.mark.filterwarnings("ignore::UserWarning")  # arbitrary matrices need not carry two hidden stages
@parametrize_with_checks(
    legal_stage_models(), expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(type(estimator).__name__, {})
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_every_estimator_is_checked():
    checked = {type(estimator).__mro__[2] for estimator in legal_stage_models()}
    known = {cls for _, cls in all_estimators() if cls.__module__.startswith("crmml.stages")}
    assert known == checked | TAKE_FRAMES


@pytest.mark.parametrize(
    "model",
    [
        MarkovStageModel(contract_chain().stages),
        CovariateMarkovStageModel(contract_chain().stages),
        SemiMarkovStageModel(contract_chain().stages, 1),
        HiddenMarkovStageModel(2, n_init=1),
    ],
    ids=lambda model: type(model).__name__,
)
def test_copies_frames_and_lengths(model):
    X = contract_chain().simulate(200, 8, start=[1, 1, 1, 0], random_state=0)
    before = str(model.get_params())
    fitted = clone(model).fit(X)
    assert str(clone(fitted).get_params()) == before
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(X[:9], 2), fitted.predict_proba(X[:9], 2))
    assert fitted.predict_proba(X[:9, :3]).shape == fitted.predict_proba(X[:9]).shape


def test_grid_search_over_priors():
    X = contract_chain().simulate(60, 5, start=[1, 1, 1, 0], random_state=0)
    search = GridSearchCV(MarkovStageModel(contract_chain().stages), {"prior": [0.1, 1.0, 50.0]}, cv=3).fit(X)
    assert search.best_params_["prior"] < 50
    assert np.isfinite(search.best_score_)
