"""Faults of a log that every reader of logs finds alike."""

import datetime as dt
import warnings
from decimal import Decimal

import pandas as pd
import pytest

from crmml import DataError
from crmml.exceptions import LogWarning
from crmml.segments import key_accounts
from crmml.stages.staging.recency import RecencyStager
from crmml.transactions import clean, cohorts, snapshots, split_calibration_holdout, stage_panel, summarize
from crmml.transactions.activity import read_activity

READERS = {
    "summarize": lambda log, **end: summarize(log, unit="D", **end),
    "cohorts": lambda log, **end: cohorts(log, **end),
    "holdout": lambda log, **end: split_calibration_holdout(log, calibration_end="2024-04-01", unit="D", **end),
}


def log_with(last):
    times = [dt.datetime(2024, 1, 1), dt.datetime(2024, 2, 1), dt.datetime(2024, 3, 1), last]
    return pd.DataFrame({"customer_id": [1, 1, 2, 2], "timestamp": pd.Series(times, dtype="datetime64[us]")})


@pytest.mark.parametrize("reader", READERS)
def test_placeholders_of_unknown_dates(engine, reader):
    read = READERS[reader]
    late = engine.frame(log_with(dt.datetime(9999, 12, 31)))
    with pytest.raises(
        DataError, match=r"ends with 9999-12-31, outside the years 1678 to 2261; .* with observation_end="
    ):
        read(late)
    with pytest.warns(LogWarning, match="1 of 4 transactions are after the observation end"):
        left = read(late, observation_end="2024-12-31")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LogWarning)
        alone = read(engine.frame(log_with(dt.datetime(2025, 1, 1))), observation_end="2024-12-31")
    pd.testing.assert_frame_equal(engine.pandas(left), engine.pandas(alone), check_dtype=False)
    with pytest.raises(DataError, match="begins with 1600-01-01, outside the years 1678 to 2261"):
        read(engine.frame(log_with(dt.datetime(1600, 1, 1))))


def test_cleaning_refuses_what_no_end_can_leave_out():
    assert len(clean(log_with(dt.datetime(9999, 12, 31)))[0]) == 4
    for nulls in ("raise", "drop"):
        with pytest.raises(DataError, match="begins with 0001-01-01"):
            clean(log_with(dt.datetime(1, 1, 1)), nulls=nulls)


@pytest.mark.parametrize("read", [*READERS.values(), clean, lambda log: key_accounts(log, unit="D")])
def test_identifiers_that_are_lists(read):
    log = log_with(dt.datetime(2024, 5, 1)).assign(customer_id=[[1], [1], [2], [2]])
    with pytest.raises(DataError, match="column 'customer_id' holds lists or their like"):
        read(log)


LOG = {
    "customer_id": ["a", "a", "b"],
    "timestamp": ["2024-01-05", "2024-02-06", "2024-03-07"],
    "value": ["10", "20", "30"],
}


@pytest.mark.parametrize("column", LOG)
def test_blank_text_is_missing(engine, column):
    log = engine.frame(pd.DataFrame({**LOG, column: [LOG[column][0], " \t", LOG[column][2]]}))
    with pytest.raises(DataError, match=f"column '{column}' is missing in 1 of 3 rows"):
        clean(log, value="value")
    with pytest.raises(DataError, match=f"column '{column}' is missing in 1 of 3 rows"):
        summarize(log, value="value")
    kept, report = clean(log, value="value", nulls="drop")
    assert report.missing == {**dict.fromkeys(LOG, 0), column: 1}
    assert len(engine.pandas(kept)) == 2


def test_amounts_in_text(engine):
    amounts = [" 1 ", "+2.", ".5", "1e3", "-0.25E+1", "007", "", None, "0." + "1" * 60]
    log = pd.DataFrame(
        {"customer_id": range(9), "timestamp": ["2024-01-05"] * 9, "value": pd.Series(amounts, dtype="str")}
    )
    kept, _ = clean(engine.frame(log), value="value", refunds="drop", nulls="drop")
    read = engine.pandas(kept).sort_values("customer_id")["value"].tolist()
    assert read == pytest.approx([1.0, 2.0, 0.5, 1000.0, 7.0, 1 / 9])


