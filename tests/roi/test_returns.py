import pandas as pd

from crmml.roi import Payback, Return
from crmml.roi.returns import percent

DAY = pd.Timestamp("2024-01-01")


def test_words():
    one = Return(1.0, 1.05, 0.05, 1.05, 0.0, (-0.5, 12.0), None, None, "EUR", DAY, DAY)
    assert one.describe() == (
        "for every EUR 1 spent EUR 1.05 came back gross, a return on investment of 5.0 % (-50 % to 1,200 %)"
    )
    never = Payback(None, None, False, "benefits come to 0", (DAY, None), 0.25)
    assert never.describe() == (
        "It is not expected to pay for itself within the window: benefits come to 0. It does so within the window with "
        "probability 25%; interval 2024-01-01 to after the window."
    )
    assert percent(7.71) == "771 %"


def test_payback_that_hardly_ever_comes():
    never = Payback(None, None, False, "benefits come to 0", (None, None), 0.01)
    assert never.describe().endswith("It does so within the window with probability 1%.")
