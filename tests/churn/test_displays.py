import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from crmml import DataError
from crmml.churn import HazardChurnClassifier, SurvivalDisplay

from .test_hazard import subscriptions


def test_survival_by_segment_beside_the_model():
    X, event, duration, _ = subscriptions(2000)
    model = HazardChurnClassifier(LogisticRegression(), random_state=0).fit(X, event, duration=duration)
    display = SurvivalDisplay.from_predictions(duration, event, X["contract"], unit="months", model=model, X=X).plot()
    table = display.table
    assert (table["survival"] - table["predicted"]).abs().mean() < 0.06
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == [f"{name} ({(X['contract'] == name).sum():,})" for name in X["contract"].unique()]
    assert display.ax_.get_xlabel() == "Time since the start, months"
    plt.close("all")


def test_nothing_is_drawn_where_nothing_was_seen():
    display = SurvivalDisplay.from_predictions([1, 2, 10], [1, 0, 0], ["a", "a", "b"], unit="weeks")
    late = display.table.query("segment == 'a' and time > 2")
    assert late["survival"].isna().all()
    assert display.table["predicted"].isna().all()
    with pytest.raises(DataError, match="segment has shape"):
        SurvivalDisplay.from_predictions([1, 2], [1, 0], np.array(["a"]), unit="weeks")
