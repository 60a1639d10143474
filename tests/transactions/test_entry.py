import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.transactions import EntryPeriod, entry_period, summarize


def standing_base(seed=0, years=2, n=4000):
    """A log that begins in the midst of things: customers have come for ten years before, buy at their own rate, and leave."""
    rng = np.random.default_rng(seed)
    before, days = 3650, 365 * years
    born = rng.uniform(0, before + days, n)
    rate, life = rng.gamma(1.0, 1 / 60, n), rng.exponential(400, n)
    rows = []
    for k in range(n):
        number = rng.poisson(rate[k] * life[k])
        rows.append(np.column_stack([np.full(number + 1, k), born[k] + np.r_[0, rng.uniform(0, life[k], number)]]))
    rows = np.concatenate(rows)
    rows = rows[(rows[:, 1] >= before) & (rows[:, 1] < before + days)]
    when = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.floor(rows[:, 1] - before), "D")
    return pd.DataFrame({"customer_id": rows[:, 0].astype(int), "timestamp": when})


def test_a_log_that_begins_in_the_midst_of_things_has_customers_of_old():
    found = entry_period(standing_base())
    assert isinstance(found, EntryPeriod)
    assert 28 <= found.days <= 196
    assert found.days % 28 == 0
    assert found.table["excess"].iloc[0] > 2
    assert found.n_early == (found.table["customers"].sum() if found.table["excess"].iloc[-1] > 2 else found.n_early)
    said = found.describe()
    assert "look unlike later ones" in said
    assert f"first {found.days} days" in said
    assert list(found.to_frame()) == ["first_day", "customers", "repeats", "std_error", "later", "excess"]


def test_a_log_of_customers_acquired_within_it_has_none():
    found = entry_period(load_cdnow_sample())
    assert found.days == 0
    assert found.n_early == 0
    assert "look like later ones" in found.describe()


def test_the_summary_says_the_same_on_every_engine(engine):
    log = standing_base(n=400)
    made = summarize(engine.frame(log), unit="W", entry_period=56)
    table = engine.pandas(made).sort_values("customer_id").reset_index(drop=True)
    assert list(table) == ["customer_id", "frequency", "recency", "T", "entry_window"]
    first = log.groupby("customer_id")["timestamp"].min().to_numpy()
    old = first < log["timestamp"].min() + pd.Timedelta(days=56)
    np.testing.assert_array_equal(table["entry_window"] > 0, old)
    assert set(table["entry_window"][old]) == {8.0}
    plain = summarize(log, unit="W")
    np.testing.assert_allclose(table["T"][~old], plain["T"][~old])
    np.testing.assert_array_equal(table["frequency"], plain["frequency"] + old)
    since = (log["timestamp"].max() - log["timestamp"].min()).days + 1
    np.testing.assert_allclose(table["T"][old], since / 7)


def test_an_entry_period_that_leaves_nobody_is_refused():
    with pytest.raises(DataError, match=r"entry_period=9000 days leaves none of [\d,]+ customers as new"):
        summarize(standing_base(n=200), unit="W", entry_period=9000)


@pytest.mark.parametrize("wrong", ["soon", -3, 2.5])
def test_what_is_no_entry_period_is_refused(wrong):
    with pytest.raises((DataError, ValueError), match="entry_period"):
        summarize(standing_base(n=50), unit="W", entry_period=wrong)
