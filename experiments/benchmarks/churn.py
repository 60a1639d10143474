"""Snapshots, profit metric and scoring of churn: ``python -m experiments.benchmarks.churn``.

Snapshots of ten million transactions at six cutoffs beside the same features written by hand in the engine, which checks
nothing; the expected maximum profit of a million scores beside empulse; and scoring a million rows by `ChurnClassifier` beside
the bare pipelines it is made of.
"""

from __future__ import annotations

import argparse
import importlib.util
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from crmml.churn import ChurnClassifier
from crmml.metrics import expected_maximum_profit
from crmml.transactions import snapshots

from .ratios import compare, line
from .summarize import log_of

CUTOFFS = [f"2024-{month:02d}-01" for month in (5, 6, 7, 8, 9, 10)]
HORIZON = 60


def by_polars(log: Any) -> Any:
    """Recency, frequency, age and mean amount of a purchase day before each cutoff, and the label."""
    import polars as pl

    lazy = log.lazy()
    parts = []
    for cutoff in pd.to_datetime(CUTOFFS):
        end = cutoff + pd.Timedelta(days=HORIZON)
        days = (
            lazy.filter(pl.col("timestamp") < cutoff)
            .group_by("customer_id", pl.col("timestamp").dt.date().alias("day"))
            .agg(pl.col("value").sum())
        )
        repeat = pl.when(pl.col("day") > pl.col("day").min().over("customer_id")).then(pl.col("value")).otherwise(0.0)
        rows = (
            days.with_columns(repeat.alias("repeat"))
            .group_by("customer_id")
            .agg(
                pl.len().alias("n"),
                pl.col("day").min().alias("first"),
                pl.col("day").max().alias("last"),
                pl.col("repeat").sum(),
                pl.col("value").sum(),
            )
        )
        next_ = lazy.filter((pl.col("timestamp") >= cutoff) & (pl.col("timestamp") < end))
        came = next_.select("customer_id").unique().with_columns(pl.lit(0).alias("churned"))
        at = pl.lit(cutoff.date())
        parts.append(
            rows.join(came, on="customer_id", how="left")
            .select(
                "customer_id",
                pl.lit(cutoff).alias("cutoff"),
                (pl.col("n") - 1).alias("frequency"),
                (pl.col("last") - pl.col("first")).dt.total_days().alias("recency"),
                (at - pl.col("first")).dt.total_days().alias("T"),
                (at - pl.col("last")).dt.total_days().alias("time_since_last"),
                (pl.col("repeat") / pl.max_horizontal(pl.col("n").cast(pl.Float64) - 1, 1.0)).alias("monetary_value"),
                (pl.col("value") / pl.col("n")).alias("value_per_day"),
                pl.col("churned").fill_null(1),
            )
            .sort("customer_id")
        )
    return pl.concat(parts).collect()


def of_snapshots(n: int, repeats: int) -> str:
    import polars as pl

    log = pl.from_pandas(log_of(n))

    def ours():
        return snapshots(
            log, cutoffs=CUTOFFS, horizon=HORIZON, features=["rfm"], value="value", observation_end="2025-01-01"
        )

    theirs, data = by_polars(log), ours()
    if len(theirs) != len(data) or not np.array_equal(theirs["churned"].to_numpy(), np.asarray(data.y)):
        raise AssertionError("the two do not agree")
    title = f"snapshots, {n / 1e6:g}M transactions x {len(CUTOFFS)} cutoffs"
    return line(title, compare({"crmml": ours, "by hand in polars": lambda: by_polars(log)}, repeats), target="1/1.5")


def of_profit(n: int, repeats: int) -> str:
    if importlib.util.find_spec("empulse") is None:
        return "empulse is not installed: pip install --group benchmark"
    from empulse.metrics import empc_score

    rng = np.random.default_rng(0)
    score = rng.random(n)
    y = (rng.random(n) < 0.6 * score**2).astype(int)
    if abs(empc_score(y, score) - expected_maximum_profit(y, score)) > 1e-9:
        raise AssertionError("the two do not agree")
    work = {"crmml": lambda: expected_maximum_profit(y, score), "empulse": lambda: empc_score(y, score)}
    return line(f"EMPC of {n / 1e6:g}M scores", compare(work, repeats), target="5x")


def of_scoring(n: int, repeats: int) -> str:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, 6)), columns=[f"x{k}" for k in range(6)])
    for name in ("plan", "region"):
        X[name] = rng.choice(["a", "b", "c", "d"], n)
    y = (rng.random(n) < 1 / (1 + np.exp(1 - X["x0"]))).to_numpy().astype(int)
    numbers, texts = [f"x{k}" for k in range(6)], ["plan", "region"]
    bare = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
        ),
        LogisticRegression(),
    ).fit(X[:20_000], y[:20_000])
    wrapped = ChurnClassifier(bare, random_state=0).fit(X[:20_000], y[:20_000])
    encoded = ChurnClassifier(LogisticRegression(), random_state=0).fit(X[:20_000], y[:20_000])
    stack = ChurnClassifier(random_state=0).fit(X[:20_000], y[:20_000])
    members = list(stack.members_.values())
    work = {"crmml": lambda: wrapped.predict_proba(X), "the bare pipeline": lambda: bare.predict_proba(X)}
    own = {"crmml": lambda: encoded.predict_proba(X), "the bare pipeline": lambda: bare.predict_proba(X)}
    both = {
        "crmml": lambda: stack.predict_proba(X),
        "its two bare pipelines": lambda: [member.predict_proba(X) for member in members],
    }
    million = f"{n / 1e6:g}M rows"
    return "\n".join(
        [
            line(f"scoring {million}, pipeline inside", compare(work, repeats), target="1/1.2"),
            line(f"scoring {million}, columns encoded by itself", compare(own, repeats), target="1/1.2"),
            line(f"scoring {million}, default stack", compare(both, repeats), target="1/1.2"),
        ]
    )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transactions", type=int, default=10_000_000)
    parser.add_argument("--scores", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    print(of_profit(chosen.scores, chosen.repeats), flush=True)
    print(of_scoring(chosen.scores, chosen.repeats), flush=True)
    print(of_snapshots(chosen.transactions, chosen.repeats), flush=True)


if __name__ == "__main__":
    main()
