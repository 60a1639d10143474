import pickle
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.amounts import ConversionRates, Uncertain
from crmml.roi import BenefitLedger, CostLedger

WHOLE = ("2024-01-01", "3Y")


def small():
    return (
        CostLedger("CNY")
        .add("2024-01-01", "software licence", "CRM", 1_000)
        .add("2024-01-31", "maintenance", "support", 100, every="M", until="2024-12-31")
    )


def test_add_returns_another_ledger():
    first = CostLedger("CNY")
    second = first.add("2024-01-01", "other", "x", 1)
    assert (len(first), len(second)) == (0, 1)
    with pytest.raises(AttributeError, match="does not change"):
        second.currency = "USD"
    assert pickle.loads(pickle.dumps(second)) == second
    assert repr(second) == "CostLedger(1 row, CNY)"


def test_totals():
    ledger = small()
    assert tuple(ledger.total()) == (2_200, "CNY")
    assert tuple(ledger.total(("2024-01-01", "2024-01-31"))) == (1_000, "CNY")
    assert tuple(ledger.total(("2024-01-31", "1D"))) == (100, "CNY")
    assert ledger.by_kind().to_dict("records") == [
        {"kind": "maintenance", "currency": "CNY", "amount": 1_200},
        {"kind": "software licence", "currency": "CNY", "amount": 1_000},
    ]
    assert ledger.table["payments"].tolist() == [1, 12]
    assert ledger.payments()["date"].is_monotonic_increasing


def test_describe_keeps_what_has_no_price():
    ledger = (
        BenefitLedger("EUR")
        .add("2024-01-01", "satisfaction", "75 to 88 %", direct=False)
        .add("2024-01-01", "margin", "sales", Uncertain.triangular(1, 2, 3), direct=True)
        .add("2024-02-01", "margin", "sales abroad", 5, currency="USD", direct=True)
    )
    said = ledger.describe()
    for part in (
        "Without a price: 75 to 88 %",
        "With a stated uncertainty: sales",
        "EUR 2.00 in all",
        "USD 5.00 in all",
    ):
        assert part in said
    assert [row.label for row in ledger.unpriced] == ["75 to 88 %"]
    assert CostLedger().describe() == "The ledger of costs is empty."


def test_mixed_currencies_are_refused_unless_rates_are_given():
    ledger = small().add("2024-01-01", "servers", "one", 10, currency="USD")
    with pytest.raises(DataError, match=r"currencies are mixed \(2 in CNY, 1 in USD\)"):
        ledger.total()
    assert tuple(ledger.total(rates=ConversionRates("CNY", "2024-01-01", {"USD": 7}))) == (2_270, "CNY")
    with pytest.raises(DataError, match="no row has an amount"):
        CostLedger("CNY").total()


def test_duplicates_and_overlaps():
    ledger = small()
    with pytest.raises(DataError, match=r"row 1 and the new row 'crm' .* are duplicates"):
        ledger.add("2024-01-01", "licence", "crm", 1_000, source="another book")
    with pytest.raises(DataError, match="recur at the same time under one kind and label"):
        ledger.add("2024-06-15", "maintenance", "support", 120, every="M", times=3)
    with pytest.raises(DataError, match="once alone and once as recurring"):
        ledger.add("2024-03-31", "maintenance", "support", 100)
    assert len(ledger.add("2025-01-31", "maintenance", "support", 120, every="M", times=3)) == 3
    assert len(ledger.add("2024-06-15", "maintenance", "hotline", 120, every="M", times=3)) == 3
    twice = CostLedger("CNY", allow_overlap=True).add("2024-01-01", "other", "x", 1).add("2024-01-01", "other", "x", 1)
    assert twice.total().amount == 2


def test_many_duplicates_are_counted():
    with pytest.raises(DataError) as caught:
        CostLedger.from_table(
            pd.DataFrame([{"date": "2024-01-01", "kind": "other", "label": "x", "amount": 1.0}] * 8), currency="CNY"
        )
    assert len(caught.value.faults) == 7
    assert "and 2 more" in caught.value.faults[5]


def test_uncertain_rows_of_one_label_are_different_unknowns():
    spread = Uncertain.uniform(1, 3)
    ledger = CostLedger("CNY").add("2024-01-01", "other", "x", spread).add("2024-02-01", "other", "x", spread)
    names = [next(iter(row.amount.inputs())) for row in ledger.rows]
    assert names == ["other: x", "other: x of 2024-02-01"]
    with pytest.raises(DataError, match="one name is one unknown"):
        ledger.add("2024-03-01", "other", "y", Uncertain.uniform(1, 4, name="other: x"))


