import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmml.exceptions import DataError, LogWarning
from crmml.segments import key_accounts
from crmml.segments.key_accounts import _lost, _sum_of, _variation
from crmml.stages import LifecycleStager
from crmml.transactions.activity import read_activity


def log_of(rhythms, start="2024-01-01", value=100.0):
    """One account for each (identifier, gap in days, visits)."""
    parts = [
        pd.DataFrame(
            {"customer_id": name, "timestamp": pd.date_range(start, periods=n, freq=f"{gap}D"), "value": value}
        )
        for name, gap, n in rhythms
    ]
    return pd.concat(parts, ignore_index=True)


def base():
    return log_of([("weekly", 7, 40), ("lapsed", 7, 20), ("monthly", 30, 9), ("seldom", 90, 3), ("once", 1, 1)])


def test_figures_by_hand(engine):
    log = base()
    report = key_accounts(engine.frame(log), value="value", as_of="2024-10-01")
    stager = LifecycleStager().fit(log, observation_end="2024-10-01")
    mu, r = stager.pooled_interpurchase_time_, stager.pooled_strength_
    assert (report.expected_gap, report.strength) == (pytest.approx(mu), pytest.approx(r))
    assert engine.owns(report.table)
    table = engine.pandas(report.table).set_index("customer_id")
    row, k, s = table.loc["lapsed"], 19, 133
    c = (pd.Timestamp("2024-10-01") - log.query("customer_id == 'lapsed'")["timestamp"].max()).days
    assert row["expected_gap"] == pytest.approx((r * mu + s) / (r + k))
    assert row["since_last"] == c
    assert row["silence_probability"] == pytest.approx(((r * mu + s) / (r * mu + s + c)) ** (r + k))
    assert row["missed"] == pytest.approx(c / row["expected_gap"])
    assert row["missed_lower"] < row["missed"] < row["missed_upper"]
    assert row["lost_value"] == pytest.approx(100 * row["missed"])
    visits = row[["missed_lower", "missed_upper"]]  # all visits are worth 100, so that only their number is uncertain
    assert row[["lost_value_lower", "lost_value_upper"]].to_numpy() == pytest.approx(100 * visits.to_numpy(dtype=float))
    assert table["overdue"].tolist() == (table["silence_probability"] < 0.05).tolist()
    assert engine.pandas(report.overdue)["customer_id"].tolist() == ["lapsed"]
    lost, lower, upper = report.lost_value
    assert (lost, lower, upper) == pytest.approx(tuple(row[["lost_value", "lost_value_lower", "lost_value_upper"]]))


def test_words_hold_no_identifier():
    report = key_accounts(base(), value="value", as_of="2024-10-01")
    text = report.describe() + repr(report)
    assert "1 of 5 key accounts is overdue as of 2024-10-01" in text
    assert "probability below 0.1%" in key_accounts(base(), significance=0.001).describe()
    assert "lost value of" in text
    assert not any(name in text for name in ("weekly", "lapsed", "monthly", "seldom", "once,"))


def test_visits_without_values_in_another_unit():
    report = key_accounts(base().drop(columns="value"), as_of="2024-10-01", unit="W")
    in_days = key_accounts(base(), as_of="2024-10-01")
    assert report.lost_value is None
    assert "lost_value" not in report.table
    np.testing.assert_allclose(report.table["since_last"] * 7, in_days.table["since_last"])
    np.testing.assert_allclose(report.table["missed"], in_days.table["missed"])
    assert "lost value" not in report.describe()


def test_later_events_are_not_looked_at():
    log = base()
    early = log[log["timestamp"] <= "2024-06-30"]
    expected = key_accounts(early, value="value", as_of="2024-06-30")
    with pytest.warns(LogWarning, match="are after the observation end 2024-06-30 and are left out"):
        report = key_accounts(log, value="value", as_of="2024-06-30")
    pd.testing.assert_frame_equal(report.table, expected.table)


def test_accounts_by_name_and_by_share():
    log = base()
    some = key_accounts(log, accounts=["seldom", "weekly"], value="value", as_of="2024-10-01")
    assert set(some.table["customer_id"]) == {"seldom", "weekly"}
    everyone = key_accounts(log, value="value", as_of="2024-10-01")
    assert some.expected_gap == everyone.expected_gap  # the pool is all customers
    top = key_accounts(log, accounts=0.4, value="value", as_of="2024-10-01")
    assert set(top.table["customer_id"]) == {"weekly", "lapsed"}
    assert key_accounts(log, accounts=0.2, as_of="2024-10-01").table["customer_id"].tolist() == ["weekly"]
    with pytest.raises(DataError, match="1 of 2 are not in the log") as caught:
        key_accounts(log, accounts=["weekly", "secret-name"])
    assert "secret-name" not in str(caught.value)
    with pytest.raises(ValueError, match="a share is a float in"):
        key_accounts(log, accounts=1.5)
    with pytest.raises(ValueError, match="a share is a float"):  # one account, or all of them?
        key_accounts(log, accounts=1)
    with pytest.raises(TypeError, match="list of identifiers"):
        key_accounts(log, accounts="weekly")


