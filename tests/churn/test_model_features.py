import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from crmml import DataError
from crmml.churn import ChurnClassifier, ModelFeatures
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma
from crmml.datasets import load_cdnow_sample
from crmml.model_selection import SnapshotSplit
from crmml.stages import HiddenMarkovStageModel
from crmml.testing import legal_estimators
from crmml.transactions import snapshots

LEGAL = next(e for e in legal_estimators() if "BetaGeoNBD" in [c.__name__ for c in type(e).__mro__])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # their data need have no optimum
@parametrize_with_checks([ModelFeatures(LEGAL), ModelFeatures(LEGAL, horizon=2.0, passthrough=False)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def data():
    cutoffs = ["1997-07-01", "1997-10-01", "1998-01-01", "1998-04-01"]
    return snapshots(
        load_cdnow_sample(), cutoffs=cutoffs, horizon=90, features=["rfm", "history"], value="value", n_lags=2
    )


def test_features_are_the_models_own_predictions(data):
    X = data.X
    features = ModelFeatures(BetaGeoNBD(), horizon=90.0).fit(X)
    out = features.transform(X)
    model = BetaGeoNBD().fit(X)
    assert list(out) == [*X.columns, "probability_alive", "expected_purchases"]
    np.testing.assert_allclose(out["probability_alive"], model.probability_alive(X))
    np.testing.assert_allclose(out["expected_purchases"], model.predict(X, 90.0))
    assert features.get_feature_names_out().tolist() == list(out)
    assert "probability_alive, expected_purchases of BetaGeoNBD" in features.describe()


def test_stages_from_the_history_of_purchases(data):
    model = HiddenMarkovStageModel(2, random_state=0, n_init=1)
    out = ModelFeatures(model, passthrough=False).fit(data.X)
    p = out.transform(data.X)
    assert p.shape == (len(data), 2)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert all(name.startswith("stage_") for name in out.names_out_)
    named = ModelFeatures(model, passthrough=False, columns=out._lags()).fit(data.X)
    np.testing.assert_allclose(named.transform(data.X), p)
    with pytest.raises(DataError, match="features='history'"):
        ModelFeatures(model).fit(data.X[["T", "recency"]])


@pytest.mark.filterwarnings("ignore:Among .* customers:UserWarning")
def test_value_models_give_their_value(data):
    late = data.at("1998-04-01").X
    value = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=365, unit="D")
    out = ModelFeatures(value).fit(late).transform(late)
    assert list(out)[-3:] == ["probability_alive", "expected_purchases", "lifetime_value"]
    assert np.isfinite(out["lifetime_value"]).all()


def test_fitted_inside_the_fold(data):
    """The model of a fold equals the one fitted on the fold's rows alone: nothing of the test cutoff has reached it."""
    pipe = make_pipeline(
        ModelFeatures(BetaGeoNBD(), horizon=90.0), ChurnClassifier(LogisticRegression(max_iter=2000), random_state=0)
    )
    out = cross_validate(
        pipe,
        data.X,
        data.y,
        groups=data.groups,
        cv=SnapshotSplit(2, horizon=90, random_state=0),
        return_estimator=True,
        return_indices=True,
        scoring="roc_auc",
    )
    for fitted, train in zip(out["estimator"], out["indices"]["train"], strict=True):
        alone = BetaGeoNBD().fit(data.X.iloc[train])
        assert dict(fitted[0].model_.params_) == pytest.approx(dict(alone.params_))
    assert (out["test_score"] > 0.7).all()


def test_inside_the_classifier_columns_are_encoded_after_the_model(data):
    X = data.X.assign(channel=np.where(np.arange(len(data)) % 3, "web", "shop"))
    pipe = make_pipeline(ModelFeatures(BetaGeoNBD(), horizon=90.0), LogisticRegression(max_iter=2000))
    fitted = ChurnClassifier(pipe, cv=2, random_state=0).fit(X, data.y)
    names = fitted.members_["estimator"].steps[1][1].names_out_
    assert "probability_alive" in names
    assert "channel = web" in names
    again = clone(fitted).fit(X, data.y)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_set_output_and_engines(engine, data):
    X = data.X.iloc[:80]
    features = ModelFeatures(BetaGeoNBD(), horizon=90.0).fit(data.X)
    wanted = features.transform(X)
    pd.testing.assert_frame_equal(
        features.transform(engine.frame(X)).reset_index(drop=True), wanted.reset_index(drop=True), check_dtype=False
    )
    alone = ModelFeatures(BetaGeoNBD(), passthrough=False).set_output(transform="pandas").fit(data.X)
    assert list(alone.transform(X)) == ["probability_alive", "expected_purchases"]
    with pytest.raises(DataError, match="column 'recency' is missing"):
        features.transform(X.drop(columns="recency"))


def test_a_column_that_would_be_overwritten_is_refused(data):
    name = ModelFeatures(BetaGeoNBD(), horizon=90.0).fit(data.X).names_out_[0]
    with pytest.raises(DataError, match=f"column '{name}' is there already"):
        ModelFeatures(BetaGeoNBD(), horizon=90.0, passthrough=True).fit(data.X.assign(**{name: 1.0}))
