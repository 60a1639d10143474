import datetime
from decimal import Decimal

import pandas as pd
import pytest

from crmml.amounts import Uncertain
from crmml.roi import BENEFIT_KINDS, COST_KINDS
from crmml.roi.ledger_rows import read_row


def cost(**fields):
    given = {"date": "2024-01-31", "kind": "staff", "label": "admin", "amount": 10.0, **fields}
    return read_row(given, COST_KINDS, "EUR", needs_direct=False)


def test_dates_of_recurring_rows_count_from_the_first():
    row, _ = cost(every="M", times=4)
    assert [f"{day:%m-%d}" for day in row.dates()] == ["01-31", "02-29", "03-31", "04-30"]
    assert f"{row.covers_until:%Y-%m-%d}" == "2024-05-30"
    quarterly, _ = cost(every="3M", until="2024-12-31")
    assert [f"{day:%m-%d}" for day in quarterly.dates()] == ["01-31", "04-30", "07-31", "10-31"]
    weekly, _ = cost(every="2W", until="2024-02-14")
    assert [f"{day:%m-%d}" for day in weekly.dates()] == ["01-31", "02-14"]
    yearly, _ = cost(date="2024-02-29", every="Y", times=3)
    assert [f"{day:%Y-%m-%d}" for day in yearly.dates()] == ["2024-02-29", "2025-02-28", "2026-02-28"]
    assert len(cost()[0].dates()) == 1


@pytest.mark.parametrize("day", ["2024-01-31", datetime.date(2024, 1, 31), pd.Timestamp("2024-01-31 15:00")])
def test_days(day):
    assert cost(date=day)[0].date == pd.Timestamp("2024-01-31")


def test_hours_times_rate():
    row, faults = cost(amount=None, hours=8, hourly_rate=Uncertain.triangular(10, 20, 60))
    assert not faults
    assert row.expected == pytest.approx(240)
    assert list(row.amount.inputs()) == ["staff: admin, hourly rate"]


def test_synonyms_of_kinds():
    for word in ("License", "software_licence", "software-license"):
        assert cost(kind=word)[0].kind == "software licence"
    assert cost(kind="Hardware")[0].kind == "servers"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "trainning"}, "did you mean 'training'"),
        ({"label": " "}, "it has no label"),
        ({"date": None}, "it has no date"),
        ({"date": 20240131}, "is a number, not a day"),
        ({"date": "soon"}, "is not a day"),
        ({"date": "2024-01-01T00:00+02:00"}, "time zone"),
        ({"amount": -5}, "take a credit note off the cost"),
        ({"amount": "15 %"}, "not a percentage"),
        ({"amount": float("inf")}, "not a finite number"),
        ({"amount": True}, "not a finite number"),
        ({"amount": Uncertain.normal(10, 10)}, "below 0 with probability 0.16"),
        ({"hours": 3}, "the one or the other"),
        ({"amount": None, "hours": 3}, "lacks hourly_rate"),
        ({"amount": None, "hourly_rate": 3}, "lacks hours"),
        ({"currency": "yuan"}, "must be a code of three letters"),
        ({"every": "M"}, "either until"),
        ({"every": "M", "times": 2, "until": "2024-03-01"}, "either until"),
        ({"every": "quarter", "times": 2}, "'3M'"),
        ({"times": 2}, "but no every"),
        ({"every": "M", "times": 1.5}, "whole number"),
        ({"every": "M", "until": "2023-01-01"}, "within a century"),
        ({"every": "D", "until": "2130-01-01"}, "within a century"),
        ({"every": "Y", "times": 101}, "more than a century"),
        ({"every": "99999Y", "times": 1}, "more than a century"),
        ({"every": "200Y", "until": "2030-01-01"}, "more than a century"),
        ({"date": "03/04/2024"}, "does not begin with the year"),
        ({"amount": None, "hours": 1e200, "hourly_rate": 1e200}, "is not a finite number"),
        ({"forecast": "perhaps"}, "must be true or false"),
    ],
)
def test_faults(fields, message):
    row, faults = cost(**fields)
    assert row is None
    assert len(faults) == 1
    assert message in faults[0]


def test_every_fault_of_a_row_is_named():
    row, faults = read_row({"kind": "x", "amount": -1}, COST_KINDS, None, needs_direct=False)
    assert row is None
    assert len(faults) == 5


def test_benefits():
    def benefit(**fields):
        given = {"date": "2024-01-31", "kind": "margin", "label": "sales", "direct": True, **fields}
        return read_row(given, BENEFIT_KINDS, "EUR", needs_direct=True)

    assert benefit()[0].priced is False
    assert benefit(direct="no")[0].direct is False
    assert "does not say whether it is direct" in benefit(direct=None)[1][0]
    assert "contribution margin" in benefit(kind="revenue", amount=5)[1][0]
    assert "put it into the CostLedger" in benefit(amount=-5)[1][0]
    assert benefit(amount=Uncertain.normal(10, 10))[1] == []
    assert "put it into the CostLedger" in benefit(amount=Uncertain.normal(-10, 10))[1][0]


def test_decimals_are_numbers():
    row, faults = cost(amount=Decimal("5.25"))
    assert (row.amount, faults) == (5.25, [])
