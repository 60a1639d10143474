import pandas as pd

from crmml.stages import MarginalEffect


def test_words():
    table = pd.DataFrame({"stage": ["on"], "effect": [-0.02], "lower": [-0.03], "upper": [-0.01]})
    sure = MarginalEffect("visit", (0, 1), 6, -0.02, -0.03, -0.01, 0.9, table).describe()
    assert "lowers the probability of rupture within 6 periods by 2.00 percentage points" in sure
    assert "-3.00 to -1.00" in sure
    assert "holds 0" not in sure
    unsure = MarginalEffect("visit", (0, 1), 1, 0.01, -0.03, 0.05, 0.9, table).describe()
    assert "raises the probability of rupture within 1 period by" in unsure
    assert "The interval holds 0" in unsure
