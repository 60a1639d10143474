import pandas as pd
import pytest

from crmml.datasets import load_cdnow_sample
from experiments import calendar


def test_a_split_before_and_after():
    log = calendar.days_of(load_cdnow_sample())
    purchases, money = calendar.judge("cdnow sample", log, "1997-10-01", 273)
    assert purchases.happened == 1882  # as published
    assert purchases.plain == pytest.approx(1577, abs=1)
    assert purchases.lifetimes == pytest.approx(purchases.plain, rel=1e-4)
    assert not purchases.plain_holds
    assert purchases.holds
    assert abs(purchases.miss()) < abs(purchases.miss("plain"))
    assert 0.87 < purchases.pit < 0.93
    assert money.what == "money"
    assert money.holds
    said = calendar.report([purchases, money])
    assert "hold in 100% of 1 splits (plain time: 0%)" in said


def test_cutoffs_of_a_log_of_one_s_own():
    log = pd.DataFrame({"customer_id": [1, 2], "timestamp": pd.to_datetime(["2020-01-01", "2021-12-31"])})
    assert calendar.splits_of(log) == [
        ("2020-12-31", 90),
        ("2020-12-31", 182),
        ("2020-12-31", 365),
        ("2021-04-19", 90),
        ("2021-04-19", 182),
        ("2021-08-07", 90),
    ]


def test_the_command_takes_a_log(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    log = load_cdnow_sample().rename(columns={"customer_id": "who", "timestamp": "when"})
    log[["who", "when"]].to_csv("mine.csv", index=False)
    calendar.main(["--log", "mine.csv", "--customer-id", "who", "--timestamp", "when", "--splits", "1998-01-15:90"])
    said = capsys.readouterr().out
    assert "mine" in said
    assert "of 1 splits" in said


def test_totals_of_simulated_logs():
    """Eight logs: 90 % intervals that held in 50 % would fail in 86 of 100 runs of other seeds."""
    with_season, words = calendar.simulation(8, True, 1)
    assert with_season["coverage"] >= 6 / 8
    assert with_season["coverage"] > with_season["plain_coverage"]
    assert with_season["curve_error"] < 0.6 * with_season["curve_spread"]
    assert "8 simulated logs with a season" in words
    still = calendar.judge_simulated(calendar.FIRST_SEED, season=False)
    assert still["curve_error"] < 0.08
    assert abs(still["expected"] / still["plain"] - 1) < 0.08
