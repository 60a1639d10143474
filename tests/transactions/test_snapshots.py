import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.exceptions import LogWarning
from crmml.frames import get_ruler, to_columns
from crmml.transactions import SnapshotData, snapshots, summarize

ALL = ["rfm", "trend", "rhythm", "basket", "category", "season", "history"]
NAMES = {"value": "value", "basket": "basket", "category": "category"}


@pytest.fixture(scope="module")
def cdnow():
    return load_cdnow_sample()


@pytest.fixture(scope="module")
def lines():
    """Lines of baskets with times of day, a few customers, some categories missing."""
    rng = np.random.default_rng(3)
    n = 900
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 40, n),
            "timestamp": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 700 * 24 * 60, n), unit="min"),
            "value": np.round(rng.gamma(2.0, 10.0, n), 2),
            "category": rng.choice(["a", "b", "c", None], n, p=[0.5, 0.3, 0.15, 0.05]),
        }
    )
    log["basket"] = log["customer_id"] * 1000 + log["timestamp"].dt.day_of_year
    return log


def slowly(log, cutoff, horizon, window, n_lags=12):
    """Every feature of one cutoff by its definition, customer by customer."""
    cutoff = pd.Timestamp(cutoff)
    last = (cutoff - pd.Timedelta(microseconds=1)).normalize()
    rows = {}
    for customer, own in log[log["timestamp"] < cutoff].groupby("customer_id"):
        day = own["timestamp"].dt.normalize()
        days = pd.DatetimeIndex(np.sort(day.unique()))
        total = own.groupby(day)["value"].sum()
        gaps = np.diff(days) / pd.Timedelta(days=1)
        open_gap = (last - days[-1]).days
        row = {
            "frequency": len(days) - 1,
            "recency": (days[-1] - days[0]).days,
            "T": (last - days[0]).days,
            "time_since_last": open_gap,
            "monetary_value": total.iloc[1:].mean() if len(days) > 1 else 0.0,
            "value_per_day": total.mean(),
        }

        def between(since, until, days=days):
            return int(((days >= since) & (days <= until)).sum())

        step = pd.Timedelta(days=window)
        for name in ("purchases", "value"):
            borders = [
                (last - step + pd.Timedelta(days=1), last),
                (last - 2 * step + pd.Timedelta(days=1), last - step),
            ]
            late, early = (
                between(*border) if name == "purchases" else total[border[0] : border[1]].sum() for border in borders
            )
            early = early if days[0] <= last - step else np.nan
            both = late + early
            row |= {f"{name}_last_window": late, f"{name}_window_before": early}
            row[f"{name}_trend"] = 0.0 if both == 0 else (late - early) / both
        some = len(gaps) > 0
        row |= {
            "gap_mean": gaps.mean() if some else np.nan,
            "gap_sd": gaps.std(ddof=1) if len(gaps) > 1 else np.nan,
            "gap_last": gaps[-1] if some else np.nan,
            "lateness": open_gap / gaps.mean() if some else np.nan,
            "gaps_exceeded": (gaps <= open_gap).mean() if some else np.nan,
        }
        baskets = own["basket"].nunique()
        row |= {
            "baskets": baskets,
            "lines_per_basket": len(own) / baskets,
            "value_per_basket": own["value"].sum() / baskets,
        }
        share = own["category"].value_counts(normalize=True)
        row |= {
            "categories": len(share),
            "category_entropy": -(share * np.log(share)).sum() if len(share) else np.nan,
        }
        angle = 2 * np.pi * ((cutoff + pd.Timedelta(days=horizon / 2)).day_of_year - 0.5) / 365.25
        since = (cutoff - pd.DateOffset(years=1)).normalize()
        until = min(since + pd.Timedelta(days=horizon - 1), last)
        row |= {"season_sin": np.sin(angle), "season_cos": np.cos(angle)}
        row["purchases_same_season"] = between(since, until) if days[0] <= until else np.nan
        for lag in range(1, n_lags + 1):
            until = last - (lag - 1) * step
            row[f"purchases_lag_{lag}"] = (
                between(until - step + pd.Timedelta(days=1), until) if days[0] <= until else np.nan
            )
        end = cutoff + pd.Timedelta(days=horizon)
        ahead = log[(log["customer_id"] == customer) & (log["timestamp"] >= cutoff) & (log["timestamp"] < end)]
        row["y"] = int(ahead.empty)
        rows[customer] = row
    return pd.DataFrame.from_dict(rows, orient="index")


