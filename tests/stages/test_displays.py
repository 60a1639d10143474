import matplotlib as mpl
import numpy as np
import pytest

from crmml import DataError
from crmml.stages import MarkovStageModel, StageFlowDisplay

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
