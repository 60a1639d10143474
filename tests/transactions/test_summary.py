import datetime as dt
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.exceptions import LogWarning
from crmml.frames import get_ruler
from crmml.transactions import summarize

LOG = pd.DataFrame(
    {
        "buyer": ["b", "a", "a", "a", "b", "c"],
        "when": pd.to_datetime(
            [
                "2024-01-03 10:00",
                "2024-01-01 09:00",
                "2024-01-01 17:30",
                "2024-01-15 08:00",
                "2024-02-01 23:59",
                "2024-01-29 00:00",
            ]
        ),
        "paid": [4.0, 1.0, 2.0, 5.0, 7.0, 3.0],
        "shop": [1, 1, 2, 2, 1, 1],
    }
)
NAMES = {"customer_id": "buyer", "timestamp": "when", "value": "paid"}


def test_by_hand(engine):
    result = summarize(engine.frame(LOG), **NAMES, unit="W", observation_end="2024-02-05")
    assert engine.owns(result)
    table = engine.pandas(result)
    assert list(table.columns) == ["customer_id", "frequency", "recency", "T", "monetary_value"]
    assert table["customer_id"].tolist() == ["a", "b", "c"]
    assert table["frequency"].tolist() == [1, 1, 0]
    np.testing.assert_allclose(table["recency"], [2.0, 29 / 7, 0.0], rtol=1e-15)
    np.testing.assert_allclose(table["T"], [5.0, 33 / 7, 1.0], rtol=1e-15)
    assert table["monetary_value"].tolist() == [5.0, 7.0, 0.0]


@pytest.mark.parametrize(
    ("period", "unit", "expected"),
    [
        ("h", "h", {"frequency": [2, 1, 0], "recency": [335.0, 709.0, 0.0]}),
        ("D", "D", {"frequency": [1, 1, 0], "recency": [14.0, 29.0, 0.0]}),
        ("W", "W", {"frequency": [1, 1, 0], "recency": [2.0, 4.0, 0.0], "T": [5.0, 5.0, 1.0]}),
        ("M", "M", {"frequency": [0, 1, 0], "recency": [0.0, 1.0, 0.0], "T": [1.0, 1.0, 1.0]}),
        ("Y", "Y", {"frequency": [0, 0, 0], "T": [0.0, 0.0, 0.0]}),
        ("M", "D", {"recency": [0.0, 365.25 / 12, 0.0]}),
    ],
)
def test_periods_and_units(engine, period, unit, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LogWarning)
        result = engine.pandas(
            summarize(engine.frame(LOG), **NAMES, period=period, unit=unit, observation_end="2024-02-05")
        )
    for name, values in expected.items():
        np.testing.assert_allclose(result[name], values, rtol=1e-13)


def test_a_coarse_period_says_what_it_merges(engine):
    with pytest.warns(LogWarning, match="merges 1 of 5 days with a purchase"):
        summarize(engine.frame(LOG), **NAMES, period="M", unit="M")


def test_purchases_after_the_end_are_left_out_and_counted(engine):
    with pytest.warns(LogWarning, match="2 of 6 transactions are after the observation end 2024-01-15"):
        result = summarize(engine.frame(LOG), **NAMES, observation_end="2024-01-15")
    assert engine.pandas(result)["customer_id"].tolist() == ["a", "b"]
    assert engine.pandas(result)["T"].tolist() == [14.0, 12.0]


def test_the_end_is_inclusive_and_a_bare_date_means_its_whole_day(engine):
    whole = engine.pandas(summarize(engine.frame(LOG), **NAMES, observation_end="2024-02-01"))
    assert whole["frequency"].sum() == 2
    with pytest.warns(LogWarning, match="1 of 6"):
        summarize(engine.frame(LOG), **NAMES, observation_end="2024-02-01 23:58")
    assert (
        len(engine.pandas(summarize(engine.frame(LOG), **NAMES, observation_end=dt.datetime(2024, 2, 1, 23, 59)))) == 3
    )


