import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml.frames.text_amounts import is_missing_text, read_text_amounts, sign_agrees


@pytest.mark.parametrize(
    ("text", "value", "sign"),
    [
        ("300", 300.0, ""),
        ("1200.50", 1200.5, ""),
        ("1,200.50", 1200.5, ""),
        ("1.200,50", 1200.5, ""),
        ("1 200,50", 1200.5, ""),
        ("1\u202f200,50", 1200.5, ""),
        ("1'200.50", 1200.5, ""),
        ("1’200.50 CHF", 1200.5, "CHF"),
        ("1,234,567", 1234567.0, ""),
        ("1.234.567", 1234567.0, ""),
        ("12,34,567.5", 1234567.5, ""),
        (".50", 0.5, ""),
        ("0,500", 0.5, ""),
        ("1234.567", 1234.567, ""),
        ("1.5e3", 1500.0, ""),
        ("€1200.50", 1200.5, "€"),
        ("1200.50 eur", 1200.5, "EUR"),
        ("US$ 1,200.5", 1200.5, "US$"),
        ("Rs.500", 500.0, "Rs."),
        ("300,-", 300.0, ""),
        ("-300", -300.0, ""),
        ("\u2212300", -300.0, ""),
        ("300-", -300.0, ""),
        ("-€300", -300.0, "€"),
        ("€-300", -300.0, "€"),
        ("(1,200.50)", -1200.5, ""),
        ("+3", 3.0, ""),
    ],
)
def test_an_amount_that_can_be_read_in_one_way(text, value, sign):
    read = read_text_amounts([text])
    assert (read.faults, read.unread) == ((), {})
    assert read.values == {text: value}
    assert read.signs.get(text, "") == sign


@pytest.mark.parametrize(
    "text", ["", "-", "abc", "12k", "--5", "(-5)", "1,23,4", "1,200,30", "2024-01-02", "5 %", "1.2.3", "€5$", "٣"]
)
def test_what_is_not_an_amount(text):
    read = read_text_amounts([text])
    assert read.values == {}
    assert "is not a number" in read.unread[text]


def test_the_whole_column_decides_what_a_comma_is():
    assert read_text_amounts(["1,200", "12.50"]).values == {"1,200": 1200.0, "12.50": 12.5}
    assert read_text_amounts(["1,200", "12,50"]).values == {"1,200": 1.2, "12,50": 12.5}
    assert read_text_amounts(["1,200", "300"], ".").values["1,200"] == 1200.0
    assert read_text_amounts(["1,200", "300"], ",").values["1,200"] == 1.2


def test_both_readings_are_told_where_both_fit():
    read = read_text_amounts(["1,200", "1,200", "2.500", "300"])
    assert read.values == {}
    assert read.faults == (
        "3 values can be read in two ways ('1,200' is 1,200 with a decimal point and 1.2 with a decimal comma); "
        "say decimal='.' or decimal=','",
    )


def test_marks_that_are_mixed_are_told():
    (fault,) = read_text_amounts(["1,200.50", "3,5", "4,5"]).faults
    assert (
        fault
        == "decimal points in 1 row ('1,200.50') and decimal commas in 2 rows ('3,5', '4,5') are mixed; write all alike"
    )


def test_a_text_against_the_mark_that_was_pinned():
    assert read_text_amounts(["3,5"], ".").unread == {"3,5": "'3,5' is not a number with a decimal point"}


def test_a_long_cell_takes_no_time_and_is_shortened():
    start = time.perf_counter()
    read = read_text_amounts(["1," * 500_000, "1" * 1_000_000, " " * 1_000_000 + "x"])
    assert time.perf_counter() - start < 1
    assert all(len(why) < 80 for why in read.unread.values())
    assert len(read.unread) == 3


def test_missing_words():
    assert all(map(is_missing_text, ["", " ", "NA", "n/a", "#N/A", "None", "NaN", "null", " " * 1000]))
    assert not any(map(is_missing_text, ["0", "-", "none yet", "x" * 100]))


def test_signs_stand_for_currencies():
    assert sign_agrees("$", "USD")
    assert sign_agrees("$", "AUD")
    assert sign_agrees("¥", "CNY")
    assert sign_agrees("EUR", "EUR")
    assert not sign_agrees("$", "EUR")
    assert not sign_agrees("€", "USD")
    assert not sign_agrees("EUR", "USD")


@given(
    st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1, max_size=20),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", "."), ("", "."), ("", ",")]),
)
def test_what_is_written_with_cents_is_read_back(amounts, style):
    thousands, mark = style
    texts = [f"{amount:,.2f}".translate(str.maketrans({",": thousands, ".": mark})) for amount in amounts]
    read = read_text_amounts(texts)
    assert read.faults == ()
    assert [read.values[text] for text in texts] == [float(amount) for amount in amounts]
