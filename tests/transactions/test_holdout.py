import pandas as pd
import pytest

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.exceptions import LogWarning
from crmml.frames import get_ruler
from crmml.transactions import split_calibration_holdout, summarize

LOG = pd.DataFrame(
    {
        "customer_id": ["a", "a", "a", "a", "b", "c"],
        "timestamp": pd.to_datetime(
            ["2024-01-01", "2024-01-08", "2024-01-22", "2024-01-22", "2024-01-15", "2024-01-20"]
        ),
        "value": [1.0, 2.0, 3.0, 5.0, 4.0, 6.0],
    }
)


def test_by_hand(engine):
    with pytest.warns(LogWarning, match="1 customers first bought after the calibration end 2024-01-15"):
        result = split_calibration_holdout(
            engine.frame(LOG), calibration_end="2024-01-15", observation_end="2024-01-29", value="value", unit="W"
        )
    assert engine.owns(result)
    table = engine.pandas(result)
    assert list(table.columns) == [
        "customer_id",
        "frequency",
        "recency",
        "T",
        "monetary_value",
        "frequency_holdout",
        "monetary_value_holdout",
        "duration_holdout",
    ]
    assert table.to_numpy().tolist() == [["a", 1, 1.0, 2.0, 2.0, 1, 8.0, 2.0], ["b", 0, 0.0, 0.0, 0.0, 0, 0.0, 2.0]]


def test_calibration_equals_the_summary_of_the_calibration_period(engine):
    log = load_cdnow_sample()
    split = engine.pandas(
        split_calibration_holdout(engine.frame(log), calibration_end="1997-09-30", value="value", unit="W")
    )
    early = summarize(log[log["timestamp"] <= "1997-09-30"], value="value", unit="W", observation_end="1997-09-30")
    pd.testing.assert_frame_equal(split[list(early.columns)], early, check_dtype=False, rtol=1e-12)
    days = log.drop_duplicates(["customer_id", "timestamp"])
    assert split["frequency_holdout"].sum() == (days["timestamp"] > "1997-09-30").sum() == 1882
    assert split["duration_holdout"].unique().tolist() == [39.0]


def test_purchases_after_the_end_are_counted():
    log = LOG[LOG["customer_id"] != "c"]
    with pytest.warns(LogWarning, match="2 of 5 transactions are after the observation end 2024-01-20"):
        split_calibration_holdout(log, calibration_end="2024-01-15", observation_end="2024-01-20")


def test_the_summary_carries_the_calibration_ruler():
    log = LOG[LOG["customer_id"] == "a"]
    ruler = get_ruler(split_calibration_holdout(log, calibration_end="2024-01-15", unit="W"))
    assert (ruler.unit, ruler.period, ruler.observation_end) == ("W", "D", "2024-01-15")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"calibration_end": "2023-12-31"}, "before the first purchase, 2024-01-01"),
        ({"calibration_end": "2024-01-22"}, "nothing is held out"),
        ({"calibration_end": "2024-01-15", "observation_end": "2024-01-10"}, "is not after the calibration end"),
        ({"calibration_end": "2024-01-10", "period": "W"}, "end calibration on 2024-01-07"),
        ({"calibration_end": "2024-01-10", "period": "M"}, "end calibration on 2023-12-31"),
        ({"calibration_end": "2024-01-10 12:00"}, "end calibration on 2024-01-09"),
    ],
)
def test_faults(arguments, words):
    with pytest.raises(DataError, match=words):
        split_calibration_holdout(LOG, **arguments)


def test_all_faults_at_once(engine):
    log = LOG.assign(value=[1.0, -2.0, 3.0, 5.0, 4.0, 6.0], customer_id=["a", None, "a", "a", "b", "c"])
    with pytest.raises(DataError) as caught:
        split_calibration_holdout(engine.frame(log), calibration_end="2025-01-01", value="value")
    assert len(caught.value.faults) == 3
