"""``summarize`` against the same query written by hand in each engine: ``python -m experiments.benchmarks.summarize``.

One log of ten million transactions of two million customers, summarised by the day with amounts. The hand-written query
does only what the summary needs: it checks nothing, while ``summarize`` looks for missing and negative entries and later
purchases first.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from crmml.transactions import summarize

from .ratios import compare, line

END = "2024-12-31"


def log_of(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    seconds = rng.integers(0, 366 * 86_400, n)
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, n // 5, n),
            "timestamp": np.datetime64("2024-01-01", "us") + seconds.astype("timedelta64[s]"),
            "value": rng.gamma(2.0, 20.0, n).round(2),
        }
    )


def by_pandas(log):
    day = log["timestamp"].dt.floor("D")
    days = log.groupby([log["customer_id"], day], sort=False)["value"].sum().reset_index()
    first = days.groupby("customer_id")["timestamp"].transform("min")
    days["repeat"] = days["value"].where(days["timestamp"] > first, 0.0)
    out = days.groupby("customer_id").agg(
        n=("timestamp", "size"), first=("timestamp", "min"), last=("timestamp", "max"), total=("repeat", "sum")
    )
    frequency = out["n"] - 1
    return pd.DataFrame(
        {
            "frequency": frequency,
            "recency": (out["last"] - out["first"]).dt.days / 7,
            "T": (pd.Timestamp(END) - out["first"]).dt.days / 7,
            "monetary_value": out["total"] / frequency.clip(lower=1),
        }
    )


def by_polars(log):
    import polars as pl

    lazy = log.lazy()
    days = lazy.group_by("customer_id", pl.col("timestamp").dt.date().alias("day")).agg(pl.col("value").sum())
    repeat = pl.when(pl.col("day") > pl.col("day").min().over("customer_id")).then(pl.col("value")).otherwise(0.0)
    out = (
        days.with_columns(repeat.alias("repeat"))
        .group_by("customer_id")
        .agg(
            pl.len().alias("n"), pl.col("day").min().alias("a"), pl.col("day").max().alias("b"), pl.col("repeat").sum()
        )
    )
    return (
        out.select(
            "customer_id",
            (pl.col("n") - 1).alias("frequency"),
            ((pl.col("b") - pl.col("a")).dt.total_days() / 7).alias("recency"),
            ((pl.lit(dt.date.fromisoformat(END)) - pl.col("a")).dt.total_days() / 7).alias("T"),
            (pl.col("repeat") / pl.max_horizontal(pl.col("n").cast(pl.Float64) - 1, 1.0)).alias("monetary_value"),
        )
        .sort("customer_id")
        .collect()
    )


def by_arrow(log):
    import pyarrow as pa
    import pyarrow.compute as pc

    day = pc.floor_temporal(log["timestamp"], unit="day")
    days = log.append_column("day", day).group_by(["customer_id", "day"]).aggregate([("value", "sum")])
    first = days.group_by("customer_id").aggregate([("day", "min")])
    joined = days.join(first, "customer_id")
    repeat = pc.if_else(pc.greater(joined["day"], joined["day_min"]), joined["value_sum"], 0.0)
    out = (
        joined.append_column("repeat", repeat)
        .group_by("customer_id")
        .aggregate([("day", "count"), ("day", "min"), ("day", "max"), ("repeat", "sum")])
    )
    frequency = pc.subtract(out["day_count"], 1)
    table = pa.table(
        {
            "customer_id": out["customer_id"],
            "frequency": frequency,
            "recency": pc.divide(pc.cast(pc.days_between(out["day_min"], out["day_max"]), pa.float64()), 7),
            "T": pc.divide(
                pc.cast(pc.days_between(out["day_min"], pa.scalar(dt.datetime.fromisoformat(END))), pa.float64()), 7
            ),
            "monetary_value": pc.divide(out["repeat_sum"], pc.cast(pc.max_element_wise(frequency, 1), pa.float64())),
        }
    )
    return table.sort_by("customer_id")


SQL = f"""
with days as (select customer_id, cast(timestamp as date) as day, sum(value) as value from log group by 1, 2),
marked as (select *, min(day) over (partition by customer_id) as first from days)
select customer_id, count(*) - 1 as frequency, datediff('day', min(day), max(day)) / 7.0 as recency,
       datediff('day', min(day), date '{END}') / 7.0 as T,
       sum(case when day > first then value else 0 end) / greatest(count(*) - 1, 1) as monetary_value
