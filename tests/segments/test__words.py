from crmml.segments._words import counted, is_are


def test_one_and_more():
    assert [counted(n, "customer") for n in (0, 1, 1.0, 2000)] == [
        "0 customers",
        "1 customer",
        "1 customer",
        "2,000 customers",
    ]
    assert [is_are(n) for n in (0, 1, 2)] == ["are", "is", "are"]
    assert is_are(1, "has", "have") == "has"
