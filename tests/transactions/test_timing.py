import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.frames import get_ruler
from crmml.transactions import Clock, entry_period, summarize

LOG = pd.DataFrame(
    {
        "customer_id": [1, 1, 1, 2, 2, 3],
        "timestamp": pd.to_datetime(
            ["2024-01-01", "2024-01-08", "2024-01-22", "2024-01-15", "2024-01-29", "2024-01-29"]
        ),
        "value": [5.0, 7.0, 9.0, 4.0, 6.0, 2.0],
    }
)
END = "2024-02-05"


def test_a_clock_on_which_every_day_counts_one_is_plain_time(engine):
    plain = summarize(LOG, value="value", unit="W", observation_end=END)
    made = summarize(engine.frame(LOG), value="value", unit="W", observation_end=END, clock=Clock.seasonal())
    table = engine.pandas(made).sort_values("customer_id").reset_index(drop=True)
    pd.testing.assert_frame_equal(table, plain, check_dtype=False, rtol=1e-12)


def test_times_on_a_clock_by_hand():
    day = pd.date_range("2024-01-01", "2024-02-05")
    curve = pd.DataFrame({"day": day, "multiplier": np.where(day < "2024-01-15", 1.0, 3.0)})
    table = summarize(LOG, value="value", unit="D", observation_end=END, clock=Clock.from_curve(curve))
    assert table["recency"].tolist() == [13 + 8 * 3, 14 * 3, 0]
    assert table["T"].tolist() == [13 + 22 * 3, 21 * 3, 7 * 3]
    assert table["monetary_value"].tolist() == [8.0, 6.0, 0.0]
    ruler = get_ruler(table)
    assert Clock.from_text(ruler.clock) == Clock.from_curve(curve)
    assert ruler.entry_period is None
    assert "clock" not in repr(ruler)


def test_customers_of_old_by_hand():
    table = summarize(LOG, value="value", unit="D", observation_end=END, entry_period=14)
    assert table["frequency"].tolist() == [3, 1, 0]
    assert table["recency"].tolist() == [22, 14, 0]
    assert table["T"].tolist() == [36, 21, 7]
    assert table["monetary_value"].tolist() == [7.0, 6.0, 0.0]
    assert table["entry_window"].tolist() == [14, 0, 0]
    assert get_ruler(table).entry_period == "14"


def test_a_curve_that_misses_days_of_the_log_is_refused():
    day = pd.date_range("2024-01-03", "2024-02-05")
    clock = Clock.from_curve(pd.DataFrame({"day": day, "multiplier": np.ones(day.size)}))
    with pytest.raises(DataError, match=r"lacks 2 days of those needed, 2024-01-01 to 2024-01-02"):
        summarize(LOG, unit="W", observation_end=END, clock=clock)


def test_every_fault_of_the_timing_is_named_at_once():
    with pytest.raises(DataError, match=r"(?s)clock='season'.*entry_period"):
        summarize(LOG, unit="W", clock="season", entry_period="always")
    with pytest.raises(DataError, match=r"not period='W'; use period='D'"):
        summarize(LOG, unit="W", period="W", clock=Clock.seasonal())


def test_what_was_found_can_be_given():
    found = entry_period(LOG)
    assert summarize(LOG, unit="W", entry_period=found.days).equals(summarize(LOG, unit="W", entry_period=found))
