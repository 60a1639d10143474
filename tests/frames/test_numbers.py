import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from crmml import DataError
from crmml.campaigns import TLearner
from crmml.churn import ChurnClassifier, ContactCosts, HazardChurnClassifier
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma, ParetoNBD
from crmml.datasets import load_cdnow_sample
from crmml.evidence import compare_before_after
from crmml.frames.numbers import as_numbers, check_sample_weight, read_numbers
from crmml.metrics import kaplan_meier, normalized_gini, top_decile_lift
from crmml.segments import PyramidSegmenter, RFMSegmenter, concentration
from crmml.stages import MarkovStageModel
from crmml.transactions import summarize

N = 60
NUMBERS = np.arange(1.0, N + 1)
GOOD = {
    "whole numbers": pd.Series(NUMBERS.astype(int)),
    "nullable": pd.Series(NUMBERS.astype(int)).astype("Int64"),
    "arrow": pd.Series(NUMBERS).convert_dtypes(dtype_backend="pyarrow"),
    "objects": pd.Series([int(x) if x % 2 else float(x) for x in NUMBERS], dtype=object),
    "decimals": pd.Series([Decimal(int(x)) for x in NUMBERS]),
    "fractions": pd.Series([Fraction(int(x)) for x in NUMBERS]),
    "categories": pd.Series(NUMBERS).astype("category"),
    "polars": pl.Series(NUMBERS),
    "polars decimals": pl.Series(NUMBERS).cast(pl.Decimal(12, 2)),
    "list": NUMBERS.tolist(),
}
BAD = {
    "a length of time": pd.Series(pd.to_timedelta(NUMBERS, unit="D")),
    "a length of time: 1 day": [dt.timedelta(1)] * N,
    "a date": pd.Series(pd.Timestamp("2024-01-01"), index=range(N)),
    "a date: 2024": pd.Series([dt.date(2024, 1, 1)] * N),
    "a date: 2024-01": pd.Series(pd.period_range("2024-01", periods=N, freq="M")),
    "a complex number": NUMBERS + 1j,
    "another kind": [[1]] * N,
    "holds numbers as text": NUMBERS.astype(str),
    "text": ["many"] * N,
}
SUMMARY = summarize(load_cdnow_sample(), value="value", unit="W").head(N)
LABELS = np.arange(N) % 2


@pytest.mark.parametrize("kind", GOOD)
def test_numbers_of_every_type_pass(kind):
    values, faults = read_numbers(GOOD[kind], "column 'x'")
    assert faults == []
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, NUMBERS)


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_number_is_refused_with_its_cure(kind):
    values, (fault,) = read_numbers(BAD[kind], "column 'x'")
    assert np.isnan(values).all()
    assert fault.startswith("column 'x' ")
    assert kind in fault
    assert f"in {N} of {N} rows" in fault
    assert ";" in fault


def test_mixed_kinds_are_counted_and_shown():
    mixed = pd.Series([1.0, "x", None, dt.timedelta(2), True, Decimal(3)], dtype=object)
    _, (fault,) = read_numbers(mixed, "column 'T'")
    assert (
        "in 3 of 6 rows (text and a length of time and true or false: 'x' in row 1, 2 days, 0:00:00 in row 3" in fault
    )
    assert read_numbers(mixed.iloc[[0, 2, 4, 5]], "T", flags=True)[0].tolist()[2:] == [1.0, 3.0]
    with pytest.raises(DataError, match="the summary cannot be used"):
        as_numbers(mixed, "column 'T'", "the summary")
    assert np.isnan(read_numbers(pd.Series([None, None]), "x")[0]).all()


def test_truth_values_are_numbers_only_where_they_are_asked_for():
    flags = pd.Series([True, False])
    assert "true or false" in read_numbers(flags, "x")[1][0]
    assert read_numbers(flags, "x", flags=True)[0].tolist() == [1.0, 0.0]
    assert read_numbers(flags.astype("boolean"), "x", flags=True)[0].tolist() == [1.0, 0.0]


