import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.frames import get_ruler
from crmml.transactions import clean, summarize


def log_of(rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "value"])
    return frame.assign(timestamp=pd.to_datetime(frame["timestamp"]), value=frame["value"].astype(float))


REFUNDS = log_of(
    [
        ("a", "2024-01-01", 10),
        ("a", "2024-01-05", 30),
        ("a", "2024-01-06", -12),
        ("a", "2024-01-07", -20),
        ("a", "2024-01-09", 5),
        ("b", "2024-01-02", -3),
        ("b", "2024-01-03", 8),
        ("c", "2024-01-02", 8),
        ("c", "2024-01-04", -8),
    ]
)


def test_netting_takes_refunds_off_the_latest_earlier_purchases(engine):
    result, report = clean(engine.frame(REFUNDS), value="value")
    assert engine.owns(result)
    table = engine.pandas(result).sort_values(["customer_id", "timestamp"], ignore_index=True)
    assert list(table.columns) == ["customer_id", "timestamp", "value"]
    # 30 - 12 = 18 is refunded whole by the 20, and 2 of the 10 before; b's refund has no earlier purchase; c is gone
    assert table["customer_id"].tolist() == ["a", "a", "b"]
    np.testing.assert_allclose(table["value"], [8.0, 5.0, 8.0], rtol=1e-12)
    assert (report.rows_in, report.rows_out, report.customers_in, report.customers_out) == (9, 3, 3, 2)
    assert (report.refunds, report.refunds_amount) == (4, -43.0)
    assert (report.purchases_cancelled, report.purchases_reduced) == (2, 1)
    assert report.refunds_unmatched == pytest.approx(3.0)
    for part in (
        "3 of 9 transactions",
        "2 of 3 customers",
        "4 refunds worth 43.00",
        "2 cancelled, 1 reduced",
        "3.00 had no",
    ):
        assert part in report.describe()


def test_dropping_refunds_lets_purchases_stand(engine):
    result, report = clean(engine.frame(REFUNDS), value="value", refunds="drop")
    assert sorted(engine.pandas(result)["value"]) == [5.0, 8.0, 8.0, 10.0, 30.0]
    assert "4 refunds worth 43.00 were dropped" in str(report)


def test_refusing_refunds(engine):
    with pytest.raises(DataError, match=r"negative in 4 of 9 rows \(lowest -20\)"):
        clean(engine.frame(REFUNDS), value="value", refunds="raise")


def test_a_clean_log_comes_back_as_it_was(engine):
    log = REFUNDS[REFUNDS["value"] > 0].reset_index(drop=True)
    result, report = clean(engine.frame(log), value="value")
    expected = engine.pandas(engine.frame(log))
    pd.testing.assert_frame_equal(engine.pandas(result), expected, check_dtype=False)
    assert report.describe() == "5 of 5 transactions and 3 of 3 customers kept."


def test_missing_entries_are_refused_or_dropped_and_counted(engine):
    log = REFUNDS[REFUNDS["value"] > 0].reset_index(drop=True)
    log.loc[0, "customer_id"] = None
    log.loc[1, "timestamp"] = pd.NaT
    log.loc[2, "value"] = np.nan
    log.loc[2, "timestamp"] = pd.NaT
    with pytest.raises(DataError) as caught:
        clean(engine.frame(log), value="value")
    assert [fault.split(";")[0] for fault in caught.value.faults] == [
        "column 'customer_id' is missing in 1 of 5 rows",
        "column 'timestamp' is missing in 2 of 5 rows",
        "column 'value' is missing in 1 of 5 rows",
    ]
    result, report = clean(engine.frame(log), value="value", nulls="drop")
    assert len(engine.pandas(result)) == report.rows_out == 2
    assert report.missing == {"customer_id": 1, "timestamp": 2, "value": 1}
    assert report.rows_missing == 3
    assert "3 rows dropped for missing entries (customer_id in 1, timestamp in 2, value in 1)" in str(report)


def test_repeated_rows(engine):
    log = pd.concat([REFUNDS, REFUNDS.iloc[[0, 0, 6]]], ignore_index=True).query("value > 0")
    kept, report = clean(engine.frame(log), value="value")
    assert len(engine.pandas(kept)) == 8
    assert report.duplicates == 3
    assert not report.duplicates_dropped
    assert "3 rows repeat another row in every column and were kept" in str(report)
    dropped, report = clean(engine.frame(log), value="value", duplicates="drop")
    assert len(engine.pandas(dropped)) == report.rows_out == 5
    with pytest.raises(DataError, match="3 of 8 rows repeat another row"):
        clean(engine.frame(log), value="value", duplicates="raise")


