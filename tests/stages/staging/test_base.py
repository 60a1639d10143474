import pytest

from crmml.stages import RecencyStager
from crmml.stages.staging.base import PeriodStager


def test_one_period_is_named_once():
    stager = RecencyStager(3, period="W")
    assert isinstance(stager, PeriodStager)
    assert stager._period(None) == stager._period("W") == "W"
    assert RecencyStager(3)._period(None) == "M"
    with pytest.raises(ValueError, match="name it once"):
        stager._period("M")
    with pytest.raises(ValueError, match=r"period='h' is not known; choose one of 'D' \(days\)"):
        RecencyStager(3)._period("h")