def test_overdue_is_as_rare_as_the_level_says_where_rhythms_go_on():
    rng = np.random.default_rng(0)
    rate = rng.gamma(2.0, 1 / 40.0, 1500)
    rows = []
    for name, each in enumerate(rate):
        days = np.cumsum(rng.exponential(1 / each, 200))
        rows += [(name, day) for day in days[days < 730]]
    log = pd.DataFrame(rows, columns=["customer_id", "day"])
    log["timestamp"] = pd.Timestamp("2022-01-01") + pd.to_timedelta(log["day"].astype(int), unit="D")
    report = key_accounts(log, as_of="2023-12-31")
    assert 0.03 < report.n_overdue / report.n_accounts < 0.07


@pytest.mark.parametrize(("strength", "gaps"), [(0.5, 1), (1.0, 3), (12.0, 3)])
@pytest.mark.parametrize("variation", [0.0, 0.8])
def test_bounds_of_lost_value_hold_the_truth_on_both_sides(strength, gaps, variation):
    rng = np.random.default_rng(0)
    n, silence, mean_gap = 20_000, 60.0, 30.0
    rate = rng.gamma(strength, 1 / (strength * mean_gap), n)
    shape, total = strength + gaps, strength * mean_gap + rng.gamma(gaps, 1 / rate)
    sigma = np.sqrt(np.log1p(variation**2))
    mean = rng.lognormal(-(sigma**2) / 2, sigma, (n, gaps + 1)).mean(axis=1)
    of_mean = np.full(n, variation**2 / (gaps + 1))
    found = _lost(mean, silence * shape / total, np.full(n, shape), of_mean, 0.05)
    truth = rate * silence
    missed = np.mean(truth < found["lost_value_lower"]), np.mean(truth > found["lost_value_upper"])
    if variation == 0:  # exact: 5 % on either side, within four standard errors
        assert missed == pytest.approx((0.05, 0.05), abs=4 * np.sqrt(0.05 * 0.95 / n))
    assert sum(missed) == pytest.approx(0.1, abs=0.02)
    assert max(missed) < 0.07
    groups = (-1, 20)
    variance = found["lost_value"] ** 2 * (1 / shape + of_mean) / (1 + of_mean)
    sums = [
        _sum_of(*each, 0.05) for each in zip(found["lost_value"].reshape(groups), variance.reshape(groups), strict=True)
    ]
    inside = [
        lower <= true <= upper for (_, lower, upper), true in zip(sums, truth.reshape(groups).sum(axis=1), strict=True)
    ]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.04)  # four standard errors of 1,000 sums


def test_bad_logs_are_refused():
    with pytest.raises(DataError, match="none of its 2 customers came on two different days"):
        key_accounts(log_of([("a", 1, 1), ("b", 1, 1)]))
    log = base()
    log.loc[0, "value"] = np.nan
    with pytest.raises(DataError, match="column 'value' is missing in 1 of 73 rows"):
        key_accounts(log, value="value")
    with pytest.raises(ValueError, match="significance=0"):
        key_accounts(base(), significance=0)


def test_the_variation_of_values_and_of_a_sum_by_hand():
    days = pd.date_range("2024-01-01", periods=6, freq="7D")
    log = pd.DataFrame(
        {
            "customer_id": ["a"] * 6 + ["b"] * 3,
            "timestamp": [*days, *days[:3]],
            "value": [4.0, 6, 4, 6, 4, 6, 9, 10, 11],
        }
    )
    activity = read_activity(log, "customer_id", "timestamp", "value", None)
    total, n = np.array([30.0, 30.0]), np.array([6.0, 3.0])
    pooled = (6 * 1.0 / 5**2 + (1 + 0 + 1) / 10**2) / (5 + 2)
    assert _variation(activity, total, n) == pytest.approx(pooled, rel=1e-12)
    report = key_accounts(log, value="value", as_of="2024-12-31")
    assert report.n_overdue == 2
    table = report.table
    k, shape = table["visits"].to_numpy() - 1.0, report.strength + table["visits"].to_numpy() - 1.0
    of_mean = pooled / (k + 1)
    variance = (table["lost_value"].to_numpy() ** 2 * (1 / shape + of_mean) / (1 + of_mean)).sum()
    lost = table["lost_value"].sum()
    ends = stats.gamma.ppf([0.05, 0.95], lost**2 / variance) * variance / lost
    assert report.lost_value == pytest.approx((lost, *ends), rel=1e-9)


def test_a_report_is_a_frame_and_its_picture_and_page_name_nobody():
    report = key_accounts(base(), value="value", as_of="2024-10-01")
    pd.testing.assert_frame_equal(report.to_frame(), report.table)
    display = report.plot()
    assert display.table["value"].tolist() == [report.lost_value[0]]
    assert key_accounts(base(), as_of="2024-10-01").plot().table["quantity"].tolist() == ["missed visits"]
    plt.close("all")
    assert "lapsed" not in report._repr_html_()


def test_a_coverage_of_90_is_refused_before_the_log_is_read():
    with pytest.raises(ValueError, match=r"coverage=90 .* write 0.9 for 90 %"):
        key_accounts(None, coverage=90)
    with pytest.raises(ValueError, match=r"significance=5 must be a number between 0 and 1; write 0.05 for 5 %"):
        key_accounts(None, significance=5)
