import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from crmml import DataError
from crmml.churn import AliveChurnClassifier
from crmml.clv import BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD
from crmml.datasets import load_cdnow_sample
from crmml.testing import legal_estimators
from crmml.transactions import snapshots

LEGAL = next(e for e in legal_estimators() if "BetaGeoNBD" in [c.__name__ for c in type(e).__mro__])
EXPECTED_FAILURES = dict.fromkeys(
    [
        "check_classifiers_train",
        "check_classifiers_train(readonly_memmap=True)",
        "check_classifiers_train(readonly_memmap=True,X_dtype=float32)",
        "check_requires_y_none",
        "check_class_weight_classifiers",
    ],
    "labels teach it nothing: the score comes from the purchases alone",
) | {
    "check_classifiers_classes": "its labels 'one' and 'two' do not tell which is churn, so churned= is asked for",
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # their data need have no optimum
@pytest.mark.filterwarnings("ignore:Of the labels")  # 1 and 2, of which the checks say nothing
@parametrize_with_checks([AliveChurnClassifier(LEGAL)], expected_failed_checks=lambda estimator: EXPECTED_FAILURES)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def data():
    return snapshots(load_cdnow_sample(), cutoffs=["1997-07-01", "1998-01-01"], horizon=180, features=["rfm"])


@pytest.mark.parametrize("model", [BetaGeoNBD(), ModifiedBetaGeoNBD(), ParetoNBD()], ids=lambda m: type(m).__name__)
def test_silence_is_calibrated_without_a_label(data, model):
    early, late = data.at("1997-07-01"), data.at("1998-01-01")
    fitted = AliveChurnClassifier(model, horizon=180).fit(early.X)
    p = fitted.predict_proba(late.X)[:, 1]
    assert roc_auc_score(late.y, p) > 0.76
    assert p.mean() == pytest.approx(late.y.mean(), abs=0.05)
    np.testing.assert_allclose(
        1 - p, 1 - fitted.transaction_model_.predict_count_proba(late.X, 180, 0)[:, 0], atol=1e-12
    )


def test_without_a_horizon_it_is_the_end_of_the_relationship(data):
    X = data.at("1998-01-01").X
    fitted = AliveChurnClassifier(BetaGeoNBD()).fit(X)
    np.testing.assert_allclose(
        fitted.predict_proba(X)[:, 0], fitted.transaction_model_.probability_alive(X), atol=1e-12
    )
    silent = clone(fitted).set_params(horizon=90).fit(X)
    assert (silent.predict_proba(X)[:, 1] >= fitted.predict_proba(X)[:, 1] - 1e-12).all()


def test_labels_only_lend_their_names(data):
    part = data.at("1998-01-01")
    names = np.where(part.y == 1, "gone", "a customer")
    alive = AliveChurnClassifier(BetaGeoNBD(), horizon=180, churned="gone")
    fitted = make_pipeline(alive).fit(part.X, names)
    assert fitted.classes_.tolist() == ["a customer", "gone"]
    assert set(fitted.predict(part.X)) == {"gone", "a customer"}
    with pytest.raises(DataError, match="say churned='a customer' or churned='gone'"):
        AliveChurnClassifier(BetaGeoNBD(), horizon=180).fit(part.X, names)
    plain = AliveChurnClassifier(BetaGeoNBD(), horizon=180).fit(part.X)
    np.testing.assert_array_equal(plain.predict_proba(part.X), fitted.predict_proba(part.X))
    assert plain.describe().startswith("Churn is no purchase within 180, by BetaGeoNBD")


def test_on_every_engine(engine, data):
    part = data.at("1998-01-01")
    fitted = AliveChurnClassifier(BetaGeoNBD(), horizon=180).fit(part.X)
    X = part.X.iloc[:50]
    np.testing.assert_allclose(fitted.predict_proba(engine.frame(X)), fitted.predict_proba(X), rtol=1e-12)


def test_faults(data):
    X = data.X
    with pytest.raises(ValueError, match="horizon"):
        AliveChurnClassifier(BetaGeoNBD(), horizon=-1).fit(X)
    with pytest.raises(DataError, match="column 'T' is missing"):
        AliveChurnClassifier(BetaGeoNBD()).fit(X.drop(columns="T"))
