"""Tables as spreadsheets hold them: read rightly, or refused in words."""

import datetime as dt
from decimal import Decimal

import pandas as pd
import polars as pl
import pytest

from crmml import DataError
from crmml.roi import BenefitLedger, CostLedger

BASE = pd.DataFrame(
    {
        "date": ["2024-01-01", "2024-02-01"],
        "kind": ["software licence", "training"],
        "label": ["CRM", "two days"],
        "amount": [1200.5, 300],
    }
)


def read(frame, currency="EUR", **options):
    return CostLedger.from_table(frame, currency=currency, **options)


def refused(frame, currency="EUR", **options):
    with pytest.raises(DataError) as error:
        read(frame, currency, **options)
    return error.value.faults


@pytest.mark.parametrize(
    "amounts",
    [
        ["1200.50", "300"],
        ["1,200.50", "300"],
        ["1.200,50", "300"],
        ["1 200,50", "300,00"],
        ["€1200.50", "€300"],
        ["1.200,50 €", "300 EUR"],
        ["1,200.50", 300],
        [Decimal("1200.50"), Decimal("300")],
    ],
)
@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_amounts_in_text_are_read_by_the_whole_column(amounts, make):
    if make is pl.DataFrame and len({type(amount) for amount in amounts}) > 1:
        pytest.skip("a polars column has one type")
    ledger = read(make({**BASE.to_dict("list"), "amount": amounts}))
    assert [row.amount for row in ledger.rows] == [1200.5, 300.0]


@pytest.mark.parametrize(
    ("amounts", "fault"),
    [
        (["1,200", "300"], "column 'amount': 1 value can be read in two ways ('1,200' is 1,200 with"),
        (
            ["1,200.5", "3,5"],
            "column 'amount': decimal points in 1 row ('1,200.5') and decimal commas in 1 row ('3,5') are mixed",
        ),
        (
            ["$1200.50", "300"],
            "row 1: amount '$1200.50' is not in EUR; state the row's currency in the column currency",
        ),
        (["1200.50", "12k"], "row 2: amount '12k' is not a number"),
        (["5 %", "300"], "row 1: amount '5 %' is not a number; it is an amount, not a percentage"),
        (["(300)", "300"], "row 1: amount is negative (-300); take a credit note off the cost that it refunds"),
        ([1200.5, -300], "row 2: amount is negative (-300); take a credit note off the cost that it refunds"),
        ([True, 300], "row 1: amount True is not a finite number"),
    ],
)
def test_amounts_that_cannot_be_read_are_one_fault(amounts, fault):
    (found,) = refused(BASE.assign(amount=pd.Series(amounts, dtype=object)))
    assert found.startswith(fault)


def test_what_parts_the_decimals_and_the_order_of_a_day_can_be_said():
    assert read(BASE.assign(amount=["1,200", "300"]), decimal=".").rows[0].amount == 1200
    assert read(BASE.assign(amount=["1,200", "300"]), decimal=",").rows[0].amount == 1.2
    days = BASE.assign(date=["01/02/2024", "03/04/2024"])
    assert read(days, day_first=True).rows[0].date == pd.Timestamp("2024-02-01")
    assert read(days, day_first=False).rows[0].date == pd.Timestamp("2024-01-02")
    with pytest.raises(ValueError, match="decimal=';' is not known"):
        read(days, decimal=";")


def test_days_are_read_by_the_whole_column_or_both_readings_are_told():
    assert [row.date.day for row in read(BASE.assign(date=["01/02/2024", "31/12/2024"])).rows] == [1, 31]
    (fault,) = refused(BASE.assign(date=["01/02/2024", "03/04/2024"]))
    assert "2 values" in fault
    assert "2024-02-01 with the day first and 2024-01-02 with the month first" in fault
    until = BASE.assign(every=["M", None], until=["31/12/2024", None])
    assert read(until).rows[0].until == pd.Timestamp("2024-12-31")


@pytest.mark.parametrize("dates", [[dt.date(2024, 1, 1), dt.date(2024, 2, 1)], pd.to_datetime(BASE["date"])])
def test_days_that_are_no_text(dates):
    assert [row.date.month for row in read(BASE.assign(date=dates)).rows] == [1, 2]


@pytest.mark.parametrize(
    "total",
    [
        {"date": "Total", "amount": 1500.5},
        {"kind": "TOTAL", "amount": "1,500.50"},
        {"label": "Grand total:", "amount": 1500.5},
        {"label": "Summe", "amount": 1500.5},
        {"amount": 1500.5},
        {"date": "2024-12-31", "kind": "other", "label": "Total", "amount": 1500.5},
    ],
)
def test_a_row_of_totals_is_refused(total):
    (fault,) = refused(pd.concat([BASE, pd.DataFrame([total])]))
    assert fault.startswith("row 3 (")
    assert "total" in fault
    assert "leave it out, a ledger adds up itself" in fault


