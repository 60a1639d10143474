import pytest

from crmml.roi import implied_gain


def test_the_airline():
    assert implied_gain(0.447, 70.0) == pytest.approx(101.29, abs=5e-3)
    with pytest.raises(ValueError, match=r"0.447 for 44.7 %"):
        implied_gain(0.447, 0)
