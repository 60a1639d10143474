import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml.checks import DAYS_PER_UNIT, check_annual_rate, check_unit
from crmml.exceptions import RulerError
from crmml.frames.ruler import Ruler, convert, discount_intensity

UNITS = sorted(DAYS_PER_UNIT)


def test_metadata_round_trip_ignores_others():
    ruler = Ruler(unit="W", period="D", observation_end="1997-09-30")
    metadata = {**ruler.to_metadata(), "pandas": "{}", b"crmml.refunds": b"net"}
    assert Ruler.from_metadata(metadata) == Ruler("W", "D", "1997-09-30", "net")
    assert not Ruler.from_metadata({}).is_known


def test_another_unit_or_period_is_refused_and_each_named():
    with pytest.raises(RulerError) as caught:
        Ruler("W", "D").check_same(Ruler("D", "M"))
    assert len(caught.value.faults) == 2
    assert "unit='W'" in str(caught.value)


@pytest.mark.parametrize("other", [Ruler(), Ruler("W"), Ruler("W", "D", "2020-01-01")])
def test_what_is_not_stated_is_not_compared(other):
    Ruler("W", "D", "1997-09-30").check_same(other)


@given(st.floats(0.01, 1e4), st.sampled_from(UNITS), st.sampled_from(UNITS))
def test_conversion_there_and_back(amount, one, other):
    assert convert(convert(amount, one, other), other, one) == pytest.approx(amount, rel=1e-12)


@pytest.mark.parametrize("unit", UNITS)
def test_a_year_of_discounting_is_the_annual_rate_in_every_unit(unit):
    assert math.exp(discount_intensity(0.1, unit) * convert(1, "Y", unit)) == pytest.approx(1.1)


def test_weekly_intensity_of_ten_percent():
    assert discount_intensity(0.10, "W") == pytest.approx(math.log(1.1) * 7 / 365.25)


def test_unknown_unit_and_negative_rate_are_refused():
    with pytest.raises(ValueError, match="'W' \\(weeks\\)"):
        check_unit("week")
    with pytest.raises(ValueError, match="at least 0"):
        discount_intensity(-0.1, "W")


def test_annual_rates_that_are_slips():
    assert check_annual_rate(1) == 1.0
    with pytest.raises(ValueError, match=r"write 0.08 for 8 %"):
        check_annual_rate(8)
    for wrong in (-0.1, "8 %", None, float("nan"), True):
        with pytest.raises(ValueError, match="at least 0"):
            check_annual_rate(wrong)