def test_what_is_no_amount(engine):
    amounts = ["1", "1,000", "EUR 5", "inf", "nan", "1_0", "1" * 65, "1e5000", "\u0661", "1 2"]
    log = pd.DataFrame({"customer_id": range(10), "timestamp": ["2024-01-05"] * 10, "value": amounts})
    with pytest.raises(DataError, match=r"holds text in 9 of 10 rows .*crmml.transactions.read_log"):
        summarize(engine.frame(log), value="value")


@pytest.mark.parametrize("amounts", [[1.5, "2"], ["2"] * 150 + [1.5], [Decimal("1.50"), None, "2 "]])
def test_amounts_of_several_kinds_in_one_pandas_column(amounts):
    n = len(amounts)
    log = pd.DataFrame({"customer_id": range(n), "timestamp": "2024-01-05", "value": pd.Series(amounts, dtype=object)})
    kept, _ = clean(log, value="value", nulls="drop")
    assert sorted(set(kept["value"])) == [1.5, 2.0]
    with pytest.raises(DataError, match="holds text in 1 of"):
        clean(log.assign(value=pd.Series([True, *amounts[1:]], dtype=object)), value="value")


def test_counts_are_whole_where_times_cannot_be_read(engine):
    log = pd.DataFrame({"customer_id": ["a", None, "b"], "timestamp": ["1/5/2024"] * 3, "value": [1.0, None, 2.0]})
    with pytest.raises(DataError) as told:
        clean(engine.frame(log), value="value")
    assert len(told.value.faults) == 3
    assert "column 'customer_id' is missing in 1 of 3 rows" in str(told.value)
    assert "column 'value' is missing in 1 of 3 rows" in str(told.value)


CUSTOMERS = {
    "summarize": lambda log: summarize(log, unit="D")["customer_id"].tolist(),
    "clean": lambda log: sorted(set(clean(log)[0]["customer_id"])),
    "cohorts": lambda log: list(range(cohorts(log, period="D")["customers"].max())),
    "holdout": lambda log: split_calibration_holdout(log, calibration_end="2024-01-07", unit="D")[
        "customer_id"
    ].tolist(),
    "snapshots": lambda log: snapshots(log, cutoffs="2024-01-07", horizon=1).customer_id.tolist(),
    "stages": lambda log: sorted(
        set(stage_panel(log, stager=RecencyStager(n=2, win_back=True), period="D")["customer_id"])
    ),
    "key accounts": lambda log: list(range(len(read_activity(log, "customer_id", "timestamp", None).ids))),
}


def log_of_customers(ids):
    return pd.DataFrame({"customer_id": pd.Series(ids, dtype=object), "timestamp": pd.Timestamp("2024-01-05")}).pipe(
        lambda log: pd.concat([log, log.assign(timestamp=pd.Timestamp("2024-01-08"))], ignore_index=True)
    )


@pytest.mark.parametrize("door", CUSTOMERS)
def test_a_customer_in_numbers_and_text_is_one(door):
    with pytest.warns(LogWarning, match=r"mixes numbers \(6 rows\) and text \(4 rows\)"):
        found = CUSTOMERS[door](log_of_customers([123, "123", 123.0, 17850.0, "17850"]))
    assert found in (["123", "17850"], [0, 1])


@pytest.mark.parametrize("door", CUSTOMERS)
def test_a_customer_in_floats_is_a_whole_number(door):
    assert CUSTOMERS[door](log_of_customers([17850.0, 3.0]).astype({"customer_id": "float64"})) in ([3, 17850], [0, 1])
    with pytest.raises(DataError, match="fractions in 2 of 4 rows"):
        CUSTOMERS[door](log_of_customers([1.5, 2.0]).astype({"customer_id": "float64"}))
    with pytest.raises(DataError, match="column 'customer_id' holds truth values in 2 of 4 rows"):
        CUSTOMERS[door](log_of_customers([True, 2]))


@pytest.mark.parametrize("door", CUSTOMERS)
def test_identifiers_that_look_alike_are_told(door):
    with pytest.warns(LogWarning, match="writes 1 identifiers in several ways .*'00123' and '123'"):
        found = CUSTOMERS[door](log_of_customers(["00123", "123"]))
    assert found in (["00123", "123"], [0, 1])


def test_floats_with_a_missing_entry_are_the_same_customers(engine):
    log = engine.frame(pd.DataFrame({"customer_id": [17850.0, None, 3.0], "timestamp": ["2024-01-05"] * 3}))
    kept, report = clean(log, nulls="drop")
    ids = engine.pandas(kept)["customer_id"]
    assert ids.dtype == "int64"
    assert sorted(ids) == [3, 17850]
    assert report.customers_in == report.customers_out == 2


