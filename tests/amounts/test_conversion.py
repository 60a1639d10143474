import pytest

from crmml import DataError
from crmml.amounts import ConversionRates, Uncertain
from crmml.roi import CostLedger

RATES = ConversionRates("cny", "2024-01-02", {"USD": 7.0, "EUR": 8.0})


def test_amounts_and_rates_an_hour_are_converted():
    ledger = (
        CostLedger("USD")
        .add("2024-01-01", "training", "days", hours=10, hourly_rate=5)
        .add("2024-01-01", "other", "mug", Uncertain.triangular(1, 2, 3), currency="EUR", source="shop")
        .add("2024-01-01", "other", "pen", 3, currency="CNY")
        .add("2024-01-01", "other", "not known")
    )
    there = ledger.converted(RATES)
    assert there.currencies == ("CNY",)
    assert there.total().amount == pytest.approx(350 + 16 + 3)
    assert there.rows[0].hourly_rate == 35
    assert there.rows[1].source == "shop; converted from EUR at 8 of 2024-01-02"
    assert there.rows[2] == ledger.rows[2]
    assert not there.rows[3].priced
    assert ledger.currencies == ("CNY", "EUR", "USD")


def test_a_rate_is_missing():
    with pytest.raises(DataError, match="no rate from GBP to CNY"):
        CostLedger("GBP").add("2024-01-01", "other", "tea", 5).converted(RATES)


def test_no_rates():
    with pytest.raises(DataError) as caught:
        ConversionRates("CNY", "then", {"USD": 0, "CNY": 2.0, "yuan": 1.0})
    assert len(caught.value.faults) == 4


def test_rates_that_are_none():
    for rates, message in (({5: 1}, "a mapping"), ([("USD", 7)], "a mapping"), ({"usd": 7, "USD": 8}, "has two rates")):
        with pytest.raises(DataError, match=message):
            ConversionRates("CNY", "2024-01-02", rates)
    with pytest.raises(DataError, match="on=2024 is a number, not a day"):
        ConversionRates("CNY", 2024, {"USD": 7})


def test_rates_are_a_frame_a_picture_and_html():
    assert RATES.to_frame()["rate"].tolist() == [7.0, 8.0]
    assert RATES.plot().table["value"].tolist() == [7.0, 8.0]
    assert "1 USD = 7 CNY" in RATES._repr_html_()