def test_a_label_that_begins_like_a_total_is_a_payment():
    row = {"date": "2024-12-31", "kind": "other", "label": "Total", "amount": 7.0}
    assert len(read(pd.concat([BASE, pd.DataFrame([row])]))) == 3
    assert len(read(BASE.assign(label=["Total cost study", "sum of parts"]))) == 2


def test_blank_rows_are_passed_over_and_keep_their_numbers():
    blank = pd.DataFrame([{"date": None, "kind": " ", "label": None, "amount": None}])
    bad = pd.DataFrame([{"date": "2024-03-01", "kind": "training", "label": "x", "amount": "many"}])
    assert len(read(pd.concat([BASE, blank]))) == 2
    assert refused(pd.concat([BASE, blank, bad])) == ("row 4: amount 'many' is not a number",)


@pytest.mark.parametrize("blank", [None, "", " ", "n/a", float("nan"), Decimal("NaN")])
def test_a_blank_amount_has_no_price(blank):
    ledger = read(BASE.assign(amount=pd.Series(["1200.50", blank], dtype=object)))
    assert [row.priced for row in ledger.rows] == [True, False]
    assert "Without a price: two days." in ledger.describe()


@pytest.mark.parametrize(
    "kind", ["Software Licence", "SOFTWARE_LICENSE", "license", "software licenses", "Software-Licence Fee"]
)
def test_kinds_under_other_names(kind):
    assert read(BASE.assign(kind=[kind, "TRAINING"])).rows[0].kind == "software licence"


def test_an_unknown_kind_is_told_with_what_is_near():
    assert "did you mean 'maintenance'?" in refused(BASE.assign(kind=["maintainance", "training"]))[0]
    assert "did you mean 'software licence'?" in refused(BASE.assign(kind=["licens", "training"]))[0]
    assert refused(BASE.assign(kind=[None, "training"]))[0].startswith(
        "row 1: it has no kind; give one of software licence,"
    )


def test_one_fault_of_many_rows_is_told_once():
    many = pd.DataFrame(
        {"date": "2024-01-01", "kind": "travel", "label": [f"trip {k}" for k in range(10_000)], "amount": 1.0}
    )
    (fault,) = refused(many)
    assert fault.startswith("rows 1, 2, 3, 4, 5 and 9,995 more: kind 'travel' is not one of")
    different = many.assign(kind=[f"travel {k}" for k in range(10_000)])
    assert refused(different)[-1] == "and 9,950 more faults of rows"


def test_columns_that_would_be_passed_over_are_told():
    assert refused(BASE.rename(columns={"amount": "Amount"})) == (
        "column 'Amount' is read only by its name; rename it 'amount', or give columns={'amount': 'Amount'}",
    )
    renamed = CostLedger.from_table(BASE.rename(columns={"amount": "Amount"}), {"amount": "Amount"}, currency="EUR")
    assert renamed.rows[0].amount == 1200.5


def test_a_row_states_its_own_currency():
    ledger = read(BASE.assign(amount=["$1,200.50", "300"], currency=["USD", None]))
    assert ledger.currencies == ("EUR", "USD")
    assert (
        "row 1: amount '€1.50' is not in USD"
        in refused(BASE.assign(amount=["€1.50", "300"], currency=["USD", None]))[0]
    )


def test_other_numbers_in_text():
    table = BASE.assign(
        amount=["n/a", "300"], hours=["3,5", None], hourly_rate=["€ 80", None], every=["M", None], times=["12", ""]
    )
    (first, _) = read(table).rows
    assert (first.amount, first.times) == (280.0, 12)
    assert "hours '€3.5' has a currency" in refused(table.assign(hours=["€3.5", None]))[0]
    spread = BASE.assign(distribution=["uniform", ""], lower=["1.000,5", ""], upper=["2.000,5", ""], amount=["", "300"])
    assert read(spread).rows[0].amount.mean == 1500.5
    assert refused(spread.assign(lower=["few", ""])) == ("row 1: lower 'few' is not a number",)


def test_benefits_read_the_same_way():
    table = pd.DataFrame(
        {"date": ["31/01/2024"], "kind": ["Savings"], "label": ["paper"], "amount": ["1.200,50 €"], "direct": ["Yes"]}
    )
    assert BenefitLedger.from_table(table, currency="EUR").total().amount == 1200.5
    assert not BenefitLedger.from_table(table.assign(direct="N"), currency="EUR").rows[0].direct


def test_a_huge_cell_is_shortened_in_messages():
    faults = refused(BASE.assign(kind=["k" * 1_000_000, "training"], amount=["9" * 1_000_000, "x" * 1_000_000]))
    assert sum(map(len, faults)) < 2_000


def test_what_is_said_of_huge_labels_is_short():
    table = BASE.assign(label=["l" * 1_000_000, "m" * 1_000_000], amount=[None, 300.0])
    ledger = read(table)
    assert len(ledger.describe()) < 300
    assert ledger.rows[0].label == "l" * 1_000_000
    with pytest.raises(DataError) as error:
        ledger.add("2024-02-01", "training", "m" * 1_000_000, 300)
    assert len(str(error.value)) < 600
