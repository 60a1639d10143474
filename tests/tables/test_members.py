import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from crmml.tables.encoding import kinds_of
from crmml.tables.members import default_members, fit_blend, fit_member, member_of, score_of


def scores(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    y = (rng.random(n) < expit(-1 + 0.7 * z[:, 0] + 0.2 * z[:, 1])).astype(int)
    return z, y


def test_blend_finds_the_weights():
    z, y = scores(200_000)
    intercept, weights = fit_blend(z, y, None)
    assert intercept == pytest.approx(-1, abs=0.02)
    np.testing.assert_allclose(weights, [0.7, 0.2], atol=0.02)


def test_blend_is_the_maximum_of_its_likelihood():
    z, y = scores()
    weight = np.random.default_rng(1).gamma(2, 1, y.size)
    intercept, weights = fit_blend(z, y, weight)
    off = expit(intercept + z @ weights) - y
    # Platt's targets and the pull are worth a customer or two
    assert abs(weight @ off) < 2
    assert np.abs(z.T @ (weight * off)).max() < 4


def test_no_weight_is_negative():
    z, y = scores()
    _, weights = fit_blend(np.column_stack([z[:, 0], -z[:, 1]]), y, None)
    assert weights[1] == 0


def test_one_score_is_platts_calibration():
    z, y = scores(600)
    intercept, weights = fit_blend(z[:, :1], y, None)
    model = LogisticRegression(C=1e-3).fit(z[:, :1], y)
    platt = CalibratedClassifierCV(FrozenEstimator(model), method="sigmoid").fit(z[:, :1], y)
    own = model.decision_function(z[:, :1])
    ours = expit(np.add(*np.broadcast_arrays(*fit_one(own, y))))
    np.testing.assert_allclose(ours, platt.predict_proba(z[:, :1])[:, 1], atol=2e-4)
    assert np.isfinite([intercept, *weights]).all()


def fit_one(score, y):
    intercept, weights = fit_blend(score[:, None], y, None)
    return intercept, weights[0] * score


def test_perfect_scores_and_any_scale():
    y = np.repeat([0, 1], 50)
    intercept, weights = fit_blend((y * 2.0 - 1)[:, None] * 1e6, y, None)
    assert np.isfinite([intercept, *weights]).all()
    assert expit(intercept + weights[0] * 1e6) == pytest.approx(51 / 52, abs=1e-3)
    assert np.isfinite(fit_blend(np.zeros((100, 1)), y, None)[0])


def test_encoding_of_given_classifiers():
    assert member_of(LogisticRegression(), "auto", {}).steps[0][1].view == "linear"
    assert member_of(HistGradientBoostingClassifier(), "auto", {}).steps[0][1].view == "tree"
    assert isinstance(member_of(make_pipeline(StandardScaler(), LogisticRegression()), "auto", {}), Pipeline)
    assert member_of(make_pipeline(StandardScaler(), LogisticRegression()), "auto", {}).steps[0][0] == "columns"
    raw = make_pipeline(make_column_transformer((OneHotEncoder(), ["plan"])), LogisticRegression())
    assert member_of(raw, "auto", {}).steps[0][0] == "columntransformer"
    assert member_of(raw, True, {}).steps[0][0] == "columns"
    assert isinstance(member_of(LogisticRegression(), False, {}), LogisticRegression)
    for wrong in (LinearRegression(), StandardScaler()):
        with pytest.raises(TypeError, match="is no classifier"):
            member_of(wrong, "auto", {})


def test_weights_reach_the_last_step_or_are_refused():
    X, y = pd.DataFrame({"a": np.arange(40.0)}), (np.arange(40) > 19).astype(int)
    weight = np.where(y == 1, 100.0, 1.0)
    heavy = fit_member(member_of(make_pipeline(StandardScaler(), LogisticRegression()), "auto", {}), X, y, weight)
    light = fit_member(member_of(make_pipeline(StandardScaler(), LogisticRegression()), "auto", {}), X, y, None)
    assert score_of(heavy, X).mean() > score_of(light, X).mean() + 1
    with pytest.raises(TypeError, match="KNeighborsClassifier takes no sample_weight"):
        fit_member(member_of(KNeighborsClassifier(), "auto", {}), X, y, weight)


def test_scores_of_machines_without_probabilities():
    X, y = pd.DataFrame({"a": np.arange(40.0)}), (np.arange(40) > 19).astype(int)
    member = fit_member(member_of(LinearSVC(), "auto", {}), X, y, None)
    np.testing.assert_array_equal(score_of(member, X), member.decision_function(X))


def test_wide_tables_get_the_quasi_newton_solver():
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 130)))
    assert default_members(wide, kinds_of(wide), 0)["additive"].steps[1][1].solver == "lbfgs"
    assert default_members(wide.iloc[:, :5], kinds_of(wide), 0)["additive"].steps[1][1].solver == "newton-cholesky"
