import matplotlib as mpl
import numpy as np
import pytest

from crmml.stages import (
    MarkovStageModel,
    RuptureCurveDisplay,
    StageChain,
    StageGenerator,
    StageSpace,
    TransitionHeatmapDisplay,
)

from ..oracle import SPACE, panel

mpl.use("agg")


@pytest.fixture(scope="module")
def fitted():
    return MarkovStageModel(SPACE, period="M").fit(panel())


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


def test_chains_and_generators_draw_themselves(fitted):
    assert isinstance(fitted.chain_.plot(), TransitionHeatmapDisplay)
    space = StageSpace(("on", "gone"), rupture="gone", absorbing=("gone",))
    generator = StageGenerator([[-0.2, 0.2], [0, 0]], space, "M")
    display = generator.plot()
    assert isinstance(display, RuptureCurveDisplay)
    np.testing.assert_allclose(display.probability[0], 1 - np.exp(-0.2 * display.horizons))
    free = StageGenerator([[-0.2, 0.2], [0.1, -0.1]], StageSpace(("a", "b")))
    np.testing.assert_allclose(free.plot().P, free.step(1.0))


def test_words_of_a_chain_stand_in_a_notebook():
    chain = StageChain([[0.8, 0.2], [0, 1]], StageSpace(("on", "<gone>"), rupture="<gone>", absorbing=("<gone>",)), "W")
    assert "&lt;gone&gt;" in chain._repr_html_()
    assert "<gone>" not in chain._repr_html_()
