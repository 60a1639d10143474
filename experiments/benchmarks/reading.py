"""Reading a log of 1 GB beside the engine's own reader: ``python -m experiments.benchmarks.reading``.

`read_log` reads three columns of five into an arrow table, every entry checked; DuckDB's own `read_csv` reads all five, and
the same three, and tells their types by a sample.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from crmml.transactions import read_log

from .ratios import compare, line


def write_log(path: Path, n: int, seed: int = 0) -> None:
    """Write n rows of customer, time, amount, shop and product."""
    import pyarrow as pa
    from pyarrow import csv

    rng = np.random.default_rng(seed)
    kinds = [("customer_id", pa.string()), ("timestamp", pa.string()), ("amount", pa.float64()), ("store", pa.string())]
    schema = pa.schema([*kinds, ("product", pa.string())])
    with csv.CSVWriter(path, schema) as writer:
        for start in range(0, n, 1_000_000):
            m = min(1_000_000, n - start)
            seconds = rng.integers(0, 730 * 86_400, m).astype("timedelta64[s]")
            columns = [
                np.char.add("C", rng.integers(0, 2_000_000, m).astype(str)),
                (np.datetime64("2022-01-01T00:00:00") + seconds).astype(str),
                rng.gamma(2.0, 20.0, m).round(2),
                np.char.add("store ", rng.integers(0, 100, m).astype(str)),
                np.char.add("product ", rng.integers(0, 5_000, m).astype(str)),
            ]
            writer.write_table(pa.table([pa.array(column) for column in columns], schema=schema))


def main(argv: list[str] | None = None) -> None:
    import duckdb

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=18_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        with ProcessPoolExecutor(1) as other:  # so that the peak of memory is that of reading
            other.submit(write_log, path, arguments.rows).result()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        log, _ = read_log(path, value="amount", engine="pyarrow")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        gib = path.stat().st_size / 2**30
        print(
            f"{gib:.2f} GiB, {log.num_rows:,} rows; peak of the process {peak / 2**20:.2f} GiB, {before / 2**20:.2f} before"
        )
        del log
        three = "customer_id, timestamp, amount"
        work = {
            "crmml": lambda: read_log(path, value="amount", engine="pyarrow"),
            "DuckDB, all": lambda: duckdb.sql(f"select * from read_csv('{path}')").to_arrow_table(),
            "DuckDB, three": lambda: duckdb.sql(f"select {three} from read_csv('{path}')").to_arrow_table(),
        }
        print(line(f"{arguments.rows:,} rows", compare(work, arguments.repeats, warm_up=0)))


if __name__ == "__main__":
    main()