def test_blanks_of_several_lengths_are_no_customers(engine):
    log = engine.frame(pd.DataFrame({"customer_id": ["a", "", " ", "  "], "timestamp": ["2024-01-05"] * 4}))
    assert clean(log, nulls="drop")[1].customers_in == 1


def test_rows_that_repeat_another_but_for_the_kind_of_identifier():
    log = pd.DataFrame({"customer_id": pd.Series([1, "1", "a"], dtype=object), "timestamp": ["2024-01-05"] * 3})
    with pytest.warns(LogWarning, match="mixes numbers"):
        kept, report = clean(log, duplicates="drop")
    assert report.duplicates == 1
    assert kept["customer_id"].tolist() == ["1", "a"]


def test_own_features_name_customers_as_the_rows_do():
    def spent(before, cutoff):
        return before.groupby("customer_id", as_index=False).agg(rows=("timestamp", "size"))

    log = log_of_customers([1, "1", "a"])
    with pytest.warns(LogWarning, match="mixes numbers"):
        data = snapshots(log, cutoffs="2024-01-07", horizon=1, features=spent)
    assert dict(zip(data.customer_id, data.X["rows"], strict=True)) == {"1": 2, "a": 1}


@pytest.mark.parametrize("end", ["9999-12-31", "2262-04-11", "0001-01-01", dt.datetime.max, dt.date(9999, 12, 31)])
def test_ends_that_stand_for_unknown_dates(end):
    log = log_with(dt.datetime(2024, 5, 1))
    for read in (
        lambda: summarize(log, observation_end=end),
        lambda: cohorts(log, observation_end=end),
        lambda: split_calibration_holdout(log, calibration_end=end),
        lambda: split_calibration_holdout(log, calibration_end="2024-03-31", observation_end=end),
        lambda: snapshots(log, cutoffs=end, horizon=5),
        lambda: snapshots(log, cutoffs="2024-03-31", horizon=5, observation_end=end),
    ):
        with pytest.raises(DataError, match=f"'{str(end)[:10]}.* is outside the years 1678 to 2261"):
            read()


def test_a_horizon_beyond_the_years_that_can_be_counted():
    with pytest.raises(DataError, match="the label window of cutoff 2024-03-31 ends after the year 2261"):
        snapshots(log_with(dt.datetime(2024, 5, 1)), cutoffs="2024-03-31", horizon="100000D")


def test_columns_with_numbers_for_names():
    log = pd.DataFrame({**LOG, "value": [1.0, 2.0, 3.0]}).set_axis([0, 1, 2], axis=1)
    names = {"customer_id": 0, "timestamp": 1, "value": 2}
    assert summarize(log, **names)["frequency"].tolist() == [1, 0]
    assert clean(log, duplicates="drop", **names)[0].columns.tolist() == [0, 1, 2]
    assert len(snapshots(log, cutoffs="2024-02-07", horizon=5, **names)) == 1
    with pytest.raises(DataError, match="column 'customer_id' is missing; there are 0, 1, 2"):
        summarize(log)


@pytest.mark.parametrize("read", [*READERS.values(), clean])
def test_columns_of_one_name(engine, read):
    if engine.name in ("polars", "polars_lazy"):
        pytest.skip("has no two columns of one name")
    log = pd.DataFrame({**LOG, "other": 1})
    names = ["customer_id", "timestamp", "value", "value"]
    if engine.name == "pandas":
        native = log.set_axis(names, axis=1)
    elif engine.name == "pyarrow":
        native = engine.frame(log).rename_columns(names)
    elif engine.name == "spark":
        native = engine.frame(log).toDF(*names)
    else:
        native = engine.frame(log).project("customer_id, timestamp, value, other as value")
    with pytest.raises(DataError, match="column 'value' is there more than once"):
        read(native)


def test_dates_are_times(engine):
    times = pd.Series([dt.date(2024, 1, 5), dt.date(2024, 2, 6), dt.date(2024, 3, 7)], dtype=object)
    found = engine.pandas(summarize(engine.frame({"customer_id": [1, 1, 2], "timestamp": times}), unit="D"))
    assert found["recency"].tolist() == [32.0, 0.0]
    assert found["T"].tolist() == [62.0, 0.0]
