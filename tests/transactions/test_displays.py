import matplotlib.pyplot as plt
import pytest

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.transactions import CohortDisplay, cohorts


def test_heat_map_leaves_the_unobserved_blank():
    table = cohorts(load_cdnow_sample(), value="value")
    display = CohortDisplay.from_cohorts(table).plot()
    assert display.table.shape == (3, 18)
    assert len(display.ax_.texts) == 18 + 17 + 16
    assert display.table.isna().sum().sum() == 3
    assert CohortDisplay.from_cohorts(table, "cumulative_value").plot().ax_.texts[0].get_text() != ""
    with pytest.raises(DataError, match="'spend' is not known"):
        CohortDisplay.from_cohorts(table, "spend")
    plt.close("all")