def test_text_becomes_times_and_numbers(engine):
    log = REFUNDS.query("value > 0").assign(timestamp=lambda d: d["timestamp"].dt.strftime("%Y-%m-%d"), value="4.5")
    result, _ = clean(engine.frame(log), value="value")
    table = engine.pandas(result)
    assert pd.api.types.is_datetime64_any_dtype(table["timestamp"])
    assert (table["value"] == 4.5).all()


def test_the_callers_own_columns_stay(engine):
    log = REFUNDS.assign(shop=range(9))
    result, _ = clean(engine.frame(log), value="value")
    assert list(engine.pandas(result).columns) == ["customer_id", "timestamp", "value", "shop"]


def test_without_amounts_negative_numbers_do_not_matter():
    result, report = clean(REFUNDS)
    assert len(result) == 9
    assert report.refunds == 0


def test_the_rule_is_remembered_by_the_summary():
    result, _ = clean(REFUNDS, value="value")
    assert get_ruler(result).refunds == "net"
    assert get_ruler(summarize(result, value="value")).refunds == "net"


def test_wrong_choices():
    for name in ("refunds", "duplicates", "nulls"):
        with pytest.raises(ValueError, match=f"{name}='maybe' is not known"):
            clean(REFUNDS, value="value", **{name: "maybe"})


def test_an_empty_log_is_refused(engine):
    frame = engine.frame(REFUNDS).filter("value > 1000") if engine.name == "spark" else engine.frame(REFUNDS.iloc[:0])
    with pytest.raises(DataError, match="the log is empty"):
        clean(frame, value="value")


def by_stack(part):
    """Refunds netted by hand: a stack of purchases for one customer."""
    stack, unmatched = [], 0.0
    order = np.lexsort((part["value"], part["value"] < 0, part["timestamp"]))
    for at in order:
        amount = part["value"].iloc[at]
        if amount >= 0:
            stack.append(amount)
            continue
        left = -amount
        while left > 0 and any(entry > 0 for entry in stack):
            top = max(i for i, entry in enumerate(stack) if entry > 0)
            taken = min(left, stack[top])
            stack[top] -= taken
            left -= taken
            if stack[top] == 0:
                stack[top] = -1.0  # cancelled
        unmatched += left
    return sorted(entry for entry in stack if entry >= 0), unmatched


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2024, 2, 1)), st.integers(-30, 30)
        ),
        min_size=1,
        max_size=25,
    )
)
def test_money_is_conserved_and_netting_is_a_stack(rows):
    log = log_of(rows)
    result, report = clean(log, value="value")
    assert log["value"].sum() == pytest.approx(result["value"].sum() - report.refunds_unmatched, abs=1e-9)
    assert (result["value"] >= 0).all()
    unmatched = 0.0
    for customer, part in log.groupby("customer_id"):
        expected, lost = by_stack(part)
        found = sorted(result.loc[result["customer_id"] == customer, "value"])
        np.testing.assert_allclose(found, expected, atol=1e-9)
        unmatched += lost
    assert report.refunds_unmatched == pytest.approx(unmatched, abs=1e-9)


@pytest.mark.parametrize("nulls", ["raise", "drop"])
def test_infinite_amounts_are_refused(nulls):
    log = REFUNDS.assign(value=REFUNDS["value"].where(REFUNDS.index > 0, -np.inf))
    with pytest.raises(DataError, match="'value' is infinite in 1 of 9 rows"):
        clean(log, value="value", nulls=nulls)


def test_dates_that_do_not_exist_are_refused(engine):
    log = pd.DataFrame({"customer_id": ["a", "b", "c"], "timestamp": ["2024-02-29", "2023-02-29", "2024-13-01"]})
    with pytest.raises(DataError, match=r"in 2 of 3 rows \('2023-02-29', '2024-13-01'\)"):
        clean(engine.frame(log))


def test_blank_identifiers_are_missing(engine):
    log = log_of([("a", "2024-01-01", 10), ("  ", "2024-01-05", 30), ("", "2024-01-06", 12)])
    with pytest.raises(DataError, match="2 of 3"):
        clean(engine.frame(log), value="value")
    result, report = clean(engine.frame(log), value="value", nulls="drop")
    assert engine.pandas(result)["customer_id"].tolist() == ["a"]
    assert report.rows_out == 1


def test_a_report_gives_a_frame_a_picture_and_words_in_html():
    log = pd.DataFrame({"customer_id": [1, 1], "timestamp": ["2024-01-01", "2024-01-05"], "value": [10.0, -4.0]})
    _, report = clean(log, value="value")
    table = report.to_frame().set_index("quantity")["value"]
    assert (table["rows_in"], table["rows_out"], table["refunds_amount"]) == (2, 1, -4.0)
    assert report.plot().figure_ is not None
    assert "1 refunds worth 4.00" in report._repr_html_()