from marked group by customer_id
"""


def by_duckdb(relation):
    import duckdb

    log = relation  # noqa: F841 (read by name)
    return duckdb.sql(SQL).to_arrow_table()


def by_spark(log):
    log.createOrReplaceTempView("log")
    query = SQL.replace("datediff('day', min(day), max(day))", "datediff(max(day), min(day))")
    query = query.replace(f"datediff('day', min(day), date '{END}')", f"datediff(date '{END}', min(day))")
    return log.sparkSession.sql(query).write.format("noop").mode("overwrite").save()


def spark_session():
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.shuffle.partitions", "8").config("spark.driver.memory", "6g").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transactions", type=int, default=10_000_000)
    parser.add_argument("--engines", default="pandas,polars,polars_lazy,pyarrow,duckdb,spark")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args(argv)
    warnings.filterwarnings("ignore")
    data = log_of(arguments.transactions)
    options = {"value": "value", "unit": "W", "observation_end": END}
    for engine in arguments.engines.split(","):
        ours, by_hand = work(engine, data, options)
        if engine == "spark":
            report_wall(engine, ours, by_hand, arguments.repeats)
            continue
        seconds = compare({"crmml": ours, "by hand": by_hand}, arguments.repeats)
        ratio = seconds["crmml"] / seconds["by hand"]
        print(
            f"{line(f'summarize, {len(data):,} transactions, {engine}', seconds)} | crmml takes {ratio:.2f} of it",
            flush=True,
        )


def report_wall(engine: str, ours, by_hand, repeats: int) -> None:
    """Spark works in a process of its own, whose CPU time is not ours: wall time, in turns."""
    import statistics
    import time

    seconds: dict[str, list[float]] = {"crmml": [], "by hand": []}
    for turn in range(repeats + 1):
        for name, function in (("crmml", ours), ("by hand", by_hand)):
            begin = time.perf_counter()
            function()
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    mine, theirs = (statistics.median(values) for values in seconds.values())
    print(
        f"summarize, {engine} (wall time): crmml {mine:.1f} s, by hand {theirs:.1f} s | crmml takes {mine / theirs:.2f} of it"
    )


def work(engine: str, data: pd.DataFrame, options: dict):
    """The two pieces of work for an engine, both ending with a computed table."""
    if engine == "pandas":
        return lambda: summarize(data, **options), lambda: by_pandas(data)
    import pyarrow as pa

    arrow = pa.Table.from_pandas(data, preserve_index=False)
    if engine == "pyarrow":
        return lambda: summarize(arrow, **options), lambda: by_arrow(arrow)
    if engine == "duckdb":
        import duckdb

        duckdb.sql("create table transactions as select * from arrow")
        relation = duckdb.table("transactions")
        return lambda: summarize(relation, **options).to_arrow_table(), lambda: by_duckdb(relation)
    if engine == "spark":
        import pyarrow.parquet as pq

        path = Path(tempfile.mkdtemp()) / "log.parquet"
        pq.write_table(arrow, path, coerce_timestamps="us")
        frame = spark_session().read.parquet(str(path)).cache()
        frame.count()
        return lambda: summarize(frame, **options).write.format("noop").mode("overwrite").save(), lambda: by_spark(
            frame
        )
    import polars as pl

    polars = pl.from_arrow(arrow)
    if engine == "polars":
        return lambda: summarize(polars, **options), lambda: by_polars(polars)
    return lambda: summarize(polars.lazy(), **options).sort("customer_id").collect(), lambda: by_polars(polars)


if __name__ == "__main__":
    main()
