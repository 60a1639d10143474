"""Segments of ten million customers: ``python -m experiments.benchmarks.segments``.

`RFMSegmenter` and `PyramidSegmenter`, fit and predict, beside the same quantiles and cuts written by hand in pandas and in polars,
which check nothing, name nothing and describe nothing. Each engine has one thread.
"""

from __future__ import annotations

import argparse
import os
import warnings

import numpy as np
import pandas as pd

from crmml.segments import PyramidSegmenter, RFMSegmenter

from .ratios import compare, line


def customers_of(n: int) -> pd.DataFrame:
    """Customers with a third at one purchase, whole days, and lognormal amounts."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "days": rng.integers(0, 400, n).astype(np.float64),
            "frequency": np.minimum(rng.geometric(1 / 3, n), 60).astype(np.float64),
            "monetary_value": rng.lognormal(3, 1, n),
        }
    )


SHARES = (0.01, 0.04, 0.15, 0.80)
FIFTHS = (0.2, 0.4, 0.6, 0.8)
TAILS = (0.80, 0.95, 0.99)


def rfm_by_pandas(frame: pd.DataFrame) -> list[pd.Series]:
    return [_cut_by_pandas(frame[name], FIFTHS) for name in frame]


def _cut_by_pandas(column: pd.Series, probabilities: tuple[float, ...]) -> pd.Series:
    edges = np.unique(column.quantile(list(probabilities)))
    return pd.cut(column, [-np.inf, *edges, np.inf], labels=False)


def rfm_by_polars(frame):
    return frame.select([_cut_by_polars(frame[name], FIFTHS) for name in frame.columns])


def _cut_by_polars(column, probabilities: tuple[float, ...]):
    edges = sorted({column.quantile(share) for share in probabilities})
    return column.cut(edges)


def of_rfm(n: int, repeats: int) -> str:
    import polars as pl

    frame = customers_of(n)
    eager = pl.from_pandas(frame)
    model = RFMSegmenter(recency="days")
    on_pandas = {
        "crmml": lambda: model.fit(frame).predict(frame),
        "by hand in pandas": lambda: rfm_by_pandas(frame),
    }
    on_polars = {
        "crmml": lambda: model.fit(eager).predict(eager),
        "by hand in polars": lambda: rfm_by_polars(eager),
    }
    million = f"{n / 1e6:g}M customers"
    return "\n".join(
        [
            line(f"RFM, fit and predict, {million}", compare(on_pandas, repeats), target="1/2"),
            line(f"RFM, fit and predict, {million}", compare(on_polars, repeats), target="1/2"),
        ]
    )


def of_pyramid(n: int, repeats: int) -> str:
    import polars as pl

    frame = customers_of(n)[["monetary_value"]]
    eager = pl.from_pandas(frame)
    model = PyramidSegmenter(SHARES, value="monetary_value")
    column = frame["monetary_value"]
    if not np.array_equal(
        model.fit(frame)._codes(model.cut_points_, {"monetary_value": column.to_numpy()}),
        3 - np.searchsorted(model.cut_points_, column, side="right"),
    ):
        raise AssertionError("the two do not agree")
    on_pandas = {
        "crmml": lambda: model.fit(frame).predict(frame),
        "by hand in pandas": lambda: _cut_by_pandas(column, TAILS),
    }
    on_polars = {
        "crmml": lambda: model.fit(eager).predict(eager),
        "by hand in polars": lambda: _cut_by_polars(eager["monetary_value"], TAILS),
    }
    million = f"{n / 1e6:g}M customers"
    return "\n".join(
        [
            line(f"pyramid, fit and predict, {million}", compare(on_pandas, repeats), target="1/2"),
            line(f"pyramid, fit and predict, {million}", compare(on_polars, repeats), target="1/2"),
        ]
    )


def main(argv: list[str] | None = None) -> None:
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    print(of_rfm(chosen.customers, chosen.repeats), flush=True)
    print(of_pyramid(chosen.customers, chosen.repeats), flush=True)


if __name__ == "__main__":
    main()
