import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.exceptions import DataError
from crmml.frames.ruler import get_ruler
from crmml.transactions import covariate_paths, summarize


def log_of(n=20, seed=0, days=90):
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(n), rng.integers(1, 7, n))
    day = rng.integers(0, days, customer.size)
    return pd.DataFrame(
        {"customer_id": customer, "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D")}
    )


def weekly(customers, start="2023-12-31", periods=20, freq="7D", seed=1):
    days = pd.date_range(start, periods=periods, freq=freq)
    frame = pd.MultiIndex.from_product([customers, days], names=["customer_id", "period_start"]).to_frame(index=False)
    rng = np.random.default_rng(seed)
    return frame.assign(season=rng.integers(0, 2, len(frame)), price=rng.normal(size=len(frame)))


LOG, WEEKS = log_of(), weekly(range(20))
END = "2024-03-30"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["D", "W", "h"]))
def test_pieces_follow_each_other_and_carry_the_repeat_purchases(seed, unit):
    log = log_of(seed=seed)
    summary = summarize(log, unit=unit, observation_end=END).set_index("customer_id")
    paths = covariate_paths(log, WEEKS, unit=unit, observation_end=END)
    by = paths.groupby("customer_id")
    pd.testing.assert_series_equal(by["purchases"].sum(), summary["frequency"], check_names=False)
    assert (by["start"].first() == 0).all()
    assert (by["end"].last() > summary["T"]).all()
    following = paths["customer_id"].eq(paths["customer_id"].shift(-1))
    assert (paths["start"].shift(-1) == paths["end"])[following].all()
    last = paths[(paths["purchases"] > 0)].groupby("customer_id")[["start", "end"]].last()
    recency = summary.loc[last.index, "recency"]
    assert ((last["start"] <= recency + 1e-9) & (recency < last["end"])).all()


def test_a_purchase_has_the_covariates_of_its_day():
    paths = covariate_paths(LOG, WEEKS, observation_end=END)
    day = LOG.drop_duplicates().sort_values(["customer_id", "timestamp"])
    day = day[day["customer_id"].duplicated()]
    weeks = WEEKS.rename(columns={"period_start": "timestamp"}).sort_values("timestamp")
    weeks["timestamp"] = weeks["timestamp"].astype(day["timestamp"].dtype)
    found = pd.merge_asof(day.sort_values("timestamp"), weeks, on="timestamp", by="customer_id")
    expected = found.groupby("customer_id")["price"].sum()
    ours = (paths["price"] * paths["purchases"]).groupby(paths["customer_id"]).sum().loc[expected.index]
    np.testing.assert_allclose(ours, expected)


def test_one_answer_on_every_engine(engine):
    expected = covariate_paths(LOG, WEEKS, unit="W", observation_end=END)
    found = covariate_paths(engine.frame(LOG), engine.frame(WEEKS), unit="W", observation_end=END)
    assert engine.owns(found)
    table = engine.pandas(found).sort_values(["customer_id", "start"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)
    if engine.name in ("pandas", "pyarrow"):
        assert get_ruler(found) == get_ruler(summarize(LOG, unit="W", observation_end=END))


def test_months_days_and_hours():
    months = weekly(range(20), "2023-12-01", 6, "MS")
    paths = covariate_paths(LOG, months, covariate_period="M", observation_end=END)
    first = summarize(LOG, observation_end=END)["T"].max()
    assert paths["end"].max() == (pd.Timestamp("2024-06-01") - pd.Timestamp(END)).days + first
    days = weekly(range(20), "2024-01-01", 120, "D")
    one = covariate_paths(LOG, days, covariate_period="D", observation_end=END)
    assert ((one["end"] - one["start"]) == 1).all()
    whole = covariate_paths(LOG, months, covariate_period="M", period="M", unit="M", observation_end="2024-03-31")
    assert set((whole["end"] - whole["start"]).round(9)) == {1.0}
    hours = covariate_paths(LOG, WEEKS, period="h", unit="D", observation_end=END)
    assert hours["purchases"].sum() == one["purchases"].sum()


def faults_of(covariates, log=LOG, **options):
    with pytest.raises(DataError) as caught:
        covariate_paths(log, covariates, observation_end=END, **options)
    return "\n".join(caught.value.faults)


def spoilt(rows, column, value):
    frame = WEEKS.astype({"season": float})
    frame.loc[rows, column] = value
    return frame


def test_what_is_wrong_is_named_and_counted():
    assert "2 of 20 customers of the log have no row" in faults_of(WEEKS[WEEKS["customer_id"] > 1])
    assert "20 of 20 customers of the log have no row" in faults_of(
        WEEKS.assign(customer_id=WEEKS["customer_id"].map("c{}".format))
    )
    gap = WEEKS.drop(index=WEEKS.index[(WEEKS["period_start"] == "2024-03-24")][:3])
    assert "periods are left out in 3 places of 3 customers" in faults_of(gap)
    assert "repeat the customer and the start" in faults_of(pd.concat([WEEKS, WEEKS.iloc[:2]]))
    assert "the rows of 20 of 20 customers end before the observation does" in faults_of(
        WEEKS[WEEKS["period_start"] < "2024-03-20"]
    )
    assert "begin after the first purchase" in faults_of(WEEKS[WEEKS["period_start"] >= "2024-01-28"])
    assert "rows begin while the one before still holds" in faults_of(WEEKS, covariate_period="M")
    assert "covariate 'price' is missing or infinite in 2 of 400 rows" in faults_of(spoilt([0, 5], "price", np.inf))
    assert "covariate 'season' is missing or infinite in 1 of 400 rows" in faults_of(spoilt([7], "season", np.nan))
    assert "column 'period_start' is missing in 1 of 400 rows" in faults_of(spoilt([3], "period_start", pd.NaT))
    assert "rows begin within a period='W' of the summary" in faults_of(WEEKS, period="W")
    assert "'start' cannot name a covariate" in faults_of(WEEKS.assign(start=1.0))
    assert "there is no column of covariates" in faults_of(WEEKS[["customer_id", "period_start"]])
    assert "did you mean" in faults_of(WEEKS.rename(columns={"period_start": "Period_start"}))
    with pytest.raises(ValueError, match="covariate_period"):
        covariate_paths(LOG, WEEKS, covariate_period="Q")


def test_all_faults_stand_in_one_message_and_name_nobody():
    log = LOG.assign(customer_id=LOG["customer_id"].map("secret-{}".format))
    frame = WEEKS.assign(customer_id=WEEKS["customer_id"].map("secret-{}".format))
    frame = frame[(frame["customer_id"] != "secret-3") & (frame["period_start"] < "2024-03-20")]
    text = faults_of(frame, log)
    assert "have no row" in text
    assert "end before the observation does" in text
    assert "secret" not in text
    text = faults_of(frame.assign(price="dear", season=np.inf), log)
    assert "price" in text
    assert "season" in text
    assert "dear" not in text