def test_without_an_end_the_last_purchase_counts(engine):
    assert engine.pandas(summarize(engine.frame(LOG), **NAMES))["T"].tolist() == [31.0, 29.0, 3.0]


def test_dates_instead_of_times(engine):
    log = LOG.assign(when=LOG["when"].dt.date)
    expected = engine.pandas(summarize(engine.frame(LOG), **NAMES))
    pd.testing.assert_frame_equal(engine.pandas(summarize(engine.frame(log), **NAMES)), expected, check_dtype=False)


def test_text_dates_and_amounts(engine):
    log = LOG.assign(when=LOG["when"].dt.strftime("%Y-%m-%d %H:%M:%S"), paid=LOG["paid"].astype(str))
    expected = engine.pandas(summarize(engine.frame(LOG), **NAMES))
    pd.testing.assert_frame_equal(engine.pandas(summarize(engine.frame(log), **NAMES)), expected, check_dtype=False)


def test_a_single_customer(engine):
    result = engine.pandas(summarize(engine.frame(LOG.iloc[[1]]), **NAMES))
    assert result[["frequency", "recency", "T", "monetary_value"]].to_numpy().tolist() == [[0, 0.0, 0.0, 0.0]]


def test_cdnow_on_every_engine(engine):
    log = load_cdnow_sample()
    expected = summarize(log, value="value", unit="W", observation_end="1998-06-30")
    result = engine.pandas(summarize(engine.frame(log), value="value", unit="W", observation_end="1998-06-30"))
    pd.testing.assert_frame_equal(result, expected, check_dtype=False, rtol=1e-12, check_exact=False)


# ---- faults ---------------------------------------------------------------------------------------------------------


def refused(log, *patterns, **arguments):
    with pytest.raises(DataError) as caught:
        summarize(log, **{**NAMES, **arguments})
    for pattern in patterns:
        assert pattern in str(caught.value), f"{pattern!r} not in {caught.value}"
    return caught.value


def test_missing_columns_are_named_with_what_is_there(engine):
    error = refused(
        engine.frame(LOG),
        "'Buyer' is missing",
        "did you mean 'buyer'",
        "'amount' is missing",
        customer_id="Buyer",
        value="amount",
    )
    assert len(error.faults) == 2


def test_all_faults_come_at_once(engine):
    log = LOG.assign(paid=[4.0, -1.0, 2.0, 5.0, 7.0, 3.0], buyer=["b", None, "a", "a", "b", "c"])
    error = refused(
        engine.frame(log),
        "'buyer' is missing in 1 of 6 rows",
        "'paid' is negative in 1 of 6 rows (lowest -1)",
        "before the first purchase, 2024-01-01",
        observation_end="2023-12-31",
    )
    assert len(error.faults) == 3


def test_missing_dates_and_amounts(engine):
    log = LOG.assign(when=LOG["when"].where(LOG.index != 2), paid=LOG["paid"].where(LOG.index > 1))
    error = refused(engine.frame(log), "'when' is missing in 1 of 6 rows", "'paid' is missing in 2 of 6 rows")
    assert len(error.faults) == 2


def test_unreadable_dates(engine):
    log = LOG.assign(when=["2024-01-03", "03.01.2024", "2024-01-05", "soon", "2024-01-09", "2024-01-10"])
    refused(
        engine.frame(log), "'when' cannot be read as a date", "in 2 of 6 rows", "'03.01.2024'", "'soon'", "2024-03-31"
    )


def test_numbers_are_no_dates(engine):
    refused(engine.frame(LOG.assign(when=[20240101] * 6)), "'when' holds numbers")


def test_text_in_the_amount(engine):
    log = LOG.assign(paid=["4", "1,000", "2.5", "EUR 5", "7", "3"])
    refused(engine.frame(log), "'paid' holds text in 2 of 6 rows", "'1,000'", "'EUR 5'")


def test_an_empty_log(engine):
    frame = engine.frame(LOG).filter("shop > 5") if engine.name == "spark" else engine.frame(LOG.iloc[:0])
    refused(frame, "the log is empty")


