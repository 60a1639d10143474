"""Fits and predictions against lifetimes and clvkit: ``python -m experiments.benchmarks.transaction_models``.

Start values are the libraries' own defaults; nothing is tuned to a data set. Large bases are simulated from BG/NBD with
CDNOW-like parameters and daily recording: acquisitions over 12 weeks, observed to week 39.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd

from crmml.clv import BetaGeoNBD, GammaGamma
from crmml.datasets import load_cdnow_sample
from crmml.transactions import summarize

from .ratios import compare, line


def cdnow() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summary and log of the calibration weeks."""
    log = load_cdnow_sample().query("timestamp <= '1997-09-30'")
    return summarize(log, value="value", unit="W", observation_end="1997-09-30"), log


def simulated(n: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summary and log of n customers recorded by the day, who arrive over 12 weeks and are observed to week 39."""
    rng = np.random.default_rng(seed)
    arrival = rng.integers(0, 84, n)
    model = BetaGeoNBD().set_fitted_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    spend = GammaGamma().set_fitted_params(p=6.25, q=3.74, gamma=15.45)
    log = model.simulate(n, (273 - arrival) / 7, seed)
    day = arrival[log["customer_id"]] + np.floor(log["time"] * 7).astype(int)
    log["timestamp"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D")
    log["value"] = spend.simulate(np.bincount(log["customer_id"], minlength=n), seed).round(2)
    end = pd.Timestamp("2024-01-01") + pd.Timedelta(days=273)
    return summarize(log, value="value", unit="W", observation_end=end), log[["customer_id", "timestamp", "value"]]


def peers(data: pd.DataFrame):
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    x, t_x, T, m = (data[c].to_numpy() for c in ("frequency", "recency", "T", "monetary_value"))
    repeat = (x > 0) & (m > 0)
    return {
        "BG/NBD": lambda: BetaGeoFitter().fit(x, t_x, T),
        "Gamma-Gamma": lambda: GammaGammaFitter().fit(x[repeat], m[repeat]),
    }


def clvkit_fits(log: pd.DataFrame):
    """clvkit's fits on the same log; empty where it is not installed."""
    try:
        from clvkit import BGNBD, CustomerBase
        from clvkit import GammaGamma as ClvkitGammaGamma
    except ImportError:
        return {}
    base = CustomerBase.from_transactions(log, "customer_id", "timestamp", "value", time_unit="W", collapse="D")
    return {"BG/NBD": lambda: BGNBD().fit(base), "Gamma-Gamma": lambda: ClvkitGammaGamma().fit(base)}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args(argv)
    warnings.filterwarnings("ignore")
    fits(*cdnow(), "CDNOW sample", "at least 5x lifetimes", repeats=15, warm_up=3)
    for size in arguments.sizes:
        summary, log = simulated(size)
        # clvkit counts no equal rows together: above 100,000 customers a fit takes minutes and is left out
        small = log if size <= 100_000 else None
        fits(summary, small, f"{size:,} customers", "at least 10x, aim 20x lifetimes", arguments.repeats)
        predictions(summary, f"{size:,} customers", arguments.repeats)


def fits(
    summary: pd.DataFrame, log: pd.DataFrame | None, title: str, target: str, repeats: int, warm_up: int = 1
) -> None:
    lifetimes, clvkit = peers(summary), {} if log is None else clvkit_fits(log)
    for name, model in (("BG/NBD", BetaGeoNBD), ("Gamma-Gamma", GammaGamma)):
        work = {"crmml": lambda m=model: m().fit(summary), "lifetimes": lifetimes[name]}
        if name in clvkit:
            work["clvkit"] = clvkit[name]
        print(line(f"fit, {title}, {name}", compare(work, repeats, warm_up), target=target), flush=True)


def predictions(summary: pd.DataFrame, title: str, repeats: int) -> None:
    ours, theirs = BetaGeoNBD().fit(summary), peers(summary)["BG/NBD"]()
    arrays = [summary[c].to_numpy(dtype=float) for c in ("frequency", "recency", "T")]
    work = {
        "crmml": lambda: ours.predict(summary, 39),
        "lifetimes": lambda: theirs.conditional_expected_number_of_purchases_up_to_time(39, *arrays),
    }
    print(line(f"predict, {title}, BG/NBD", compare(work, repeats), target="at least 3x"), flush=True)


if __name__ == "__main__":
    main()
