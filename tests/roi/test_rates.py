import pytest

from crmml.roi import implied_gain
from crmml.ruler import check_annual_rate


def test_the_airline():
    assert implied_gain(0.447, 70.0) == pytest.approx(101.29, abs=5e-3)
    with pytest.raises(ValueError, match=r"0.447 for 44.7 %"):
        implied_gain(0.447, 0)


def test_rates():
    assert check_annual_rate(1) == 1.0
    with pytest.raises(ValueError, match=r"write 0.08 for 8 %"):
        check_annual_rate(8)
    for wrong in (-0.1, "8 %", None, float("nan"), True):
        with pytest.raises(ValueError, match="at least 0"):
            check_annual_rate(wrong)
