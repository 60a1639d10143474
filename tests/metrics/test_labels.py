import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from crmml import DataError
from crmml.churn import ChurnClassifier
from crmml.metrics import LiftDisplay, ProfitDisplay, ReliabilityDisplay, maximum_profit
from crmml.metrics.labels import churn_last, label_of, one_type


def test_churn_is_put_last():
    classes, faults, notes = churn_last(np.array(["left", "stays"]), "left")
    assert classes.tolist() == ["stays", "left"]
    assert not faults
    assert not notes
    assert churn_last(np.array([0, 1]), None)[0].tolist() == [0, 1]
    assert "churned='left' or churned='stays'" in churn_last(np.array(["left", "stays"]), None)[1][0]


def test_labels_of_one_type():
    assert one_type(pd.Series([True, 0], dtype=object)).tolist() == [1.0, 0.0]
    mixed = one_type(pd.Series(["a", " ", 1], dtype=object))
    assert mixed.isna().tolist() == [False, True, False]
    assert mixed.dropna().tolist() == ["a", "1"]


def test_displays_take_the_models_label():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"silence": rng.exponential(1, 400)})
    gone = rng.random(400) < 1 / (1 + np.exp(2 - 1.5 * X["silence"]))
    text = np.where(gone, "left", "stays")
    model = ChurnClassifier(LogisticRegression(), churned="left", random_state=0).fit(X, text)
    p = model.predict_proba(X)[:, 1]
    assert label_of(model, text) == "left"
    assert label_of(model, gone) is None
    for display in (LiftDisplay, ReliabilityDisplay):
        table = display.from_estimator(model, X, text).table
        pd.testing.assert_frame_equal(table, display.from_predictions(gone, p).table)
        with pytest.raises(DataError, match="say churned="):
            display.from_predictions(text, p)
    best = ProfitDisplay.from_estimator(model, X, text).best
    assert best.profit == maximum_profit(gone, p)