@pytest.mark.parametrize("cutoffs", [["2023-09-01", "2024-03-01"], ["2023-09-01 13:30", "2023-09-20 04:15"]])
def test_every_feature_by_its_definition(lines, cutoffs):
    data = snapshots(lines, cutoffs=cutoffs, horizon=60, features=ALL, lookback=20, **NAMES)
    expected = pd.concat([slowly(lines, cutoff, 60, 20) for cutoff in cutoffs])
    assert data.customer_id.tolist() == expected.index.tolist()
    assert data.y.tolist() == expected["y"].tolist()
    expected = expected.drop(columns="y").reset_index(drop=True).astype(float)
    pd.testing.assert_frame_equal(data.X.astype(float), expected, check_names=False, rtol=1e-12)


def test_on_every_engine(engine, lines):
    args = {"cutoffs": ["2023-09-01 13:30", "2024-03-01"], "horizon": "60D", "features": ALL, **NAMES}
    log = lines[lines["category"].notna()]
    data = snapshots(engine.frame(log), **args)
    assert engine.owns(data.X)
    wanted = snapshots(log, **args)
    pd.testing.assert_frame_equal(to_columns(data.X, list(wanted.X)), wanted.X, check_dtype=False, rtol=1e-12)
    np.testing.assert_array_equal(data.y, wanted.y)
    np.testing.assert_array_equal(data.customer_id, wanted.customer_id)
    np.testing.assert_array_equal(data.cutoff, wanted.cutoff)
    assert len(data.at("2024-03-01")) == (wanted.cutoff == np.datetime64("2024-03-01")).sum()


def test_rfm_is_the_summary_at_the_cutoff(cdnow):
    data = snapshots(cdnow, cutoffs="1997-10-01", horizon=180, unit="D", value="value", features=["rfm"])
    summary = summarize(cdnow[cdnow["timestamp"] < "1997-10-01"], value="value", observation_end="1997-09-30")
    names = ["frequency", "recency", "T", "monetary_value"]
    pd.testing.assert_frame_equal(data.X[names], summary[names], check_dtype=False, rtol=1e-12)
    assert data.customer_id.tolist() == summary["customer_id"].tolist()
    assert get_ruler(data.X).unit == "D"
    weeks = snapshots(cdnow, cutoffs="1997-10-01", horizon=26, unit="W", features=["rfm"])
    np.testing.assert_allclose(weeks.X["T"], data.X["T"] / 7, rtol=1e-15)
    assert weeks.horizon == pd.Timedelta(days=182)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cut=st.integers(30, 160),
    hour=st.sampled_from([0, 0, 11]),
    horizon=st.integers(5, 39),
)
def test_nothing_after_the_cutoff_changes_a_feature(seed, cut, hour, horizon):
    rng = np.random.default_rng(seed)
    n = 150
    start = pd.Timestamp("2022-01-01")
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 12, n),
            "timestamp": start + pd.to_timedelta(rng.integers(0, 200 * 24, n), unit="h"),
            "value": rng.gamma(1.0, 30.0, n),
            "basket": rng.integers(0, 60, n),
            "category": rng.choice(list("abc"), n),
        }
    )
    log.loc[0, "timestamp"] = start
    cutoff = start + pd.Timedelta(days=cut, hours=hour)
    args = {"cutoffs": cutoff, "horizon": horizon, "features": ALL, "incomplete": "unlabelled", **NAMES}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LogWarning)
        whole, cut_off = snapshots(log, **args), snapshots(log[log["timestamp"] < cutoff], **args)
    pd.testing.assert_frame_equal(whole.X, cut_off.X, check_exact=True)
    assert np.isnan(cut_off.y).all()
    ahead = log[(log["timestamp"] >= cutoff) & (log["timestamp"] < cutoff + pd.Timedelta(days=horizon))]
    np.testing.assert_array_equal(whole.y, ~np.isin(whole.customer_id, ahead["customer_id"].unique()))
    values = whole.X.to_numpy(dtype=float)
    assert not np.isinf(values).any()


