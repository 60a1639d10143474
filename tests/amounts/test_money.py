from crmml.amounts import Money


def test_words():
    assert Money(0.5, "EUR").describe() == "EUR 0.50"
    assert Money(-1234567.8, "CNY").describe() == "CNY -1,234,568"
