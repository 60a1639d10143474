import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from crmml.metrics import LiftDisplay, ProfitDisplay, ReliabilityDisplay, maximum_profit


@pytest.fixture
def scored():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 2))
    y = (rng.random(3000) < 1 / (1 + np.exp(1 - X[:, 0]))).astype(int)
    yield LogisticRegression().fit(X, y), X, y
    plt.close("all")


def test_lift(scored):
    display = LiftDisplay.from_estimator(*scored).plot()
    assert display.table["gain"].iloc[-1] == pytest.approx(1)
    assert len(display.ax_.get_lines()) == 3
    assert display.plot(lift=True).ax_.get_ylabel() == "Times the churn rate of all"


def test_profit_marks_the_best_threshold(scored):
    model, X, y = scored
    display = ProfitDisplay.from_estimator(model, X, y, clv=50.0)
    assert display.best.profit == maximum_profit(y, model.predict_proba(X)[:, 1], clv=50.0)
    assert display.profit.max() == pytest.approx(display.best.profit, rel=2e-3)
    assert len(display.rate) == 2001
    assert "best:" in display.plot().ax_.texts[0].get_text()


def test_reliability_shows_counts(scored):
    display = ReliabilityDisplay.from_estimator(*scored, n_bins=5).plot()
    shown = [text.get_text() for text in display.ax_.texts]
    assert shown == [f"{n:,}" for n in display.table["customers"]]
