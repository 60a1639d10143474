import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.special import logit
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from crmml import DataError
from crmml.churn import ChurnClassifier, explain

from .test_classifier import contracts


@pytest.fixture(scope="module")
def linear():
    X, y, _ = contracts(1500)
    return ChurnClassifier(LogisticRegression(), random_state=0).fit(X, y)


def test_linear_reasons_are_exact(linear):
    X, _, _ = contracts(300, seed=1)
    found = explain(linear, X)
    assert found.left_over < 1e-9
    np.testing.assert_allclose(found.score, logit(linear.predict_proba(X)[:, 1]), atol=1e-9)
    assert list(found.contributions) == list(X)
    # measured from the average of the customers given
    np.testing.assert_allclose(found.contributions.mean(), 0, atol=1e-9)
    by_plan = found.contributions["plan"].groupby(X["plan"]).first()
    assert by_plan["basic"] > 0.4 > by_plan["gold"]
    assert np.corrcoef(found.contributions["months"], X["months"])[0, 1] == pytest.approx(-1)


def test_reasons_and_sentences_in_the_users_columns(linear):
    X = contracts(50, seed=2)[0]
    found = explain(linear, X)
    table = found.reasons(2)
    assert list(table) == ["row", "rank", "column", "value", "effect", "odds_ratio"]
    assert len(table) == 100
    first = table[table["row"] == 0]
    assert first["effect"].abs().is_monotonic_decreasing
    assert first["value"].iloc[0] == X[first["column"].iloc[0]].iloc[0]
    sentence = found.sentences(1)[0]
    assert sentence.startswith(f"Churn probability {linear.predict_proba(X)[0, 1]:.0%}: {first['column'].iloc[0]} = ")
    assert ("raises" in sentence) == (first["effect"].iloc[0] > 0)
    assert "months" in found.describe()
    assert len(found.reasons(99)) == 50 * X.shape[1]


def test_pipelines_of_scaling_and_a_linear_model_are_exact():
    X, y, _ = contracts(600)
    model = ChurnClassifier(make_pipeline(StandardScaler(), LogisticRegression()), random_state=0).fit(X, y)
    found = explain(model, X, background=X.iloc[:100])
    assert found.left_over < 1e-9
    np.testing.assert_allclose(found.contributions.iloc[:100].mean(), 0, atol=1e-9)


def test_the_default_stack_is_exact_too():
    pytest.importorskip("shap")
    X, y, _ = contracts(1000)
    model = ChurnClassifier(random_state=0).fit(X, y)
    found = explain(model, X.iloc[:60], background=X)
    assert found.left_over < 1e-6
    np.testing.assert_allclose(found.score, logit(model.predict_proba(X.iloc[:60])[:, 1]), atol=1e-6)
    assert found.contributions["plan"].abs().mean() > found.contributions["autopay"].abs().mean()


def test_any_other_classifier_by_permutation():
    pytest.importorskip("shap")
    X, y, _ = contracts(400)
    model = ChurnClassifier(RandomForestClassifier(10, max_depth=4, random_state=0)).fit(X, y)
    found = explain(model, X.iloc[:4], background=X)
    assert found.left_over < 1e-6
    assert np.isfinite(found.contributions.to_numpy()).all()


def test_missing_values_are_named(linear):
    X = contracts(5, seed=3)[0]
    X.loc[:, "charge"] = [" ", "900", "1", "2", "3"]
    X["months"] = [np.nan, 1, 2, 3, 4]
    text = explain(linear, X).sentences(4)
    assert "months = missing" in text[0]
    assert "charge = blank" in text[0]


def test_faults(linear, monkeypatch):
    X, y, _ = contracts(200)
    with pytest.raises(TypeError, match="is no ChurnClassifier; wrap it"):
        explain(LogisticRegression(), X)
    with pytest.raises(DataError, match="no rows to explain"):
        explain(linear, X.iloc[:0])
    own = make_pipeline(make_column_transformer((OneHotEncoder(), ["plan"])), LogisticRegression())
    with pytest.raises(TypeError, match="makes its own columns"):
        explain(ChurnClassifier(own, random_state=0).fit(X[["plan"]], y), X[["plan"]])
    monkeypatch.setitem(sys.modules, "shap", None)
    model = ChurnClassifier(RandomForestClassifier(5, random_state=0)).fit(X, y)
    with pytest.raises(ImportError, match=r"pip install 'crmml\[explain\]'"):
        explain(model, X)


def test_columns_of_numbers_without_names():
    X = np.random.default_rng(0).normal(size=(200, 3))
    model = ChurnClassifier(LogisticRegression(), random_state=0).fit(X, X[:, 0] > 0)
    found = explain(model, X)
    assert isinstance(found.contributions, pd.DataFrame)
    assert found.contributions.abs().mean().idxmax() == "x0"


def test_whatever_scikit_learn_is_set_to_give(linear):
    X = contracts(40, seed=3)[0]
    wanted = explain(linear, X)
    with sklearn.config_context(transform_output="polars"):
        found = explain(linear, X)
    pd.testing.assert_frame_equal(found.contributions, wanted.contributions)


def test_the_probability_said_is_the_one_predicted_under_isotonic_calibration_too():
    X, y, _ = contracts(1200)
    model = ChurnClassifier(LogisticRegression(), calibrate="isotonic", random_state=0).fit(X, y)
    found = explain(model, X.iloc[:60])
    wanted = model.predict_proba(X.iloc[:60])[:, 1]
    np.testing.assert_array_equal(found.probability, wanted)
    said = [sentence.split(":")[0] for sentence in found.sentences(1)]
    assert said == [f"Churn probability {p:.0%}" for p in wanted]


def test_at_least_one_reason(linear):
    with pytest.raises(ValueError, match="n=0 must be a whole number of at least 1"):
        explain(linear, contracts(10)[0]).reasons(0)


def test_the_picture_and_the_frame_of_reasons(linear):
    found = explain(linear, contracts(300)[0])
    pd.testing.assert_frame_equal(found.to_frame(), found.contributions)
    display = found.plot()
    sizes = found.contributions.abs().mean().sort_values(ascending=False)
    assert [bar.get_width() for bar in display.ax_.patches] == pytest.approx(sizes.tolist())
    assert "Explanation" in found._repr_html_()