def test_from_a_table_of_any_engine(engine):
    data = pd.DataFrame(
        {
            "day": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-15", "2024-01-20"]),
            "what": ["License", "maintenance", "training", "migration"],
            "label": ["CRM", "support", "days", "records"],
            "amount": [1000.0, 50.0, np.nan, 300.0],
            "hours": [np.nan, np.nan, 16.0, np.nan],
            "hourly_rate": [np.nan, np.nan, 40.0, np.nan],
            "every": [None, "M", None, None],
            "times": [np.nan, 11.0, np.nan, np.nan],
            "distribution": [None, None, None, "triangular"],
            "lower": [np.nan, np.nan, np.nan, 200.0],
            "upper": [np.nan, np.nan, np.nan, 700.0],
            "extra": [1, 2, 3, 4],
        }
    )
    ledger = CostLedger.from_table(engine.frame(data), {"date": "day", "kind": "what"}, currency="EUR")
    assert tuple(ledger.total()) == (pytest.approx(1000 + 550 + 640 + 400), "EUR")
    assert ledger.rows[0].kind == "software licence"
    assert sum(isinstance(row.amount, Uncertain) for row in ledger.rows) == 1


def test_the_table_as_it_is_shown_holds_the_ledger():
    data = pd.DataFrame(
        {
            "date": ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"],
            "kind": "margin",
            "label": list("abcd"),
            "direct": ["yes", "no", "1", "false"],
            "amount": ["", None, None, 5.0],
            "currency": ["EUR", "EUR", "USD", "EUR"],
            "distribution": ["uniform", "lognormal", "", "normal"],
            "lower": [1, 1, None, None],
            "upper": [3, 3, None, None],
            "sd": [None, None, None, 1],
            "coverage": [None, 0.8, None, None],
        }
    )
    ledger = BenefitLedger.from_table(data)
    assert [row.direct for row in ledger.rows] == [True, False, True, False]
    assert [getattr(row.amount, "distribution", None) for row in ledger.rows] == [
        "uniform",
        "lognormal",
        None,
        "normal",
    ]
    assert ledger.currencies == ("EUR",)


def test_every_fault_of_a_table_is_named_by_row():
    data = pd.DataFrame(
        {
            "date": ["2024-01-01", "never", "2024-01-01", "2024-01-01"],
            "kind": ["staff", "staff", "stuff", "staff"],
            "label": list("abcd"),
            "amount": [-5, 1, 1, 2],
            "lower": [None, None, None, 1],
            "upper": [None, None, None, 3],
        }
    )
    with pytest.raises(DataError) as caught:
        CostLedger.from_table(data, currency="EUR")
    places = [fault[:6] for fault in caught.value.faults]
    assert places == ["row 1:", "row 2:", "row 3:", "row 4:"]
    assert "distribution '' must be triangular" in caught.value.faults[3]
    with pytest.raises(DataError, match="column 'direct' is missing"):
        BenefitLedger.from_table(data, currency="EUR")
    with pytest.raises(DataError, match="column 'cost' is missing"):
        CostLedger.from_table(data, {"amount": "cost"}, currency="EUR")
    with pytest.raises(ValueError, match="columns names 'sum'"):
        CostLedger.from_table(data, {"sum": "amount"})
    with pytest.raises(DataError, match="no currency"):
        CostLedger.from_table(data.head(1).assign(amount=5)[["date", "kind", "label", "amount"]])
    with pytest.raises(DataError, match="cannot be read: lower <= mode"):
        CostLedger.from_table(data.tail(1).assign(distribution="triangular", amount=9), currency="EUR")


def test_no_currency_of_a_ledger():
    with pytest.raises(ValueError, match="three letters"):
        CostLedger("yuan")


day = st.dates(pd.Timestamp("2024-01-01").date(), pd.Timestamp("2026-12-31").date())
rows = st.lists(
    st.tuples(day, st.floats(0, 1e6), st.sampled_from([None, "D", "W", "M", "3M", "Y"]), st.integers(1, 30)),
    min_size=1,
    max_size=8,
)


def ledger_of(given, currency="CNY"):
    ledger = CostLedger(currency)
    for k, (date, amount, every, times) in enumerate(given):
        ledger = ledger.add(date, "other", f"row {k}", amount, every=every, times=times if every else None)
    return ledger


@settings(max_examples=40, deadline=None)
@given(rows, st.lists(day, min_size=1, max_size=4, unique=True))
def test_totals_are_conserved_when_a_window_is_split(given, cuts):
    ledger = ledger_of(given)
    edges = sorted({pd.Timestamp("2024-01-01"), pd.Timestamp("2027-01-01"), *map(pd.Timestamp, cuts)})
    parts = [ledger.total(part) for part in pairwise(edges)]
    whole = ledger.total(WHOLE)
    assert sum(part.amount for part in parts) == pytest.approx(whole.amount, rel=1e-12, abs=1e-9)
    assert {part.currency for part in parts} == {"CNY"}


