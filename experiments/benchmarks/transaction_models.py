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
from crmml.transactions import split_calibration_holdout

from .ratios import compare, line


def cdnow() -> pd.DataFrame:
    return split_calibration_holdout(
        load_cdnow_sample(), calibration_end="1997-09-30", observation_end="1998-06-30", value="value", unit="W"
    )


def simulated(n: int, seed: int = 0) -> pd.DataFrame:
    """A summary of n customers recorded by the day: frequency counts days with purchases."""
    rng = np.random.default_rng(seed)
    days = 273 - rng.integers(0, 84, n)
    model = BetaGeoNBD().set_fitted_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    log = model.sample(n, days / 7, seed)
    day = np.floor(log["time"].to_numpy() * 7).astype(np.int64)
    first = np.r_[
        True, (log["customer_id"].to_numpy()[1:] != log["customer_id"].to_numpy()[:-1]) | (day[1:] != day[:-1])
    ]
    customer, day = log["customer_id"].to_numpy()[first], day[first]
    frequency = np.bincount(customer, minlength=n) - 1
    recency = np.zeros(n)
    np.maximum.at(recency, customer, day)
    spend = np.where(
        frequency > 0, GammaGamma().set_fitted_params(p=6.25, q=3.74, gamma=15.45).sample(np.ones(n, int), seed), 0
    )
    return pd.DataFrame(
        {"frequency": frequency, "recency": recency / 7, "T": days / 7, "monetary_value": spend.round(2)}
    )


def peers(data: pd.DataFrame):
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    x, t_x, T, m = (data[c].to_numpy() for c in ("frequency", "recency", "T", "monetary_value"))
    repeat = (x > 0) & (m > 0)
    return {
        "BG/NBD": lambda: BetaGeoFitter().fit(x, t_x, T),
        "Gamma-Gamma": lambda: GammaGammaFitter().fit(x[repeat], m[repeat]),
    }


def clvkit_fits(data: pd.DataFrame):
    try:
        from clvkit.clv.bgnbd import BGNBD
        from clvkit.clv.gamma_gamma import GammaGamma as ClvkitGammaGamma
    except ImportError:
        return {}
    return {"BG/NBD": (BGNBD, data), "Gamma-Gamma": (ClvkitGammaGamma, data)}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args(argv)
    warnings.filterwarnings("ignore")
    data = cdnow()
    lifetimes = peers(data)
    for name, model in (("BG/NBD", BetaGeoNBD), ("Gamma-Gamma", GammaGamma)):
        seconds = compare({"crmml": lambda m=model: m().fit(data), "lifetimes": lifetimes[name]}, repeats=15, warm_up=3)
        print(line(f"fit, CDNOW sample, {name}", seconds, target="at least 5x"), flush=True)
    for size in arguments.sizes:
        data = simulated(size)
        lifetimes = peers(data)
        for name, model in (("BG/NBD", BetaGeoNBD), ("Gamma-Gamma", GammaGamma)):
            seconds = compare(
                {"crmml": lambda m=model, d=data: m().fit(d), "lifetimes": lifetimes[name]}, arguments.repeats
            )
            print(line(f"fit, {size:,} customers, {name}", seconds, target="at least 10x, better 20x"), flush=True)
        ours = BetaGeoNBD().fit(data)
        theirs = lifetimes["BG/NBD"]()
        arrays = [data[c].to_numpy(dtype=float) for c in ("frequency", "recency", "T")]
        seconds = compare(
            {
                "crmml": lambda o=ours, d=data: o.predict(d, 39),
                "lifetimes": lambda t=theirs, a=arrays: t.conditional_expected_number_of_purchases_up_to_time(39, *a),
            },
            arguments.repeats,
        )
        print(line(f"predict, {size:,} customers, BG/NBD", seconds, target="at least 3x"), flush=True)


if __name__ == "__main__":
    main()
