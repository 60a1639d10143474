from crmml.amounts import Money


def test_words():
    assert Money(0.5, "EUR").describe() == "EUR 0.50"
    assert Money(-1234567.8, "CNY").describe() == "CNY -1,234,568"


def test_money_unpacks_and_is_a_frame_a_picture_and_html():
    amount, currency = Money(5.0, "EUR")
    assert (amount, currency) == (5.0, "EUR")
    assert Money(5.0, "EUR").to_frame().iloc[0, :2].tolist() == ["amount", 5.0]
    assert Money(5.0, "EUR").plot().title == "EUR 5.00"
    assert "EUR 5.00" in Money(5.0, "EUR")._repr_html_()
