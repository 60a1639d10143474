import numpy as np
import pandas as pd

from crmml.evidence import EventStudyDisplay


def test_effects_stand_at_their_periods_with_both_intervals():
    table = pd.DataFrame(
        {
            "relative_period": [-2, -1, 0, 1],
            "att": [0.1, 0.0, 1.0, 2.0],
            "lower": [-0.2, np.nan, 0.5, 1.5],
            "upper": [0.4, np.nan, 1.5, 2.5],
            "lower_uniform": [-0.4, np.nan, 0.3, 1.3],
            "upper_uniform": [0.6, np.nan, 1.7, 2.7],
        }
    )
    display = EventStudyDisplay(table, "spend", 0.9).plot()
    assert display.ax_.lines[0].get_xdata().tolist() == [-2, -1, 0, 1]
    assert display.ax_.lines[0].get_ydata().tolist() == [0.1, 0.0, 1.0, 2.0]
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["90% band, all periods together", "90% interval"]
