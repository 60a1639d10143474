import numpy as np
import pandas as pd
import pytest

from crmml.roi import Payback, Return, implied_gain
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


def test_the_airline():
    assert implied_gain(0.447, 70.0) == pytest.approx(101.29, abs=5e-3)
    with pytest.raises(ValueError, match=r"0\.447 for 44\.7 %\n.*cost=0"):
        implied_gain(-2, 0)


def test_a_return_is_a_frame_a_picture_and_html():
    one = Return(1.0, 1.05, 0.05, 1.05, 0.0, (-0.5, 12.0), None, None, "EUR", DAY, DAY)
    table = one.to_frame().set_index("quantity")
    assert table.loc["roi", ["lower", "upper"]].tolist() == [-0.5, 12.0]
    assert one.plot().table["quantity"].tolist() == ["cost", "gain", "npv"]
    assert "for every EUR 1 spent" in one._repr_html_()


def test_a_payback_is_a_frame_and_html():
    later = DAY + pd.Timedelta(days=30)
    paid = Payback(DAY, 40, True, "", (DAY, later), 0.9, DAY)
    assert paid.to_frame().iloc[0, 1:].tolist() == [40, 40, 70, 0.9]
    assert np.isnan(Payback(None, None, False, "none", (None, None), 0.1).to_frame()["value"][0])
    assert "paid for itself" in paid._repr_html_()
    assert paid.plot() is not None