def test_weights():
    np.testing.assert_array_equal(check_sample_weight([1, 0], 2), [1.0, 0.0])
    np.testing.assert_array_equal(check_sample_weight(2, 2), [2.0, 2.0])
    np.testing.assert_array_equal(check_sample_weight(pl.Series([True, False]), 2), [1.0, 0.0])
    np.testing.assert_array_equal(check_sample_weight(pd.Series([1, 2], dtype="Int64"), 2), [1.0, 2.0])
    for weight, message in (
        (["a", "b"], "is not a number in 2 of 2 rows"),
        (pd.to_timedelta([1, 2], unit="D"), "a length of time"),
        (pd.Series([1, None], dtype="Int64"), "1 of 2 are missing or infinite"),
        ([1.0], r"shape \(1,\); one for each of 2 rows"),
        ([[1.0, 2.0]], r"shape \(1, 2\); one for each of 2 rows"),
        (np.ones((2, 1)), r"shape \(2, 1\); one for each of 2 rows"),
        ([1, np.nan], "1 of 2 are missing or infinite"),
        ([1, -1], "1 of 2 are negative"),
        ([0, 0], "all weights are zero"),
        ("heavy", "is not a number"),
        (-1, "2 of 2 are negative"),
    ):
        with pytest.raises(DataError, match=message):
            check_sample_weight(weight, 2)


WEIGHED = {
    "clv": lambda w: BetaGeoNBD().fit(SUMMARY, sample_weight=w),
    "segments": lambda w: RFMSegmenter().fit(SUMMARY, sample_weight=w),
    "churn": lambda w: ChurnClassifier(LogisticRegression(), calibrate=None).fit(SUMMARY, LABELS, sample_weight=w),
    "hazard": lambda w: HazardChurnClassifier().fit(
        SUMMARY[["frequency"]], LABELS, duration=SUMMARY["T"], sample_weight=w
    ),
    "stages": lambda w: MarkovStageModel(2).fit(np.tile([0, 1, 0], (len(SUMMARY), 1)), sample_weight=w),
    "campaigns": lambda w: TLearner(LogisticRegression()).fit(
        SUMMARY, LABELS, treatment=np.arange(len(SUMMARY)) % 4 // 2, sample_weight=w
    ),
}


@pytest.mark.parametrize("door", WEIGHED)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda n: np.r_[-1.0, np.ones(n - 1)], "negative"),
        (lambda n: np.r_[np.nan, np.ones(n - 1)], "missing or infinite"),
        (lambda n: np.zeros(n), "all weights are zero"),
        (lambda n: pd.to_timedelta(np.arange(1, n + 1), unit="D"), "a length of time"),
        (lambda n: np.ones(n + 1), "shape"),
    ],
    ids=["negative", "missing", "zero", "time", "length"],
)
def test_every_family_has_the_same_gate_for_weights(door, wrong, message):
    with pytest.raises(DataError, match=message):
        WEIGHED[door](wrong(len(SUMMARY)))


def with_column(name, values):
    return SUMMARY.assign(**{name: values})


DOORS = {
    "clv": lambda x: BetaGeoNBD().fit(with_column("T", x)),
    "clv as an array": lambda x: ParetoNBD().fit(
        with_column("T", x)[["frequency", "recency", "T"]].astype(object).to_numpy()
    ),
    "value": lambda x: CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y").fit(
        with_column("monetary_value", x)
    ),
    "weights": lambda x: BetaGeoNBD().fit(SUMMARY, sample_weight=x),
    "segments": lambda x: PyramidSegmenter(value="monetary_value").fit(with_column("monetary_value", x)),
    "concentration": lambda x: concentration(x),
    "durations": lambda x: HazardChurnClassifier().fit(SUMMARY[["T"]], NUMBERS % 2, duration=x),
    "costs": lambda x: ContactCosts(clv=x),
    "campaign": lambda x: TLearner(n_resamples=0).fit(SUMMARY[["T"]], x, treatment=NUMBERS % 2),
    "lift": lambda x: top_decile_lift(NUMBERS % 2, x),
    "gini": lambda x: normalized_gini(x, NUMBERS),
    "survival": lambda x: kaplan_meier(x, NUMBERS % 2),
    "before and after": lambda x: compare_before_after(
        pd.DataFrame({"spend": x}), pd.DataFrame({"spend": NUMBERS}), outcome="spend"
    ),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("door", DOORS)
def test_every_door_has_the_gate(door, kind):
    given = BAD[kind]
    given = (
        given if isinstance(given, pd.Series) else pd.Series(given, dtype=None if hasattr(given, "dtype") else object)
    )
    with pytest.raises(
        (DataError, ValueError, TypeError),
        match=r"not a number|as text|numbers are needed|omplex|lists|string|array element|must be finite numbers",
    ):
        DOORS[door](given)
