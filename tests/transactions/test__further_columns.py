import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.transactions import Clock, split_calibration_holdout, summarize


def by_hand(log, unit_days=7.0, running=None):
    day = log.groupby(["customer_id", log["timestamp"].dt.normalize()])["value"].sum().reset_index()
    at = (day["timestamp"] - log["timestamp"].min().normalize()).dt.days
    time = pd.Series(at / unit_days if running is None else running[at])
    gap = time.groupby(day["customer_id"]).diff()
    logs = np.log(gap).fillna(0.0).groupby(day["customer_id"]).sum()
    return logs.to_numpy(), day.groupby("customer_id")["value"].mean().to_numpy()


@pytest.mark.parametrize("on_a_clock", [False, True])
def test_the_same_on_every_engine(engine, on_a_clock):
    log = load_cdnow_sample().head(1500)
    clock = Clock.seasonal(months={2: 2.0}) if on_a_clock else None
    made = summarize(
        engine.frame(log[["customer_id", "timestamp", "value"]]),
        value="value",
        unit="W",
        clock=clock,
        extra=["litt", "mean_purchase"],
        observation_end="1998-06-30",
    )
    table = engine.pandas(made).sort_values("customer_id")
    first = log["timestamp"].min().normalize()
    running = None
    if on_a_clock:
        start = int(first.to_datetime64().astype("datetime64[D]").astype(int))
        running = clock.running(start, start + 600) / 7
    logs, means = by_hand(log, running=running)
    np.testing.assert_allclose(table["litt"], logs, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(table["mean_purchase"], means)
    assert list(table)[-2:] == ["litt", "mean_purchase"]


def test_the_holdout_split_makes_them_too():
    log = load_cdnow_sample()
    split = split_calibration_holdout(log, calibration_end="1997-09-30", value="value", unit="W", extra=["litt"])
    plain = summarize(
        log[log["timestamp"] <= "1997-09-30"], value="value", unit="W", extra="litt", observation_end="1997-09-30"
    )
    pd.testing.assert_series_equal(split["litt"], plain["litt"])


def test_what_there_is_none_of_is_refused():
    with pytest.raises(DataError, match=r"(?s)extra.*'gaps'.*name their column with value="):
        summarize(load_cdnow_sample(), unit="W", extra=["gaps", "mean_purchase"])