def test_label_window_is_closed_at_the_cutoff_and_open_at_its_end():
    log = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 4, 1, 2, 3, 4, 5],
            "timestamp": pd.to_datetime(
                ["2024-01-01 00:00:00"] * 4
                + [
                    "2024-02-01 00:00:00",
                    "2024-01-31 23:59:59",
                    "2024-03-02 00:00:00",
                    "2024-03-01 23:59:59",
                    "2024-06-01 00:00:00",
                ]
            ),
        }
    )
    data = snapshots(log, cutoffs="2024-02-01", horizon=30, features=["rfm"])
    assert dict(zip(data.customer_id.tolist(), data.y.tolist(), strict=True)) == {1: 0, 2: 1, 3: 1, 4: 0}


def test_rows_without_a_complete_label_window_are_refused_or_unlabelled(cdnow):
    with pytest.raises(
        DataError, match=r"runs to 1998-09-28, past the end of observation 1998-06-30; the last .* is 1998-04-02"
    ):
        snapshots(cdnow, cutoffs=["1998-01-01", "1998-06-30"], horizon=90)
    data = snapshots(cdnow, cutoffs=["1998-01-01", "1998-06-30"], horizon=90, incomplete="unlabelled")
    late = data.cutoff == np.datetime64("1998-06-30")
    assert np.isnan(data.y[late]).all()
    assert not np.isnan(data.y[~late]).any()
    assert "2,357 rows have no label yet" in data.describe()
    last = snapshots(cdnow, cutoffs="1998-04-02", horizon=90)
    assert last.y.dtype == np.int64
    earlier_end = {"cutoffs": "1998-04-02", "horizon": 90, "observation_end": "1998-06-29"}
    with (
        pytest.warns(LogWarning, match="after the observation end 1998-06-29"),
        pytest.raises(DataError, match="past the end of observation 1998-06-29"),
    ):
        snapshots(cdnow, **earlier_end)


def test_every_fault_of_the_cutoffs_at_once(cdnow):
    with pytest.raises(DataError) as caught:
        snapshots(cdnow, cutoffs=["1996-01-01", "1997-01-01", "1998-06-01"], horizon=60)
    assert len(caught.value.faults) == 3
    with pytest.raises(DataError, match="1997-05-01 is there twice"):
        snapshots(cdnow, cutoffs=["1997-05-01", "1997-05-01"], horizon=60)
    with pytest.raises(DataError, match="there is none"):
        snapshots(cdnow, cutoffs=[], horizon=60)
    with pytest.raises(DataError, match="'soon' cannot be read as a date"):
        snapshots(cdnow, cutoffs="soon", horizon=60)


@pytest.mark.parametrize("horizon", [0, -1, np.nan, "long", None])
def test_lengths_that_are_none(cdnow, horizon):
    with pytest.raises(ValueError, match=r"horizon=.* must be a length of time above 0"):
        snapshots(cdnow, cutoffs="1997-10-01", horizon=horizon)


