import numpy as np
import pandas as pd
import pytest

from .conftest import LOG_OPTIONS, run


def test_another_model(orders):
    done = run("fit", "orders.csv", "--name", "shop", *LOG_OPTIONS, "--model", "pareto-nbd")
    assert done.exit_code == 0, done.output
    assert "Pareto/NBD fitted on 2,357 customers" in done.output


def test_fit_checks_against_held_out_time(orders):
    done = run("fit", "orders.csv", "--name", "shop", *LOG_OPTIONS, "--calibration-end", "1997-09-30")
    assert done.exit_code == 0, done.output
    assert "Over the 39 held-out weeks the customers bought 1,882 times again" in done.output
    assert "expected 1,653: 229 too few, a miss of 12.1%" in done.output


@pytest.mark.parametrize("name", ["shop/2024", "shop:1", "shop@champion"])
def test_a_name_that_no_address_can_hold_is_refused(orders, name):
    done = run("fit", "orders.csv", "--name", name, *LOG_OPTIONS)
    assert done.exit_code == 2
    assert "must not contain" in done.stderr


def test_faults_of_all_options_are_told_at_once_before_anything_is_read(orders):
    done = run(
        "fit",
        "orders.csv",
        "--name",
        "a/b",
        "--margin",
        "30",
        "--annual-discount-rate",
        "8",
        "--calibration-end",
        "1997-09-30",
    )
    assert done.exit_code == 2
    for part in ("4 faults", "must not contain /", "name its --timestamp", "write 0.3 for 30 %", "write 0.08 for 8 %"):
        assert part in done.stderr


def test_a_fit_that_has_not_converged_is_said_and_not_made_champion(orders):
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(
        np.sort(rng.integers(0, 180, (400, 8)), axis=1).ravel(), unit="D"
    )
    pd.DataFrame({"customer_id": np.repeat(np.arange(400), 8), "timestamp": days}).to_csv("log.csv", index=False)
    options = ["--name", "shop", "--timestamp", "timestamp", "--unit", "D"]
    done = run("fit", "log.csv", *options)
    assert done.exit_code == 0
    assert "found no interior optimum" in done.stderr
    assert "not the champion: the fit of BetaGeoNBD has not converged" in done.stdout
    assert run("score", "shop", "log.csv", "scores.parquet", *options[2:]).exit_code == 2
    assert "now the champion" in run("fit", "log.csv", *options, "--force").stdout
    assert run("score", "shop", "log.csv", "scores.parquet", *options[2:]).exit_code == 0


def test_heavy_tailed_money_is_modelled_and_scored(orders):
    rng = np.random.default_rng(0)
    own = dict(zip(orders["buyer"].unique(), (rng.pareto(0.7, orders["buyer"].nunique()) + 1) * 1e5, strict=True))
    orders["amount"] = orders["buyer"].map(own) * rng.gamma(2, 0.5, len(orders))
    orders.to_csv("orders.csv", index=False)
    done = run("fit", "orders.csv", "--name", "shop", *LOG_OPTIONS)
    assert done.exit_code == 0
    assert "infinite" in done.stdout
    assert run("score", "shop", "orders.csv", "scores.parquet", *LOG_OPTIONS).exit_code == 0
    scores = pd.read_parquet("scores.parquet")
    finite = np.isfinite(scores.select_dtypes("number")).all(axis=1)
    assert 0 < finite.sum() < len(scores)
    assert not scores.isna().any().any()