@settings(max_examples=25, deadline=None)
@given(rows, st.sampled_from(["CNY", "USD", "EUR"]))
def test_currency_is_never_lost(given, currency):
    ledger = ledger_of(given, currency)
    assert ledger.currencies == (currency,)
    assert set(ledger.payments()["currency"]) == set(ledger.table["currency"]) == {currency}
    assert ledger.total().currency == currency
    assert ledger.total().amount == pytest.approx(ledger.table["total"].sum())
    other = ledger.converted(ConversionRates("GBP", "2024-01-01", {currency: 2.0}))
    assert tuple(other.total()) == (pytest.approx(2 * ledger.total().amount), "GBP")


def test_a_long_ledger_of_one_label_is_quick():
    days = pd.date_range("2020-01-01", periods=3_000)
    data = pd.DataFrame({"date": days, "kind": "other", "label": "ads", "amount": np.arange(3_000.0)})
    ledger = CostLedger.from_table(data, currency="EUR")
    assert ledger.total().amount == 2_999 * 1_500
    with pytest.raises(DataError, match="row 2999 and row 3001"):
        CostLedger.from_table(pd.concat([data, data.tail(2)]), currency="EUR")


def test_decimals_and_missing_marks_of_databases():
    data = pd.DataFrame(
        {"date": ["2024-01-01"] * 2, "kind": "other", "label": ["a", "b"], "amount": [Decimal("1.25"), pd.NA]}
    )
    ledger = CostLedger.from_table(data, currency="EUR")
    assert ledger.total().amount == 1.25
    assert len(ledger.unpriced) == 1


def test_formulas_that_may_be_no_cost():
    one, two = Uncertain.uniform(0, 10, name="one"), Uncertain.uniform(0, 10, name="two")
    with pytest.raises(DataError, match=r"a formula of one, two, below 0 with probability 0.1"):
        CostLedger("EUR").add("2024-01-01", "other", "x", one - 0.3 * two)
    with pytest.raises(DataError, match=r"not finite for some values of one, zero"):
        CostLedger("EUR").add("2024-01-01", "other", "x", one / Uncertain.empirical([0, 1], name="zero"))
    assert len(BenefitLedger("EUR").add("2024-01-01", "margin", "x", one - 0.3 * two, direct=True)) == 1


def test_a_figure_that_its_distribution_does_not_take():
    row = pd.DataFrame({"date": ["2024-01-01"], "kind": ["staff"], "label": ["x"], "lower": [1.0], "upper": [2.0]})
    with pytest.raises(DataError, match="a uniform amount is stated by lower, upper; amount would not count"):
        CostLedger.from_table(row.assign(distribution="uniform", amount=400), currency="EUR")
    with pytest.raises(DataError, match="sd and coverage would not count"):
        CostLedger.from_table(row.assign(distribution="triangular", amount=1.5, sd=1, coverage=0.5), currency="EUR")
    assert (
        CostLedger.from_table(row.assign(distribution="uniform", amount=np.nan), currency="EUR").total().amount == 1.5
    )


def test_unknowns_of_different_rows_are_different_ones():
    ledger, spread = CostLedger("EUR", allow_overlap=True), Uncertain.uniform(1, 3)
    for _ in range(3):
        ledger = ledger.add("2024-02-01", "other", "x", spread)
    for _ in range(2):
        ledger = ledger.add("2024-02-01", "staff", "y", hours=spread, hourly_rate=10)
    assert [name for row in ledger.rows for name in row.amount.inputs()] == [
        "other: x",
        "other: x of 2024-02-01",
        "other: x of 2024-02-01 (2)",
        "staff: y, hours",
        "staff: y of 2024-02-01, hours",
    ]


def test_a_ledger_is_a_frame_a_picture_and_html():
    ledger = CostLedger("EUR").add("2024-01-01", "other", "tea <cups>", 5).add("2024-01-01", "staff", "kettle", 7)
    pd.testing.assert_frame_equal(ledger.to_frame(), ledger.table)
    display = ledger.add("2024-01-02", "other", "pens", 3, currency="USD").plot()
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["other, USD", "other, EUR", "staff, EUR"]
    assert "2 costs" in ledger._repr_html_()
    assert CostLedger("EUR").plot() is not None


def test_a_spread_under_another_name_is_refused_rather_than_ignored():
    table = pd.DataFrame(
        {"date": ["2024-01-01"], "kind": ["staff"], "label": ["x"], "amount": [5.0], "low": [1.0], "high": [9.0]}
    )
    with pytest.raises(DataError, match="column 'low' is called 'lower' here") as caught:
        CostLedger.from_table(table, currency="USD")
    assert len(caught.value.faults) == 2