def test_features_by_name(cdnow):
    with pytest.raises(ValueError, match="'rhytm' are not known; choose from 'rfm', 'trend'"):
        snapshots(cdnow, cutoffs="1997-10-01", horizon=180, features=["rhytm"])
    with pytest.raises(ValueError, match="needs the column: name it as basket="):
        snapshots(cdnow, cutoffs="1997-10-01", horizon=180, features=["basket"])
    with pytest.raises(ValueError, match="names of groups and callables, not 3"):
        snapshots(cdnow, cutoffs="1997-10-01", horizon=180, features=[3])
    with pytest.raises(DataError, match="column 'shop' is missing"):
        snapshots(cdnow, cutoffs="1997-10-01", horizon=180, category="shop")
    with pytest.raises(ValueError, match="incomplete='no' is not known"):
        snapshots(cdnow, cutoffs="1997-10-01", horizon=180, incomplete="no")
    data = snapshots(cdnow, cutoffs="1997-10-01", horizon=180, features="history", n_lags=3)
    assert list(data.X) == ["purchases_lag_1", "purchases_lag_2", "purchases_lag_3"]
    assert not {"basket", "categories"} & set(snapshots(cdnow, cutoffs="1997-10-01", horizon=180).X)


def test_own_features_see_the_log_before_the_cutoff_only(cdnow):
    def quantity(log, cutoff):
        assert log["timestamp"].max() < cutoff
        return log[log["customer_id"] > 100].groupby("customer_id", as_index=False)["quantity"].sum()

    data = snapshots(cdnow, cutoffs="1997-10-01", horizon=180, features=["rfm", quantity])
    before = cdnow[cdnow["timestamp"] < "1997-10-01"]
    assert data.X["quantity"].sum() == before.loc[before["customer_id"] > 100, "quantity"].sum()
    assert data.X["quantity"].isna().sum() == (data.customer_id <= 100).sum() > 0
    for wrong, error, message in (
        (lambda log, cutoff: 3, TypeError, "returned int; return a frame"),
        (lambda log, cutoff: log[["quantity"]], DataError, "column 'customer_id' is missing"),
        (lambda log, cutoff: log[["customer_id", "quantity"]], DataError, "have more than one row"),
        (
            lambda log, cutoff: log.groupby("customer_id", as_index=False).agg(T=("quantity", "sum")),
            DataError,
            "column 'T' is there already",
        ),
    ):
        with pytest.raises(error, match=message):
            snapshots(cdnow, cutoffs="1997-10-01", horizon=180, features=["rfm", wrong])


def test_eligibility_is_decided_at_the_cutoff(cdnow):
    args = {"cutoffs": "1997-10-01", "horizon": 180, "features": ["rfm"]}
    everyone = snapshots(cdnow, **args)
    recent = snapshots(cdnow, eligible=90, **args)
    assert len(everyone) == 2357
    assert recent.customer_id.tolist() == everyone.customer_id[everyone.X["time_since_last"] < 90].tolist()
    repeaters = snapshots(cdnow, eligible=lambda X: X["frequency"] > 0, **args)
    assert (repeaters.X["frequency"] > 0).all()
    with pytest.raises(ValueError, match=r"one boolean per row, shape \(2357,\)"):
        snapshots(cdnow, eligible=lambda X: 1, **args)
    with pytest.raises(DataError, match="no customer is eligible"):
        snapshots(cdnow, eligible=lambda X: X["frequency"] > 1e6, **args)


def test_a_horizon_shorter_than_the_rhythm_is_called_out(cdnow):
    log = pd.DataFrame({"customer_id": [1] * 12, "timestamp": pd.date_range("2023-01-01", periods=12, freq="40D")})
    with pytest.warns(LogWarning, match=r"horizon of 10 days .* 40 days .* churned 75% of the time"):
        snapshots(log, cutoffs="2024-01-01", horizon=10, features=["rfm"])
    snapshots(log, cutoffs="2024-01-01", horizon=40, features=["rfm"])


