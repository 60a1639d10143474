import matplotlib as mpl
import pandas as pd

from crmml.stages import MarginalEffect

mpl.use("agg")

FOUND = MarginalEffect(
    "visit",
    (0, 1),
    6,
    -0.04,
    -0.07,
    -0.01,
    0.9,
    pd.DataFrame({"stage": ["on"], "effect": [-0.04], "lower": [-0.07], "upper": [-0.01]}),
)


def test_the_effect_is_said_by_stage_and_drawn():
    assert "lowers the probability of rupture within 6 periods by 4.00 percentage points" in FOUND.describe()
    assert FOUND.to_frame()["effect"].iloc[-1] == -0.04
    assert FOUND.plot().ax_.collections
    assert "visit" in FOUND._repr_html_()
