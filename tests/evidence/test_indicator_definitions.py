import pytest

from crmml.evidence import INDICATORS, IndicatorDefinition
from crmml.evidence._indicator_data import FROM_SOURCE, READERS
from crmml.evidence.indicator_definitions import SOURCES


def test_every_indicator_says_what_is_counted_of_what_and_when():
    for name, one in INDICATORS.items():
        assert one.name == name
        assert all([one.title, one.numerator, one.denominator, one.window, one.unit])
        assert one.numerator in one.describe()
        assert one.denominator in one.describe()
        assert (one.unit == "%") == one.is_share
        assert (name in READERS) == bool(one.source)
        assert not one.source or one.source in SOURCES
    assert set(FROM_SOURCE) == set(SOURCES)


def test_the_list_holds_what_programmes_promise():
    assert {
        "satisfaction", "retention", "repeat_visits", "staff_minutes", "utilisation", "sales_cycle", "deal_size", "win_rate",
        "leads", "lead_acquisition_cost", "response_time", "closing_time",
    } <= set(INDICATORS)  # fmt: skip


def test_definitions_of_ones_own_are_checked():
    with pytest.raises(ValueError, match="kind='share'"):
        IndicatorDefinition("x", "X", "share", "a", "b", "c", "%", "higher")
    with pytest.raises(ValueError, match="better='more'"):
        IndicatorDefinition("x", "X", "rate", "a", "b", "c", "%", "more")