def test_data_unpacks_and_describes_itself(cdnow):
    data = snapshots(cdnow, cutoffs=["1997-10-01", "1997-11-01"], horizon=180, features=["rfm"])
    X, y, cutoff, customer_id = data
    assert isinstance(data, SnapshotData)
    assert len(X) == len(y) == len(cutoff) == len(customer_id) == len(data)
    assert "4,714 rows of 2,357 customers at 2 cutoffs from 1997-10-01 to 1997-11-01" in data.describe()
    assert f"{y.mean():.1%} bought nothing in the 180 days after" in data.describe()
    assert "Label windows overlap" in data.describe()
    assert list(data.groups) == ["customer_id", "cutoff", "label_end"]
    assert ((data.groups["label_end"] - data.groups["cutoff"]) == pd.Timedelta(days=180)).all()
    with pytest.raises(DataError, match="1997-12-01 is no cutoff; there are 1997-10-01, 1997-11-01"):
        data.at("1997-12-01")


def test_faults_of_the_log_are_those_of_a_summary():
    log = pd.DataFrame({"customer_id": [1, None], "timestamp": ["2024-01-01", "2024-01-05"], "value": [1.0, -2.0]})
    with pytest.raises(DataError) as caught:
        snapshots(log, cutoffs="2024-01-03", horizon=1, value="value")
    assert len(caught.value.faults) == 2


def test_a_basket_that_another_cutoff_cuts_in_two_is_one():
    moments = ["2023-01-01 06:59", "2023-01-01 07:01", "2023-03-01 12:00", "2023-12-31 12:00"]
    log = pd.DataFrame({"customer_id": 1, "timestamp": pd.to_datetime(moments), "basket": [1, 1, 2, 3]})
    asked = {"horizon": 30, "features": ["basket"], "basket": "basket"}
    alone = snapshots(log, cutoffs="2023-06-01", **asked).X
    beside = snapshots(log, cutoffs=["2023-01-01 07:00", "2023-06-01"], **asked).X.iloc[[-1]]
    assert alone["baskets"].tolist() == beside["baskets"].tolist() == [2]
    assert alone["lines_per_basket"].tolist() == beside["lines_per_basket"].tolist() == [1.5]


def test_own_features_for_customers_of_another_type_are_refused(cdnow):
    def counted(log, cutoff):
        return log.groupby("customer_id").size().rename("n").reset_index().astype({"customer_id": str})

    with pytest.raises(DataError, match="no 'customer_id' of it is one of the log's"):
        snapshots(cdnow, cutoffs="1997-10-01", horizon=180, features=["rfm", counted])
    with pytest.raises(ValueError, match="features is empty"):
        snapshots(cdnow, cutoffs="1997-10-01", horizon=180, features=[])
    with pytest.raises(DataError, match="is no moment"):
        snapshots(cdnow, cutoffs=None, horizon=180)


def test_a_text_of_ones_own_that_leaves_customers_out_is_missing_there(engine):
    log = load_cdnow_sample()[["customer_id", "timestamp", "value"]].query("customer_id < 300")

    def letter(before, cutoff):
        ids = sorted(set(engine.pandas(before)["customer_id"]))
        return pd.DataFrame({"customer_id": ids[1:], "letter": ["a"] * (len(ids) - 1)})

    data = snapshots(engine.frame(log), cutoffs=["1997-10-01"], horizon=90, features=["rfm", letter], value="value")
    found = engine.pandas(data.X)["letter"]
    assert found.isna().sum() == 1
    assert set(found.dropna()) == {"a"}


def test_faults_of_all_arguments_are_told_at_once():
    with pytest.raises(DataError) as caught:
        snapshots(
            load_cdnow_sample(),
            cutoffs=["soon"],
            horizon=-1,
            unit="week",
            features=["rhytm", "basket", 3],
            eligible="ever",
            lookback="6M",
            n_lags=0,
            incomplete="no",
        )
    said = "\n".join(caught.value.faults)
    for part in (
        "unit='week'",
        "incomplete='no'",
        "n_lags=0",
        "'rhytm'",
        "as basket=",
        "not 3",
        "horizon=-1",
        "lookback='6M'",
    ):
        assert part in said
    assert "eligible='ever'" in said
    assert "'soon' cannot be read" in said
    assert len(caught.value.faults) == 10
