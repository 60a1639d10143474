import numpy as np
import pytest

from crmml import DataError
from crmml.amounts import Percent, Points, Uncertain
from crmml.exceptions import MissingInputsError
from crmml.roi import (
    needed_inputs,
    not_priced,
    price_benefits,
    relative_change_valued,
    retention_raised,
    staff_time_saved,
)

CAUSED = "share caused by the programme"
TIME = {"workers": 20, "working days a year": 250, "hourly rate": 60, CAUSED: 0.5}
KEPT = {
    "customers": 1_000,
    "margin per customer and year": 100,
    "customers observed before": 1e7,
    "customers observed after": 1e7,
    CAUSED: 1,
}
WHEN = {"start": "2024-01-01", "years": 3, "currency": "CNY"}


def test_minutes_become_money():
    ledger = price_benefits([staff_time_saved("x", before_minutes=30, after_minutes=15)], TIME, **WHEN)
    assert ledger.total(("2024-01-01", "1Y")).amount == pytest.approx(0.25 * 20 * 250 * 60 * 0.5)
    assert tuple(ledger.total(("2024-01-01", "3Y"))) == (pytest.approx(3 * 37_500), "CNY")
    (row,) = ledger.rows
    assert (row.forecast, row.direct, len(row.dates())) == (True, True, 36)


def test_retention_becomes_money_year_by_year():
    ledger = price_benefits([retention_raised("x", before=0.7, after=0.8)], KEPT, **WHEN)
    amounts = [row.expected for row in ledger.rows]
    assert amounts == pytest.approx([1e5 * (0.8**k - 0.7**k) for k in (1, 2, 3)], rel=1e-5)
    forever = sum(1e5 * (0.8**k - 0.7**k) / 1.1**k for k in range(1, 400))
    assert forever == pytest.approx(1e5 * (0.8 / 0.3 - 0.7 / 0.4))


def test_samples_give_an_interval(rng):
    known = {**KEPT, "customers observed before": 294, "customers observed after": 294}
    ledger = price_benefits([retention_raised("x", before=0.7, after=0.8)], known, **WHEN)
    draws = ledger.rows[0].amount.sample(50_000, rng)
    assert draws.std() == pytest.approx(1e5 * np.sqrt((0.21 + 0.16) / 296), rel=0.03)
    assert set(ledger.rows[2].amount.inputs()) == {"x: retention before", "x: retention after"}


def test_relative_changes():
    formula = relative_change_valued(
        "x", change=Percent(-20), better="less", of="idle hours", worth="value of an hour", direct=False
    )
    ledger = price_benefits([formula], {"idle hours": 100, "value of an hour": 5, CAUSED: 1}, **WHEN)
    assert ledger.total(("2024-01-01", "1Y")).amount == pytest.approx(100)
    with pytest.raises(TypeError, match="in percentage points"):
        relative_change_valued("x", change=Points(15), better="more", of="a", worth="b", direct=True)
    with pytest.raises(ValueError, match="for the worse where less of 'idle hours' is better: it is not a benefit"):
        relative_change_valued("x", change=Percent(20), better="less", of="idle hours", worth="b", direct=True)
    with pytest.raises(ValueError, match="better='up' is not known; choose one of 'more', 'less'"):
        relative_change_valued("x", change=Percent(20), better="up", of="idle hours", worth="b", direct=True)
    with pytest.raises(DataError, match="working days a year reaches from 400 to 400; it must be between 0 and 366"):
        price_benefits(
            [staff_time_saved("t", before_minutes=30, after_minutes=15)], {**TIME, "working days a year": 400}, **WHEN
        )


def test_everything_missing_is_named():
    formulas = [
        staff_time_saved("paperwork", before_minutes=30, after_minutes=15),
        retention_raised("kept", before=0.7, after=0.8),
    ]
    with pytest.raises(MissingInputsError) as caught:
        price_benefits(formulas, {"workers": 5, "customers": None}, **WHEN)
    names = [fault.split(":")[0] for fault in caught.value.missing]
    assert names == [name for name in needed_inputs(formulas)["input"] if name != "workers"]
    assert any(CAUSED in fault and "paperwork, kept" in fault for fault in caught.value.missing)
    ledger = price_benefits([*formulas, not_priced("satisfaction")], TIME, **WHEN, keep_unpriced=True)
    assert [row.label for row in ledger.unpriced] == ["kept", "satisfaction"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("worker", 5, "did you mean 'workers'"),
        ("workers", "many", "a number or an Uncertain one"),
        ("workers", -1, "at least 0"),
        (CAUSED, 50, "0.5 for 50 %"),
        (CAUSED, Uncertain.uniform(0, 1.2), "0.5 for 50 %"),
        ("hourly rate", Uncertain.normal(10, 10), "at least 0"),
        ("hourly rate", Uncertain.uniform(1, 2, name="a") * 2, "a number or an Uncertain one"),
    ],
)
def test_assumptions_that_are_none(name, value, message):
    with pytest.raises(DataError, match=message):
        price_benefits([staff_time_saved("x", before_minutes=30, after_minutes=15)], {**TIME, name: value}, **WHEN)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="nothing is saved"):
        staff_time_saved("x", before_minutes=15, after_minutes=30)
    with pytest.raises(ValueError, match=r"0.7 for 70 %"):
        retention_raised("x", before=70, after=80)
    with pytest.raises(ValueError, match="must be above before"):
        retention_raised("x", before=0.8, after=0.7)
    with pytest.raises(ValueError, match="years=0"):
        price_benefits([], {}, **{**WHEN, "years": 0})
    with pytest.raises(DataError, match=r"customers observed before is 0.5"):
        price_benefits(
            [retention_raised("x", before=0.7, after=0.8)], {**KEPT, "customers observed before": 0.5}, **WHEN
        )


def test_an_uncertain_change_stays_uncertain():
    change = Percent(Uncertain.triangular(-30, -20, -10))
    formula = relative_change_valued("idle", change=change, better="less", of="hours", worth="value", direct=True)
    ledger = price_benefits([formula], {"hours": 100, "value": 10, CAUSED: 1}, **{**WHEN, "years": 1})
    (row,) = ledger.rows
    assert row.expected * 12 == pytest.approx(200)
    assert list(row.amount.inputs()) == ["idle: change in percent"]
    assert row.amount.at({"idle: change in percent": -30.0}) * 12 == pytest.approx(300)


def test_a_start_that_is_no_day():
    with pytest.raises(ValueError, match="start='03/04/2024' does not begin with the year"):
        price_benefits(
            [staff_time_saved("x", before_minutes=30, after_minutes=15)], TIME, **{**WHEN, "start": "03/04/2024"}
        )


def test_two_groups_of_customers_have_unknowns_of_their_own():
    formulas = [
        retention_raised("hospitals", before=0.7, after=0.8),
        retention_raised("pharmacies", before=0.5, after=0.6),
    ]
    needs = {
        "customers": 100,
        "margin per customer and year": 10,
        "customers observed before": 50,
        "customers observed after": 50,
    }
    ledger = price_benefits(formulas, {**needs, CAUSED: 1}, **WHEN)
    unknowns = {name for row in ledger.rows for name in row.amount.inputs()}
    assert len(unknowns) == 4
