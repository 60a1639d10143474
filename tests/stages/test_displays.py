import matplotlib as mpl
import numpy as np
import pytest

from crmml import DataError
from crmml.stages import (
    MarkovStageModel,
    PolicyTableDisplay,
    RuptureCurveDisplay,
    StageFlowDisplay,
    TransitionHeatmapDisplay,
)

from .decisions.test_process import process
from .oracle import SPACE, panel

mpl.use("agg")


@pytest.fixture(scope="module")
def fitted():
    return MarkovStageModel(SPACE, period="M").fit(panel())


def test_stage_flow(fitted):
    display = StageFlowDisplay.from_predictions(panel(), SPACE, chain=fitted.chain_, horizon=6).plot()
    np.testing.assert_allclose(display.share.sum(axis=1), 1)
    assert display.n_observed[0] == np.count_nonzero(~np.isnan(panel()[:, 0]))
    np.testing.assert_allclose(display.forecast[0], display.share[-1] @ fitted.chain_.P)
    assert len(display.ax_.collections) == 10
    assert display.ax_.get_ylabel() == "Share of customers"
    with pytest.raises(DataError, match="none of the space"):
        StageFlowDisplay.from_predictions([[9.0]], SPACE)
    gap = StageFlowDisplay.from_predictions([[0.0, np.nan, 1.0]], SPACE)
    assert np.isnan(gap.share[1]).all()


def test_transition_heatmap(fitted):
    display = TransitionHeatmapDisplay.from_estimator(fitted).plot()
    words = [text.get_text() for text in display.ax_.texts]
    assert len(words) == SPACE.allowed_moves.sum()
    assert words[0] == "0.62\n1,460"
    assert [tick.get_text() for tick in display.ax_.get_xticklabels()] == list(SPACE.names)


def test_rupture_curves(fitted):
    display = RuptureCurveDisplay.from_estimator(fitted, horizon=10).plot()
    np.testing.assert_allclose(display.probability[:, 10], fitted.chain_.rupture_probability(10)[:4])
    assert ((display.lower <= display.upper) & (display.lower[:, [0]] == 0)).all()
    assert len(display.ax_.lines) == len(display.ax_.collections) == 4
    assert display.ax_.get_xlabel() == "Months ahead"


def test_policy_table():
    display = PolicyTableDisplay.from_result(process().solve(start="on")).plot()
    assert list(display.table.columns) == ["Stage", "Action now", "Value", "Rupture"]
    assert display.table["Action now"][0] == "visit"
    (drawn,) = display.ax_.tables
    assert drawn[(1, 1)].get_text().get_text() == "visit"
    mixed = PolicyTableDisplay.from_result(process(cost=9.0).solve(max_rupture=0.5, start="on"))
    assert "12 periods" in mixed.title