def test_mixed_time_zones():
    when = [
        "2024-01-01T10:00:00Z",
        "2024-01-01T10:00:00",
        "2024-01-02T10:00:00",
        "2024-01-03",
        "2024-01-04",
        "2024-01-05",
    ]
    refused(LOG.assign(when=when), "with a zone (1 row) and without (5 rows)")
    zones = [f"2024-01-0{i}T10:00:00+0{i}:00" for i in range(1, 7)]
    refused(
        LOG.assign(when=zones),
        "zones more than an hour apart, +01:00 (1 row), +02:00 (1 row), +03:00 (1 row) and 3 more",
    )


def test_wall_clock_of_a_zone(engine):
    if engine.name in ("duckdb", "spark"):
        pytest.skip("a session's own zone replaces that of the column in these engines")
    aware = LOG.assign(when=LOG["when"].dt.tz_localize("Asia/Shanghai"))
    expected = engine.pandas(summarize(engine.frame(LOG), **NAMES))
    pd.testing.assert_frame_equal(engine.pandas(summarize(engine.frame(aware), **NAMES)), expected, check_dtype=False)


@pytest.mark.parametrize("argument", [{"period": "Q"}, {"unit": "days"}])
def test_unknown_units(argument):
    with pytest.raises(ValueError, match="is not known; choose one of"):
        summarize(LOG, **NAMES, **argument)


@pytest.mark.parametrize("end", [5, "soon", ""])
def test_an_end_that_is_no_date(end):
    with pytest.raises(DataError, match="cannot be read as a date"):
        summarize(LOG, **NAMES, observation_end=end)


def test_not_a_frame():
    with pytest.raises(TypeError, match="pandas, polars"):
        summarize({"buyer": 3}, **NAMES)


def test_the_ruler_is_remembered():
    ruler = get_ruler(summarize(LOG, **NAMES, unit="W", observation_end="2024-02-05"))
    assert (ruler.unit, ruler.period, ruler.observation_end) == ("W", "D", "2024-02-05")


# ---- against an independent count -----------------------------------------------------------------------------------


def test_equal_to_lifetimes_on_days():
    """lifetimes.utils is right for daily periods and repeat amounts; its traps are elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes.utils import summary_data_from_transaction_data

        log = load_cdnow_sample()
        theirs = summary_data_from_transaction_data(log, "customer_id", "timestamp", monetary_value_col="value")
    ours = summarize(log, value="value").set_index("customer_id")
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_names=False, rtol=1e-12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 5), st.datetimes(dt.datetime(1999, 12, 1), dt.datetime(2001, 3, 1)), st.integers(0, 50)
        ),
        min_size=1,
        max_size=40,
    ),
    period=st.sampled_from(["h", "D", "W", "M", "Y"]),
)
def test_against_python_loops(rows, period):
    log = pd.DataFrame(rows, columns=["customer_id", "timestamp", "value"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LogWarning)
        result = summarize(log, value="value", period=period, unit=period).set_index("customer_id")
    codes = {"h": "h", "D": "D", "W": "W-SUN", "M": "M", "Y": "Y"}
    bucket = log["timestamp"].dt.to_period(codes[period])
    last = bucket.max()
    for customer, part in log.assign(bucket=bucket).groupby("customer_id"):
        totals = part.groupby("bucket")["value"].sum()
        first = totals.index.min()
        expected = (len(totals) - 1, (totals.index.max() - first).n, (last - first).n)
        found = result.loc[customer]
        np.testing.assert_allclose(found[["frequency", "recency", "T"]], expected, rtol=1e-12)
        repeats = totals[totals.index > first]
        assert found["monetary_value"] == pytest.approx(repeats.mean() if len(repeats) else 0.0)


def test_infinite_amounts(engine):
    log = LOG.assign(paid=[4.0, np.inf, 2.0, 5.0, 7.0, 3.0])
    refused(engine.frame(log), "'paid' is infinite in 1 of 6 rows")
